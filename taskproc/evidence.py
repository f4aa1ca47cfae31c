"""What is known of one task: whether it would run, why, and what shows that."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from taskproc.causes import root_causes, upstreams
from taskproc.changes import changes
from taskproc.decision import CodeChanged, NeverRan, Run
from taskproc.graph import Node, build_graph, packed_sources, unpacked
from taskproc.run import judged
from taskproc.store import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from taskproc.acceptance import Acceptance
    from taskproc.cache import Cache
    from taskproc.causes import Cause
    from taskproc.changes import Change
    from taskproc.decision import Decision
    from taskproc.fingerprint import CodePart, Fingerprint
    from taskproc.grounds import Grounds
    from taskproc.options import Options
    from taskproc.plan import Plan
    from taskproc.record import Record, Row


class Upstream(NamedTuple):
    """A reason for which tasks that are needed run, and how the code of the first of them differs."""

    cause: Cause
    changes: list[Change]


class Evidence(NamedTuple):
    """What is known of a task.

    Attributes:
        row: What is recorded, if it has an id.
        changes: How its code differs from what made the recorded result.
        unseen: Parts of its code that could not be read in full.
        accepted: Who has accepted the recorded result, if a person has.
        running: Whether a live run has leased it.
        decision: What a run would do with it; None where only its record is known, not its arguments.
        upstreams: Why tasks that it needs run, the first cause first.
        differing: The upstreams whose value is not the one that was read, with their rows.
        attributes: What `__init__` left, by name.
        other: The newest result of its class, if it has none itself: it was made with other arguments, or defaults.
        plan: What a run would do; None where only the task's record is known.
    """

    row: Row | None
    changes: list[Change]
    unseen: list[CodePart]
    accepted: Acceptance | None
    running: bool
    decision: Decision | None = None
    upstreams: Sequence[Upstream] = ()
    differing: Sequence[tuple[Node, Row]] = ()
    attributes: Mapping[str, object] = MappingProxyType({})
    other: Record | None = None
    plan: Plan | None = None


def evidence(root: Node, options: Options) -> Evidence:
    """What is known of a task; writes nothing."""
    with judged(build_graph(root), options) as (grounds, plan, _):
        row = plan.rows.get(root.key)
        causes = root_causes(plan, upstreams(plan, root))
        never_ran = isinstance(decision := plan.decisions[root.key], Run) and isinstance(decision.reason, NeverRan)
        other = _newest(root) if never_ran else None
        accepted, running = _stored(root.home, root.name, row)
        return Evidence(
            row=row,
            decision=decision,
            changes=_changes(grounds, plan, root) if other is None else grounds.code_changes(root, other.inputs.code),
            upstreams=[Upstream(cause, _changes(grounds, plan, cause.nodes[0])) for cause in causes],
            differing=_differing(plan, root),
            attributes=root.attributes,
            unseen=_unseen(grounds.codes.of(root.cls)),
            accepted=accepted,
            running=running,
            other=other,
            plan=plan,
        )


def _newest(node: Node) -> Record | None:
    """The newest result of a task's class."""
    with open_store(node.home, write=False) as store:
        found = [row.good for row in store.read_all(node.name).rows.values() if row.good is not None]
    return max(found, key=lambda record: record.made.start, default=None)


def recorded_evidence(cache: Cache, name: str, row: Row, code: Fingerprint | None) -> Evidence:
    """What is known of a task of which only the record is there, and the present code of its class if that is known."""
    made = row.good or row.failure
    changed: list[Change] = []
    if made is not None and code is not None and made.inputs.code != code.digest:
        with open_store(cache, write=False) as store:
            then = store.version(made.inputs.code)
        changed = changes(then, code.parts) if then is not None else []
    unseen = [] if code is None else _unseen(code)
    return Evidence(row, changed, unseen, *_stored(cache, name, row))


def _changes(grounds: Grounds, plan: Plan, node: Node) -> list[Change]:
    """How the code of a task that runs for that reason differs from what made its result."""
    decision = plan.decisions[node.key]
    row = plan.rows.get(node.key)
    made = row and (row.good or row.failure)
    if row is None or made is None or not (isinstance(decision, Run) and isinstance(decision.reason, CodeChanged)):
        return []
    found = grounds.code_changes(node, made.inputs.code)
    return found or (grounds.value_changes(row.good.output) if row.good is not None else None) or []


def _differing(plan: Plan, node: Node) -> list[tuple[Node, Row]]:
    """The upstreams of which another value is recorded than the task has read."""
    row = plan.rows.get(node.key)
    if row is None or row.good is None or row.good.inputs.sources != packed_sources(node):
        return []
    found: dict[Node, Row] = {}
    for source, read in zip(node.upstreams, unpacked(row.good.inputs.stamps), strict=True):
        if not isinstance(source, Node):
            continue
        there = plan.rows.get(source.key)
        if there is not None and there.good is not None and there.good.output.stamp != read:
            found[source] = there
    return list(found.items())


def _unseen(code: Fingerprint) -> list[CodePart]:
    return [part for part in code.parts if part.unseen]


def _stored(cache: Cache, name: str, row: Row | None) -> tuple[Acceptance | None, bool]:
    """Who has accepted a result, and whether a live run has leased the task."""
    if row is None:
        return None, False
    with open_store(cache, write=False) as store:
        return store.acceptance(name, row), row.task_id in store.running().get(name, ())
