"""The last run as trace events, which Perfetto and chrome://tracing show."""

from __future__ import annotations

import json
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.record import Key
    from taskproc_cli.views.timeline import Shown


def trace(drawn: Shown) -> Iterator[str]:
    """Trace events; a host is a process, a lane a thread, and arrows follow the critical path."""
    hosts = {host: number for number, host in enumerate(dict.fromkeys(lane.host for lane in drawn.lanes), 1)}
    marked = {span.key for span in drawn.critical}
    events: list[dict[str, object]] = [_meta("process_name", pid, 0, host) for host, pid in hosts.items()]
    places: dict[Key, dict[str, object]] = {}
    for tid, lane in enumerate(drawn.lanes, 1):
        events.append(_meta("thread_name", hosts[lane.host], tid, f"lane {tid}"))
        for span, following in zip_longest(lane.spans, lane.spans[1:]):
            # Slices must not overlap, as they may where clocks differ.
            end = span.end if following is None else min(span.end, following.start)
            places[span.key] = {"pid": hosts[lane.host], "tid": tid}
            about = {"task": f"{span.name}#{span.task_id}", "worker": span.where, "critical": span.key in marked}
            events.append(
                {
                    "name": drawn.name(span),
                    "cat": f"{span.name},critical" if span.key in marked else span.name,
                    "ph": "X",
                    "ts": _micros(span.start - drawn.start),
                    "dur": _micros(end - span.start),
                    **places[span.key],
                    "args": about | ({"failure": span.failure} if span.failure else {}),
                }
            )
    for number, (before, after) in enumerate(pairwise(drawn.critical), 1):
        arrow = {"name": "critical path", "cat": "critical", "id": number}
        events.append({**arrow, "ph": "s", "ts": _micros(before.end - drawn.start), **places[before.key]})
        events.append({**arrow, "ph": "f", "bp": "e", "ts": _micros(after.start - drawn.start), **places[after.key]})
    about_run = {"run": drawn.title, "summary": drawn.summary}
    yield json.dumps({"traceEvents": events, "displayTimeUnit": "ms", "otherData": about_run}, ensure_ascii=False)


def _meta(what: str, pid: int, tid: int, name: str) -> dict[str, object]:
    return {"name": what, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}


def _micros(seconds: float) -> float:
    return round(seconds * 1e6, 1)
