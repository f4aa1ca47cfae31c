"""The plan: what must run, and why.

`decide` is the only place where validity is judged. The plan folds it over the graph before anything runs, and the
scheduler calls it again for a task once the stamps of all its upstreams are known.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from taskproc.bytecode import PYTHON
from taskproc.canonical import digest
from taskproc.changes import phrase
from taskproc.decision import (
    AttributeChanged,
    Cleared,
    CodeChanged,
    Damaged,
    Decision,
    FailedBefore,
    Forced,
    How,
    MayRun,
    NeverRan,
    Reason,
    Run,
    UpstreamChanged,
    UpToDate,
)
from taskproc.files import attempt_folder, check_manifest
from taskproc.future import Const
from taskproc.graph import Node, packed_sources, shape, unpacked
from taskproc.grounds import UNKNOWN
from taskproc.origin import reference
from taskproc.record import WIDTH, Inputs, Record, Stamp
from taskproc.requires import slots_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from taskproc.graph import Graph
    from taskproc.grounds import Grounds
    from taskproc.record import Key, Output, Row


_FIRST = Run(NeverRan())
_UNSEEN = Inputs(b"", b"", b"", b"", b"")
_FRESH = b"fresh"  # an epoch that no other equals


@dataclass(eq=False)
class Plan:
    """The graph, and each task's decision and row (as read from the store) by key.

    A run adds `ids`, the id of each task, and keeps decisions and rows up to date in place, since copies would take
    memory for each task; but for the rows of new tasks whose value is in the database: nothing reads those again.
    """

    graph: Graph
    decisions: dict[Key, Decision]
    rows: dict[Key, Row]
    ids: Mapping[Key, int] = field(default_factory=dict["Key", int])

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to run."""
        return all(isinstance(decision, UpToDate) for decision in self.decisions.values())

    def name(self, node: Node) -> str:
        """A task for people, unlike the others: `Fit(seed=3)`, `Fit(data=Load(…))#2`."""
        return node.label + self.mark(node)

    def mark(self, node: Node) -> str:
        """What tells a task from others of the same label: `#2`, its id; empty where it needs none, or has none yet."""
        row = self.rows.get(node.key)
        task_id = self.ids.get(node.key) if row is None else row.task_id
        return f"#{task_id}" if task_id is not None and self._labels[node.label] > 1 else ""

    @cached_property
    def _labels(self) -> Counter[str]:
        """How many tasks have each label."""
        return Counter(node.label for node in self.graph.nodes)


def decide(node: Node, row: Row | None, now: Inputs, grounds: Grounds) -> Decision:
    """Judge one task by its row and what it would be made from now."""
    if is_bare(row):
        return _FIRST
    assert row is not None
    if row.cleared:
        return Run(Cleared())
    if node.key in grounds.forced:
        return Run(Forced())
    unknown = tuple(_unknown(node, now)) if now.stamps.find(UNKNOWN) >= 0 else ()
    if row.failure is not None and not (unknown and row.good):
        reason = _difference(node, row.failure.inputs, now, grounds)
        if reason is None or row.good is None:
            return Run(reason or FailedBefore(row.failure.reason))
    assert row.good is not None
    reason = _difference(node, row.good.inputs, now, grounds)
    if reason is None and row.good.output.python not in {"", PYTHON}:
        reason = CodeChanged(f"Python (its result holds code of {row.good.output.python})")
    if reason is None and (stale := grounds.value_changes(row.good.output)) is not None:
        reason = CodeChanged(phrase(stale, "", row.good.output.refs[0].partition(":")[2]))
    if reason is None and (what := damage(node, row)):
        reason = Damaged(what)
    if reason is not None:
        return Run(reason)
    return MayRun(unknown) if unknown else UpToDate(row.good)


def is_bare(row: Row | None) -> bool:
    """Whether nothing is recorded of a task."""
    return row is None or (row.good is None and row.failure is None and not row.cleared)


def difference(node: Node, old: Inputs, now: Inputs, *, trust_code: bool) -> Reason | None:
    """The first difference between what something was made from and what is there now, as far as that is known."""
    if old == now:
        return None
    if old.code != now.code and not trust_code:
        return CodeChanged(phrase([], "", node.short))
    if old.attributes != now.attributes:
        return AttributeChanged()
    if old.shape != now.shape or old.sources != now.sources:
        return UpstreamChanged(" and ".join(_other_slots(node, old, now)) or "slots")
    for i, upstream in enumerate(node.upstreams):
        at = slice(WIDTH * i, WIDTH * (i + 1))
        if now.stamps[at] != UNKNOWN and old.stamps[at] != now.stamps[at]:
            return UpstreamChanged(repr(upstream))
    return None


def _other_slots(node: Node, old: Inputs, now: Inputs) -> list[str]:
    """The slots that hold other tasks than they did, as far as a record tells: it has those of all in one sequence."""
    before, after = unpacked(old.sources), unpacked(now.sources)
    slots, held = slots_of(node.cls), [edge.slot for edge in node.edges]
    found: set[str] = set()
    if old.shape != now.shape:
        known = set(before)
        found = {slot for slot, key in zip(held, after, strict=True) if key not in known}
    if not found and len(before) == len(after):
        found = {slot for slot, was, key in zip(held, before, after, strict=True) if was != key}
    elif not found:  # only a slot of several values can have lost one
        found = {name for name, slot in slots.items() if slot.layout(node.state[name]) is not None}
    return sorted(found or slots)


