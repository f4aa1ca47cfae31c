"""The program: its commands, found by name and loaded when used, and the one place where it ends."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from taskproc.bytecode import keep_settled_only
from taskproc.context import looking
from taskproc.errors import RequestError
from taskproc_cli import problems
from taskproc_cli.grammar import COMMANDS, VERSION
from taskproc_cli.options import (
    CacheCommand,
    Command,
    DryRunCommand,
    LazyTaskCommand,
    StatusCommand,
    TaskCommand,
    typer_option,
)
from taskproc_cli.problems import Signalled, UsageError
from taskproc_cli.streams import have_all_three
from taskproc_cli.views import terminal
from taskproc_cli.views.result import write_lines
from taskproc_cli.watch import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from typer._click import Context

    from taskproc import Task

ABOUT = """\
Run tasks written in Python, in parallel; every result is kept, and nothing runs twice without a reason.

For example: taskproc run taskfile.py Main --parameter 3"""

KINDS: dict[str, type[Command]] = {
    "run": TaskCommand,
    "dry-run": DryRunCommand,
    "graph": TaskCommand,
    "status": StatusCommand,
    **dict.fromkeys(("why", "accept", "show", "log", "timeline", "clear"), LazyTaskCommand),
    "doctor": CacheCommand,
}
"""How the words of a command are read, where it is about a task; those of the others as any `Command` reads them."""


class Commands(TyperGroup):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002
        """Their names, in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Any:  # noqa: ARG002
        """One of them."""
        return load_command(cmd_name)


def load_command(name: str) -> Command:
    """Import a command: a function in a module of its own name, but for a dry run, which is a `run`."""
    function = "run" if name == "dry-run" else name
    return KINDS.get(name, Command)(name, getattr(import_module(f"taskproc_cli.commands.{function}"), function))


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the program with these words, by default those it was started with, and end with its exit status."""
    words = list(sys.argv[1:] if args is None else args)
    _carry_out(lambda: _dispatch(*(words or ["--help"])))


def run_task_class(cls: type[Task]) -> NoReturn:
    """Be `taskproc run` for one class, whose parameters the program's words give: what `Task.cli()` is."""
    from taskproc_cli.request import request_for_class

    spec = getattr(sys.modules.get(cls.__module__), "__spec__", None)
    if getattr(spec, "_initializing", False):
        guard = 'guard it with `if __name__ == "__main__":`'
        raise RequestError(f"{cls.__qualname__}.cli() was called while its module was imported: {guard}")
    _carry_out(lambda: _invoke(load_command("run"), sys.argv[0], sys.argv[1:], obj=request_for_class(cls)))


def _carry_out(work: Callable[[], None]) -> NoReturn:
    """Do the program's work, again whenever a file changes that is watched, and end with its exit status."""
    keep_settled_only()
    try:
        status = _status(have_all_three) or _status(work)
        if watch.on and status < problems.SIGNALLED:
            status = _status(watch.wait)
            if status == problems.OK:
                watch.again()
        _end(status)
    except KeyboardInterrupt:  # that comes when all is said, or while it is
        os._exit(problems.INTERRUPTED)


def _invoke(command: Any, name: str, words: list[str], **context: Any) -> None:
    before = looking.set(command.name != "run")
    try:
        with command.make_context(name, words, **context) as ctx:
            command.invoke(ctx)
    finally:
        looking.reset(before)


def _dispatch(name: str, *words: str) -> None:
    """Do what the first word says."""
    whole = root_command()
    ctx = typer.Context(whole, info_name="taskproc")
    if name == "--help":
        write_lines([whole.get_help(ctx)])
    elif name == "--version":
        write_lines([f"taskproc {_version()}"])
    elif name in COMMANDS:
        _invoke(load_command(name), name, list(words), parent=ctx)
    else:
        raise UsageError(_no_command(name, words))


def _version() -> str:
    """The version that is installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("taskproc")
    except PackageNotFoundError:  # it is run from where it lies
        return "of unknown version, for it is not installed"


def root_command() -> Commands:
    """The program as a command that has the others below it."""
    return Commands(params=[typer_option(VERSION, {})], help=ABOUT, rich_markup_mode=None)


def _status(work: Callable[[], None]) -> int:
    """Do the program's work; the exit status of what comes of it, and one sentence where that is an error."""
    try:
        _heed_signals()
        work()
    except typer.Exit as end:
        return end.exit_code
    except SystemExit:
        raise
    except BrokenPipeError:
        return problems.OK  # whoever read our stdout has seen enough
    except BaseException as raised:  # noqa: BLE001  whatever it is, it ends here
        watch.error = error = problems.unwrapped(raised)
        if isinstance(error, problems.UserCodeError) and error.__cause__:
            from taskproc.failure import users_traceback

            for line in users_traceback(error.__cause__).splitlines():
                terminal.say(line)
        if text := problems.sentence(error):
            terminal.say(f"{terminal.paint('taskproc:', 'red')} {text}")
        return problems.status_of(error)
    return problems.OK


def _end(status: int) -> NoReturn:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except ValueError:
            pass  # the user's code has closed it
        except OSError:
            # What is left in the buffer is written once more as the interpreter ends: let that go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if status > problems.SIGNALLED:
        os._exit(status)  # what runs in threads can't be ended, and must not hold us
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # all is said: Python's own farewell would be a traceback
    sys.exit(status)


def _heed_signals() -> None:
    """Turn signals that ask a program to end into an exception, unless they are ignored already (as under nohup)."""
    own = os.getpid()

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        if os.getpid() != own:  # of a process that an executor has forked
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise Signalled(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def _no_command(word: str, rest: Sequence[str]) -> str:
    """Say that there is no such command, and what may have been meant."""
    import difflib
    import shlex

    from taskproc_cli.hints import near_options
    from taskproc_cli.paths import is_taskfile

    if word.startswith("-"):
        near = near_options({"-h": "--help"}.get(word, word), ("--help", "--version"))
        hint = f"did you mean taskproc {near[0]}?" if near else "see taskproc --help"
        return f"there is no option {word} before a command; {hint}"
    if is_taskfile(word) or ":" in word:
        return f"{word} is no command; did you mean taskproc run {shlex.join([word, *rest])}?"
    if word == "help":
        return "help is no command; say taskproc --help, or taskproc COMMAND --help"
    near = difflib.get_close_matches(word, COMMANDS, 1)
    hint = f"did you mean taskproc {near[0]}?" if near else f"did you mean taskproc run {shlex.join([word, *rest])}?"
    return f"{word} is no command; {hint}"
