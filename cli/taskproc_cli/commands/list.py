"""`taskproc list`: the tasks of a taskfile."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated

import typer

from taskproc_cli.docstring import own_docstring
from taskproc_cli.problems import UsageError, users_code
from taskproc_cli.target import load_module, parse_target
from taskproc_cli.views import terminal
from taskproc_cli.views.result import write_out

if TYPE_CHECKING:
    from taskproc import Task

WIDEST = 48
"""Characters of a signature that has its docstring beside it; one below a longer signature."""


def list(  # noqa: A001  the command's name
    taskfile: Annotated[str, typer.Argument(help="The file that defines the tasks.", metavar="TASKFILE")] = "",
) -> None:
    """List the tasks of a taskfile.

    Each with its parameters and the first line of its docstring.

    For example: taskproc list taskfile.py
    """
    from taskproc.taskfile import task_classes

    target = parse_target([taskfile] if taskfile else [])
    if target.task is not None:
        raise UsageError(f"{taskfile!r} is no taskfile: the name of one ends in .py or contains a /")
    with users_code(f"{target.taskfile or target.module} cannot be loaded"):
        classes = task_classes(load_module(target))
    rows = [(signature_of(cls), own_docstring(cls).partition("\n")[0]) for cls in classes.values()]
    width = max((len(signature) for signature, _ in rows if len(signature) <= WIDEST), default=0)
    if not rows:
        terminal.say(f"there is no task in {target.taskfile or target.module}")
    for signature, about in rows:
        gap = "  " if len(signature) <= width or not about else "\n    "
        write_out(f"{signature:<{width}}{gap}{about}".rstrip() + "\n")


def signature_of(cls: type[Task]) -> str:
    """A task as it is called, annotations as they are written: `Choose(n: int, k: int = 3)`."""
    parameters = [*inspect.signature(cls.__init__).parameters.values()][1:]
    return f"{cls.__qualname__}({', '.join(map(_written, parameters))})"


def _written(parameter: inspect.Parameter) -> str:
    """A parameter as it is written; an annotation that is no text by its name."""
    kind, annotation, default = parameter.kind, parameter.annotation, parameter.default
    stars = "*" if kind is parameter.VAR_POSITIONAL else "**" if kind is parameter.VAR_KEYWORD else ""
    text = stars + parameter.name
    if annotation is parameter.empty:
        return text if default is parameter.empty else f"{text}={default!r}"
    text += f": {annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)}"
    return text if default is parameter.empty else f"{text} = {default!r}"
