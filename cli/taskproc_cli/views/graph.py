"""The graph of a task as text: a tree for people, dot and mermaid for drawing, JSON for programs.

Colours, and `state` in JSON, tell what the plan says of each task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc.plan import FailedBefore, MayRun, Run
from taskproc_cli.views.terminal import paint_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from taskproc.graph import Graph, Node
    from taskproc.plan import Plan
    from taskproc_cli.views.terminal import Colour


FILLS: dict[str, tuple[Colour, str]] = {
    "up to date": ("green", "#c8e6c9"),
    "would run": ("yellow", "#fff3c4"),
    "may run": ("dim", "#eceff1"),
    "failed": ("red", "#ffcdd2"),
}
"""What a plan says of a task, and the colours of that in a terminal and in a drawing."""


def _state(plan: Plan, node: Node) -> str:
    match plan.decisions[node.key]:
        case Run(FailedBefore()):
            return "failed"
        case Run():
            return "would run"
        case MayRun():
            return "may run"
        case _:
            return "up to date"


def tree(plan: Plan) -> Iterator[str]:
    """The task, below it what it needs, and so on; what is needed again is named again, but not what it needs."""
    told: set[Node] = set()
    stack = [(plan.graph.root, "", "")]
    while stack:
        node, before, margin = stack.pop()
        sources = list(_slots(node))
        again = node in told and bool(sources)
        label = paint_out(node.label, FILLS[_state(plan, node)][0])
        yield f"{before}{label}{' (see above)' if again else ''}"
        if again:
            continue
        told.add(node)
        for place, source in enumerate(reversed(sources)):
            branch, below = ("└─ ", "   ") if place == 0 else ("├─ ", "│  ")
            stack.append((source, margin + branch, margin + below))


def dot(plan: Plan) -> Iterator[str]:
    """Graphviz; an edge goes from a task to one that needs it, and bears the names of the slots."""
    names = _names(plan.graph)
    yield "digraph {"
    fill = ""
    for node, name in names.items():
        before, fill = fill, FILLS[_state(plan, node)][1]
        if fill != before:
            yield f'  node [style=filled, fillcolor="{fill}"];'
        yield f'  {name} [label="{_escaped_for_dot(node.label)}"];'
    for source, node, slots in _edges(plan.graph):
        yield f'  {names[source]} -> {names[node]} [label="{_escaped_for_dot(", ".join(slots))}"];'
    yield "}"


def mermaid(plan: Plan) -> Iterator[str]:
    """Mermaid, as Markdown shows it."""
    names = _names(plan.graph)
    yield "flowchart TD"
    states: dict[str, list[str]] = {}
    for node, name in names.items():
        states.setdefault(_state(plan, node), []).append(name)
        yield f'  {name}["{_escaped_for_mermaid(node.label)}"]'
    for source, node, _ in _edges(plan.graph):
        yield f"  {names[source]} --> {names[node]}"
    for state, members in states.items():
        yield f"  classDef {state.replace(' ', '_')} fill:{FILLS[state][1]}"
        yield f"  class {','.join(members)} {state.replace(' ', '_')}"


def node_link(plan: Plan) -> Iterator[str]:
    """The JSON of `networkx.node_link_graph(..., edges="edges")`; a node's id is the task's key."""
    import json

    import networkx as nx

    drawn: nx.DiGraph[str] = nx.DiGraph()
    for node in plan.graph.nodes:
        decision = plan.decisions[node.key]
        reason = str(decision.reason) if isinstance(decision, Run) else None
        about = {"task": node.name, "label": node.label, "args": node.task.task_args}
        drawn.add_node(node.key.hex(), **about, state=_state(plan, node), reason=reason)
    for source, node, slots in _edges(plan.graph):
        drawn.add_edge(source.key.hex(), node.key.hex(), slots=slots)
    yield json.dumps(nx.node_link_data(drawn, edges="edges"), ensure_ascii=False)


FORMATS: dict[str, Callable[[Plan], Iterator[str]]] = {"tree": tree, "dot": dot, "mermaid": mermaid, "json": node_link}


def _slots(node: Node) -> dict[Node, list[str]]:
    """The tasks that a task needs, each with the slots that hold it."""
    from taskproc.graph import Node

    found: dict[Node, list[str]] = {}
    for edge in node.edges:
        if isinstance(edge.source, Node):
            slots = found.setdefault(edge.source, [])
            if edge.slot not in slots:
                slots.append(edge.slot)
    return found


def _edges(graph: Graph) -> Iterator[tuple[Node, Node, list[str]]]:
    """Each task with each that needs it, and by which slots."""
    for node in graph.nodes:
        for source, slots in _slots(node).items():
            yield source, node, slots


def _names(graph: Graph) -> dict[Node, str]:
    return {node: f"t{number}" for number, node in enumerate(graph.nodes)}


def _escaped_for_dot(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _escaped_for_mermaid(text: str) -> str:
    for plain, code in (("#", "#35;"), ("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        text = text.replace(plain, code)
    return text
