"""What the last run did: which task ran where and when, and what it could not have been faster than.

All of it is derived from records, so no task needs to be defined, and nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskproc.graph import unpacked
from taskproc.record import Key
from taskproc.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskproc.cache import Cache
    from taskproc.lastrun import LastRun
    from taskproc.record import Row


class Span(NamedTuple):
    """One task of a run.

    Attributes:
        key: The task.
        name: Its `task_name`.
        task_id: Its id.
        start: When it began, in seconds since the epoch.
        duration: How long it took, in seconds.
        where: The worker, as `host:pid`; empty where it is not known.
        failure: What it failed with, on one line; empty if it did not.
        sources: What it needs.
    """

    key: Key
    name: str
    task_id: int
    start: float
    duration: float
    where: str
    failure: str
    sources: tuple[Key, ...]

    @property
    def end(self) -> float:
        """When it ended, in seconds since the epoch."""
        return self.start + self.duration


class Timeline(NamedTuple):
    """A run, and its tasks in the order in which they began."""

    run: LastRun
    spans: list[Span]


def last_timeline(cache: Cache) -> Timeline | None:
    """The last run of a cache that recorded something, with what other runs made since it began; None if none did."""
    with open_store(cache, write=False) as store:
        run = store.last_run()
        if run is None:
            return None
        spans = [span for name in store.names() for span in _spans(name, store.read_all(name).rows.items(), run.start)]
    return Timeline(run, sorted(spans, key=lambda span: span.start))


def critical_path(spans: Iterable[Span]) -> list[Span]:
    """The chain of tasks, each needing the one before it, that took longest.

    No number of workers makes a run faster than that. The spans are in the order in which they began.
    """
    longest: dict[Key, tuple[float, Span, Key | None]] = {}
    for span in spans:
        before = max((key for key in span.sources if key in longest), key=lambda key: longest[key][0], default=None)
        longest[span.key] = span.duration + (longest[before][0] if before else 0.0), span, before
    last = max(longest, key=lambda key: longest[key][0], default=None)
    path: list[Span] = []
    while last is not None:
        _, span, last = longest[last]
        path.append(span)
    return path[::-1]


def _spans(name: str, rows: Iterable[tuple[Key, Row]], since: float) -> Iterator[Span]:
    for key, row in rows:
        made = row.failure or row.good
        if made is not None and made.made.start + made.made.duration >= since:
            sources = tuple(map(Key, unpacked(made.inputs.sources)))
            yield Span(key, name, row.task_id, *made.made, row.failure.reason if row.failure else "", sources)
