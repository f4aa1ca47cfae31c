"""What is at the bottom of a plan: the reasons for which tasks run, apart from what merely follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskproc.decision import How, MayRun, Run, UpstreamChanged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from taskproc.decision import Decision, Reason
    from taskproc.graph import Graph, Node
    from taskproc.plan import Plan
    from taskproc.record import Key


class Cause(NamedTuple):
    """A reason, and the tasks that run for it, upstreams first."""

    reason: Reason
    nodes: list[Node]


def root_causes(plan: Plan, nodes: Iterable[Node] | None = None) -> list[Cause]:
    """The reasons in a plan, or in a part of it, those of upstreams first; tasks that say the same share one."""
    found: dict[str, Cause] = {}
    for node in plan.graph.nodes if nodes is None else nodes:
        decision = plan.decisions[node.key]
        if isinstance(decision, Run) and not follows(decision):
            found.setdefault(str(decision.reason), Cause(decision.reason, [])).nodes.append(node)
    return list(found.values())


def follows(decision: Decision) -> bool:
    """Whether a task runs, or may run, because of others that do."""
    if isinstance(decision, Run):
        return isinstance(decision.reason, UpstreamChanged) and decision.reason.how is How.IS_MADE_ANEW
    return isinstance(decision, MayRun)


def followers(plan: Plan) -> list[Node]:
    """The tasks that run, or may run, because of others."""
    return [node for node in plan.graph.nodes if follows(plan.decisions[node.key])]


def upstreams(plan: Plan, node: Node) -> list[Node]:
    """All that a task needs, directly or not, in the order of the plan."""
    needed = {node.key}
    stack = [node]
    while stack:
        for source in stack.pop().sources:
            if source.key not in needed:
                needed.add(source.key)
                stack.append(source)
    return [each for each in plan.graph.nodes if each.key in needed and each is not node]


def blocked(graph: Graph, failed: Collection[Key]) -> dict[Key, int]:
    """The tasks that can't run since others failed, and which ones each needs: a bit for each of `failed`, in order."""
    bits = {key: 1 << place for place, key in enumerate(failed)}
    found: dict[Key, int] = {}
    for node in graph.nodes:
        needed = 0
        for source in node.sources:
            needed |= bits.get(source.key, 0) | found.get(source.key, 0)
        if needed:
            found[node.key] = needed
    return found
