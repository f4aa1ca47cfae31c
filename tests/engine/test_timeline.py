"""What the last run did, told from records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskproc.cache import Cache
from taskproc.record import Key
from taskproc.timeline import Span, critical_path, last_timeline

if TYPE_CHECKING:
    from conftest import Flow

SOURCE = """
class One(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self):
        return 1 // self.n

class Both(Task):
    ones: RequiresList[int]
    def __init__(self, *ns: int):
        self.ones = [One(n) for n in ns]
    def run_task(self):
        return sum(self.ones)
"""


def ran(flow: Flow) -> list[str]:
    found = last_timeline(Cache(flow.cache))
    assert found is not None
    assert all(span.start >= found.run.start for span in found.spans)
    return [f"{span.name.partition('.')[2]}#{span.task_id}{' failed' * bool(span.failure)}" for span in found.spans]


def test_the_last_run_is_what_was_made_since_it_began(flow: Flow) -> None:
    flow.write(SOURCE)
    assert last_timeline(Cache(flow.cache)) is None
    assert not flow.cache.exists()
    flow.run("Both(1, 2)")
    assert sorted(ran(flow)) == ["Both#0", "One#0", "One#1"]
    flow.run("Both(2, 3)")
    assert ran(flow) == ["One#2", "Both#1"]
    flow.run("Both(1, 2)")  # which has nothing to do
    assert ran(flow) == ["One#2", "Both#1"]
    with pytest.raises(ExceptionGroup):
        flow.run("Both(0, 4)", keep_going=True)
    assert sorted(ran(flow)) == ["One#3 failed", "One#4"]
    found = last_timeline(Cache(flow.cache))
    assert found is not None
    assert found.run.label == "Both(ns=(0, 4))"


def test_a_task_s_sources_are_those_that_it_needs(flow: Flow) -> None:
    flow.write(SOURCE)
    flow.run("Both(1)")
    found = last_timeline(Cache(flow.cache))
    assert found is not None
    one, both = found.spans
    assert (one.sources, both.sources) == ((), (one.key,))
    assert [span.key for span in critical_path(found.spans)] == [one.key, both.key]


def span(name: str, start: float, duration: float, *sources: str) -> Span:
    return Span(Key(name.encode()), name, 0, start, duration, "host:1", "", tuple(Key(s.encode()) for s in sources))


def test_the_critical_path_is_the_chain_that_took_longest() -> None:
    spans = [
        span("a", 0, 1),
        span("b", 0, 5),
        span("c", 1, 3, "a", "of another run"),
        span("d", 5, 0.5, "b"),
        span("e", 6, 2, "c", "d"),
        span("f", 6, 3, "a"),
    ]
    assert [each.name for each in critical_path(spans)] == ["b", "d", "e"]
    assert critical_path([]) == []
