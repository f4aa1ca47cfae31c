"""The table of contents: what it takes to bring a task up to date."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any

from taskproc.command import refuse_unknown
from taskproc.context import in_task, is_starting, loading, looking
from taskproc.decision import Damaged, Run, UpToDate
from taskproc.errors import DefinitionError, FailedTaskError, NoResultError, RequestError
from taskproc.events import Planned, Printed, Warned
from taskproc.fingerprint import Fingerprinter, task_base
from taskproc.garbage import seldom_collected
from taskproc.graph import build_graph, by_name
from taskproc.grounds import Grounds
from taskproc.inputfile import Contents
from taskproc.kept import kept_output
from taskproc.limits import refuse_unfit
from taskproc.loading import RefusedError
from taskproc.options import Options
from taskproc.payloads import source_of
from taskproc.plan import Plan, plan_graph
from taskproc.store import open_store, tidy
from taskproc.tally import Tally
from taskproc.value import DamagedValueError, load

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from taskproc.events import Event, Listener, RunStats
    from taskproc.graph import Graph, Node
    from taskproc.record import Key


def run(root: Node, options: Options, listener: Listener | None = None) -> tuple[Any, RunStats]:
    """Bring a task up to date; gives its value, and what was done for it. What finishes is kept, whatever happens next.

    Raises:
        FailedTaskError: A task failed; with `keep_going` an `ExceptionGroup` of them.
        RequestError: The request was wrong, and nothing ran.
    """
    try:
        values, stats = run_all([root], options, listener)
    except (FailedTaskError, ExceptionGroup) as error:
        # What it went through here tells a notebook's reader nothing, and would hide what it says of their own code.
        raise error.with_traceback(None) from error.__cause__
    return values[root.key], stats


def run_all(
    roots: Sequence[Node], options: Options, listener: Listener | None = None
) -> tuple[dict[Key, Any], RunStats]:
    """Bring several tasks up to date, in one graph; gives their values by key. Errors are those of `run`."""
    started = time.monotonic()
    _refuse_nested(roots[0])
    options.check(roots[0].name)
    tally = Tally()
    tell = tally if listener is None else _broadcast(tally, listener)
    graph, values = build_graph(*roots), None
    while values is None:  # or what was up to date was cleared, or made anew, before the run began
        values = _bring_up_to_date(graph, options, tell, tally)
    return values, tally.stats(time.monotonic() - started)


def _bring_up_to_date(graph: Graph, options: Options, tell: Listener, tally: Tally) -> dict[Key, Any] | None:
    """The values of a graph's roots; None if another plan is needed."""
    root = graph.root
    with judged(graph, options) as (grounds, plan, generation):
        refuse_impossible(plan, options)
        values = recorded_values(plan) if plan.is_done else {}
        if len(values) < len({node.key for node in graph.roots}):
            _refuse_restart(root)
            _refuse_to_look(root)
            from taskproc.execution import execute  # loads only where there is something to run

            ran = execute(plan, generation, grounds, options, tell, functools.partial(_announce, plan, tell))
            if ran is None:
                return None
            values = ran
        else:
            _announce(plan, tell)
            if not looking.get():
                tidy(root.home, grounds.contents.lasting() if grounds.contents.is_news else {})
    if len(graph.roots) == 1 and tally.reuses(root):  # another run may have made it meanwhile
        for stream, text in kept_output(root, plan.rows[root.key]):
            tell(Printed(root, stream, text, kept=True))
    return values


def make_plan(root: Node, options: Options, *others: Node) -> Plan:
    """What `run` would do, or `run_all` with other tasks; writes nothing."""
    with judged(build_graph(root, *others), options) as (_, plan, _):
        return plan


def recorded_result(root: Node) -> Any:
    """The recorded value of a task.

    Raises:
        NoResultError: There is none, or it is not up to date.
    """
    plan = make_plan(root, Options())
    decision = plan.decisions[root.key]
    values = recorded_values(plan)
    if root.key in values:
        return values[root.key]
    if isinstance(decision, UpToDate):
        reason = "damaged"
    else:
        reason = str(decision.reason) if isinstance(decision, Run) else str(decision)
    message = f"{root.label} has no up-to-date result ({reason}); run it first"
    raise NoResultError(message)


