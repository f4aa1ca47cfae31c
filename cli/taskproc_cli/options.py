"""The commands: their own options, which the grammar names, and those made of a task's parameters.

Typer makes the help. The words are read by `taskproc_cli.words`, because how a target stands amid options, and what the
text of a parameter means, are this program's own rules.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from taskproc.context import looking
from taskproc.errors import RequestError
from taskproc_cli import grammar
from taskproc_cli.hints import near_options, unknown_option
from taskproc_cli.parameter import HELP
from taskproc_cli.parameter_options import MARK, parameter_options, read_parameters
from taskproc_cli.paths import is_taskfile
from taskproc_cli.problems import UsageError
from taskproc_cli.request import Request
from taskproc_cli.shapes import read_bool
from taskproc_cli.target import parse_target
from taskproc_cli.views.result import write_lines
from taskproc_cli.words import Reading, name_of, read, spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from typer._click import Context, HelpFormatter

    from taskproc_cli.grammar import Option

CACHE, TRUST, KWARGS = "cache", "trust_cache", "kwargs"
DRY_RUN = "dry_run"


class Command(TyperCommand):
    """A command that reads its words by the rules of this program.

    Its function takes each option that the grammar has for it by name, `--keep-going` as `keep_going`.
    """

    def __init__(self, name: str, function: Callable[..., None]) -> None:
        command = grammar.COMMANDS[name]
        taken = inspect.signature(function).parameters
        params: list[Any] = [typer_option(each, taken) for each in command.options if each is not grammar.HELP]
        if command.words in {"taskfile", "shell"}:
            params.append(TyperArgument(param_decls=[command.words], default="", metavar=command.words.upper()))
        super().__init__(name, callback=function, params=params, help=inspect.getdoc(function), rich_markup_mode=None)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the words into `ctx.params`."""
        known = spellings(self._own(ctx))
        reading = read(args, known, lambda _: False)
        if reading.rest:
            raise UsageError(unknown_option(reading.rest[0], known))
        self._help(ctx, [reading])
        self._settle(ctx, [reading], reading.words)
        return []

    def _own(self, ctx: Context) -> list[TyperOption]:
        """The command's own options, help the last of them."""
        return [each for each in super().get_params(ctx) if isinstance(each, TyperOption)]

    def _help(self, ctx: Context, readings: Sequence[Reading]) -> None:
        """Show the command's help, if that was asked for, and end."""
        if any(HELP in reading.given for reading in readings):
            write_lines([ctx.get_help()])
            raise typer.Exit

    def _settle(self, ctx: Context, readings: Sequence[Reading], words: Sequence[str]) -> None:
        """Turn what was read into the arguments of the command's function."""
        left = list(words)
        for each in self.params:
            if isinstance(each, TyperArgument):
                ctx.params[name_of(each)] = left.pop(0) if left else each.default
            elif isinstance(each, TyperOption):
                name = name_of(each)
                ctx.params[name] = _value(each, [text for r in readings for text in r.given.get(name, [])])
        if left:
            raise UsageError(f"{ctx.command_path} takes no more words: {left[0]!r} is one too many")

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the options, a section for each of their panels."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            entry = each.get_help_record(ctx)
            if entry is not None and isinstance(each, TyperOption):
                sections.setdefault(each.rich_help_panel or "Options", []).append(entry)
        for title, entries in sections.items():
            with formatter.section(title):
                formatter.write_dl(entries)


