"""The options of the commands: those a command declares itself, and those made of a task's parameters.

Typer makes the options and the help. The words are read by `taskproc_cli.words`, because how a target stands amid
options, and what the text of a parameter means, are this program's own rules.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from taskproc.errors import RequestError
from taskproc_cli.hints import near_options, stray_word, unknown_option
from taskproc_cli.paths import is_taskfile
from taskproc_cli.problems import UsageError
from taskproc_cli.request import Request
from taskproc_cli.target import parse_target
from taskproc_cli.words import FALSE, TRUE, Reading, Spelling, name_of, plain, read, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typer._click import Context, HelpFormatter

from taskproc_cli.parameters import Parameter, Parameters

TRUST = "trust_cache"
MARK = "_"
"""Ends the name, within the program, of a parameter's option, so that it is none of the command's own."""

KWARGS, HELP, DRY_RUN = "kwargs", "help", "dry_run"

CacheOption = Annotated[
    str | None,
    typer.Option(
        "--cache", "-o", metavar="DIR", help="Where results are kept. [default: .taskproc beside the taskfile]"
    ),
]
KwargsOption = Annotated[
    str | None, typer.Option("--kwargs", metavar="JSON", help="Parameters of the task, as one JSON object.")
]


class Command(TyperCommand):
    """A command that reads its words by the rules of this program."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the words into `ctx.params`."""
        known = spellings(self._own(ctx))
        reading = read(args, known, lambda _: False)
        if reading.rest:
            raise UsageError(unknown_option(reading.rest[0], known))
        self._settle(ctx, [reading], reading.words)
        return []

    def _own(self, ctx: Context) -> list[TyperOption]:
        """The command's own options, help the last of them."""
        return [each for each in super().get_params(ctx) if isinstance(each, TyperOption)]

    def _settle(self, ctx: Context, readings: Sequence[Reading], words: Sequence[str]) -> None:
        """Turn what was read into the arguments of the command's function, or show its help."""
        if any(HELP in reading.given for reading in readings):
            typer.echo(ctx.get_help())
            raise typer.Exit
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
    the `Request`, unless it is one already.
    """

    @staticmethod
    def needs_class(request: Request) -> bool:  # noqa: ARG004
        """Whether the task's class is loaded though no parameter is given."""
        return True

    def __init__(self, *args: Any, params: list[Any], **rest: Any) -> None:
        super().__init__(*args, params=[*params, _trust_option()], **rest)

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
        self._settle(ctx, [head, tail], ())
        if ctx.obj:
            ctx.obj.trust = ctx.params.pop(TRUST)
            self._take_values(ctx.obj, [head, tail])
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
            self._blame_typo(ctx.obj, rest, spellings(own))
            raise
        known = spellings([*own, *parameter_options(parameters), own[-1]])
        return _read_parameters(rest, known, parameters)

    def _blame_typo(self, request: Request, rest: Sequence[str], known: Iterable[str]) -> None:
        """Where no task was named because an option that looks like the command's own ended the target, say that."""
        if request.target.task is None and rest and near_options(rest[0].partition("=")[0], known):
            raise UsageError(unknown_option(rest[0], known)) from None

    def _take_values(self, request: Request, readings: Sequence[Reading]) -> None:
        """Turn the texts of parameters into values; explicit options win over `--kwargs`."""
        for text in [text for reading in readings for text in reading.given.get(KWARGS, [])]:
            request.values |= request.parameters.values_of_json(text)
        given = {name.removesuffix(MARK): texts for name, texts in readings[-1].given.items() if name.endswith(MARK)}
        if given:
            request.values |= request.parameters.values(given)


class LazyTaskCommand(TaskCommand):
    """A command about tasks that loads the taskfile only where parameters are given."""

    @staticmethod
    def needs_class(request: Request) -> bool:  # noqa: ARG004
        """Whether the task's class is loaded though no parameter is given."""
        return False


class StatusCommand(TaskCommand):
    """A command about a task or, where none is named, about the whole cache."""

    @staticmethod
    def needs_class(request: Request) -> bool:
        """Whether the words of the target ask for a task."""
        return request.target.task is not None


