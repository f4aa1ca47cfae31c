from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.decision import NeverRan, Run, UpToDate
from taskproc.errors import FailedTaskError
from taskproc.events import Finished, Planned, Reused, RunStats, Started, TaskStats, Waiting, Warned
from taskproc.tally import Tally


def node(number: int, name: str = "flow.Train") -> Any:
    return SimpleNamespace(key=bytes([number]), name=name, task=f"task {number}")


def planned(*nodes: Any, done: int = 0) -> Planned:
    decisions: Any = {n.key: UpToDate(None) if i < done else Run(NeverRan()) for i, n in enumerate(nodes)}  # type: ignore[arg-type]
    return Planned(SimpleNamespace(graph=SimpleNamespace(nodes=nodes), decisions=decisions))  # type: ignore[arg-type]


def finished(which: Any, error: FailedTaskError | None = None) -> Finished:
    return Finished(which, 1.0, 2.0, "here:1", "never ran", error)


def tallied(*events: Any) -> RunStats:
    tally = Tally()
    for event in events:
        tally(event)
    return tally.stats(3.0)


def test_nothing_counts_as_nothing() -> None:
    assert tallied(planned()) == RunStats({}, {}, 3.0, ())


def test_each_task_counts_once() -> None:
    kept, other, ran, late = node(0), node(1, "flow.Load"), node(2), node(3)
    events = [planned(kept, other, ran, late, done=2), Started((ran,)), finished(ran), Waiting((late,)), Reused(late)]
    stats = tallied(*events, Warned("it"))
    assert stats.executed == {"flow.Train": 1}
    assert stats.reused == {"flow.Train": 2, "flow.Load": 1}
    assert stats.tasks == (TaskStats("task 2", "never ran", 1.0, 2.0, "here:1"),)


def test_a_failed_task_is_told_but_not_counted() -> None:
    stats = tallied(planned(node(0)), finished(node(0), FailedTaskError("Train()", "bad")))
    assert (stats.executed, stats.reused, len(stats.tasks)) == ({}, {}, 1)


def test_a_task_whose_value_was_damaged_was_not_reused() -> None:
    stats = tallied(planned(node(0), done=1), finished(node(0)))
    assert (stats.executed, stats.reused) == ({"flow.Train": 1}, {})


def test_stats_are_a_frozen_dataclass() -> None:
    stats = tallied(planned())
    with pytest.raises(FrozenInstanceError):
        stats.elapsed = 0.0  # type: ignore[misc]
    assert replace(stats, elapsed=1.0) == RunStats(elapsed=1.0)
