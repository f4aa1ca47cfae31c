from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from taskproc.cache import Cache
from taskproc.errors import CacheError
from taskproc.filesystem import Mount
from taskproc.locks import RUNS, RunLock, any_alive, is_alive, is_over, known_runs, out_of_reach, remove_dead
from taskproc.store import open_store

HOLD = """
import sys
from pathlib import Path
from taskproc.locks import RunLock
print(RunLock(Path(sys.argv[1])).run, flush=True)
sys.stdin.read()
"""


def hold_elsewhere(cache: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cache)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    with process:
        process.send_signal(signal.SIGKILL)


def test_a_run_is_alive_until_released_and_leaves_nothing(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    assert len(lock.run) == 10
    assert is_alive(tmp_path, lock.run)
    lock.folder.mkdir()
    (lock.folder / "scratch").write_text("")
    lock.release()
    assert not is_alive(tmp_path, lock.run)
    assert os.listdir(tmp_path / RUNS) == []


def test_two_runs_of_one_process_see_each_other(tmp_path: Path) -> None:
    first = RunLock(tmp_path)
    seen: list[bool] = []
    thread = Thread(target=lambda: seen.append(is_alive(tmp_path, first.run)), daemon=True)
    thread.start()
    thread.join()
    assert seen == [True]
    assert not any_alive(tmp_path, but=first.run)
    second = RunLock(tmp_path)
    assert any_alive(tmp_path, but=first.run)
    second.release()
    first.release()
    assert not any_alive(tmp_path)


def test_a_killed_run_is_dead_and_swept(tmp_path: Path) -> None:
    process, run = hold_elsewhere(tmp_path)
    assert is_alive(tmp_path, run)
    remove_dead(tmp_path)
    assert is_alive(tmp_path, run)
    kill(process)
    assert not is_alive(tmp_path, run)
    (tmp_path / RUNS / run).mkdir()
    assert known_runs(tmp_path) == {run}
    remove_dead(tmp_path)
    assert os.listdir(tmp_path / RUNS) == []


def test_a_forked_child_does_not_keep_a_run_alive(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    ready, begin = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(ready, 1)
        lock.release()  # not the child's to release
        os._exit(0)
    lock.release()
    try:
        assert not is_alive(tmp_path, lock.run)
        other = RunLock(tmp_path)
    finally:
        os.write(begin, b"x")
        os.waitpid(child, 0)
        os.close(ready)
        os.close(begin)
    assert is_alive(tmp_path, other.run)
    other.release()


def test_a_cache_without_runs_has_none(tmp_path: Path) -> None:
    assert known_runs(tmp_path) == set()
    assert not is_alive(tmp_path, "0123456789")
    remove_dead(tmp_path)
    assert os.listdir(tmp_path) == []


def test_foreign_files_among_the_locks_stay(tmp_path: Path) -> None:
    (tmp_path / RUNS).mkdir()
    (tmp_path / RUNS / "notes.txt").write_text("")
    remove_dead(tmp_path)
    assert os.listdir(tmp_path / RUNS) == ["notes.txt"]


# Other hosts

DEAF = Mount("fuse.sshfs", frozenset({"rw"}))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The lock file of a run on another host; nobody here holds it."""
    (tmp_path / RUNS).mkdir()
    path = tmp_path / RUNS / "0123456789.lock"
    path.write_text("2c5d-another-boot node7\n")
    return path


def test_where_locks_reach_a_run_of_another_host_is_asked_by_its_lock(elsewhere: Path) -> None:
    assert out_of_reach(elsewhere.parents[1]) is None
    assert not is_alive(elsewhere.parents[1], "0123456789")
    remove_dead(elsewhere.parents[1])
    assert not elsewhere.exists()


def test_where_they_do_not_it_may_be_alive(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskproc.locks.mount_of", lambda path: DEAF)
    assert out_of_reach(tmp_path) == elsewhere
    assert is_alive(tmp_path, "0123456789")
    assert not is_over(tmp_path / "flow.Train" / "0" / "0123456789f00000")
    remove_dead(tmp_path)
    assert elsewhere.exists()
    elsewhere.unlink()
    assert out_of_reach(tmp_path) is None
    assert is_over(tmp_path / "flow.Train" / "0" / "0123456789f00000")


def test_a_run_of_this_host_is_always_asked_by_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskproc.locks.mount_of", lambda path: DEAF)
    other, run = hold_elsewhere(tmp_path)
    assert is_alive(tmp_path, run)
    assert out_of_reach(tmp_path) is None
    kill(other)
    assert not is_alive(tmp_path, run)
    remove_dead(tmp_path)
    assert os.listdir(tmp_path / RUNS) == []


def test_a_cache_that_another_host_may_be_using_is_refused(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskproc.locks.mount_of", lambda path: DEAF)
    monkeypatch.setattr("taskproc.admission.mount_of", lambda path: DEAF)
    sentence = (
        f"the cache {tmp_path} is in use by a run on node7, and file systems like this one (fuse.sshfs) do not keep"
        f" two hosts apart: wait for its end, or, if it was killed, remove {elsewhere}"
    )
    for write in (False, True):
        with pytest.raises(CacheError) as caught:
            open_store(Cache(tmp_path), write=write)
        assert str(caught.value) == sentence
    moved = elsewhere.rename(tmp_path / "moved")
    with open_store(Cache(tmp_path)) as store:
        moved.rename(elsewhere)  # it begins between our look and our beginning
        with pytest.raises(CacheError, match="is in use by a run on node7"), store.begin_run():
            pass
        elsewhere.unlink()
        assert known_runs(tmp_path) == set()
        with store.begin_run():
            pass
