"""Disks that are full, read-only, or gone: one sentence, nothing recorded lost, and the same run goes on afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from taskproc.cache import Cache
from taskproc.store import open_store

TASKS = """
import shutil

class Part(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> bytes:
        note(f'{self.n}')
        return os.urandom(12_000)

class Main(Task):
    parts: RequiresList[bytes]
    def __init__(self, many: int = 24):
        self.parts = [Part(n) for n in range(many)]
    def run_task(self) -> int:
        return sum(map(len, self.parts))

class Vandal(Task):
    parts: RequiresList[bytes]
    def __init__(self, how: str):
        self.parts, self.how = [Part(n) for n in range(3)], how
    def run_task(self) -> int:
        cache = HERE / 'cache'
        match self.how:
            case 'removed': shutil.rmtree(cache)
            case 'moved': cache.rename(HERE / 'elsewhere')
            case 'no database': (cache / 'cache.db').unlink()
            case 'junk': (cache / 'cache.db').write_bytes(b'junk' * 5000)
        return 1
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filling").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def sentence(done: Any, *statuses: int) -> str:
    assert done.returncode in statuses, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    said: str = done.stderr.splitlines()[-1]
    return said


@pytest.mark.parametrize("size", [16, 300, *(pytest.param(size, marks=pytest.mark.long) for size in (64, 200))])
def test_a_full_disk(flow: Any, taskproc: Any, disk: Path, size: int) -> None:
    flow.write(TASKS)
    remount(disk, f"size={size}k")
    words = ["run", flow.path, "Main", "-j", "1", "--cache", disk / "cache"]
    assert "no space" in sentence(taskproc(*words, check=False), 1, 2).lower()
    before = flow.notes()
    remount(disk, "size=8m")
    recorded = int(taskproc("status", flow.path, "Main", "--cache", disk / "cache").returncode == 0)
    assert recorded
    assert taskproc(*words).stdout == "288000\n"
    again = before & flow.notes()
    print(f"{size} KiB: {len(before)} executed, {len(again)} of them again")
    assert taskproc(*words).stdout == "288000\n"
    assert flow.notes() == {}


def test_a_limit_that_sqlite_tells_as_an_error_of_the_disk(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    words = ["run", flow.path, "Main", "-j", "1", "--cache", flow.cache]
    limited = ["bash", "-c", 'ulimit -f 16 && exec "$@"', "bash", sys.executable, "-m", "taskproc_cli", *words]
    said = sentence(subprocess.run(limited, capture_output=True, text=True, check=False), 2)
    assert "can't be written (disk I/O error): check your quota there, `ulimit -f` and the disk" in said
    assert taskproc(*words).stdout == "288000\n"


@pytest.mark.parametrize("words", [["Part"], []])
def test_what_is_cleared_makes_space_on_a_full_disk(flow: Any, taskproc: Any, disk: Path, words: list[str]) -> None:
    flow.write(TASKS)
    remount(disk, "size=8m")
    cache = ["--cache", disk / "cache"]
    taskproc("run", flow.path, "Main", *cache)
    flow.notes()
    with open_store(Cache(disk / "cache")) as store, store.begin_run():
        fill(disk)
        said = sentence(taskproc("clear", flow.path, *words, *cache, "--yes", check=False), 2)
        assert "no space" in said  # since what a run may read stays
    fill(disk)
    taskproc("clear", flow.path, *words, *cache, "--yes")
    assert not list((disk / "cache").glob("*/*/*"))
    (disk / "filling").unlink()
    assert taskproc("run", flow.path, "Main", *cache).stdout == "288000\n"
    assert set(flow.notes().values()) == {1}
    assert taskproc("doctor", flow.path, *cache).returncode == 0


def test_a_read_only_disk(flow: Any, taskproc: Any, disk: Path) -> None:
    flow.write(TASKS)
    remount(disk, "size=8m")
    words = ["run", flow.path, "Main", "-j", "1", "--cache", disk / "cache", "--many"]
    taskproc(*words, "2")
    remount(disk, "ro")
    assert taskproc(*words, "2").stdout == "24000\n"
    assert "can't be written" in sentence(taskproc(*words, "3", check=False), 2)
    assert "can't be written" in sentence(taskproc("clear", "--cache", disk / "cache", "--yes", check=False), 2)
    remount(disk, "rw")
    assert taskproc(*words, "3").stdout == "36000\n"
    assert set(flow.notes().values()) == {1}


@pytest.mark.parametrize("how", ["removed", "moved", "no database", "junk"])
def test_a_cache_that_vanishes_under_a_run(flow: Any, taskproc: Any, how: str) -> None:
    flow.write(TASKS)
    words = ["run", flow.path, "Vandal", "--how", how, "--cache", flow.cache]
    assert str(flow.cache) in sentence(taskproc(*words, check=False), 1, 2)
    if how == "junk":
        taskproc("doctor", flow.path, "--cache", flow.cache, "--repair")
    assert flow.run("Main(3)").value == 36_000


@pytest.mark.parametrize(
    "name", ["a" * 300, "/".join(["a" * 200] * 25), "taskfile.py/cache", "\n" * 5, "not UTF-8: \udcff"]
)
def test_odd_paths(flow: Any, taskproc: Any, name: str) -> None:
    flow.write(TASKS)
    (flow.folder / "taskfile.py").touch()
    done = taskproc("run", flow.path, "Main", "--many", "1", "--cache", name, check=False)
    if done.returncode:
        assert "cache" in sentence(done, 2)
    else:
        assert os.path.exists(flow.folder / name / "cache.db")


def test_a_path_that_sqlite_does_not_take(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    deep = flow.folder.joinpath(*["a" * 100] * 5)
    done = taskproc("run", flow.path, "Main", "--many", "1", "--cache", deep, check=False)
    assert "is too long for SQLite" in sentence(done, 2)
