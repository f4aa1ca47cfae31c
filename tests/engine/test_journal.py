from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest

from taskproc.cache import Cache
from taskproc.files import attempt_folder
from taskproc.journal import Journal
from taskproc.locks import RUNS
from taskproc.record import Inputs, Key, Made, Output, Record, Row, Stamp
from taskproc.store import Store, open_store

NAME = "study.Train"
ATTEMPT = "0123456789abcdef"
KEYS = [Key(n.to_bytes(16, "big")) for n in range(40)]
INPUTS = Inputs(b"c" * 16, b"a" * 16, b"s" * 16, b"u" * 16, b"t" * 16)


def good(task_id: int, value: bytes = b"value") -> Row:
    output = Output(b"d" * 16, Stamp(b"p" * 16), b"", b"", value, "")
    return Row(task_id, good=Record(INPUTS, output, Made(1.7e9, 0.001, "host:12345")))


def wish(*numbers: int) -> dict[str, list[Key]]:
    return {NAME: [KEYS[n] for n in numbers]}


def keys(*numbers: int) -> set[Key]:
    return {KEYS[n] for n in numbers}


def commit(journal: Journal, *numbers: int, value: bytes = b"value") -> set[Key]:
    return journal.commit([(NAME, KEYS[n], good(n, value)) for n in numbers])


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    with open_store(Cache(tmp_path / "cache")) as store:
        store.allocate({NAME: KEYS})
    return tmp_path / "cache"


@pytest.fixture
def store(cache: Path) -> Iterator[Store]:
    with open_store(Cache(cache)) as opened:
        yield opened


@pytest.fixture
def other(cache: Path) -> Iterator[Store]:
    with open_store(Cache(cache)) as opened:
        yield opened


def test_a_leased_task_is_busy_to_others_until_committed(store: Store, other: Store) -> None:
    with store.begin_run() as one, other.begin_run() as two:
        assert one.lease(wish(0, 1)).granted == keys(0, 1)
        lease = two.lease(wish(1, 2))
        assert (lease.granted, lease.busy, lease.changed) == (keys(2), keys(1), {})
        assert commit(one, 1) == set()
        seen = two.poll(wish(0, 1))
        assert (seen.granted, seen.busy, seen.changed) == (set(), keys(0), {KEYS[1]: good(1)})


def test_what_another_run_recorded_is_told_once_and_then_granted(store: Store, other: Store) -> None:
    with store.begin_run() as one, other.begin_run() as two:
        one.lease(wish(0, 1))
        commit(one, 0, 1)
        lease = two.lease(wish(0, 3))
        assert (lease.granted, lease.changed) == (keys(3), {KEYS[0]: good(0)})
        assert two.lease(wish(0)).granted == keys(0)
        assert commit(two, 0, value=b"newer") == set()
        assert two.lease(wish(0)).granted == keys(0), "its own rows are no news to a run"
        assert one.lease(wish(0)).busy == keys(0)
        two.release(keys(0))
        assert one.poll(wish(0)).changed == {KEYS[0]: good(0, b"newer")}


def test_rows_are_stored_along_with_a_lease(store: Store, other: Store) -> None:
    with store.begin_run() as one, other.begin_run() as two:
        one.lease(wish(0, 1, 2))
        two.lease(wish(3))
        commit(two, 3)
        entries = [(NAME, KEYS[n], good(n)) for n in (0, 1, 9)]
        lease = one.lease(wish(1, 3, 4), entries)
        assert (lease.granted, lease.busy, lease.changed) == (keys(1, 4), set(), {KEYS[3]: good(3)})
        assert lease.rejected == keys(9), "it was never leased"
        seen = two.poll(wish(0, 1, 2, 4))
        assert (seen.busy, seen.changed) == (keys(1, 2, 4), {KEYS[0]: good(0)})


def test_what_was_recorded_before_it_was_read_is_no_news(store: Store, cache: Path) -> None:
    with store.begin_run() as one:
        one.lease(wish(0))
        commit(one, 0)
    with open_store(Cache(cache)) as late, late.begin_run(late.read({NAME: KEYS}).generation) as two:
        assert two.lease(wish(0)).granted == keys(0)


def test_a_release_makes_room(store: Store, other: Store) -> None:
    with store.begin_run() as one, other.begin_run() as two:
        one.lease(wish(0, 1))
        one.release(keys(0, 5))
        assert two.poll(wish(0, 1)).busy == keys(1)
        assert two.lease(wish(0)).granted == keys(0)
        assert commit(one, 0) == keys(0)


def test_the_end_of_a_run_makes_room_and_leaves_nothing(store: Store, other: Store, cache: Path) -> None:
    with other.begin_run() as two:
        with store.begin_run() as one:
            one.lease(wish(0))
            (cache / RUNS / one.run).mkdir()
        assert two.lease(wish(0)).granted == keys(0)
        assert os.listdir(cache / RUNS) == [f"{two.run}.lock"]
        assert store._index.leases() == {two.run: {NAME: {0}}}
    assert store._index.leases() == {}


def test_without_a_lease_nothing_is_recorded(store: Store) -> None:
    with store.begin_run() as journal:
        journal.lease(wish(0))
        assert commit(journal, 0, 1) == keys(1)
        assert commit(journal, 0) == keys(0), "a commit gives the lease back"
    assert store.read(wish(0, 1)).rows == {KEYS[0]: good(0), KEYS[1]: Row(1)}


