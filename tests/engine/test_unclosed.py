from __future__ import annotations

import gc
import gzip
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from taskproc.errors import FailedTaskError
from taskproc.unclosed import hold_dropped, unclosed

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
import gc, gzip, sqlite3, tempfile, zipfile
HELD = []

class Writes(Task):
    def run_task(self):
        HELD.append(open(self.task_directory / 'a.txt', 'w'))
        HELD[-1].write('hello')

class Closes(Task):
    def run_task(self):
        (self.task_directory / 'a.txt').write_text('hello')
        HELD.append(open(self.task_directory / 'a.txt'))
        HELD.append(tempfile.TemporaryFile(dir=self.task_directory))
        HELD.append(open(os.devnull, 'w'))
        return self.task_directory / 'a.txt'

class Circle(Task):
    def run_task(self):
        self.me, self.file = self, open(self.task_directory / 'a.txt', 'w')
        self.file.write('hello')
        return self.task_directory / 'a.txt'

class Wrapped(Task):
    def run_task(self):
        folder = self.task_directory
        files = [gzip.open(folder / 'a.gz', 'wt')]
        files[0].write('hello')
        archive = zipfile.ZipFile(folder / 'a.zip', 'w')
        archive.writestr('a', b'hello')
        self.circle = [self, archive, files]
        return folder

class Base(Task):
    def run_task(self):
        base = sqlite3.connect(self.task_directory / 'a.txt')
        base.execute('pragma journal_mode=wal')
        base.execute('create table t(a)')
        base.commit()
        return sorted(os.listdir(self.task_directory))

class Lazy:
    def __init__(self, path):
        self.path, self.file = path, open(path, 'w')
        self.file.write('hello')
    def __getstate__(self):
        return {'path': self.path}
    def read_text(self):
        return self.path.read_text()

class Busy(Lazy):
    def __init__(self, path):
        self.path = path
    def __getstate__(self):
        waste = [[] for _ in range(500_000)]  # for which the collector begins by itself
        return {'path': self.path}

class Hasty(Circle):
    def run_task(self):
        return Busy(super().run_task())

class State:
    def __getstate__(self):
        return {'collects': gc.isenabled()}

class Closed(Task):
    def run_task(self):
        (self.task_directory / 'a.txt').write_text('hello')
        return State()

class Returns(Task):
    def run_task(self):
        return Lazy(self.task_directory / 'a.txt')

class Diverts(Task):
    def run_task(self):
        sys.stdout = open(self.task_directory / 'a.txt', 'w')
        print('hello', end='')
        return self.task_directory / 'a.txt'
"""


def test_a_task_that_leaves_a_file_open_fails(flow: Any) -> None:
    flow.write(TASKS)
    for _ in range(2):
        with pytest.raises(FailedTaskError, match=r"Writes\(\).*a.txt in its task_directory was left open.*close it"):
            flow.run("Writes()", executor="process")


def test_what_only_reads_or_is_elsewhere_or_gone_is_no_file_left_open(flow: Any) -> None:
    flow.write(TASKS)
    assert flow.run("Closes()").value.read_text() == "hello"


@pytest.mark.parametrize("task", ["Circle()", "Hasty()", "Diverts()", "Returns()"])
def test_what_only_waits_to_be_collected_is_closed(flow: Any, task: str) -> None:
    flow.write(TASKS)
    assert flow.run(task, executor="process").value.read_text() == "hello"
    assert flow.run(task).executed == {}


def test_where_no_file_is_open_what_pickling_drops_is_collected(flow: Any) -> None:
    flow.write(TASKS)
    assert flow.run("Closed()", executor="process").value.collects


def test_what_waits_to_be_collected_is_whole_whatever_wraps_it(flow: Any) -> None:
    flow.write(TASKS)
    folder = flow.run("Wrapped()", executor="process").value
    assert gzip.decompress((folder / "a.gz").read_bytes()) == b"hello"
    assert zipfile.ZipFile(folder / "a.zip").read("a") == b"hello"


def test_where_nobody_can_look_what_a_task_has_dropped_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskproc.unclosed._DESCRIPTORS", str(tmp_path / "none"))
    try:
        hold_dropped(str(tmp_path))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_thread_beside_others_does_not_look(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("w"), ThreadPoolExecutor(1) as pool:
        assert unclosed(str(tmp_path)) == "a.txt"
        assert pool.submit(unclosed, str(tmp_path)).result() == ""


@pytest.mark.usefixtures("macos")
def test_the_path_is_asked_for_where_a_descriptor_is_no_link(tmp_path: Path) -> None:
    with (tmp_path / "é.txt").open("w"):
        assert unclosed(str(tmp_path)) == "é.txt"
    assert unclosed(str(tmp_path)) == ""


def test_a_database_in_a_circle_is_closed(flow: Any) -> None:
    flow.write(TASKS)
    flow.run("Base()", executor="process")
    assert flow.run("Base()").executed == {}


LOGS = """
import logging

class Logs(Task):
    def __init__(self, number: int):
        self.number = number
    def run_task(self):
        path = self.task_directory / 'train.log'
        logging.basicConfig(filename=path, level=logging.INFO)
        own = logging.getLogger('own')
        if not own.handlers:
            own.addHandler(logging.FileHandler(self.task_directory / 'own.log'))
        logging.info('root %d', self.number)
        own.info('own %d', self.number)
        if self.number == 1:
            raise ValueError(path)
        return [path.read_text() for path in sorted(self.task_directory.iterdir())]

class All(Task):
    logs: RequiresList[list[str]]
    def __init__(self, numbers: list[int]):
        self.logs = [Logs(number) for number in numbers]
    def run_task(self):
        return self.logs
"""


def test_each_task_logs_into_its_own_folder(flow: Any) -> None:
    flow.write(LOGS)
    with pytest.raises(ExceptionGroup, match="1 task"):
        flow.run("All([0, 1, 2])", executor="process", workers=1, keep_going=True)
    told = flow.run("All([0, 2, 3])", executor="process", workers=1).value
    assert told == [[f"own {n}\n", f"INFO:root:root {n}\nINFO:own:own {n}\n"] for n in (0, 2, 3)]
    assert flow.run("All([0, 2, 3])").executed == {}


def test_the_file_is_named_as_it_lies_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("folder")
    with open(tmp_path / "folder" / "inner" / "a", "ab"), open(tmp_path / "b", "ab"):
        assert unclosed(str(tmp_path / "link")) == os.path.join("inner", "a")
    assert unclosed(str(tmp_path)) == ""
