"""The tasks of a run, one lane for each place where one ran at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskproc.timeline import Span


class Lane(NamedTuple):
    """Tasks of one host, none of which overlap, in the order in which they began."""

    host: str
    spans: list[Span]


def make_lanes(spans: Iterable[Span]) -> list[Lane]:
    """Share tasks out to as few lanes as can be, by host; what one worker did stays together where that is possible."""
    strands: list[Lane] = []
    by_worker: dict[str, list[Lane]] = {}
    for span in spans:
        own = by_worker.setdefault(span.where, [])
        strand = _free(own, span.start)
        if strand is None:
            strand = Lane(span.where.rpartition(":")[0] or span.where, [])
            own.append(strand)
            strands.append(strand)
        strand.spans.append(span)
    lanes: list[Lane] = []
    for strand in strands:
        lane = _free([lane for lane in lanes if lane.host == strand.host], strand.spans[0].start)
        if lane is None:
            lanes.append(strand)
        else:
            lane.spans.extend(strand.spans)
    return sorted(lanes, key=lambda lane: lane.host)


def _free(lanes: Sequence[Lane], start: float) -> Lane | None:
    """A lane whose last task is over at that time; workers' clocks and ours differ a little."""
    return next((lane for lane in lanes if lane.spans[-1].end <= start + 0.0005), None)
