"""A batch that is under way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskproc.batch import Executor
    from taskproc.graph import Node
    from taskproc.limits import Lane, Taken
    from taskproc.record import Key


@dataclass(slots=True)
class Flight:
    """A batch: its tasks and attempts by position, and those that have no answer yet.

    `taken` is what of the limits it has. `read` are its tasks whose results are used by later ones of the batch.
    """

    executor: Executor
    lane: Lane
    taken: Taken
    nodes: tuple[Node, ...]
    attempts: tuple[str, ...]
    read: frozenset[Key]
    unanswered: dict[int, Node]
    begun: float = field(default_factory=time.time)
    heard: float = field(default_factory=time.monotonic)
    answered: bool = False
    recalled: bool = False
