"""`taskproc list`: the tasks of a taskfile."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated, Any, get_origin

from taskproc.arguments import bare_signature, unpacked
from taskproc.presentation import as_text
from taskproc_cli.classes import task_classes
from taskproc_cli.docstring import own_docstring
from taskproc_cli.hints import choice
from taskproc_cli.target import load_module, parse_taskfile
from taskproc_cli.views import terminal
from taskproc_cli.views.result import write_lines
from taskproc_cli.views.screen import width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from taskproc import Task

WIDEST = 48
"""Columns of a signature that has its docstring beside it; one below a longer signature."""

NARROWEST = 20
"""Columns of a docstring, however narrow the terminal is."""

_MODULES = re.compile(r"""(?<!['"\w.])(?:[A-Za-z_]\w*\.)+""")


def list(  # noqa: A001  the command's name
    taskfile: str = "",
    format: str = "text",  # noqa: A002  the option's name
) -> None:
    """List the tasks of a taskfile.

    Each with its parameters and the first line of its docstring.

    For example: taskproc list taskfile.py
    """
    target = parse_taskfile(taskfile)
    choice("list", "--format", format)
    classes = [*task_classes(load_module(target)).values()]
    if not classes:
        terminal.say(f"there is no task in {target.taskfile or target.module}")
    lines = _text(classes) if format == "text" else _json(classes)
    write_lines(lines, format)


def _text(classes: Sequence[type[Task]]) -> Iterator[str]:
    rows = [(cls.__qualname__, signature_of(cls), _about(cls)) for cls in classes]
    columns = terminal.width_out()
    widest = max((wide for _, signature, _ in rows if (wide := width(signature)) <= WIDEST), default=0)
    for name, signature, about in rows:
        shown = terminal.paint_out(name, "bold") + signature.removeprefix(name)
        gap = widest - width(signature)
        if about and gap >= 0 and widest + 2 + width(about) <= (columns or sys.maxsize):
            yield f"{shown}{' ' * gap}  {terminal.paint_out(about, 'dim')}"
            continue
        yield shown
        for line in textwrap.wrap(about, max(NARROWEST, columns - 4)) if columns else filter(None, [about]):
            yield f"    {terminal.paint_out(line, 'dim')}"


def _json(classes: Sequence[type[Task]]) -> Iterator[str]:
    import json

    from taskproc_cli.parameters import parameters_of
    from taskproc_cli.schema import arguments_schema

    tasks: Any = [
        {
            "name": cls.__qualname__,
            "task_name": cls.task_name,
            "signature": signature_of(cls),
            "about": _about(cls),
            "arguments": arguments_schema(parameters_of(cls)),
        }
        for cls in classes
    ]
    yield json.dumps({"tasks": tasks}, ensure_ascii=False, indent=2)


def _about(cls: type[Task]) -> str:
    return own_docstring(cls).partition("\n")[0]


def signature_of(cls: type[Task]) -> str:
    """A task as it is called, annotations as they are written: `Choose(n: int, k: int = 3)`."""
    parameters = [*bare_signature(cls.__init__).parameters.values()][1:]
    return f"{cls.__qualname__}({', '.join(map(_written, parameters))})"


def _written(parameter: inspect.Parameter) -> str:
    """A parameter as it is written; an annotation that is no text by its name."""
    kind, annotation, default = parameter.kind, parameter.annotation, parameter.default
    stars = "*" if kind is parameter.VAR_POSITIONAL else "**" if kind is parameter.VAR_KEYWORD else ""
    text = stars + parameter.name
    if annotation is parameter.empty:
        return text if default is parameter.empty else f"{text}={as_text(default, repr)}"
    annotation = getattr(annotation, "__forward_arg__", annotation)  # of a name that is not there
    text += f": {annotation if isinstance(annotation, str) else _name(annotation)}"
    return text if default is parameter.empty else f"{text} = {as_text(default, repr)}"


def _name(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:  # what is said of the type is not how it is called
        return _name(annotation.__origin__)
    fields = unpacked(annotation)
    return f"Unpack[{_name(fields)}]" if fields else _MODULES.sub("", inspect.formatannotation(annotation))
