"""Counting what a run does: the listener behind `RunStats`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from taskproc.decision import UpToDate
from taskproc.events import Finished, Planned, Reused, RunStats, TaskStats

if TYPE_CHECKING:
    from taskproc.events import Event
    from taskproc.graph import Node
    from taskproc.record import Key


class Tally:
    """Counts events. Call it with each, then ask for `stats`."""

    def __init__(self) -> None:
        self._finished: list[Finished] = []
        self._reused: dict[Key, str] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._finished.append(event)
            self._reused.pop(event.node.key, None)  # its value turned out to be damaged
        elif isinstance(event, Reused):
            self._reused[event.node.key] = event.node.name
        elif isinstance(event, Planned):
            decisions = event.plan.decisions
            nodes = event.plan.graph.nodes
            self._reused = {n.key: n.name for n in nodes if isinstance(decisions[n.key], UpToDate)}

    def reuses(self, node: Node) -> bool:
        """Whether a task's recorded result is used."""
        return node.key in self._reused

    def stats(self, elapsed: float) -> RunStats:
        """The counts so far; `elapsed` in seconds."""
        executed = Counter([event.node.name for event in self._finished if event.error is None])
        tasks = tuple([TaskStats(e.node.task, e.reason, e.start, e.duration, e.where) for e in self._finished])
        return RunStats(dict(executed), dict(Counter(self._reused.values())), elapsed, tasks)
