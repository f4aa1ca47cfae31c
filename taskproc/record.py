"""What is known of a task and kept: keys, records, rows. Data only.

A `Row` is all the store has of one task. A task without a whole `good` record has not run. These are named tuples, not
frozen dataclasses, since there are several for each task: one is made four times as fast.
"""

from __future__ import annotations

from typing import NamedTuple, NewType

Key = NewType("Key", bytes)
"""16 bytes that identify a task: its `task_name` and arguments."""

Stamp = NewType("Stamp", bytes)
"""16 bytes: all that a reader compares of an upstream."""

WIDTH = 16
"""Bytes in a key, a stamp and every other digest."""

NO_DIGEST = b""


class FileEntry(NamedTuple):
    """One file that an attempt left, its path relative to the attempt's folder.

    `size` is in bytes (-1 for a folder), `mtime` in nanoseconds, `digest` of the content (of the target for a link),
    and of the executable bit where that is set.
    """

    path: str
    size: int
    mtime: int
    digest: bytes


class Inputs(NamedTuple):
    """All that a result was made from.

    `shape` is the digest of the slots, positions and item paths; `sources` are the upstreams' keys and `stamps` their
    stamps as actually read, both packed, `WIDTH` bytes each, in that order of slots and positions.
    """

    code: bytes
    attributes: bytes
    shape: bytes
    sources: bytes
    stamps: bytes


class Output(NamedTuple):
    """A task's result, and where it lies.

    `inline` holds the pickled value, or is None where the value is a file of the attempt (`attempt` is then set).
    `attempt` is the name of the attempt's folder, empty where it left none. `refs` are the user's classes and functions
    that the value refers to, as `module:qualname`, and `refs_code` the digest of their code when the value was made.
    `python` is the version of Python (`3.12`) whose bytecode the value holds, empty where it holds none.
    """

    digest: bytes
    stamp: Stamp
    salt: bytes
    epoch: bytes
    inline: bytes | None
    attempt: str
    files: tuple[FileEntry, ...] = ()
    refs: tuple[str, ...] = ()
    refs_code: bytes = NO_DIGEST
    python: str = ""


class Made(NamedTuple):
    """When (seconds since the epoch), how long (seconds) and where (`host:pid`) something was made."""

    start: float
    duration: float
    where: str


class Record(NamedTuple):
    """What a finished task leaves."""

    inputs: Inputs
    output: Output
    made: Made


class Failure(NamedTuple):
    """What a failed task leaves, beside its last good record.

    `reason` is one line, `details` the user's traceback as text, `error` the pickled exception or empty, `attempt` the
    folder that keeps its output, empty where it printed nothing.
    """

    inputs: Inputs
    reason: str
    details: str
    error: bytes
    attempt: str
    made: Made


class Row(NamedTuple):
    """All the store has of one task; `task_id` is its integer id, unique within its `task_name`."""

    task_id: int
    cleared: bool = False
    good: Record | None = None
    failure: Failure | None = None

    @property
    def attempts(self) -> set[str]:
        """The attempts that are named here, whose folders are kept."""
        found = {self.good.output.attempt if self.good else "", self.failure.attempt if self.failure else ""}
        return found - {""}
