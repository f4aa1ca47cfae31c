"""Running a plan: one loop between the ready tasks and the workers' answers.

Rules:

1. A task is considered when it lacks no upstream any more: decided again, now that all stamps are known, unless the
   plan was sure already. It is then reused, or ready to run.
2. A batch of ready tasks is leased before it is submitted. What another live run has leased is waited for; what
   another run has recorded meanwhile is decided again by our own code.
3. A worker answers each task as it finishes, and what finished is recorded soon (see `taskproc.recorder`).
4. A silent batch is recalled (see `taskproc.flight`): what has not begun comes back and goes elsewhere.
5. If a worker dies, its first task without an answer has failed; the others are ready again. Where answers come only
   at the end of a batch, its tasks go again one by one, and one that is lost alone has failed.
6. After a failure nothing new begins, and what runs may finish; with `keep_going`, all that can run does.
7. What is settled stays settled for this run, whatever others record. Only a value found damaged is made again.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from taskproc import token
from taskproc.batch import Answer, Damaged, Done, Echoed, Failed, Lost, Refused, Returned
from taskproc.decision import Run, UpToDate
from taskproc.elsewhere import Elsewhere
from taskproc.events import Finished, Printed, Reused, Started, Stopping, TakenBack, Waiting, Warned
from taskproc.flight import Flight, Flights
from taskproc.frontier import Frontier
from taskproc.graph import by_name
from taskproc.lanes import Durations, Lanes, ranks
from taskproc.limits import addressed
from taskproc.outcome import conclude, drop_attempt, failed_task, failure_of
from taskproc.payloads import Packer
from taskproc.record import Failure, Row
from taskproc.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskproc.batch import Ended
    from taskproc.dispatch import Dispatch
    from taskproc.errors import FailedTaskError
    from taskproc.events import Listener
    from taskproc.graph import Node
    from taskproc.grounds import Grounds
    from taskproc.limits import Lane, Limits
    from taskproc.plan import Plan
    from taskproc.record import Key, Made, Output
    from taskproc.store import Journal


class Scheduler:
    """One run of a plan whose tasks have their ids."""

    def __init__(
        self,
        plan: Plan,
        grounds: Grounds,
        journal: Journal,
        executors: Dispatch,
        limits: Limits,
        tell: Listener,
        *,
        keep_going: bool,
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._executors = executors
        self._limits = limits
        self._tell = tell
        self._ids = plan.ids
        self._keep_going = keep_going
        self._codes = grounds.codes
        self._frontier = Frontier(plan, grounds)
        self._packer = Packer(plan.graph.roots, grounds, plan.ids, self._frontier.outputs)
        self._recorder = Recorder(journal, grounds.codes)
        self._failures: dict[Key, FailedTaskError] = {}
        self._elsewhere = Elsewhere(journal)
        self._flights = Flights(journal.run, limits.workers)
        self._attempts = (token.attempt(journal.run, number) for number in itertools.count())
        nodes = plan.graph.nodes
        self._durations = Durations(plan.rows, nodes)
        waiting = {node.key for node in nodes if not isinstance(plan.decisions[node.key], UpToDate)}
        failed = {key for key, row in plan.rows.items() if row.failure is not None}
        order = ranks(nodes, waiting, self._durations, failed)
        self._lanes = Lanes(limits.workers, self._durations, self._lane_of, order, batching=executors.batching)

    def run(self) -> Mapping[Key, Output]:
        """Bring the plan's roots up to date; gives the outputs. What finished is recorded, whatever ends the run.

        Raises:
            FailedTaskError: A task failed; with `keep_going` an `ExceptionGroup` of them.
        """
        decisions = self._plan.decisions
        self._consider(
            self._frontier.wait(n for n in self._plan.graph.nodes if not isinstance(decisions[n.key], UpToDate))
        )
        return self._go_on()

    def redo(self, node: Node, what: str) -> Mapping[Key, Output]:
        """Run a settled task again, for its value turned out to be damaged; gives the outputs."""
        self._unsettle(node, what)
        return self._go_on()

    def _go_on(self) -> Mapping[Key, Output]:
        try:
            while self._flights or self._elsewhere or (self._lanes and not self._stopping):
                self._submit_ready()
                self._take_answers()
                self._flights.recall_silent()
                self._consider_freed()
                self._recorder.flush_due(idle=not self._lanes)
        finally:
            self._recorder.flush()
        if self._failures:
            raise failure_of(self._failures, self._plan.graph, keep_going=self._keep_going)
        return self._frontier.outputs

    @property
    def _stopping(self) -> bool:
        return bool(self._failures) and not self._keep_going

    # Tasks that lack nothing: reused, or ready.

    def _consider(self, nodes: Iterable[Node]) -> None:
        stack = list(nodes)
        while stack:
            node = stack.pop()
            decision = self._frontier.decide(node)
            if isinstance(decision, Run):
                self._lanes.push(node)
            elif isinstance(decision, UpToDate):
                self._tell(Reused(node))
                stack += self._frontier.settle(node, decision.record.output)
            else:
                self._fail(node, decision)

    def _unsettle(self, node: Node, what: str) -> None:
        if self._frontier.unsettle(node, what):
            self._tell(Warned(f"the result of {self._plan.name(node)} is damaged and is made again: {what}"))
            self._consider(self._frontier.wait([node]))

    def _lane_of(self, node: Node) -> Lane:
        return self._limits.lane(self._executors.command_for(node), node)

    # Batches: from ready to under way.

    def _submit_ready(self) -> None:
        while not self._stopping:
            lane = self._lanes.next_lane(self._limits.free)
            if lane is None:
                return
            nodes = self._lease(self._lanes.take(lane, self._frontier.followers))
            if nodes:
                self._submit(lane, nodes)

    def _lease(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        """Lease a batch; what is not to be had, and what needs that, waits or is decided again."""
        lease = self._recorder.lease(by_name(nodes))
        if len(lease.granted) == len(nodes):
            self._frontier.take(nodes)
            return tuple(nodes)
        self._frontier.learn(lease.changed)
        granted: dict[Key, Node] = {}
        back: list[Node] = []
        for node in nodes:
            if self._frontier.lacks(node, granted):
                self._journal.release([node.key])
                back.append(node)
            elif node.key in lease.granted:
                granted[node.key] = node
            elif node.key in lease.busy:
                self._elsewhere.add(node)
                self._frontier.take([node])
                self._tell(Waiting((node,)))
            else:
                back.append(node)
        self._frontier.take(granted.values())
        self._consider(self._frontier.wait(back))
        return tuple(granted.values())

    def _submit(self, lane: Lane, nodes: tuple[Node, ...]) -> None:
        attempts = tuple([next(self._attempts) for _ in nodes])
        batch, read = self._packer.batch(nodes, attempts)
        executor = self._executors.executor(lane.command)
        taken = self._limits.take(lane)
        if lane.command is not None:
            batch = batch._replace(command=addressed(lane.command, taken, self._ids[nodes[0].key]))
        self._tell(Started(nodes))
        for node in nodes if not executor.streams else ():
            self._journal.doubt(node.name, [self._ids[node.key]])
        self._flights.begin(batch, Flight(executor, lane, taken, nodes, attempts, read, dict(enumerate(nodes))))

    # Answers: from under way to settled.

    def _take_answers(self) -> None:
        """Take in all answers there are, or wait for one until something else needs doing."""
        if not self._flights and not self._elsewhere:
            return
        for flight, answer in self._flights.heard(restless=bool(self._recorder or self._elsewhere)):
            self._take(flight, answer)

    def _take(self, flight: Flight, answer: Answer) -> None:
        if isinstance(answer, Done):
            self._done(flight, answer)
        elif isinstance(answer, Failed):
            self._failed(flight, answer)
        elif isinstance(answer, Damaged):
            self._damaged(flight, answer)
        elif isinstance(answer, Returned):
            self._take_back(flight, answer.positions)
        elif isinstance(answer, Echoed):
            self._tell(Printed(flight.nodes[answer.position], answer.stream, answer.text))
        else:
            self._end(flight, answer)

    def _end(self, flight: Flight, answer: Ended | Lost | Refused) -> None:
        if isinstance(answer, Lost):
            self._lost(flight, answer)
        elif isinstance(answer, Refused):
            failed = Failed(0, answer.reason, answer.details, answer.error, "", "", flight.made())
            for position in tuple(flight.unanswered):
                self._failed(flight, failed._replace(position=position))
        self._take_back(flight, tuple(flight.unanswered))
        self._limits.give_back(flight.lane, flight.taken)
        self._flights.end(flight)

    def _take_back(self, flight: Flight, positions: Iterable[int]) -> None:
        nodes = [flight.unanswered.pop(position) for position in positions if position in flight.unanswered]
        if nodes:
            self._tell(TakenBack(tuple(nodes)))
            self._consider(self._frontier.wait(nodes))

    def _done(self, flight: Flight, answer: Done) -> None:
        node = flight.unanswered.pop(answer.position)
        flight.answered = True
        row = self._row(node)
        reason = self._frontier.reason(node)
        assert reason is not None, "it ran"
        epochs, inputs = self._frontier.epochs(node), self._frontier.inputs_used(node)
        if answer.refs:
            refs, code = self._codes.made(answer.refs, answer.refs_code)
            answer = answer._replace(refs=refs, refs_code=code)
        record = conclude(node, row, reason, inputs, epochs, answer, read=node.key in flight.read)
        if answer.attempt and record.output.attempt != answer.attempt:
            drop_attempt(node, row, answer.attempt, record.output.attempt)
        made = answer.made
        self._durations.learn(node, made.duration)
        self._record(node, Row(row.task_id, good=record), made)
        self._tell(Finished(node, made.start, made.duration, made.where, str(reason)))
        self._consider(self._frontier.settle(node, record.output))

    def _failed(self, flight: Flight, answer: Failed) -> None:
        node = flight.unanswered.pop(answer.position)
        flight.answered = True
        inputs = self._frontier.inputs_used(node)
        failure = Failure(inputs, answer.reason, answer.details, answer.error, answer.attempt, answer.made)
        self._durations.learn(node, answer.made.duration)
        self._record(node, self._row(node)._replace(failure=failure), answer.made)
        self._fail(node, failure, answer.tail)

    def _fail(self, node: Node, failure: Failure, tail: str = "") -> None:
        folder = self._packer.folder(node, failure.attempt) if failure.attempt else ""
        error = failed_task(node, self._plan.name(node), self._ids[node.key], failure, tail, folder)
        self._failures[node.key] = error
        self._tell(Finished(node, *failure.made, str(self._frontier.reason(node) or ""), error))
        if self._stopping:
            self._tell(Stopping())
            self._flights.recall_all()

    def _damaged(self, flight: Flight, answer: Damaged) -> None:
        node = flight.unanswered.pop(answer.position)
        self._tell(TakenBack((node,)))
        self._unsettle(next(source for source in node.sources if source.key == answer.source), answer.reason)
        self._consider(self._frontier.wait([node]))

    def _lost(self, flight: Flight, answer: Lost) -> None:
        position = next(iter(flight.unanswered), None)
        if position is not None and (flight.executor.streams or len(flight.nodes) == 1):
            attempt = flight.attempts[position] if answer.kept or answer.tail else ""
            self._failed(flight, Failed(position, answer.reason, "", answer.error, answer.tail, attempt, flight.made()))
        self._lanes.alone.update(node.key for node in flight.unanswered.values())

    # The record, and other runs.

    def _row(self, node: Node) -> Row:
        return self._frontier.rows.get(node.key) or Row(self._ids[node.key])

    def _record(self, node: Node, row: Row, made: Made) -> None:
        self._frontier.keep(node, row)
        self._recorder.add(node, row, made.duration)

    def _consider_freed(self) -> None:
        if self._stopping:
            self._elsewhere.forget()
        freed, changed = self._elsewhere.freed()
        self._frontier.learn(changed)
        self._consider(self._frontier.wait(freed))
