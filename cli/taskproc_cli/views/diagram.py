"""A graph as it is drawn: boxes, each of which stands for one task or for several, and the arrows between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from taskproc.decision import FailedBefore, MayRun, Run
from taskproc.graph import Node
from taskproc.presentation import glimpse
from taskproc.requires import holds_future

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    from taskproc.graph import Graph
    from taskproc.plan import Plan

STATES = ("up to date", "would run", "may run", "failed")
"""What a plan says of a task, each worse than the one before."""

MANY = 80
"""Boxes up to which a graph is drawn task by task."""

_TOLD = 3
"""Different reasons that are told of one box."""


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Tasks of one class that are drawn as one.

    Attributes:
        nodes: The tasks.
        states: How many of them the plan says each state of.
        reasons: Likewise, in the plan's own words.
        task_id: The id of the task, if it is one task and has an id.
        mark: What tells one task from others of the same label: `#2`.
        hidden: How many tasks they need that are not drawn.
        running: How many of them a live run is busy with.
    """

    nodes: Sequence[Node]
    states: Counter[str]
    reasons: Counter[str]
    task_id: int | None
    mark: str
    hidden: int
    running: int

    @property
    def label(self) -> str:
        """What it is: `Train(seed=3)`, `36 × Train`."""
        node = self.nodes[0]
        return node.label + self.mark if len(self.nodes) == 1 else f"{len(self.nodes):,} × {node.short}"

    @property
    def state(self) -> str:
        """The worst state of its tasks."""
        return max(self.states, key=STATES.index)

    @property
    def words(self) -> str:
        """The states of its tasks and the reasons for them."""
        counted = self.reasons if len(self.reasons) <= _TOLD else self.states
        several = (f"{number:,} {text}" for text, number in counted.most_common())
        told = ", ".join(several) if len(counted) > 1 else next(iter(counted))
        return f"{told}; {f'{self.running:,} ' if len(self.nodes) > 1 else ''}running now" if self.running else told


@dataclass(frozen=True)
class Diagram:
    """Boxes, upstreams first and the root last, and the arrows.

    `sources` has for each box those that it needs, in the order of the slots, each with the names of the slots. Where
    each box is one task, arrows go from earlier boxes to later ones; where it is a class, they may go in circles.
    """

    boxes: Sequence[Box]
    sources: Mapping[Box, Mapping[Box, Sequence[str]]]

    @cached_property
    def tasks(self) -> int:
        """How many tasks are drawn."""
        return sum(len(box.nodes) for box in self.boxes)

    @property
    def is_folded(self) -> bool:
        """Whether a box stands for several tasks."""
        return self.tasks > len(self.boxes)


def make_diagram(
    plan: Plan,
    *,
    running: Mapping[str, Collection[int]] = MappingProxyType({}),
    depth: int | None = None,
    by_class: bool = False,
    most: int | None = None,
) -> Diagram:
    """What to draw of a plan.

    Args:
        plan: The plan.
        running: The ids of tasks that live runs are busy with, by `task_name`.
        depth: Steps from the root to the farthest tasks that are drawn; None for all.
        by_class: Draw a class as one box.
        most: Boxes from which on tasks of one class with the same readers are drawn as one, and if that is not enough,
            each class.
    """
    nodes = _within(plan.graph, depth)
    groups: dict[Node, Hashable] = {node: node for node in nodes}
    if most is not None and len(nodes) > most:
        groups = _alike(plan.graph, nodes)
        by_class = by_class or len(set(groups.values())) > most
    if by_class:
        groups = {node: node.cls for node in nodes}
    return _drawn(plan, groups, running)


def state_of(plan: Plan, node: Node) -> str:
    """What a plan says of a task, as one of `STATES`."""
    match plan.decisions[node.key]:
        case Run(FailedBefore()):
            return "failed"
        case Run():
            return "would run"
        case MayRun():
            return "may run"
        case _:
            return "up to date"


def reason_of(plan: Plan, node: Node) -> str:
    """What a plan says of a task, and why."""
    decision = plan.decisions[node.key]
    return str(decision.reason) if isinstance(decision, Run) else state_of(plan, node)


def own_arguments(node: Node) -> str:
    """The arguments of a task, but for futures, which arrows show: `kind='svm', seed=0`."""
    arguments = node.parameters.named(node.values).items()
    return ", ".join(f"{name}={glimpse(value)}" for name, value in arguments if not holds_future(value))


def _within(graph: Graph, depth: int | None) -> list[Node]:
    """The tasks that are so many steps from the root, upstreams first."""
    if depth is None:
        return list(graph.nodes)
    found = ring = {graph.root}
    for _ in range(depth):
        ring = {source for node in ring for source in node.sources} - found
        found = found | ring
    return [node for node in graph.nodes if node in found]


def _alike(graph: Graph, nodes: Sequence[Node]) -> dict[Node, Hashable]:
    """Tasks of one class, whose readers are alike, are alike."""
    readers = graph.dependents()
    found: dict[Node, Hashable] = {}
    groups: dict[Hashable, int] = {}
    for node in reversed(nodes):
        kind = node.cls, frozenset(found[reader] for reader in readers.get(node.key, ()) if reader in found)
        found[node] = groups.setdefault(kind, len(groups))
    return {node: found[node] for node in nodes}


def _drawn(plan: Plan, groups: dict[Node, Hashable], running: Mapping[str, Collection[int]]) -> Diagram:
    """The tasks that have a group, those of each as one box."""
    members: dict[Hashable, list[Node]] = {}
    for node, group in reversed(groups.items()):
        members.setdefault(group, []).append(node)
    boxes: dict[Hashable, Box] = {}
    for group, nodes in members.items():
        states, reasons = (Counter(tell(plan, node) for node in nodes) for tell in (state_of, reason_of))
        hidden = {source for node in nodes for source in node.sources if source not in groups}
        ids = [row.task_id if (row := plan.rows.get(node.key)) is not None else None for node in nodes]
        busy = sum(task_id in running.get(node.name, ()) for node, task_id in zip(nodes, ids, strict=True))
        one = (ids[0], plan.mark(nodes[0])) if len(nodes) == 1 else (None, "")
        boxes[group] = Box(nodes[::-1], states, reasons, *one, len(hidden), busy)
    sources: dict[Box, dict[Box, list[str]]] = {box: {} for box in boxes.values()}
    for node, group in groups.items():
        for source, slots in slots_by_source(node).items():
            if source in groups:
                known = sources[boxes[group]].setdefault(boxes[groups[source]], [])
                known += [slot for slot in slots if slot not in known]
    return Diagram([*boxes.values()][::-1], sources)


def slots_by_source(node: Node) -> dict[Node, list[str]]:
    """The tasks that a task needs, each with the slots that hold it."""
    found: dict[Node, list[str]] = {}
    for edge in node.edges:
        if isinstance(edge.source, Node):
            slots = found.setdefault(edge.source, [])
            if edge.slot not in slots:
                slots.append(edge.slot)
    return found
