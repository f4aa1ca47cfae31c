from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.batch import Executor, PrefixCommand
from taskproc.dispatch import Dispatch, open_executors
from taskproc.executors import Interactive, ThreadPool
from taskproc.foreign import Foreign
from taskproc.options import Options
from taskproc.pool import ProcessPool
from taskproc.prefix import PrefixExecutor

CACHE = Path("cache")


class Ends(Executor):
    """An executor that remembers how it was closed."""

    def __init__(self) -> None:
        self.closed: list[bool] = []

    def close(self, *, kill: bool) -> None:
        self.closed.append(kill)


def test_what_stays_in_this_process_has_no_command() -> None:
    node: Any = SimpleNamespace(name="flow.Train", short="Train", channels={}, resources={}, prefix="srun")
    assert Dispatch(Ends(), Options()).command_for(node) == PrefixCommand("srun")
    assert Dispatch(Ends(), Options(interactive=True)).command_for(node) is None


def test_commands_have_an_executor_of_their_own_and_all_are_closed() -> None:
    plain = Ends()
    dispatch = Dispatch(plain, Options())
    assert dispatch.executor(None) is plain
    assert isinstance(dispatch.executor(PrefixCommand("nice")), PrefixExecutor)
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
    with open_executors(Options(workers=2, **options), CACHE) as dispatch:
        assert isinstance(dispatch.executor(None), kind)
        assert dispatch.batching is batching


def test_executors_are_stopped_where_a_run_ends_by_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Ends()
    monkeypatch.setattr("taskproc.dispatch.maker", lambda name, workers, args: lambda: ends)
    with open_executors(Options(), CACHE):
        pass
    with pytest.raises(KeyboardInterrupt), open_executors(Options(), CACHE):
        raise KeyboardInterrupt
    assert ends.closed == [False, True]


def test_the_callers_executor_is_never_shut_down() -> None:
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(KeyboardInterrupt), open_executors(Options(executor=executor), CACHE):
            raise KeyboardInterrupt
        assert executor.submit(int, "3").result() == 3
