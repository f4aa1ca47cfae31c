"""How far a run is: the engine's events, counted, for whoever shows that.

Events come many thousands a second and are only counted; what takes time is worked out when somebody looks.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from taskproc.causes import blocked
from taskproc.decision import UpToDate
from taskproc.events import Event, Finished, Planned, Reused, Started, Stopping, TakenBack, Waiting
from taskproc_cli.views.quantities import count, duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskproc.errors import FailedTaskError
    from taskproc.graph import Node
    from taskproc.plan import Plan
    from taskproc.record import Key

End = Literal["ran", "failed", "kept"]
"""What becomes of a task; `kept` if its recorded result is used."""

_SETTLED = -1.0
"""Stands for the expected duration of a task that is settled."""

_STEADY = 0.2
"""How fast the number of tasks at work, by which the rest is estimated, follows what is seen."""


@dataclass(slots=True, eq=False)
class Work:
    """One class of tasks.

    Attributes:
        name: Its qualified name.
        total: How many of its tasks have work: they run, or may run.
        done: How many of these are settled.
        ends: What became of its tasks, `kept` with those that never had work.
        running: How many run now; counted only in a `Snapshot`.
    """

    name: str
    total: int = 0
    done: int = 0
    ends: Counter[End] = field(default_factory=Counter["End"])
    running: int = 0
    _expected: float = 0.0  # seconds: of the tasks not settled whose own duration is known
    _unknown: int = 0  # how many of them have none
    _seen: float = 0.0
    _count: int = 0

    def learn(self, seconds: float) -> None:
        """Take in what one of its tasks took."""
        self._seen += seconds
        self._count += 1

    def expect(self, own: float | None, sign: int = 1) -> None:
        """A task that took `own` seconds before is to be done, or (`sign` -1) not any more."""
        if own is None:
            self._unknown += sign
        else:
            self._expected += sign * own

    @property
    def mean(self) -> float | None:
        """The seconds that its tasks take, None if none ever ran."""
        return self._seen / self._count if self._count else None

    @property
    def left(self) -> float | None:
        """Seconds of work left, None if that can't be told."""
        if self._unknown and self.mean is None:
            return None
        return self._expected + self._unknown * (self.mean or 0.0)


class Running(NamedTuple):
    """A task that runs, its name, for how many seconds, and what it took before or others of its class take."""

    node: Node
    name: str
    seconds: float
    expected: float | None


class Snapshot(NamedTuple):
    """How far a run is at one moment.

    Attributes:
        classes: Those with work, upstreams first.
        running: The tasks that run, the longest first.
        elapsed: Seconds since it began.
        left: About how many seconds until it ends, by the earlier durations that are known; None where none is.
        failures: All so far.
        elsewhere: How many tasks another run is busy with.
        stopping: Whether nothing new begins, since a task failed.
    """

    classes: tuple[Work, ...]
    running: tuple[Running, ...]
    elapsed: float
    left: float | None
    failures: tuple[FailedTaskError, ...]
    elsewhere: int
    stopping: bool

    @property
    def total(self) -> int:
        """How many tasks have work."""
        return sum(work.total for work in self.classes)

    @property
    def done(self) -> int:
        """How many of these are settled."""
        return sum(work.done for work in self.classes)


class _Trip:
    """Tasks that went to a worker together, those not answered yet in their order; the first runs since `since`."""

    __slots__ = ("nodes", "since")

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = {node.key: node for node in nodes}
        self.since = time.monotonic()


