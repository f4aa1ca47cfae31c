"""Ready tasks, and which of them go together in a batch.

- A lane is where tasks wait that are bound by the same things: one executor, the same limits. A batch is of one lane.
- The task with the longest chain of readers behind it goes first, by durations known from earlier runs or this one.
- Tasks of a class whose duration is unknown go one by one.
- Tasks known to be short go together, up to `TARGET` seconds by estimate, and no more than each worker's share, unless
  that is less than `LEAST` seconds.
- A reader that is sure to run, and whose other upstreams are settled or in the batch too, joins it at once.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taskproc.limits import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from taskproc.graph import Node
    from taskproc.record import Key, Row

TARGET = 0.02
"""Seconds of work that a batch should hold."""

LEAST = 0.002
"""Seconds of work below which sharing costs more than it brings."""

_FIRST = 1e9  # seconds, more than any chain takes

MOST = 2000
"""Tasks that a batch holds at the most."""


class Durations:
    """What tasks are expected to take, in seconds: by themselves if they ran before, else by their class."""

    def __init__(self, rows: Mapping[Key, Row], nodes: Iterable[Node]) -> None:
        self._own = {key: row.good.made.duration for key, row in rows.items() if row.good is not None}
        self._mean: dict[str, float] = {}
        for node in nodes if self._own else ():
            if node.key in self._own:
                self.learn(node, self._own[node.key])

    def learn(self, node: Node, seconds: float) -> None:
        """Take one more duration of the node's class into account, the latest ones most."""
        known = self._mean.get(node.name)
        self._mean[node.name] = seconds if known is None else known + (seconds - known) / 4

    def of(self, node: Node) -> float | None:
        """What a task is expected to take; None if nothing of its class has ever run."""
        own = self._own.get(node.key) if self._own else None
        return self._mean.get(node.name) if own is None else own


@dataclass(slots=True, eq=False)
class Lanes:
    """The ready tasks, one heap per lane.

    Args:
        workers: Among how many workers a lane's tasks are shared.
        durations: What tasks are expected to take.
        lane_of: The lane of a task.
        ranks: The seconds of work that wait for each task, itself included.
        alone: Tasks that must travel alone.
        batching: Whether tasks may share a batch at all.
    """

    workers: int
    durations: Durations
    lane_of: Callable[[Node], Lane]
    ranks: Mapping[Key, float]
    alone: set[Key] = field(default_factory=set["Key"])
    batching: bool = True
    _heaps: dict[Lane, list[tuple[float, int, Node]]] = field(
        default_factory=dict[Lane, list[tuple[float, int, "Node"]]]
    )

    def push(self, node: Node) -> None:
        """A task is ready."""
        heap = self._heaps.setdefault(self.lane_of(node), [])
        heapq.heappush(heap, (-self.ranks.get(node.key, 0.0), node.serial, node))

    def next_lane(self, free: Callable[[Lane], bool]) -> Lane | None:
        """The free lane whose first task should go first."""
        lanes = [lane for lane, heap in self._heaps.items() if heap and free(lane)]
        return min(lanes, key=lambda lane: self._heaps[lane][0][:2], default=None)

    def __bool__(self) -> bool:
        return any(self._heaps.values())

    def take(self, lane: Lane, followers: Callable[[Node, dict[Key, int]], Iterable[Node]]) -> Sequence[Node]:
        """Remove a batch from a lane. `followers` gives the readers of a task that lack nothing after the batch."""
        heap = self._heaps[lane]
        share = -(-len(heap) // self.workers)
        taken: list[Node] = []
        stack: list[Node] = []
        within: dict[Key, int] = {}
        seconds = 0.0
        while len(taken) < MOST and seconds < TARGET and (stack or (heap and (share > 0 or seconds < LEAST))):
            node = stack[-1] if stack else heap[0][2]
            expected = self._short(node, lane)
            if expected is None and taken:
                break
            if stack:
                stack.pop()
            else:
                heapq.heappop(heap)
                share -= 1
            taken.append(node)
            if expected is None:
                break
            seconds += expected
            joining = followers(node, within)
            stack += [one for one in joining if self.lane_of(one) == lane and self._short(one, lane) is not None]
        return taken

    def _short(self, node: Node, lane: Lane) -> float | None:
        """What a task is expected to take if it may share a batch; None if it must not."""
        expected = self.durations.of(node)
        if expected is None or expected >= TARGET or node.key in self.alone or lane.one_by_one or not self.batching:
            return None
        return expected


def ranks(
    nodes: Sequence[Node], waiting: set[Key], durations: Durations, failed: Collection[Key] = ()
) -> dict[Key, float]:
    """The seconds of work on the longest chain from each waiting task to the end of the graph.

    What has failed before, and what that needs, outranks all else: whoever mends something wants to see it first.
    """
    found: dict[Key, float] = {}
    for node in reversed(nodes):
        if node.key not in waiting:
            continue
        rank = found.get(node.key, 0.0) + (durations.of(node) or 1e-6) + (_FIRST if node.key in failed else 0.0)
        found[node.key] = rank
        for source in node.sources:
            if found.get(source.key, 0.0) < rank:
                found[source.key] = rank
    return found
