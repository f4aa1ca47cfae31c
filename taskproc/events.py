"""What a run tells while it goes on. The engine calls listeners with these and never prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from taskproc.errors import FailedTaskError
    from taskproc.graph import Node
    from taskproc.plan import Plan


class Planned(NamedTuple):
    """The plan is made; first of all events, told once."""

    plan: Plan


class Started(NamedTuple):
    """These tasks went to a worker, in this order, one after another."""

    nodes: tuple[Node, ...]


class TakenBack(NamedTuple):
    """These tasks came back from a worker without having begun."""

    nodes: tuple[Node, ...]


class Finished(NamedTuple):
    """A task ran: `duration` in seconds, `where` as `host:pid`. `error` is set if it failed."""

    node: Node
    start: float
    duration: float
    where: str
    reason: str
    error: FailedTaskError | None = None


class Reused(NamedTuple):
    """A task's recorded result is used."""

    node: Node


class Stopping(NamedTuple):
    """A task failed: nothing new begins, and what runs may finish."""


class Waiting(NamedTuple):
    """Another run is busy with these tasks."""

    nodes: tuple[Node, ...]


class Printed(NamedTuple):
    """The requested task printed something to `stream` (`stdout`, `stderr`); `kept` if it did so in an earlier run."""

    node: Node
    stream: str
    text: str
    kept: bool = False


class Warned(NamedTuple):
    """Something a person should know, in one sentence."""

    text: str


Event = Planned | Started | TakenBack | Finished | Reused | Stopping | Waiting | Printed | Warned
Listener = Callable[[Event], None]


class TaskStats(NamedTuple):
    """What one task of a run did: its reason, start (seconds since the epoch), duration (seconds) and worker.

    Example:
        >>> answer, stats = Choose(7, 4).run_graph()
        >>> slowest = max(stats.tasks, key=lambda each: each.duration)
        >>> print(slowest.reason)
        never ran
    """

    task: Any
    reason: str
    start: float
    duration: float
    worker: str


@dataclass(frozen=True, slots=True)
class RunStats:
    """What a run did.

    Attributes:
        executed: Tasks that ran to success, counted by `task_name`.
        reused: Tasks whose result was already there, or made by another run meanwhile, counted by `task_name`.
        elapsed: Seconds from the call to the result.
        tasks: One record for each task that ran, in the order they finished.

    Example:
        >>> answer, stats = Choose(6, 3).run_graph()
        >>> answer, stats = Choose(6, 3).run_graph()
        >>> print(stats.executed, stats.reused)
        {} {'study.Choose': 15}
    """

    executed: dict[str, int] = field(default_factory=dict[str, int])
    reused: dict[str, int] = field(default_factory=dict[str, int])
    elapsed: float = 0.0
    tasks: tuple[TaskStats, ...] = field(default=(), repr=False)
