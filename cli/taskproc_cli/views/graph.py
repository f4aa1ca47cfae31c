"""The graph of a task as text: a tree for people, dot and mermaid for drawing, JSON for programs.

Colours, and `state` in JSON, tell what the plan says of each task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc_cli.views.screen import cut, width
from taskproc_cli.views.terminal import paint_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc_cli.views.diagram import Box, Diagram
    from taskproc_cli.views.terminal import Colour

FILLS: dict[str, tuple[Colour, str]] = {
    "up to date": ("green", "#c8e6c9"),
    "would run": ("yellow", "#fff3c4"),
    "may run": ("dim", "#eceff1"),
    "failed": ("red", "#ffcdd2"),
}
"""The colours of what a plan says of a task, in a terminal and in a drawing."""

_IN_DOT = str.maketrans({"&": "&amp;", "\\": "\\\\", '"': '\\"', "\n": "\\n"})
_IN_MERMAID = str.maketrans(
    {"#": "#35;", "\\": "#92;", "&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;"}
)

_LABEL, _STATE, _NARROWEST = 24, 17, 8
"""Columns that a label keeps beside a long reason, a state beside a label, a label however narrow the terminal is."""


def tree(drawn: Diagram, depth: int | None = None, columns: int | None = None) -> Iterator[str]:
    """The task, below it what it needs, and so on; a task that is needed again is named again, without what it needs.

    Lines take no more than so many `columns`, if that is given.
    """
    told: set[Box] = set()
    stack = [(drawn.boxes[-1], "", "", 0)]
    while stack:
        box, before, margin, level = stack.pop()
        sources = [source for source in drawn.sources[box] if source is not box]
        more = box.hidden if level != depth else box.hidden or sum(len(source.nodes) for source in sources)
        words = box.words + (f"; {more:,} more below" if more else "")
        if box in told:
            yield _line(before, box, "(see above)", columns)
            continue
        yield _line(before, box, words, columns)
        if sources and level == depth:
            continue
        told.add(box)
        for place, source in enumerate(reversed(sources)):
            branch, below = ("└─ ", "   ") if place == 0 else ("├─ ", "│  ")
            stack.append((source, margin + branch, margin + below, level + 1))


def _line(before: str, box: Box, words: str, columns: int | None) -> str:
    label = box.label
    if columns is not None:
        room = columns - len(before) - 2
        least = max(_NARROWEST, min(_LABEL, room - min(_STATE, width(words))))
        label = cut(label, max(least, room - width(words)))
        words = cut(words, max(0, room - width(label)))
    return f"{before}{paint_out(label, FILLS[box.state][0])}  {paint_out(words, 'dim')}".rstrip()


def dot(drawn: Diagram) -> Iterator[str]:
    """Graphviz; an edge goes from a task to one that needs it, and bears the names of the slots."""
    names = _names(drawn)
    yield "digraph {"
    fill = ""
    for box, name in names.items():
        before, fill = fill, FILLS[box.state][1]
        if fill != before:
            yield f'  node [style=filled, fillcolor="{fill}"];'
        yield f'  {name} [label="{box.label.translate(_IN_DOT)}"];'
    for source, box, slots in edges(drawn):
        yield f'  {names[source]} -> {names[box]} [label="{", ".join(slots).translate(_IN_DOT)}"];'
    yield "}"


def mermaid(drawn: Diagram) -> Iterator[str]:
    """Mermaid, as Markdown shows it."""
    names = _names(drawn)
    yield "flowchart TD"
    states: dict[str, list[str]] = {}
    for box, name in names.items():
        states.setdefault(box.state, []).append(name)
        yield f'  {name}["{box.label.translate(_IN_MERMAID)}"]'
    for source, box, _ in edges(drawn):
        yield f"  {names[source]} --> {names[box]}"
    for state, members in states.items():
        yield f"  classDef {state.replace(' ', '_')} fill:{FILLS[state][1]},color:#000"
        yield f"  class {','.join(members)} {state.replace(' ', '_')}"


def node_link(drawn: Diagram) -> Iterator[str]:
    """The JSON of `networkx.node_link_graph(..., edges="edges")`; the id of a task is its key, of a class its name."""
    import json
    import sys

    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    ids = {box: box.nodes[0].name if drawn.is_folded else box.nodes[0].key.hex() for box in drawn.boxes}
    for box, name in ids.items():
        graph.add_node(name, **_about(box, folded=drawn.is_folded))
    for source, box, slots in edges(drawn):
        graph.add_edge(ids[source], ids[box], slots=slots)
    sys.set_int_max_str_digits(0)  # an argument may be a long number
    yield json.dumps(nx.node_link_data(graph, edges="edges"), ensure_ascii=False)


def _about(box: Box, *, folded: bool) -> dict[str, object]:
    node = box.nodes[0]
    if folded:
        states, reasons = dict(box.states), dict(box.reasons)
        return {"task": node.name, "label": node.short, "count": len(box.nodes), "states": states, "reasons": reasons}
    reason = None if box.state in {"up to date", "may run"} else next(iter(box.reasons))
    known = {} if box.task_id is None else {"task_id": box.task_id}
    told = {"label": node.label, "args": node.task.task_args, "state": box.state, "reason": reason}
    return {"task": node.name, **known, **told}


def edges(drawn: Diagram) -> Iterator[tuple[Box, Box, list[str]]]:
    """Each box with each that needs it, and by which slots."""
    for box, sources in drawn.sources.items():
        for source, slots in sources.items():
            yield source, box, [*slots]


def _names(drawn: Diagram) -> dict[Box, str]:
    return {box: f"t{number}" for number, box in enumerate(drawn.boxes)}
