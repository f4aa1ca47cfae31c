"""Counting what a run does: the listener behind `RunStats`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from taskproc.decision import UpToDate
from taskproc.events import Finished, Planned, Reused, RunStats, TaskStats

if TYPE_CHECKING:
    from taskproc.events import Event
    from taskproc.record import Key


class Tally:
    """Counts events. Call it with each, then ask for `stats`."""

    def __init__(self) -> None:
        self._executed: Counter[str] = Counter()
        self._reused: dict[Key, str] = {}
        self._tasks: list[TaskStats] = []

    def __call__(self, event: Event) -> None:
        match event:
            case Finished():
                node = event.node
                self._reused.pop(node.key, None)  # its value turned out to be damaged
                self._executed[node.name] += event.error is None
                self._tasks.append(TaskStats(node.task, event.reason, event.start, event.duration, event.where))
            case Reused():
                self._reused[event.node.key] = event.node.name
            case Planned():
                decisions = event.plan.decisions
                nodes = event.plan.graph.nodes
                self._reused = {n.key: n.name for n in nodes if isinstance(decisions[n.key], UpToDate)}
            case _:
                pass

    def stats(self, elapsed: float) -> RunStats:
        """The counts so far; `elapsed` in seconds."""
        executed = {name: count for name, count in self._executed.items() if count}
        return RunStats(executed, dict(Counter(self._reused.values())), elapsed, tuple(self._tasks))