def _difference(node: Node, old: Inputs, now: Inputs, grounds: Grounds) -> Reason | None:
    """The difference, the parts of code and the files that changed being named where they are known."""
    reason = difference(node, old, now, trust_code=grounds.trust_code)
    if isinstance(reason, AttributeChanged):
        return AttributeChanged(grounds.changed_files(node, old))
    if isinstance(reason, CodeChanged):
        return CodeChanged(phrase(grounds.code_changes(node, old.code), reference(node.cls), node.short))
    return reason


def _unknown(node: Node, now: Inputs) -> Iterator[Node]:
    """The upstreams whose stamps are not known yet."""
    for upstream, stamp in zip(node.upstreams, unpacked(now.stamps), strict=True):
        if stamp == UNKNOWN and isinstance(upstream, Node):
            yield upstream


def damage(node: Node, row: Row) -> str | None:
    """What is wrong with the files of a good record, by size and time of modification; None if nothing is."""
    output = row.good.output if row.good is not None else None
    if output is None or not output.attempt:
        return None
    folder = attempt_folder(node.cache, node.name, row.task_id, output.attempt)
    if output.stamp not in {make_stamp(output.digest, output.epoch, named) for named in (None, folder)}:
        return "it names its folder in a cache that was moved or copied from elsewhere"
    return check_manifest(folder, output.files) if output.files else None


def make_stamp(value: bytes, own: bytes, named: Path | None) -> Stamp:
    """What readers compare of an output: its digest, its epoch and, where the value names it, its attempt's folder."""
    return Stamp(digest(value, own, os.fsencode(named) if named else b"") if own or named else digest(value))


def plan_graph(grounds: Grounds, rows: dict[Key, Row], damaged: Collection[Key]) -> Plan:
    """Decide every task of the graph, upstreams first. Those whose row could not be read are `damaged`.

    A task that is sure to begin a new epoch has its readers run for sure, and begin new ones too. Of a task that never
    ran, only the code is looked at here; its attributes and input files are, just before it runs.
    """
    for cls in {node.cls: None for node in grounds.graph.nodes}:
        grounds.code(cls)
    outputs: dict[Key, Output] = {}
    decisions: dict[Key, Decision] = {}
    anew: dict[Key, bytes] = {}
    for node in grounds.graph.nodes:
        key, row = node.key, rows.get(node.key)
        if key in damaged:
            decision: Decision = Run(Damaged("its record cannot be read"))
        else:
            now = _UNSEEN if is_bare(row) else grounds.inputs(node, outputs)
            decision = decide(node, row, now, grounds)
        good = row.good if row is not None else None
        if isinstance(decision, UpToDate):
            outputs[key] = decision.record.output
        elif (anew or row is not None) and (own := _new_epoch(node, decision, good, outputs, anew)) is not None:
            anew[key] = own
            decision = _told_as_anew(decision, node, good, anew)
        decisions[key] = decision
    return Plan(grounds.graph, decisions, rows)


def _new_epoch(
    node: Node, decision: Decision, good: Record | None, outputs: Mapping[Key, Output], anew: Mapping[Key, bytes]
) -> bytes | None:
    """The epoch that a task is sure to begin, `_FRESH` for one that no reader knows; None if that is not sure.

    A reader may know it where code that was there before is back.
    """
    if isinstance(decision, Run) and isinstance(decision.reason, (Cleared, Forced)):
        return _FRESH
    known = {
        source.key: anew.get(source.key, outputs[source.key].epoch if source.key in outputs else None)
        for source in node.sources
    }
    if _FRESH in known.values():
        return _FRESH
    if good is None or None in known.values():
        return None
    own = epoch(good.output.salt, [b"" if isinstance(one, Const) else known[one.key] or b"" for one in node.upstreams])
    return own if own != good.output.epoch else None


def _told_as_anew(decision: Decision, node: Node, good: Record | None, anew: Mapping[Key, bytes]) -> Decision:
    """The decision of a task that begins a new epoch.

    If an upstream begins one in this run, the task is sure to run; if one did in an earlier run, the reason says that.
    """
    if source := next((each for each in node.sources if each.key in anew), None):
        return Run(UpstreamChanged(source.label, How.IS_MADE_ANEW)) if isinstance(decision, MayRun) else decision
    same = good is not None and good.inputs.sources == packed_sources(node) and good.inputs.shape == shape(node)
    if same and isinstance(decision, Run) and isinstance(decision.reason, UpstreamChanged):
        return Run(replace(decision.reason, how=How.WAS_MADE_ANEW))
    return decision


def epoch(salt: bytes, upstreams: Sequence[bytes]) -> bytes:
    """The epoch of what is made with this salt from upstreams of these epochs."""
    return digest(salt, *upstreams) if salt or any(upstreams) else b""