class TaskCommand(Command):
    """A command about a task: `[TASKFILE] [TASK]`, the task's parameters being options of it.

    The command's own options may stand anywhere; after TASK, a parameter of that name comes first. `ctx.obj` becomes
    the `Request`, unless it is one already; the function takes it, `--cache`, `--trust-cache` and `--kwargs` being
    part of it.
    """

    @staticmethod
    def needs_class(request: Request) -> bool:  # noqa: ARG004
        """Whether the task's class is loaded though no parameter is given."""
        return True

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the words into `ctx.params` and `ctx.obj`."""
        own = self._own(ctx)
        if ctx.obj is None:
            head = read(args, spellings(own), _names_task)
            if HELP not in head.given or head.words:
                ctx.obj = Request(parse_target(head.words))
        else:
            head = Reading(rest=args)
        if ctx.obj:
            ctx.obj.words = tuple(args)
        tail = self._read_tail(ctx, own, head) if ctx.obj else Reading()
        self._help(ctx, [head, tail])
        request = ctx.obj
        assert isinstance(request, Request)  # without one there was help
        usual = request.settings.standing_in(head.given | tail.given)
        request.origins = {name: each.origin for name, each in usual.items()}
        self._settle(ctx, [Reading({name: [*each.texts] for name, each in usual.items()}), head, tail], ())
        if ctx.params.get(DRY_RUN):
            looking.set(True)
        request.folder = ctx.params.pop(CACHE)
        request.trust = bool(ctx.params.pop(TRUST))
        request.kwargs = ctx.params.pop(KWARGS, None)
        self._take_values(request, [head, tail])
        ctx.params["request"] = request
        return []

    def get_params(self, ctx: Context) -> list[Any]:
        """The parameters of the task, once it is known, and the command's own options."""
        return [*(parameter_options(ctx.obj.parameters) if _is_loaded(ctx) else ()), *super().get_params(ctx)]

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """What the usage line says after the command's name."""
        target = () if _is_of_class(ctx) else ("[TASKFILE]", "[TASK]")
        return ["[OPTIONS]", *target, "[--PARAMETER VALUE]..."]

    def format_help_text(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write what the command does and, once the task is known, what that does."""
        if not _is_of_class(ctx):
            super().format_help_text(ctx, formatter)
        if _is_loaded(ctx) and ctx.obj.parameters.about:
            with formatter.section(ctx.obj.parameters.cls.__qualname__):
                formatter.write_text(ctx.obj.parameters.about)

    def _read_tail(self, ctx: Context, own: list[TyperOption], head: Reading) -> Reading:
        """Read what follows the target."""
        rest = head.rest
        if not self.needs_class(ctx.obj) and KWARGS not in head.given:
            reading = read(rest, spellings(own), bool)
            if not reading.rest and not reading.words and KWARGS not in reading.given:
                return reading
        try:
            parameters = ctx.obj.parameters
        except RequestError:
            self._blame_option(ctx.obj, head, spellings(own))
            raise
        known = spellings([*own, *parameter_options(parameters), own[-1]])
        return read_parameters(rest, known, parameters, implied=ctx.obj.target.task is None)

    def _blame_option(self, request: Request, head: Reading, known: Iterable[str]) -> None:
        """Refuse a target without a task if an option took that word, or if a misspelled option ended the target.

        Raises:
            UsageError: it says so.
        """
        if request.target.task is not None:
            return
        option = head.rest[0].partition("=")[0] if head.rest else ""
        if option and (not option.startswith("--") or near_options(option, known)):
            raise UsageError(unknown_option(option, known)) from None
        taken = ((name, text) for name, texts in head.given.items() for text in texts if text.endswith(".py"))
        for name, text in taken:
            raise UsageError(f"--{name.replace('_', '-')} needs a value: {text} was taken for it") from None

    def _take_values(self, request: Request, readings: Sequence[Reading]) -> None:
        """Turn the texts of parameters into values; explicit options win over `--kwargs`."""
        for text in [text for reading in readings for text in reading.given.get(KWARGS, [])]:
            request.values |= request.parameters.values_of_json(text)
        given = {name.removesuffix(MARK): texts for name, texts in readings[-1].given.items() if name.endswith(MARK)}
        if given:
            request.values = request.parameters.values(given, request.values)
            request.given = frozenset(given)


class LazyTaskCommand(TaskCommand):
    """A command about tasks that loads the taskfile only where parameters are given."""

    @staticmethod
    def needs_class(request: Request) -> bool:  # noqa: ARG004
        """Whether the task's class is loaded though no parameter is given."""
        return False


class CacheCommand(LazyTaskCommand):
    """A command about a whole cache, which the taskfile only tells the place of."""

    def _read_tail(self, ctx: Context, own: list[TyperOption], head: Reading) -> Reading:  # noqa: ARG002
        """Read what follows the target: options of its own alone."""
        known = spellings(own)
        tail = read(head.rest, known, bool)
        if tail.rest:
            raise UsageError(unknown_option(tail.rest[0], known))
        return tail

    def collect_usage_pieces(self, ctx: Context) -> list[str]:  # noqa: ARG002
        """What the usage line says after the command's name."""
        return ["[OPTIONS]", "[TASKFILE]"]


class StatusCommand(TaskCommand):
    """A command about a task or, where none is named, about the whole cache."""

    @staticmethod
    def needs_class(request: Request) -> bool:
        """Whether the words of the target ask for a task."""
        return request.target.task is not None


class DryRunCommand(TaskCommand):
    """A command that is another one with `--dry-run`."""

    def __init__(self, name: str, function: Callable[..., None]) -> None:
        super().__init__(name, function)
        about = grammar.COMMANDS[name].about
        self.help = f"{about}\n\nFor example: taskproc {name} taskfile.py Choose --n 6 --k 3"

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the words into `ctx.params` and `ctx.obj`."""
        super().parse_args(ctx, args)
        ctx.params[DRY_RUN] = True
        return []


def typer_option(option: Option, taken: Mapping[str, inspect.Parameter]) -> TyperOption:
    """An option of the grammar as Typer shows it, with the default of the parameter that takes it, if one does."""
    name = option.names[0].removeprefix("--").replace("-", "_")
    return TyperOption(
        param_decls=[name, *option.names],
        metavar=option.value or None,
        help=option.about + (f" [default: {option.default}]" if option.default else ""),
        is_flag=not option.value,
        multiple=option.many,
        default=taken[name].default if name in taken else None,
        show_default=True,
    )


def _is_loaded(ctx: Context) -> bool:
    return isinstance(ctx.obj, Request) and ctx.obj.loaded


def _is_of_class(ctx: Context) -> bool:
    """Whether the command is a class's own `cli()`."""
    return isinstance(ctx.obj, Request) and ctx.obj.cls is not None


def _names_task(words: Sequence[str]) -> bool:
    """Whether the words of a target are complete: they name a task."""
    return len(words) > 1 or (len(words) == 1 and not is_taskfile(words[0]) and not words[0].endswith(":"))


def _value(option: TyperOption, given: list[str]) -> Any:
    """The value of a command's own option: all texts if it may be repeated, whether a switch is on, the last text."""
    if option.multiple:
        return given
    if not given:
        return option.default
    if not option.is_flag:
        return given[-1]
    try:
        return bool(read_bool(given[-1]))
    except ValueError as error:
        raise UsageError(f"{option.opts[0]}: {error}") from None
