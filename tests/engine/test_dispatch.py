from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.dispatch import Dispatch, open_executors
from taskproc.executors import Foreign, Interactive, ThreadPool
from taskproc.options import Options
from taskproc.pool import ProcessPool
from taskproc.prefix import PrefixExecutor

CACHE = Path("cache")


def node(*channels: str, prefix: str = "") -> Any:
    return SimpleNamespace(name="flow.Train", channels=channels, prefix=prefix)


class Ends:
    """An executor that remembers how it was closed."""

    streams = True

    def __init__(self) -> None:
        self.closed: list[bool] = []

    def expect(self, batches: int) -> None:
        raise NotImplementedError

    def submit(self, batch: Any, reply: Any) -> None:
        raise NotImplementedError

    def recall(self, serial: int) -> None:
        raise NotImplementedError

    def close(self, *, kill: bool) -> None:
        self.closed.append(kill)


@pytest.mark.parametrize(
    ("prefixes", "found"),
    [
        ({}, "own"),
        ({"other": "no"}, "own"),
        ({"gpu": "by channel"}, "by channel"),
        ({"cpu": "second", "gpu": "first"}, "first"),
        ({"flow.Train": "by name", "gpu": "by channel"}, "by name"),
        ({"flow.Train": ""}, ""),
        ({"gpu": ""}, ""),
        ({"flow.Train": "", "gpu": "by channel"}, ""),
        ({"flow.Train": "by name", "gpu": ""}, "by name"),
    ],
)
def test_the_task_name_wins_over_channels_and_these_over_the_class(prefixes: dict[str, str], found: str) -> None:
    dispatch = Dispatch(Ends(), prefixes, batching=True)
    assert dispatch.prefix_of(node("gpu", "cpu", prefix="own")) == found


def test_what_stays_in_this_process_has_no_prefix() -> None:
    assert Dispatch(Ends(), None, batching=False).prefix_of(node(prefix="srun")) == ""


def test_each_prefix_has_one_executor_and_all_are_closed() -> None:
    plain = Ends()
    dispatch = Dispatch(plain, {}, batching=True)
    assert dispatch.executor("") is plain
    nice = dispatch.executor("nice")
    assert isinstance(nice, PrefixExecutor)
    assert dispatch.executor("nice") is nice
    assert dispatch.executor("nice -n 5") is not nice
    dispatch.close(kill=True)
    assert plain.closed == [True]


@pytest.mark.parametrize(
    ("options", "kind", "batching"),
    [
        ({}, ProcessPool, True),
        ({"executor": "thread"}, ThreadPool, True),
        ({"executor": "serial"}, ThreadPool, True),
        ({"executor": ThreadPoolExecutor(1)}, Foreign, True),
        ({"executor": "concurrent.futures:ThreadPoolExecutor"}, Foreign, True),
        ({"interactive": True, "executor": "thread"}, Interactive, False),
    ],
)
def test_where_plain_tasks_run(options: dict[str, Any], kind: type, batching: bool) -> None:
    with open_executors(Options(CACHE, **options), 2) as dispatch:
        assert isinstance(dispatch.executor(""), kind)
        assert dispatch.batching is batching


def test_executors_are_stopped_where_a_run_ends_by_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Ends()
    monkeypatch.setattr("taskproc.dispatch.by_name", lambda name, workers, args: ends)
    with open_executors(Options(CACHE), 2):
        pass
    with pytest.raises(KeyboardInterrupt), open_executors(Options(CACHE), 2):
        raise KeyboardInterrupt
    assert ends.closed == [False, True]


def test_the_callers_executor_is_never_shut_down() -> None:
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(KeyboardInterrupt), open_executors(Options(CACHE, executor=executor), 2):
            raise KeyboardInterrupt
        assert executor.submit(int, "3").result() == 3
