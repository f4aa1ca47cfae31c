"""How far a run is, counted from its events."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from taskproc import FailedTaskError
from taskproc.decision import MayRun, NeverRan, Run, UpToDate
from taskproc.events import Finished, Planned, Reused, Started, Stopping, TakenBack, Waiting
from taskproc_cli.views.tracker import Tracker


def node(name: str, number: int, *sources: Any) -> Any:
    return SimpleNamespace(name=f"m.{name}", short=name, key=f"{name}{number}", sources=sources, label=f"{name}()")


KEPT, *FITS = [node("Fit", n) for n in range(4)]
SCORE = node("Score", 0, *FITS)
RAN_BEFORE = SimpleNamespace(good=SimpleNamespace(made=SimpleNamespace(duration=10.0)))


@pytest.fixture
def tracker() -> Tracker:
    """A run of three fits that took 10 s each before, and then perhaps of a score that never ran; one fit is kept."""
    decisions: dict[str, Any] = {each.key: Run(NeverRan()) for each in FITS}
    decisions |= {KEPT.key: UpToDate(RAN_BEFORE.good), SCORE.key: MayRun(())}
    graph = SimpleNamespace(nodes=(KEPT, *FITS, SCORE))
    rows = {each.key: RAN_BEFORE for each in (KEPT, *FITS)}
    plan: Any = SimpleNamespace(graph=graph, decisions=decisions, rows=rows, name=lambda node: node.label)
    tracker = Tracker()
    tracker(Planned(plan))
    return tracker


def finished(node: Any, error: FailedTaskError | None = None) -> Finished:
    return Finished(node, 0, 20.0, "here:1", "never ran", error)


def numbers(tracker: Tracker) -> dict[str, tuple[int, ...]]:
    """By class: total, done, running, ran, failed, kept."""
    return {
        work.name: (work.total, work.done, work.running, work.ends["ran"], work.ends["failed"], work.ends["kept"])
        for work in tracker.snapshot().classes
    }


def test_each_end_of_a_task_is_counted_by_class(tracker: Tracker) -> None:
    assert numbers(tracker) == {"Fit": (3, 0, 0, 0, 0, 1), "Score": (1, 0, 0, 0, 0, 0)}
    tracker(finished(FITS[0]))
    tracker(finished(FITS[1], FailedTaskError("Fit()", "it broke")))
    tracker(Reused(FITS[2]))
    assert numbers(tracker) == {"Fit": (3, 3, 0, 1, 1, 2), "Score": (1, 0, 0, 0, 0, 0)}
    assert tracker.summary().endswith(" · 2 reused · 1 ran · 1 failed · 1 blocked")


def test_a_class_without_work_is_not_shown(tracker: Tracker) -> None:
    plan: Any = SimpleNamespace(
        graph=SimpleNamespace(nodes=(KEPT,)), decisions={KEPT.key: UpToDate(RAN_BEFORE.good)}, rows={}
    )
    tracker = Tracker()
    tracker(Planned(plan))
    assert tracker.snapshot().classes == ()
    assert tracker.summary().endswith(" · 1 reused · 0 ran")


def test_what_is_made_again_is_counted_once(tracker: Tracker) -> None:
    tracker(finished(KEPT))
    tracker(finished(FITS[0]))
    tracker(finished(FITS[0]))
    assert numbers(tracker)["Fit"] == (4, 2, 0, 2, 0, 0)


def test_of_tasks_that_went_together_the_first_runs(tracker: Tracker) -> None:
    tracker(Started(tuple(FITS)))
    assert [running.node for running in tracker.snapshot().running] == [FITS[0]]
    tracker(TakenBack((FITS[1],)))
    tracker(finished(FITS[0]))
    assert [running.node for running in tracker.snapshot().running] == [FITS[2]]
    tracker(Started((FITS[1],)))
    assert numbers(tracker)["Fit"][2] == 2
    tracker(finished(FITS[1]))
    tracker(finished(FITS[2]))
    assert tracker.snapshot().running == ()


def test_the_time_left_follows_from_earlier_durations(tracker: Tracker) -> None:
    tracker(Started((FITS[0],)))
    tracker(Started((FITS[1],)))
    now = tracker.snapshot()
    assert now.left == pytest.approx(15, abs=1)  # three tasks of 10 s, two at a time
    for each in FITS:
        tracker(finished(each))
    assert tracker.snapshot().left is None


def test_while_a_run_stops_only_what_runs_is_waited_for(tracker: Tracker) -> None:
    tracker(Started((FITS[0],)))
    tracker(finished(FITS[1], FailedTaskError("Fit()", "it broke")))
    assert not tracker.snapshot().stopping
    tracker(Stopping())
    now = tracker.snapshot()
    assert now.stopping
    assert now.left == pytest.approx(10, abs=1)


def test_what_another_run_does_is_counted_until_it_is_done(tracker: Tracker) -> None:
    tracker(Waiting((FITS[0],)))
    assert tracker.snapshot().elsewhere == 1
    tracker(Reused(FITS[0]))
    assert tracker.snapshot().elsewhere == 0