def test_what_has_recorded_everything_ends_in_no_transaction(
    store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.begin_run() as journal:
        journal.lease(wish(0, 1))
        commit(journal, 0)
        assert store._index.leases() == {journal.run: {NAME: {1}}}
        commit(journal, 1)
        assert store._index.leases() == {}
        journal.lease(wish(0))
        journal.release(keys(0))
        monkeypatch.delattr("taskproc.index.Index.transaction")
    assert os.listdir(cache / RUNS) == []


def test_a_clear_during_a_run_rejects_its_commit(store: Store, other: Store) -> None:
    with store.begin_run() as journal:
        journal.lease(wish(0, 1, 2))
        other.clear(wish(0))
        other.clear_names(["study.Load"])
        assert commit(journal, 0, 1) == keys(0)
        assert store.read(wish(0, 1)).rows == {KEYS[0]: Row(0, cleared=True), KEYS[1]: good(1)}
        assert journal.lease(wish(0)).changed == {KEYS[0]: Row(0, cleared=True)}
        assert journal.lease(wish(0)).granted == keys(0)
        assert commit(journal, 0) == set()
        other.clear()
        assert commit(journal, 2) == keys(2)


def test_attempts_of_rejected_and_given_up_tasks_are_swept(store: Store, cache: Path) -> None:
    folders = [attempt_folder(cache, NAME, n, ATTEMPT) for n in range(4)]
    for folder in folders:
        folder.mkdir(parents=True)
    with store.begin_run() as journal:
        journal.lease(wish(0, 1))
        journal.release(keys(0))
        commit(journal, 2)
        store.sweep()
        assert all(folder.exists() for folder in folders)
    store.sweep()
    assert [folder.exists() for folder in folders] == [False, False, False, True]


HOLD = """
import os, sys
from taskproc.cache import Cache
from taskproc.store import open_store
with open_store(Cache(sys.argv[1])) as store, store.begin_run() as journal:
    journal.lease({sys.argv[2]: [n.to_bytes(16, "big") for n in range(2)]})
    os.mkdir(f"{sys.argv[1]}/.runs/{journal.run}")
    print(journal.run, flush=True)
    sys.stdin.read()
"""


def test_leases_of_a_killed_run_are_taken_over_and_its_traces_swept(store: Store, cache: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(cache), NAME]
    orphan = attempt_folder(cache, NAME, 0, ATTEMPT)
    with store.begin_run() as journal:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            run = process.stdout.readline().strip()
            orphan.mkdir(parents=True)
            assert journal.lease(wish(0, 2)).busy == keys(0)
            process.send_signal(signal.SIGKILL)
        seen = journal.poll(wish(0))
        assert (seen.busy, seen.changed) == (set(), {})
        assert journal.lease(wish(0, 1)).granted == keys(0, 1)
        assert run not in store._index.leases()
        assert commit(journal, 0, 1) == set()
    store.sweep()
    assert not orphan.exists()
    assert os.listdir(cache / RUNS) == []


WORK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_journal import *
with open_store(Cache(sys.argv[2])) as store, store.begin_run() as journal:
    for number in range(len(KEYS)):
        journal.lease(wish(number))
        commit(journal, number, value=b"x" * 20_000)
        print(number, flush=True)
"""


@pytest.mark.parametrize("told", [1, 5, 14])
def test_what_was_committed_survives_a_kill_at_any_time(cache: Path, told: int) -> None:
    command = [sys.executable, "-c", WORK, str(Path(__file__).parent), str(cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(told):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    for write in (False, True):
        with open_store(Cache(cache), write=write) as store:
            found = store.read({NAME: KEYS})
            finished = [row for row in found.rows.values() if row.good]
            assert finished == [good(n, b"x" * 20_000) for n in range(len(finished))]
            assert len(finished) >= told
            assert not found.damaged


def race(cache: Path, barrier: Barrier, ran: list[int], errors: list[BaseException]) -> None:
    """Run every task that nobody else has run."""
    try:
        with open_store(Cache(cache)) as store:
            barrier.wait()
            present = store.read({NAME: KEYS})
            remaining = {row.task_id for row in present.rows.values() if row.good is None}
            with store.begin_run(present.generation) as journal:
                while remaining:
                    batch = sorted(remaining)[:7]
                    lease = journal.lease(wish(*batch))
                    granted = [n for n in batch if KEYS[n] in lease.granted]
                    ran += granted
                    assert commit(journal, *granted) == set()
                    remaining -= {*granted, *(row.task_id for row in lease.changed.values())}
    except BaseException as error:
        errors.append(error)
        raise


def test_runs_in_threads_do_each_task_once(cache: Path) -> None:
    ran: list[int] = []
    errors: list[BaseException] = []
    barrier = Barrier(4)
    threads = [Thread(target=race, args=(cache, barrier, ran, errors), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(ran) == list(range(len(KEYS)))


RACE = """
import sys
from pathlib import Path
from threading import Barrier
sys.path.insert(0, sys.argv[1])
from test_journal import race
ran = []
race(Path(sys.argv[2]), Barrier(1), ran, [])
print(*ran)
"""


def test_runs_in_processes_do_each_task_once(cache: Path) -> None:
    command = [sys.executable, "-c", RACE, str(Path(__file__).parent), str(cache)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    ran = " ".join(process.communicate()[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(map(int, ran.split())) == list(range(len(KEYS)))
