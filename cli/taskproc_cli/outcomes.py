"""What came of the points of a sweep whose run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from taskproc.errors import FailedTaskError
    from taskproc.graph import Graph, Node
    from taskproc.options import Options
    from taskproc.record import Key


class Came(NamedTuple):
    """What came of one point: the value or, where there is none, the problem in one line."""

    value: Any = None
    problem: str = ""


def outcomes(
    nodes: Sequence[Node], values: Mapping[Key, Any], failed: Sequence[FailedTaskError], options: Options
) -> list[Came]:
    """What came of each task: its value or, if tasks failed (and there are no `values` then), what it failed for."""
    if not failed:
        return [Came(values[node.key]) for node in nodes]
    from taskproc.run import make_plan, recorded_values

    plan = make_plan(nodes[0], options._replace(force="nothing"), *nodes[1:])
    values = recorded_values(plan)
    problems = dict(_problems(plan.graph, failed))
    return [
        Came(values[node.key]) if node.key in values else Came(problem=problems.get(node.key, "it has not run"))
        for node in nodes
    ]


def _problems(graph: Graph, failed: Iterable[FailedTaskError]) -> Iterator[tuple[Key, str]]:
    """The problem of each task that failed, or needs one that did: its own reason, else the other's, with its name."""
    first: dict[Key, FailedTaskError] = {error.task._task_node.key: error for error in failed}
    for node in graph.nodes:
        error = first.get(node.key)
        if error is not None:
            yield node.key, error.reason
            continue
        blame = next((first[source.key] for source in node.sources if source.key in first), None)
        if blame is not None:
            first[node.key] = blame
            yield node.key, f"{blame.label}: {blame.reason}"
