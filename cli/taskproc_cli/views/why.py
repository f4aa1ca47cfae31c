"""What is known of a task as `why` prints it: the state and its reason first, then the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc.changes import changes, phrase
from taskproc.decision import AttributeChanged, How, MayRun, Run, UpstreamChanged
from taskproc_cli.views.quantities import count, date, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskproc.changes import Change, Version
    from taskproc.evidence import Evidence, Upstream
    from taskproc.graph import Node
    from taskproc.plan import Plan
    from taskproc.record import Made

SHOWN = 60
"""Lines of a diff that are shown."""


def why_lines(label: str, found: Evidence) -> Iterator[str]:
    """All that is known, in lines; nothing about what there is nothing to say of."""
    yield f"{label}: {_state(found)}"
    for upstream in found.upstreams:
        yield from _upstream_lines(upstream, found.plan)
    if found.other is not None:
        since = ", and since then its code has changed:" if found.changes else ""
        yield f"  the newest result of its class, with other arguments, was made {_ran(found.other.made)}{since}"
    yield from _diff_lines(found.changes, "  ")
    yield from _reason_lines(found)
    yield from _record_lines(found)
    for part in found.unseen:
        yield f"  {part.name} could not be read in full: as much as it may reach counts as its code"


def diff_lines(then: Version, now: Version) -> Iterator[str]:
    """How two versions of code differ."""
    return _diff_lines(changes(then, now), "  ")


def _state(found: Evidence) -> str:
    if found.running:
        return "running now"
    if isinstance(found.decision, Run):
        return f"would run: {found.decision.reason}"
    if isinstance(found.decision, MayRun):
        number = sum(len(upstream.cause.nodes) for upstream in found.upstreams)
        return f"may run, if {count(number, 'task')} that it needs, and will run, come out different"
    if found.decision is not None:
        return "up to date"
    row = found.row
    if row is None or not (row.good or row.failure):
        return "cleared" if row and row.cleared else "never ran"
    state = "recorded" if row.good else "failed"
    return (
        f"{state}; {phrase(found.changes)} changed" if found.changes else f"{state}; its arguments are not known here"
    )


def _upstream_lines(upstream: Upstream, plan: Plan | None) -> Iterator[str]:
    first, *others = upstream.cause.nodes
    more = f" and {count(len(others), 'other task')}" if others else ""
    yield f"  {_name(first, plan)}{more} would run: {upstream.cause.reason}"
    yield from _diff_lines(upstream.changes, "    ")


def _diff_lines(found: Iterable[Change], margin: str) -> Iterator[str]:
    """The diffs of all parts; values that a part holds stand at the end of its text."""
    lines = [line for change in found for line in change.diff()]
    yield from (margin + line for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"{margin}... {count(len(lines) - SHOWN, 'more line')}"


def _reason_lines(found: Evidence) -> Iterator[str]:
    reason = found.decision.reason if isinstance(found.decision, Run) else None
    if isinstance(reason, AttributeChanged) and found.attributes and not reason.files:
        yield "  attributes now:"
        for name, value in found.attributes.items():
            yield f"    {name} = {_glimpse(value)}"
    if isinstance(reason, UpstreamChanged):
        for node, row in found.differing:
            if row.good is not None:
                how = "was" if reason.how is How.WAS_MADE_ANEW else "has another value since it was"
                yield f"  {_name(node, found.plan)} {how} made {_ran(row.good.made)}"


def _name(node: Node, plan: Plan | None) -> str:
    return node.label if plan is None else plan.name(node)


def _record_lines(found: Evidence) -> Iterator[str]:
    if found.row is None:
        return
    if found.row.good is not None:
        yield f"  its result was made {_ran(found.row.good.made)}"
    if found.row.failure is not None:
        yield f"  it failed ({found.row.failure.reason}) when it ran {_ran(found.row.failure.made)}"
    if found.accepted is not None:
        yield f"  accepted for other code than made it by {found.accepted.who}, {date(found.accepted.when)}"


def _ran(made: Made) -> str:
    where = f" by {made.where}" if made.where else ""
    return f"{date(made.start)} in {duration(made.duration)}{where}"


def _glimpse(value: object) -> str:
    import reprlib

    try:
        return reprlib.repr(value)
    except Exception as error:  # noqa: BLE001  the user's own repr
        return f"<{type(value).__qualname__}: {error}>"
