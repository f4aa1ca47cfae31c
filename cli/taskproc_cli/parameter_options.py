"""A task's parameters as options: Typer makes them and their help, and the words for them are read here."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperOption

from taskproc_cli.hints import stray_word, unknown_option
from taskproc_cli.problems import UsageError
from taskproc_cli.words import TRUE, Reading, Spelling, plain, read

if TYPE_CHECKING:
    from taskproc_cli.parameters import Parameter, Parameters

HELP = "help"
MARK = "_"
"""Ends the name, within the program, of a parameter's option, so that it is none of the command's own."""


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


def read_parameters(rest: list[str], known: dict[str, Spelling], parameters: Parameters) -> Reading:
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
