"""What grows with the number of tasks, and what must not: told by counting, since clocks are noisy."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.workloads import GRAPHS
from taskproc import Cache, InputFile, Requires, RequiresList, Task, inputfile
from taskproc.pool import Pool

SHAPES = {"wide": 200, "chain": 200, "layered": 200, "grid": 200, "diamonds": 50}
TIMES = 4
ALONE = {"_path_normpath", "_path_splitroot_ex", "fspath", "getpid"}  # what of posix lets no other thread in


class Bad(Task):
    def __init__(self, i: int) -> None:
        self.i = i

    def run_task(self) -> int:
        return 1 // 0


class NeedsBad(Task):
    bad: RequiresList[int]

    def __init__(self, count: int) -> None:
        self.bad = [Bad(i) for i in range(count)]

    def run_task(self) -> None: ...


class Reads(Task):
    def __init__(self, files: list[InputFile]) -> None:
        self.files = files

    def run_task(self) -> int:
        return len(self.files)


class Large(Task):
    def run_task(self) -> bytes:
        return os.urandom(1000) * 30_000


class Size(Task):
    value: Requires[bytes]

    def __init__(self) -> None:
        self.value = Large()

    def run_task(self) -> int:
        return len(self.value)


def calls(function: Callable[[], object]) -> int:
    """How many Python functions are called in this thread."""
    count = 0

    def tell(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(tell)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def defined(shape: str, tasks: int, cache: Path) -> Any:
    with Cache(cache):
        return GRAPHS[shape](tasks)


def planned(shape: str, tasks: int, cache: Path) -> None:
    with pytest.raises(LookupError):
        defined(shape, tasks, cache).get_task_result()


@pytest.mark.parametrize("shape", SHAPES)
def test_defining_and_planning_is_linear(shape: str, tmp_path: Path) -> None:
    planned(shape, 10, tmp_path)  # what is done once for each class
    few, many = (calls(lambda: planned(shape, SHAPES[shape] * times, tmp_path)) for times in (1, TIMES))  # noqa: B023
    assert few < many < 1.1 * TIMES * few


# Python functions called to define a task, and to run it where its batch is worked off at once. Others may intervene.
CALLS = {"wide": (23, 142), "chain": (40, 156), "layered": (81, 235)}


@pytest.mark.parametrize("shape", CALLS)
def test_a_task_takes_no_more_calls_than_it_did(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(self: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args))
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", at_once)
    counts: list[tuple[int, int]] = []
    with ThreadPoolExecutor(2) as executor:
        for times in (0, 1, TIMES):
            tasks: list[Any] = []
            count, cache = 2 * SHAPES[shape] * times or 20, tmp_path / str(times)
            defining = calls(lambda: tasks.append(defined(shape, count, cache)))  # noqa: B023
            counts.append((defining, calls(lambda: tasks[0].run_graph(executor=executor))))  # noqa: B023
    more = 2 * SHAPES[shape] * (TIMES - 1)
    took = [(many - few) / more for few, many in zip(*counts[1:], strict=True)]
    assert all(number < most + 1 for number, most in zip(took, CALLS[shape], strict=True)), took


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tasks each batch has that goes to a worker."""
    found: list[int] = []
    submit = Pool.submit

    def counted(self: Pool, batch: Any, reply: Any) -> None:
        found.append(len(batch.payloads))
        submit(self, batch, reply)

    monkeypatch.setattr(Pool, "submit", counted)
    # A moment in which the machine has no time for a worker would have tasks sent twice.
    monkeypatch.setattr(Pool, "recall", lambda self, serial: None)
    return found


def test_tasks_that_fail_travel_together_too(tmp_path: Path, batches: list[int]) -> None:
    with Cache(tmp_path), pytest.raises(ExceptionGroup) as caught:
        NeedsBad(500).run_graph(keep_going=True, max_workers=2)
    assert len(caught.value.exceptions) == sum(batches) == 500
    assert len(batches) < 100


def test_a_task_in_a_thread_lets_no_other_in(tmp_path: Path) -> None:
    made: Counter[str] = Counter()

    def tell(frame: object, event: str, argument: Any) -> None:
        if event == "c_call" and argument.__module__ == "posix":
            made[argument.__name__] += 1

    threading.setprofile(tell)
    try:
        defined("wide", 500, tmp_path).run_graph(executor="thread", max_workers=2)
    finally:
        threading.setprofile(None)  # type: ignore[arg-type]  # it stands for none
    assert made["getpid"] >= 500
    assert all(count < 250 or name in ALONE for name, count in made.items()), made  # some for each batch


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL statements of all connections."""
    found: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **settings: Any) -> sqlite3.Connection:
        connection = connect(*args, **settings)
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


def test_nothing_waits_for_the_disk_before_syncs_are_off(tmp_path: Path, statements: list[str]) -> None:
    defined("wide", 2, tmp_path).run_graph(force_interactive=True)
    settings = [each for each in statements if each.startswith("PRAGMA") and "=" in each]
    assert settings[:2] == ["PRAGMA synchronous = OFF", "PRAGMA auto_vacuum = FULL"]
    assert not [each for each in settings[2:] if "auto_vacuum" in each]
    with closing(sqlite3.connect(tmp_path / "cache.db")) as database:
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (1,)


@pytest.mark.parametrize("count", [10, 100])
def test_each_input_file_costs_one_query(
    count: int, tmp_path: Path, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputfile, "_GRAIN", -1)  # what is newer is read again by the next run
    for i in range(count):
        (tmp_path / f"{i}.txt").touch()
        os.utime(tmp_path / f"{i}.txt", ns=(1, 1))
    with Cache(tmp_path / "cache"):
        task = Reads([InputFile(tmp_path / f"{i}.txt") for i in range(count)])
    task.run_graph()
    statements.clear()
    assert task.run_graph()[1].executed == {}
    assert count <= len(statements) < count + 50


@pytest.mark.parametrize("shape", ["wide", "chain"])
def test_a_run_makes_few_transactions_batches_and_files(
    shape: str, tmp_path: Path, batches: list[int], statements: list[str]
) -> None:
    task = defined(shape, 2000, tmp_path)
    _, stats = task.run_graph(max_workers=2)
    assert sum(batches) == sum(stats.executed.values()) == 2000 + (shape == "wide")
    assert len(batches) < 100
    assert len([text for text in statements if text.startswith("BEGIN")]) < 100
    assert len(statements) < 2000
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) <= 4

    statements.clear()
    assert sum(defined(shape, 2000, tmp_path).run_graph()[1].reused.values()) == sum(stats.executed.values())
    assert 0 < len(statements) < 50
    assert not [text for text in statements if text.startswith("BEGIN")]


def test_nothing_of_a_large_value_is_in_the_runner(tmp_path: Path) -> None:
    with Cache(tmp_path):
        task = Size()
    tracemalloc.start()
    try:
        value, _ = task.run_graph(max_workers=1)
        assert tracemalloc.get_traced_memory()[1] < value / 2
    finally:
        tracemalloc.stop()
