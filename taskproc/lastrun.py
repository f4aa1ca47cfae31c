"""The run that began to record last: what it was for, and when it began.

It is one entry, written with the first results of a run, so that it costs a task nothing. Which tasks ran in it, the
records tell: those that were made since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskproc.pages import find_value, put_value

if TYPE_CHECKING:
    from taskproc.pages import Entries

_ENTRY = b"run"


class LastRun(NamedTuple):
    """A run: the task it was for, as it is named to people, and when it began, in seconds since the epoch."""

    label: str
    start: float


def write(entries: Entries, run: LastRun) -> None:
    """Record that this run has begun; in a transaction."""
    put_value(entries, _ENTRY, tuple(run))


def read(entries: Entries) -> LastRun | None:
    """The run that began last, if that is known."""
    found = find_value(entries, _ENTRY, None)
    return None if found is None else LastRun(*found)