class Tracker:
    """Counts a run's events. Call it with each, from any thread; look at it at any time, from any other."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._lock = threading.Lock()
        self._plan: Plan | None = None
        self._classes: dict[str, Work] = {}
        self._ends: dict[Key, End] = {}
        self._own: dict[Key, float | None] = {}
        self._trips: dict[Key, _Trip] = {}
        self._under_way: dict[int, _Trip] = {}
        self._failures: dict[Key, FailedTaskError] = {}
        self._elsewhere: set[Key] = set()
        self._stopping = False
        self._width = 0.0

    @property
    def size(self) -> int:
        """How many tasks the graph has; 0 before there is a plan."""
        return len(self._plan.graph.nodes) if self._plan else 0

    def count(self, end: End) -> int:
        """How many tasks came to an end of this kind."""
        return sum(work.ends[end] for work in self._classes.values())

    def name(self, node: Node) -> str:
        """A task for people, unlike the others of the run."""
        return self._plan.name(node) if self._plan else node.label

    def __call__(self, event: Event) -> None:
        """Take an event of the engine."""
        with self._lock:
            match event:
                case Finished(node=node, duration=seconds, error=error):
                    if error is None:
                        self._classes[node.name].learn(seconds)
                    else:
                        self._failures[node.key] = error
                    self._settle(node, "ran" if error is None else "failed")
                case Started(nodes):
                    self._depart(nodes)
                case TakenBack(nodes):
                    for node in nodes:
                        self._leave(node.key)
                case Reused(node):
                    self._settle(node, "kept")
                case Planned(plan):
                    self._begin(plan)
                case Stopping():
                    self._stopping = True
                case Waiting(nodes):
                    self._elsewhere.update(node.key for node in nodes)
                case _:
                    pass

    def snapshot(self) -> Snapshot:
        """How far the run is now."""
        now = time.monotonic()
        with self._lock:
            running = sorted((self._running(trip, now) for trip in self._under_way.values()), key=lambda r: -r.seconds)
            counts = Counter(each.node.name for each in running)
            classes = [replace(w, ends=w.ends.copy(), running=counts[n]) for n, w in self._classes.items() if w.total]
            failures, elsewhere = tuple(self._failures.values()), len(self._elsewhere)
            self._width += (len(running) - self._width) * (_STEADY if self._width else 1)
            width, stopping = self._width, self._stopping
        left = _time_left([] if stopping else classes, running, width)
        return Snapshot(tuple(classes), tuple(running), now - self.began, left, failures, elsewhere, stopping)

    def summary(self) -> str:
        """What was done, in one line: `1,204 tasks in 3 min 12 s · 1,190 reused · 14 ran`."""
        kept, ran, failed = self.count("kept"), self.count("ran"), self.count("failed")
        parts = [f"{count(self.size, 'task')} in {duration(time.monotonic() - self.began)}"]
        parts += [f"{kept:,} reused", f"{ran:,} ran"]
        left = self.size - kept - ran - failed
        stuck = min(left, len(blocked(self._plan.graph, self._failures))) if self._plan and failed else 0
        for number, what in ((failed, "failed"), (stuck, "blocked"), (left - stuck, "not run")):
            if number:
                parts.append(f"{number:,} {what}")
        return " · ".join(parts)

    def _begin(self, plan: Plan) -> None:
        self._plan = plan
        for node in plan.graph.nodes:
            work = self._classes.get(node.name)
            if work is None:
                work = self._classes[node.name] = Work(node.short)
            row = plan.rows.get(node.key)
            own = row.good.made.duration if row is not None and row.good is not None else None
            if own is not None:
                work.learn(own)
            if isinstance(plan.decisions[node.key], UpToDate):
                work.ends["kept"] += 1
            else:
                work.total += 1
                work.expect(own)
                self._own[node.key] = own

    def _settle(self, node: Node, end: End) -> None:
        """Count the end of a task, once: one whose value turns out to be damaged is made again."""
        key = node.key
        work = self._classes[node.name]
        self._leave(key)
        own = self._own.pop(key, _SETTLED)
        if own is not _SETTLED:
            work.done += 1
            work.expect(own, -1)
        elif key in self._ends:
            work.ends[self._ends[key]] -= 1
        else:  # it was up to date, and had no work
            work.ends["kept"] -= 1
            work.total += 1
            work.done += 1
        work.ends[end] += 1
        self._ends[key] = end

    def _depart(self, nodes: Iterable[Node]) -> None:
        trip = _Trip(nodes)
        self._under_way[id(trip)] = trip
        for key in trip.nodes:
            self._trips[key] = trip
        self._elsewhere.difference_update(trip.nodes)

    def _leave(self, key: Key) -> None:
        """A task is no longer under way; if it ran, the next of its trip runs now."""
        if self._elsewhere:
            self._elsewhere.discard(key)
        trip = self._trips.pop(key, None)
        if trip is not None:
            if next(iter(trip.nodes)) == key:
                trip.since = time.monotonic()
            del trip.nodes[key]
            if not trip.nodes:
                del self._under_way[id(trip)]

    def _running(self, trip: _Trip, now: float) -> Running:
        node = next(iter(trip.nodes.values()))
        return Running(
            node, self.name(node), now - trip.since, self._own.get(node.key) or self._classes[node.name].mean
        )


def _time_left(classes: Iterable[Work], running: Iterable[Running], width: float) -> float | None:
    """About how many seconds until all is done, if anything is known of that; `width` tasks run at once."""
    parts = [work.left for work in classes if work.done < work.total]
    known = [part for part in parts if part is not None]
    last = max((each.expected - each.seconds for each in running if each.expected is not None), default=0.0)
    begun = sum(min(each.seconds, each.expected or 0.0) for each in running)
    left = max(last, (sum(known) - begun) / max(1.0, width))
    return left if left > 0 else None
