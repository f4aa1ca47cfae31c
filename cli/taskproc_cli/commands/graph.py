"""`taskproc graph`: the graph of a task, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from taskproc_cli.hints import choice
from taskproc_cli.options import CacheOption, KwargsOption
from taskproc_cli.views.graph import FORMATS
from taskproc_cli.views.result import write_out

if TYPE_CHECKING:
    from taskproc_cli.request import Request


def graph(
    ctx: typer.Context,
    format: Annotated[  # noqa: A002  the option's name
        str,
        typer.Option("--format", metavar="FORMAT", help="tree, dot (Graphviz), mermaid, or json (networkx node-link)."),
    ] = "tree",
    cache: CacheOption = None,
    kwargs: KwargsOption = None,  # noqa: ARG001  the request has it
) -> None:
    """Draw the graph of a task.

    Colours tell what is up to date, would run, may run, and failed last time.

    For example: taskproc graph taskfile.py Main --format dot | dot -Tsvg > graph.svg
    """
    from taskproc.options import Options
    from taskproc.run import make_plan

    request: Request = ctx.obj
    request.refuse_instance()
    draw = FORMATS[choice("--format", format, FORMATS)]
    folder = request.cache(cache)
    plan = make_plan(request.node(folder), Options(cache=folder))
    write_out("".join(f"{line}\n" for line in draw(plan)))
