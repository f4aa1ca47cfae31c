"""What is to be done with a task, and the one reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from taskproc.graph import Node
    from taskproc.record import Record

_ROOM = 300
"""Letters of an exception's message that a reason shows: a graph has a line for each task."""


@dataclass(frozen=True, slots=True)
class NeverRan:
    """No result is recorded."""

    def __str__(self) -> str:
        return "never ran"


@dataclass(frozen=True, slots=True)
class Cleared:
    """Its result was cleared."""

    def __str__(self) -> str:
        return "cleared"


@dataclass(frozen=True, slots=True)
class Forced:
    """It was asked to run again whatever is recorded."""

    def __str__(self) -> str:
        return "forced"


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """Its code is not what made the result; `what` names the parts that differ: `constant study:RATE, code of Fit`."""

    what: str

    def __str__(self) -> str:
        return f"{self.what} changed"


class How(StrEnum):
    """How an upstream differs from what was read: in its value, or in an epoch that this or an earlier run began."""

    CHANGED = "changed"
    IS_MADE_ANEW = "is made anew"
    WAS_MADE_ANEW = "was made anew"


@dataclass(frozen=True, slots=True)
class UpstreamChanged:
    """An upstream is not what was read."""

    what: str
    how: How = How.CHANGED

    def __str__(self) -> str:
        return f"upstream {self.what} {self.how}"


@dataclass(frozen=True, slots=True)
class AttributeChanged:
    """`__init__` left other attributes, or its arguments refer to other code, or to `files` with other contents."""

    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"argument or attribute changed{': contents of ' if self.files else ''}{', '.join(self.files)}"


@dataclass(frozen=True, slots=True)
class Damaged:
    """The recorded result is not whole."""

    what: str

    def __str__(self) -> str:
        return f"damaged: {self.what}"


@dataclass(frozen=True, slots=True)
class FailedBefore:
    """The newest attempt, made from what is asked for now, failed."""

    what: str

    def __str__(self) -> str:
        return f"failed last time: {self.what if len(self.what) <= _ROOM else f'{self.what[:_ROOM]}…'}"


Reason = NeverRan | Cleared | Forced | CodeChanged | UpstreamChanged | AttributeChanged | Damaged | FailedBefore


class UpToDate(NamedTuple):
    """The recorded result is what the task would give."""

    record: Record


class Run(NamedTuple):
    """The task runs."""

    reason: Reason


class MayRun(NamedTuple):
    """The task runs if one of these comes out different from before."""

    waits_for: tuple[Node, ...]

    def __str__(self) -> str:
        return "may run: waits for " + ", ".join(node.label for node in self.waits_for[:3])


Decision = UpToDate | Run | MayRun
