"""How far a run has come: which tasks are settled, which wait, and what is known of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc.decision import Damaged, MayRun, Run, UpToDate
from taskproc.future import Const
from taskproc.graph import Node
from taskproc.plan import decide, difference
from taskproc.record import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from taskproc.decision import Reason
    from taskproc.grounds import Grounds
    from taskproc.plan import Plan
    from taskproc.record import Inputs, Key, Output, Row

_OPEN = MayRun(())  # to be decided again


class Frontier:
    """The settled and the waiting tasks of a plan.

    A task waits while it lacks the output of an upstream. What lacks nothing is handed to the caller, and is the
    caller's until it is settled, or waits again.

    Attributes:
        rows: What is known of each task, as far as it may be asked for.
        outputs: The output of each settled task.
        decisions: What is to be done with each task: the plan's, kept up to date.
    """

    def __init__(self, plan: Plan, grounds: Grounds) -> None:
        self._grounds = grounds
        self.rows = plan.rows
        self.outputs: dict[Key, Output] = {}
        self.decisions = plan.decisions
        self._learnt: set[Key] = set()
        self._lacks: dict[Key, int] = {}
        self._readers = plan.graph.dependents()
        for key, decision in plan.decisions.items():
            if isinstance(decision, UpToDate):
                self.outputs[key] = decision.record.output

    def wait(self, nodes: Iterable[Node]) -> list[Node]:
        """Have tasks wait for what they lack; gives those that lack nothing."""
        lacking_nothing: list[Node] = []
        for node in nodes:
            lacks = sum([source.key not in self.outputs for source in node.sources])
            if lacks:
                self._lacks[node.key] = lacks
            else:
                self._lacks.pop(node.key, None)
                lacking_nothing.append(node)
        return lacking_nothing

    def settle(self, node: Node, output: Output) -> list[Node]:
        """Settle a task; gives its readers that lack nothing any more."""
        self.outputs[node.key] = output
        lacking_nothing: list[Node] = []
        for reader in self._readers.get(node.key, ()):
            lacks = self._lacks.get(reader.key)
            if lacks == 1:
                del self._lacks[reader.key]
                lacking_nothing.append(reader)
            elif lacks:
                self._lacks[reader.key] = lacks - 1
        return lacking_nothing

    def unsettle(self, node: Node, what: str) -> bool:
        """Take back a settled task whose value turned out to be damaged; False if that is done already."""
        if self.outputs.pop(node.key, None) is None:
            return False
        self.decisions[node.key] = Run(Damaged(what))
        for reader in self._readers.get(node.key, ()):
            if reader.key in self._lacks:
                self._lacks[reader.key] += 1
        return True

    def keep(self, node: Node, row: Row) -> None:
        """Keep what is known of a task now, unless nobody will ask: only a value in a file can turn out damaged."""
        if node.key in self.rows or row.good is None or row.good.output.attempt:
            self.rows[node.key] = row

    def take(self, nodes: Iterable[Node]) -> None:
        """Hand tasks to the caller, about to run: what they lack comes before them in their batch."""
        self._grounds.look_anew()
        for node in nodes:
            self._grounds.look_at(node)
            self._lacks.pop(node.key, None)

    def lacks(self, node: Node, coming: Iterable[Key] = ()) -> bool:
        """Whether a task lacks something that is not `coming` either."""
        return any(source.key not in self.outputs and source.key not in coming for source in node.sources)

    def followers(self, node: Node, within: dict[Key, int]) -> Iterator[Node]:
        """The readers that are sure to run, and lack nothing once the batch with this task has run.

        `within` counts, for each reader, how much of what it lacks is in the batch so far.
        """
        for reader in self._readers.get(node.key, ()):
            lacks = self._lacks.get(reader.key)
            if lacks and isinstance(self.decisions[reader.key], Run):
                within[reader.key] = within.get(reader.key, 0) + 1
                if within[reader.key] == lacks:
                    yield reader

    def reason(self, node: Node) -> Reason | None:
        """Why a task runs; None if that is not sure."""
        decision = self.decisions[node.key]
        return decision.reason if isinstance(decision, Run) else None

    def inputs(self, node: Node) -> Inputs:
        """What a task that lacks nothing is made from."""
        return self._grounds.inputs(node, self.outputs)

    def inputs_used(self, node: Node) -> Inputs:
        """What a task that has just run was made from."""
        return self._grounds.inputs_used(node, self.outputs)

    def epochs(self, node: Node) -> list[bytes]:
        """The epochs of a task's upstreams, in their order."""
        return [b"" if isinstance(one, Const) else self.outputs[one.key].epoch for one in node.upstreams]

    def learn(self, rows: Mapping[Key, Row]) -> None:
        """Take in what other runs have recorded while this one goes on."""
        self.rows.update(rows)
        news = rows.keys() - self._grounds.forced
        self._learnt |= news
        self.decisions.update(dict.fromkeys(news, _OPEN))

    def decide(self, node: Node) -> UpToDate | Run | Failure:
        """Judge a task that lacks nothing; if another run has just seen it fail, it has failed here too."""
        if isinstance(sure := self.decisions[node.key], Run):
            return sure
        row = self.rows.get(node.key)
        if node.key in self._learnt:
            self._learnt.discard(node.key)
            failure = row.failure if row is not None else None
            if failure is not None and difference(node, failure.inputs, self.inputs(node), trust_code=False) is None:
                return failure
        decision = decide(node, row, self.inputs(node), self._grounds)
        assert not isinstance(decision, MayRun), "it lacks nothing"
        self.decisions[node.key] = decision
        return decision
