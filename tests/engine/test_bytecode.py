from __future__ import annotations

import os
import py_compile
import stat
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from taskproc import bytecode

TASKFILE = """
from taskproc import Task
import helper

class Main(Task):
    def run_task(self):
        import later
        return helper.VALUE + later.VALUE
"""

POOLS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def fresh():
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "taskfile.py").write_text(TASKFILE)
    return tmp_path


def run(study: Path, *options: str) -> str:
    words = [sys.executable, "-m", "taskproc_cli", "run", "-q", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(study)
    done = subprocess.run(words, cwd=study, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def write(study: Path, value: int, second: float) -> None:
    for name in ("helper", "later"):
        (study / f"{name}.py").write_text(f"VALUE = {value}")
        os.utime(study / f"{name}.py", (second, second))


def test_an_edit_within_the_same_second_counts(study: Path) -> None:
    second = time.time() + 100  # as new as a file can be, however slow this machine is
    for value in (1, 2):
        write(study, value, second)
        assert run(study) == str(2 * value)


def test_bytecode_of_older_files_is_kept(study: Path) -> None:
    write(study, 1, time.time() - 10)
    assert run(study) == "2"
    assert {"helper", "later"} <= {path.name.partition(".")[0] for path in (study / "__pycache__").glob("*.pyc")}


def outdate(study: Path) -> list[Path]:
    """Keep bytecode as other programs do, then edit without another size or time."""
    write(study, 1, time.time() + 100)  # so new that the program itself keeps none
    kept = [Path(py_compile.compile(str(study / f"{name}.py"), doraise=True)) for name in ("helper", "later")]
    write(study, 2, (study / "helper.py").stat().st_mtime)
    return kept


@pytest.mark.parametrize("later", [0, 1])  # by a clock that goes wrong, or in whole seconds
def test_bytecode_that_another_program_kept_before_an_edit_is_not_taken(study: Path, later: float) -> None:
    for path in outdate(study):
        os.utime(path, ((study / "helper.py").stat().st_ctime + later,) * 2)
    assert run(study) == "4"


def test_nor_is_it_by_workers_that_are_not_ours(study: Path) -> None:
    (study / "pools.py").write_text(POOLS)
    outdate(study)
    assert run(study, "-x", "pools:fresh") == "4"


def test_bytecode_that_was_kept_long_after_its_source_was_written_is_taken(study: Path) -> None:
    for path in outdate(study):
        os.utime(path, (time.time() + 100,) * 2)
    assert run(study) == "2"


def test_bytecode_of_what_a_link_led_to_before_is_not_taken(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(study, 1, time.time() - 10)
    link = study / "linked.py"
    link.symlink_to("helper.py")
    kept = py_compile.compile(str(link), doraise=True)
    os.utime(kept, (time.time() + 100,) * 2)
    loader = SourceFileLoader("linked", str(link))
    assert bytecode._read_settled(loader, kept) == Path(kept).read_bytes()
    lstat = os.lstat

    def later(path: str) -> os.stat_result:  # no program can set that time
        status = [*lstat(path)]
        status[stat.ST_CTIME] += 200
        return os.stat_result(status)

    monkeypatch.setattr(os, "lstat", later)
    with pytest.raises(OSError, match=r"linked.*\.pyc may be of another source"):
        bytecode._read_settled(loader, kept)