class DryRunCommand(TaskCommand):
    """A command that is another one with `--dry-run`."""

    def __init__(self, *args: Any, params: list[Any], **rest: Any) -> None:
        super().__init__(*args, params=[each for each in params if each.name != DRY_RUN], **rest)
        self.help = "Say what a run would do, and why."

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the words into `ctx.params` and `ctx.obj`."""
        super().parse_args(ctx, args)
        ctx.params[DRY_RUN] = True
        return []


def _trust_option() -> TyperOption:
    """The option that all commands about a cache have, and that the request takes."""

    def command(
        *,
        trust_cache: Annotated[
            bool, typer.Option("--trust-cache", help="Take a cache that others can write: its results run code as you.")
        ] = False,
    ) -> None: ...

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(command)
    (option,) = [each for each in typer.main.get_command(app).params if each.name == TRUST]
    assert isinstance(option, TyperOption)
    return option


def parameter_options(parameters: Parameters) -> list[TyperOption]:
    """A task's parameters as options: those that Typer makes for a function of the same parameters."""

    def task() -> None: ...

    panel = f"Parameters of {parameters.cls.__qualname__}"
    made = [_declaration(each, panel) for each in parameters.named.values() if each.name != HELP]
    task.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
    task.__annotations__ = {each.name: each.annotation for each in made}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(task)
    return [each for each in typer.main.get_command(app).params if isinstance(each, TyperOption)]


def _declaration(parameter: Parameter, panel: str) -> inspect.Parameter:
    """A parameter for Typer to read: all its values are texts, of which the parameter's shape makes more."""
    shape, long = parameter.shape, parameter.option
    note = "A task: it can't be given here." if shape.future else ""
    default = f"[default: {parameter.default}]" if parameter.default else ""
    option = typer.Option(
        f"{long}/--no-{long[2:]}" if shape.flag else long,
        metavar=None if shape.flag else shape.metavar,
        help=" ".join(filter(None, (parameter.about, note, default))),
        show_default=False,
        rich_help_panel=panel,
    )
    kind = bool if shape.flag else list[str] if shape.many else str
    return inspect.Parameter(
        parameter.name + MARK,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if parameter.required else None,
        annotation=Annotated[kind, option],
    )


def _is_loaded(ctx: Context) -> bool:
    return isinstance(ctx.obj, Request) and ctx.obj.loaded


def _is_of_class(ctx: Context) -> bool:
    """Whether the command is a class's own `cli()`."""
    return isinstance(ctx.obj, Request) and ctx.obj.cls is not None


def _names_task(words: Sequence[str]) -> bool:
    """Whether the words of a target are complete: they name a task."""
    return len(words) > 1 or (len(words) == 1 and not is_taskfile(words[0]) and not words[0].endswith(":"))


def _read_parameters(rest: list[str], known: dict[str, Spelling], parameters: Parameters) -> Reading:
    """Read all that follows a target; an option of no known name belongs to `**kwargs`, if the task has that."""
    whole = Reading(rest=rest)
    while whole.rest:
        part = read(whole.rest, known, bool)
        if part.words:
            raise UsageError(stray_word(part.words[0], rest, parameters))
        for name, texts in part.given.items():
            whole.given.setdefault(name, []).extend(texts)
        whole.rest = part.rest
        if whole.rest:
            option = whole.rest[0].partition("=")[0]
            name = option[2:].replace("-", "_")
            if parameters.extra is None or not option.startswith("--") or not name.isidentifier():
                raise UsageError(unknown_option(option, known, parameters.named))
            known[plain(option)] = Spelling(name + MARK, TRUE if parameters.extra.flag else None)
    return whole


def _value(option: TyperOption, given: list[str]) -> Any:
    """The value of a command's own option: all texts if it may be repeated, whether a switch is on, the last text."""
    if option.multiple:
        return given
    if not given:
        return option.default
    if not option.is_flag:
        return given[-1]
    if given[-1] not in {TRUE, FALSE}:
        raise UsageError(f"{option.opts[0]} takes no value")
    return given[-1] == TRUE
