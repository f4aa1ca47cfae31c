"""`taskproc run` and `taskproc dry-run`: bring a task up to date and print its result, or say what that would do."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import typer

from taskproc.errors import FailedTaskError
from taskproc.options import Options
from taskproc_cli.hints import choice
from taskproc_cli.problems import FAILED, UsageError
from taskproc_cli.run_options import for_names, read, refuse_executor
from taskproc_cli.streams import empty_stdin, printing_to_stderr
from taskproc_cli.sweep import read_sweep
from taskproc_cli.views import terminal
from taskproc_cli.views.failure import failure_lines
from taskproc_cli.views.plan import plan_lines
from taskproc_cli.views.progress import Progress, shown_progress
from taskproc_cli.views.quantities import count
from taskproc_cli.views.result import print_result, write_lines
from taskproc_cli.watch import watch as watching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskproc.events import Event
    from taskproc.graph import Node
    from taskproc.plan import Plan
    from taskproc.record import Key
    from taskproc_cli.request import Request
    from taskproc_cli.sweep import Sweep

FAILURES = 3
"""How many failures of a sweep are told with all that helps to mend them."""


class Ran(NamedTuple):
    """What came of a run of tasks: their values by key or, if tasks failed, these failures."""

    nodes: Sequence[Node]
    values: dict[Key, Any]
    failed: list[FailedTaskError]
    options: Options


def run(
    request: Request,
    *,
    workers: str | None = None,
    executor: str | None = None,
    executor_args: str | None = None,
    rate_limit: list[str] | None = None,
    prefix: list[str] | None = None,
    result_grace: str | None = None,
    keep_going: bool = False,
    dry_run: bool = False,
    force: bool = False,
    force_all: bool = False,
    interactive: bool = False,
    no_detect_source_change: bool = False,
    explain: bool = False,
    progress: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    sweep: list[str] | None = None,
    format: str | None = None,  # noqa: A002  the option's name
    watch: bool = False,
) -> None:
    """Run a task and print its result.

    For example: taskproc run taskfile.py Choose --n 6 --k 3
    """
    _refuse_unclear(request, quiet=quiet, verbose=verbose)
    if watch:
        watching.begin([request.target.taskfile, request.settings.pyproject], request.kwargs)
    options = Options(
        **read(request, workers=workers, executor=executor, executor_args=executor_args, result_grace=result_grace),
        detect_source_change=not no_detect_source_change,
        keep_going=keep_going or bool(sweep),
        interactive=interactive,
        force="all" if force_all else "requested" if force else "nothing",
    )
    form = _form(format, sweep)
    swept, nodes = _tasks(request, sweep or ())
    options = options._replace(**for_names(rate_limit or (), prefix or (), request.settings, nodes))
    refuse_executor(options)
    if dry_run:
        _tell_plan(nodes, options)
        return
    listener = shown_progress(quiet=quiet, verbose=verbose, insist=progress, own_terminal=interactive)
    ran = _run(nodes, options, listener, explain=explain)
    _print(ran, swept, form)
    if ran.failed:
        _tell(ran, request, quiet=quiet)


def _refuse_unclear(request: Request, *, quiet: bool, verbose: bool) -> None:
    """Raise a UsageError where the words do not go together."""
    request.refuse_instance()
    if quiet and verbose:
        raise UsageError(f"{request.called('quiet')} says less and {request.called('verbose')} more: leave one out")


def _tasks(request: Request, sweep: Sequence[str]) -> tuple[Sweep, Sequence[Node]]:
    """The sweep, which has one point if none was asked for, and the tasks at its points."""
    swept = read_sweep(sweep, request.parameters, request.values, request.given)
    nodes = request.nodes([(point.values, swept.label(point)) for point in swept.points])
    watching.take(nodes)
    return swept, nodes


def _tell_plan(nodes: Sequence[Node], options: Options) -> None:
    """Say what a run would do, and refuse what it would refuse."""
    from taskproc.run import make_plan, refuse_impossible

    plan = make_plan(nodes[0], options, *nodes[1:])
    refuse_impossible(plan, options)
    write_lines(plan_lines(plan))


def _form(form: str | None, sweep: Sequence[str] | None) -> str:
    """How a sweep is printed.

    Raises:
        UsageError: there is no such format, or no sweep.
    """
    if form is None:
        return "table"
    if not sweep:
        raise UsageError("--format says how a sweep is printed, and there is no --sweep NAME=VALUES")
    return choice("run", "--format", form)


def _print(ran: Ran, sweep: Sweep, form: str) -> None:
    """Print the result, if there is one, or what came of each point of a sweep."""
    if not sweep.names:
        for value in ran.values.values():
            print_result(value)
        return
    from taskproc_cli.outcomes import outcomes
    from taskproc_cli.views.table import sweep_lines

    write_lines(sweep_lines(sweep, outcomes(*ran), form), form)


def _run(nodes: Sequence[Node], options: Options, listener: Progress, *, explain: bool) -> Ran:
    """Bring the tasks up to date; what commands print that tasks start in this process goes to stderr."""
    from taskproc.events import Planned
    from taskproc.run import run_all

    def tell(event: Event) -> None:
        if options.interactive and isinstance(event, Planned):
            _warn_of_commands(event.plan, options, listener)
        if explain and isinstance(event, Planned):
            for line in plan_lines(event.plan):
                terminal.say(line)
        listener(event)

    stdin = nullcontext() if options.interactive else empty_stdin()
    try:
        with printing_to_stderr(), stdin, listener:
            return Ran(nodes, run_all(nodes, options, tell)[0], [], options)
    except FailedTaskError as error:
        return Ran(nodes, {}, [error], options)
    except ExceptionGroup as group:
        failed = [error for error in group.exceptions if isinstance(error, FailedTaskError)]
        if len(failed) < len(group.exceptions):
            raise
        return Ran(nodes, {}, failed, options)


def _warn_of_commands(plan: Plan, options: Options, listener: Progress) -> None:
    """Say which prefix commands a run in this process leaves out."""
    from taskproc.command import choose
    from taskproc.decision import UpToDate
    from taskproc.events import Warned

    to_run = [node for node in plan.graph.nodes if not isinstance(plan.decisions[node.key], UpToDate)]
    chosen = {(choose(node, options).line, node.short): None for node in to_run}
    if left_out := [f"{line!r} of {short}" for line, short in chosen if line.strip()]:
        listener(Warned(f"--interactive runs tasks in this process, without prefix commands: {', '.join(left_out)}"))


def _tell(ran: Ran, request: Request, *, quiet: bool) -> NoReturn:
    """Tell of failures, last of all, and end the command; of those of a sweep a few, for its table tells of each."""
    nodes, _, failed, options = ran

    def debug(error: FailedTaskError) -> str:
        if options.interactive:
            return ""
        is_requested = len(nodes) == 1 and error.task is nodes[0].task and not watching.on
        if not is_requested or options.force == "all":  # which would run all that it needs again
            from taskproc_cli.again import debug_command

            with suppress(Exception):  # the failure is told whatever comes of this
                return debug_command(error.task._task_node) or request.rerun
        return request.rerun

    if not quiet:
        terminal.say("")
    ranked = sorted(failed, key=lambda error: error.blocks)
    told = ranked if len(nodes) == 1 else ranked[-FAILURES:]
    if len(told) < len(failed):
        terminal.say(f"{count(len(failed) - len(told), 'failure')} more, each told in its row")
    for line in failure_lines(told, debug):
        terminal.say(line)
    raise typer.Exit(FAILED)
