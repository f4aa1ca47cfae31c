"""A task as a notebook shows it: its arguments, how it stands, what it needs. Nothing is written for it."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from taskproc.errors import TaskprocError
from taskproc.options import Options
from taskproc.presentation import glimpse
from taskproc.run import make_plan
from taskproc_cli.docstring import own_docstring, summary
from taskproc_cli.views.diagram import MANY, make_diagram, reason_of, state_of
from taskproc_cli.views.picture import svg
from taskproc_cli.views.quantities import count, date, duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.graph import Node
    from taskproc.plan import Plan

_LEFT = 'style="text-align: left; vertical-align: top"'


def card(node: Node) -> str:
    """A task as HTML."""
    about = escape(summary(own_docstring(node.cls)))
    rows = [*_arguments(node), *_standing(node)]
    cells = "".join(f"<tr><th {_LEFT}>{escape(name)}</th><td {_LEFT}>{value}</td></tr>" for name, value in rows)
    title = f"<b>{escape(node.short)}</b> <code>{escape(node.name)}</code>"
    return f"<div>{title}{f'<div>{about}</div>' if about else ''}<table>{cells}</table></div>"


def _arguments(node: Node) -> Iterator[tuple[str, str]]:
    for name, value in node.parameters.named(node.values).items():
        yield name, f"<code>{escape(glimpse(value))}</code>"


def _standing(node: Node) -> Iterator[tuple[str, str]]:
    try:
        plan = make_plan(node, Options())
    except TaskprocError as error:
        yield "state", escape(str(error))
        return
    state, reason = state_of(plan, node), reason_of(plan, node)
    yield "state", escape(f"{state}: {reason}" if state == "would run" else reason)
    row = plan.rows.get(node.key)
    if row is not None and row.good is not None:
        made = row.good.made
        yield "result", escape(f"made {date(made.start)} in {duration(made.duration)} by {made.where}")
    if len(plan.graph.nodes) > 1:
        yield "needs", "".join(_needs(plan))


def _needs(plan: Plan) -> Iterator[str]:
    """How many tasks of which state, and on demand a picture: an image of its own, whose style stays in it."""
    states = Counter(state_of(plan, node) for node in plan.graph.nodes[:-1])
    told = ", ".join(f"{number:,} {state}" for state, number in states.most_common())
    picture = b64encode("\n".join(svg(make_diagram(plan, most=MANY))).encode()).decode()
    yield f"<details><summary>{count(len(plan.graph.nodes) - 1, 'task')}: {told}</summary>"
    yield f'<img src="data:image/svg+xml;base64,{picture}" alt="the graph" style="max-width: 100%"></details>'
