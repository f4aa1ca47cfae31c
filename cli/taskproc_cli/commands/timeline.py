"""`taskproc timeline`: what the last run did, drawn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from taskproc.errors import RequestError
from taskproc_cli.hints import choice
from taskproc_cli.problems import UsageError
from taskproc_cli.views import terminal
from taskproc_cli.views.result import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskproc.record import Key
    from taskproc.timeline import Span
    from taskproc_cli.request import Request
    from taskproc_cli.views.timeline import Shown

WIDTH = 100
"""Columns that text takes where stdout is no terminal."""


def timeline(
    request: Request,
    format: str | None = None,  # noqa: A002  the option's name
) -> None:
    """Draw the last run: what ran where, and when.

    That is the last one in which a task ran. The critical path, the chain of tasks that took longest, is marked.

    With TASK, only what that needs is drawn. Tasks that the target needs are named with their arguments, others as
    TASK#ID. Runs that went on at the same time are drawn together.

    For example: taskproc timeline taskfile.py --format html > run.html
    """
    from taskproc.timeline import last_timeline
    from taskproc_cli.views.timeline import shown

    request.refuse_instance()
    columns = terminal.width_out()
    form = choice("timeline", "--format", format or ("text" if columns else "svg"))
    cache = request.cache
    found = last_timeline(cache)
    if found is None or not found.spans:
        raise UsageError(f"no run is recorded in {cache.path}, or what it did was cleared")
    names = _names(request, found.spans)
    if request.target.task is not None:
        spans = [span for span in found.spans if span.key in names]
        if not spans:
            raise UsageError(f"the last run, of {found.run.label}, ran nothing of what {request.target.task} needs")
        found = found._replace(spans=spans)
    write_lines(_lines(shown(found, names), form, columns or WIDTH), form)


def _lines(drawn: Shown, form: str, width: int) -> Iterator[str]:
    from taskproc_cli.views import chart
    from taskproc_cli.views.strips import strips
    from taskproc_cli.views.trace import trace

    if form == "text":
        return strips(drawn, width)
    return {"svg": chart.svg, "html": chart.html, "trace": trace}[form](drawn)


def _names(request: Request, spans: Iterable[Span]) -> dict[Key, str]:
    """How people name the tasks that the target needs; none where it is not named and can't be made by itself."""
    from taskproc.graph import build_graph

    try:
        nodes = build_graph(request.node()).nodes
    except RequestError:
        if request.target.task is not None or (request.loaded and request.values):
            raise
        return {}
    labels, ids = Counter(node.label for node in nodes), {span.key: span.task_id for span in spans}
    return {node.key: node.label if labels[node.label] == 1 else f"{node.label}#{ids.get(node.key)}" for node in nodes}
