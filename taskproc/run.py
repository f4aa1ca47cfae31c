"""The table of contents: what it takes to bring a task up to date."""

from __future__ import annotations

import contextlib
import functools
import gc
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from taskproc.command import refuse_unknown
from taskproc.context import in_task, is_starting, loading
from taskproc.decision import Damaged, Run, UpToDate
from taskproc.errors import DefinitionError, FailedTaskError, NoResultError, RequestError
from taskproc.events import Planned, Printed, Warned
from taskproc.fingerprint import Fingerprinter, task_base
from taskproc.graph import build_graph, by_name
from taskproc.grounds import Grounds
from taskproc.inputfile import Contents
from taskproc.kept import kept_output
from taskproc.limits import refuse_unfit
from taskproc.loading import RefusedError
from taskproc.options import Options
from taskproc.payloads import value_of
from taskproc.plan import Plan, plan_graph
from taskproc.store import open_store, tidy
from taskproc.tally import Tally
from taskproc.value import DamagedValueError, load

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from taskproc.events import Event, Listener, RunStats
    from taskproc.graph import Graph, Node
    from taskproc.record import Key


_thresholds: list[tuple[int, int, int]] = []  # one for each run that lasts, the first being those to return to
_one_at_a_time = threading.Lock()
_SELDOM = 50_000  # objects made between two looks for garbage, while a run lasts


@dataclass(frozen=True, slots=True)
class Outcome:
    """The requested task's value, and what was done for it."""

    value: Any
    stats: RunStats


def run(root: Node, options: Options, listener: Listener | None = None) -> Outcome:
    """Bring a task up to date; what finishes is kept, whatever happens next.

    Raises:
        FailedTaskError: A task failed; with `keep_going` an `ExceptionGroup` of them.
        RequestError: The request was wrong, and nothing ran.
    """
    try:
        values, stats = run_all([root], options, listener)
    except (FailedTaskError, ExceptionGroup) as error:
        # What it went through here tells a notebook's reader nothing, and would hide what it says of their own code.
        raise error.with_traceback(None) from error.__cause__
    return Outcome(values[root.key], stats)


def run_all(
    roots: Sequence[Node], options: Options, listener: Listener | None = None
) -> tuple[dict[Key, Any], RunStats]:
    """Bring several tasks up to date, in one graph; gives their values by key. Errors are those of `run`."""
    started = time.monotonic()
    _check(roots[0], options)
    tally = Tally()
    tell = tally if listener is None else _broadcast(tally, listener)
    with judged(build_graph(*roots), options) as (grounds, plan, generation):
        refuse_impossible(plan, options)
        tell(Planned(plan))
        _warn_of_damage(plan, tell)
        before = plan.rows.get(roots[0].key)
        values = recorded_values(plan) if plan.is_done else {}
        if len(values) < len({root.key for root in roots}):
            from taskproc.execution import execute  # loads only where there is something to run

            values = execute(plan, generation, grounds, options, tell)
        else:
            found = grounds.contents.lasting() if grounds.contents.is_news else {}
            tidy(roots[0].home, found)
    if len(roots) == 1 and before is not None and before.good is not None and plan.rows[roots[0].key] is before:
        for stream, text in kept_output(roots[0], before).items():
            tell(Printed(roots[0], stream, text, kept=True))
    return values, tally.stats(time.monotonic() - started)


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
                values[root.key] = load(value_of(root, plan.rows[root.key].task_id, decision.record.output))
    return values


def _warn_of_damage(plan: Plan, tell: Listener) -> None:
    damaged = [
        f"{node.label}: {decision.reason}"
        for node in plan.graph.nodes
        if isinstance(decision := plan.decisions[node.key], Run) and isinstance(decision.reason, Damaged)
    ]
    if damaged:
        more = f", and so are {len(damaged) - 1} others" if len(damaged) > 1 else ""
        tell(Warned(f"{damaged[0]}; it is made again{more}"))


@contextlib.contextmanager
def _seldom_collected() -> Generator[None]:
    """Have the garbage collector look seldom at what a run makes: a lot, nearly all of which is kept.

    It must not be told to leave that alone altogether (`gc.freeze`): what many runs drop would then pile up.
    """
    with _one_at_a_time:
        _thresholds.append(gc.get_threshold())
        often, *rest = _thresholds[0]
        gc.set_threshold(often and max(often, _SELDOM), *rest)
    try:
        yield
    finally:
        with _one_at_a_time:
            before = _thresholds[0]
            _thresholds.pop()
            if not _thresholds:
                gc.set_threshold(*before)


def _check(root: Node, options: Options) -> None:
    """Refuse a run within a run or where it would begin again in each worker, and options that are none."""
    if in_task.get():
        message = f"run_graph of {root.label} was called inside run_task: declare it as a slot (Requires) instead"
        raise RuntimeError(message)
    if loading.get():
        message = (
            f"a worker that imported the module met run_graph of {root.label} there:"
            ' guard it with `if __name__ == "__main__":`'
        )
        raise RefusedError(message)
    if is_starting():
        message = (
            f"multiprocessing imported the script again, and met run_graph of {root.label} there:"
            ' guard it with `if __name__ == "__main__":`'
        )
        raise RuntimeError(message)
    _check_options(root, options)


def _check_options(root: Node, options: Options) -> None:
    """Refuse what callers without types may give."""
    for what, named in (("rate_limits", options.limits), ("prefixes", options.prefixes)):
        wrong = [name for name in named if type(name) is not str] if hasattr(named, "keys") else [named]
        if wrong:
            message = f"{what}: {wrong[0]!r} is no name; give a dict by channel or task_name, such as {root.name!r}"
            raise RequestError(message)
    numbers = {f"rate limit {name}": number for name, number in options.limits.items()}
    if options.workers is not None:
        numbers["max_workers"] = options.workers
    for name, number in numbers.items():
        if type(number) is not int or number < 1:
            message = f"{name} is {number!r}, but must be a whole number from 1"
            raise RequestError(message)
    for name, command in options.prefixes.items():
        if not isinstance(command, str):  # pyright: ignore[reportUnnecessaryIsInstance]  callers may not be typed
            message = f"prefix {name} is {command!r}, but must be a command, as text"
            raise RequestError(message)
    if not isinstance(options.executor, str) and not callable(getattr(options.executor, "submit", None)):
        message = f"executor is {options.executor!r}, but must be a concurrent.futures.Executor, or None"
        raise RequestError(message)


@contextlib.contextmanager
def judged(graph: Graph, options: Options) -> Generator[tuple[Grounds, Plan, int]]:
    """What would be done, what that rests on while the cache is open to be read, and the rows' generation."""
    forced = graph.nodes if options.force == "all" else graph.roots if options.force == "requested" else ()
    with _seldom_collected(), open_store(graph.root.home, write=False) as store:
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
