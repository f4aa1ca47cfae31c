"""`taskproc log`: what a task printed when it last ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from taskproc_cli.hints import choice
from taskproc_cli.options import CacheOption, KwargsOption
from taskproc_cli.problems import UsageError
from taskproc_cli.views import terminal
from taskproc_cli.views.result import copy_out

if TYPE_CHECKING:
    from taskproc_cli.request import Request

STREAMS = {"stdout": ("stdout.txt",), "stderr": ("stderr.txt",), "both": ("stdout.txt", "stderr.txt")}


def log(
    ctx: typer.Context,
    stream: Annotated[
        str, typer.Option("--stream", metavar="STREAM", help="stdout, stderr, or both, one after the other.")
    ] = "both",
    cache: CacheOption = None,
    kwargs: KwargsOption = None,  # noqa: ARG001  the request has it
) -> None:
    """Show what a task printed when it last ran.

    For example: taskproc log taskfile.py Train --seed 3, or taskproc log taskfile.py Train#7
    """
    from taskproc.files import attempt_folder
    from taskproc.kept import shown_attempt

    request: Request = ctx.obj
    wanted = STREAMS[choice("--stream", stream, STREAMS)]
    folder = request.cache(cache)
    instance = request.instance(folder)
    if not (instance.row.good or instance.row.failure):
        raise UsageError(f"{instance.label} has not run: there is no log of it in {folder}")
    paths = [
        attempt_folder(folder, instance.name, instance.row.task_id, shown_attempt(instance.row, what)) / what
        for what in wanted
    ]
    found = [path for path in paths if path.is_file()]
    if not found:
        terminal.say(f"{instance.label} printed nothing")
    for path in found:
        copy_out(path)
