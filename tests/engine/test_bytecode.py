from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

TASKFILE = """
from taskproc import Task
import helper

class Main(Task):
    def run_task(self):
        import later
        return helper.VALUE + later.VALUE
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "taskfile.py").write_text(TASKFILE)
    return tmp_path


def run(study: Path) -> str:
    words = [sys.executable, "-m", "taskproc_cli", "run", "-q"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
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
