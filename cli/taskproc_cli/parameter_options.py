"""A task's parameters as options: Typer makes them and their help, and the words for them are read here."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperOption

from taskproc_cli.hints import stray_word, unknown_option
from taskproc_cli.parameter import HELP
from taskproc_cli.problems import UsageError
from taskproc_cli.words import FALSE, TRUE, Reading, Spelling, plain, read

if TYPE_CHECKING:
    from taskproc_cli.parameter import Parameter
    from taskproc_cli.parameters import Parameters

MARK = "_"
"""Ends the name, within the program, of a parameter's option, so that it is none of the command's own."""


def parameter_options(parameters: Parameters) -> list[TyperOption]:
    """A task's parameters as options: those that Typer makes for a function of the same parameters."""

    def task() -> None: ...

    panel = f"Parameters of {parameters.cls.__qualname__}"
    shown = (*parameters.walk(), *parameters.others())
    found = {f"p{number}": each for number, each in enumerate(shown) if each.name != HELP}
    made = [_declaration(name, each, panel) for name, each in found.items()]
    task.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
    task.__annotations__ = {each.name: each.annotation for each in made}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(task)
    options = [each for each in typer.main.get_command(app).params if isinstance(each, TyperOption)]
    for option, parameter in zip(options, found.values(), strict=False):  # Typer's own --help is the last
        option.name = parameter.name + MARK
    return options


def _declaration(name: str, parameter: Parameter, panel: str) -> inspect.Parameter:
    """A parameter for Typer to read: all its values are texts, of which the parameter's shape makes more."""
    shape, long = parameter.shape, parameter.option
    note = "A task: it can't be given here." if shape.future else ""
    if parameter.fields is not None and not shape.future:
        note = parameter.hint.strip()
    default = f"[default: {parameter.default}]" if parameter.default and not any(parameter.parts()) else ""
    option = typer.Option(
        f"{long}/--no-{long[2:]}" if shape.flag else long,
        metavar=None if shape.flag else shape.metavar,
        help=" ".join(filter(None, (parameter.about, note, default))),
        show_default=False,
        rich_help_panel=panel,
    )
    kind = bool if shape.flag else list[str] if shape.many else str
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if parameter.required and not any(parameter.parts()) else None,
        annotation=Annotated[kind, option],
    )


def read_parameters(
    rest: list[str], known: dict[str, Spelling], parameters: Parameters, *, implied: bool = False
) -> Reading:
    """Read all that follows a target, whose task is `implied` where none is named."""
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
            spelling = _spelling(option, parameters)
            if spelling is None:
                near = parameters.near(option.removeprefix("--"))
                task = parameters.cls.__qualname__ if implied else ""
                raise UsageError(unknown_option(option, [*known, *near], parameters.named, task))
            known[plain(option)] = spelling
    return whole


def _spelling(option: str, parameters: Parameters) -> Spelling | None:
    """What an option means that is none by name: one of `**kwargs`, a key of a dict, or a part of one of these."""
    for start, says in (("--", TRUE), ("--no-", FALSE)):
        parameter = parameters.find(option.removeprefix(start)) if option.startswith(start) else None
        if parameter is not None and (says == TRUE or parameter.shape.flag):
            return Spelling(parameter.name + MARK, says if parameter.shape.flag else None)
    return None