def recorded_values(plan: Plan) -> dict[Key, Any]:
    """The values of those roots of a plan that are up to date; without those that turn out to be damaged."""
    values: dict[Key, Any] = {}
    for root in plan.graph.roots:
        decision = plan.decisions[root.key]
        if isinstance(decision, UpToDate):
            with contextlib.suppress(DamagedValueError):
                values[root.key] = load(source_of(root, plan.rows[root.key].task_id, decision.record.output))
    return values


def _announce(plan: Plan, tell: Listener) -> None:
    """Tell what will be done, and warn of what turned out to be damaged."""
    tell(Planned(plan))
    damaged = [
        f"{node.label}: {decision.reason}"
        for node in plan.graph.nodes
        if isinstance(decision := plan.decisions[node.key], Run) and isinstance(decision.reason, Damaged)
    ]
    if damaged:
        others = len(damaged) - 1
        more = f", and so {'is 1 other' if others == 1 else f'are {others} others'}" if others else ""
        tell(Warned(f"{damaged[0]}; it is made again{more}"))


def _refuse_nested(root: Node) -> None:
    """Refuse a run within a run, and one that would begin again in each worker."""
    if in_task.get():
        message = f"run_graph of {root.label} was called inside run_task: declare it as a slot (Requires) instead"
        raise RuntimeError(message)
    if loading.get():
        message = (
            f"a worker that imported the module met run_graph of {root.label} there:"
            ' guard it with `if __name__ == "__main__":`'
        )
        raise RefusedError(message)


def _refuse_restart(root: Node) -> None:
    """Refuse to run what the process that started this one may wait for; what is done already is only read."""
    if is_starting():
        message = (
            f"multiprocessing imported the script again, and met run_graph of {root.label} there:"
            ' guard it with `if __name__ == "__main__":`'
        )
        raise RuntimeError(message)


def _refuse_to_look(root: Node) -> None:
    """Refuse to run what a command needs that only looks, as where an `__init__` asks for a value."""
    if looking.get():
        message = (
            f"run_graph of {root.label} was called, and that is not up to date: run it first, since this runs nothing"
        )
        raise RequestError(message)


@contextlib.contextmanager
def judged(graph: Graph, options: Options) -> Generator[tuple[Grounds, Plan, int]]:
    """What would be done, what that rests on while the cache is open to be read, and the rows' generation."""
    forced = graph.nodes if options.force == "all" else graph.roots if options.force == "requested" else ()
    with seldom_collected(), open_store(graph.root.home, write=False) as store:
        grounds = Grounds(
            graph,
            Fingerprinter(task_base(graph.root.cls)),
            frozenset(node.key for node in forced),
            functools.cache(store.version),
            Contents(store.listing),
            trust_code=not options.detect_source_change,
        )
        rows = store.read(by_name(graph.nodes))
        yield grounds, plan_graph(grounds, rows.rows, rows.damaged), rows.generation


def refuse_impossible(plan: Plan, options: Options) -> None:
    """Refuse a plan with a task that can never begin.

    Raises:
        RequestError: It takes more of a channel than there is, its prefix command names what it lacks, or it has no
            `run_task`.
    """
    to_run = [node for node in plan.graph.nodes if not isinstance(plan.decisions[node.key], UpToDate)]
    _refuse_idle(to_run)
    refuse_unfit(to_run, options.limits)
    refuse_unknown(to_run, options)


def _broadcast(*listeners: Listener) -> Listener:
    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def _refuse_idle(to_run: Sequence[Node]) -> None:
    classes: dict[Any, None] = {node.cls: None for node in to_run}
    idle = [cls.__qualname__ for cls in classes if cls.run_task is task_base(cls).run_task]
    if idle:
        message = f"{idle[0]} does not say what to do: define run_task"
        raise DefinitionError(message)
