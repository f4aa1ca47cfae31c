"""How much may run at once: workers in all, and how much there is of each channel or class that has a rate limit.

A prefix command may show which ones a task has, numbered from 0: `env CUDA_VISIBLE_DEVICES={gpu}`. A task that takes 2
of a channel with 4 has two of the numbers 0 to 3 to itself while it runs.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, NamedTuple

from taskproc import template
from taskproc.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from taskproc.batch import PrefixCommand
    from taskproc.graph import Node

Taken = dict[str, tuple[int, ...]]
"""The numbers that a batch has to itself, by the name of the limit."""


class Lane(NamedTuple):
    """What bounds a task: the command it runs under (None for a plain worker), and what it takes of each limit."""

    command: PrefixCommand | None
    limits: tuple[tuple[str, int], ...]

    @property
    def is_free_of_workers(self) -> bool:
        """Whether the limits alone bound it, not the number of workers."""
        return self.command is not None and bool(self.limits)

    @property
    def one_by_one(self) -> bool:
        """Whether no two tasks may share a batch, since the command names the task."""
        return self.command is not None and "task_id" in template.names(self.command.line)


_UNLIMITED = Lane(None, ())


def addressed(command: PrefixCommand, taken: Taken, task_id: int) -> PrefixCommand:
    """A command with the numbers that its batch has to itself, and the id of the batch's first task."""
    values = {name: ",".join(map(str, numbers)) for name, numbers in taken.items()}
    return command._replace(line=template.fill(command.line, {**values, "task_id": f"{task_id}"}))


class _Stock:
    """How much of one limit is free, and its numbers, of which the lowest are given first."""

    def __init__(self, total: int) -> None:
        self.free = total
        self._unused = itertools.count()
        self._returned: list[int] = []

    def numbers(self, count: int) -> tuple[int, ...]:
        return tuple([heapq.heappop(self._returned) if self._returned else next(self._unused) for _ in range(count)])

    def give_back(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            heapq.heappush(self._returned, number)


class Limits:
    """What is free at the moment.

    `workers` bounds the batches of plain workers and of commands that no limit names.
    """

    def __init__(self, workers: int, limits: Mapping[str, int]) -> None:
        self.workers = workers
        self._limits = limits
        self._stocks = {name: _Stock(total) for name, total in limits.items()}
        self._running = 0

    def lane(self, command: PrefixCommand | None, node: Node) -> Lane:
        """The lane of a task."""
        if not self._limits:
            return _UNLIMITED if command is None else Lane(command, ())
        return Lane(command, _taken(node, self._limits))

    def free(self, lane: Lane) -> bool:
        """Whether one more batch of a lane may run."""
        if not lane.is_free_of_workers and self._running >= self.workers:
            return False
        return all(self._stocks[name].free >= count for name, count in lane.limits)

    def take(self, lane: Lane) -> Taken:
        """A batch of a lane begins; gives the numbers of those limits that its command names."""
        self._change(lane, 1)
        shown = template.names(lane.command.line) if lane.command is not None else ()
        return {name: self._stocks[name].numbers(count) for name, count in lane.limits if name in shown}

    def give_back(self, lane: Lane, taken: Taken) -> None:
        """A batch of a lane has ended."""
        self._change(lane, -1)
        for name, numbers in taken.items():
            self._stocks[name].give_back(numbers)

    def _change(self, lane: Lane, by: int) -> None:
        self._running += 0 if lane.is_free_of_workers else by
        for name, count in lane.limits:
            self._stocks[name].free -= by * count


def refuse_unfit(nodes: Iterable[Node], limits: Mapping[str, int]) -> None:
    """Refuse tasks that could never begin.

    Raises:
        RequestError: One takes more of a channel than there is.
    """
    for node in nodes if limits else ():
        for name, count in _taken(node, limits):
            if count > limits[name]:
                message = (
                    f"{node.label} takes {count} of {name}, of which the rate limit allows {limits[name]} in all:"
                    " raise the limit, or lower what it takes in _task_channel"
                )
                raise RequestError(message)


def _taken(node: Node, limits: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """What a task takes of each limit that names it; a limit on its class counts tasks."""
    weights = {node.name: 1, **node.channels}
    return tuple([(name, count) for name, count in sorted(weights.items()) if count and name in limits])
