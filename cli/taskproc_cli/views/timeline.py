"""The last run as it is shown: lanes, the critical path, and words about it."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from taskproc.timeline import critical_path
from taskproc_cli.views.lanes import make_lanes
from taskproc_cli.views.quantities import count, date, duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from taskproc.record import Key
    from taskproc.timeline import Span, Timeline
    from taskproc_cli.views.lanes import Lane


class Shown(NamedTuple):
    """A run as it is drawn: `start` and `end` in seconds since the epoch, `names` those of tasks for people."""

    run: Timeline
    names: Mapping[Key, str]
    lanes: Sequence[Lane]
    critical: Sequence[Span]
    start: float
    end: float

    @property
    def title(self) -> str:
        """What the run was for, and when."""
        return f"{self.run.run.label}, {date(self.start)}"

    @property
    def summary(self) -> str:
        """How much ran, and how long the critical path is."""
        spans = self.run.spans
        busy = sum(span.duration for span in spans) / max((self.end - self.start) * len(self.lanes), 1e-9)
        parts = [
            f"{count(len(spans), 'task')} in {took(self.end - self.start)}",
            f"up to {len(self.lanes):,} at a time, {busy:.0%} busy",
            f"critical path {took(sum(span.duration for span in self.critical))}",
        ]
        failed = sum(bool(span.failure) for span in spans)
        return " · ".join([*parts, *([f"{failed:,} failed"] if failed else [])])

    @property
    def work(self) -> dict[str, float]:
        """Seconds that the tasks of each class took, those that took longest first."""
        seconds: dict[str, float] = {}
        for span in self.run.spans:
            seconds[span.name] = seconds.get(span.name, 0.0) + span.duration
        return dict(sorted(seconds.items(), key=itemgetter(1), reverse=True))

    def name(self, span: Span) -> str:
        """A task as it is named to people: with its arguments where they are known, else by its id."""
        return self.names.get(span.key, f"{short(span)}#{span.task_id}")


def short(span: Span) -> str:
    """The class of a task, without its module."""
    return span.name.rpartition(".")[2]


def took(seconds: float) -> str:
    """A duration: `8.4 s`, `12 ms`."""
    return duration(seconds) if seconds >= 0.95 else f"{seconds * 1000:.3g} ms"


def shown(run: Timeline, names: Mapping[Key, str]) -> Shown:
    """Prepare a run that has tasks for being drawn."""
    start = min(run.run.start, run.spans[0].start)
    end = max(span.end for span in run.spans)
    return Shown(run, names, make_lanes(run.spans), critical_path(run.spans), start, end)
