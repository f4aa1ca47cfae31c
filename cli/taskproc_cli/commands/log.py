"""`taskproc log`: what a task printed when it last ran, or prints now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from taskproc_cli.hints import choice
from taskproc_cli.problems import INTERRUPTED, UsageError
from taskproc_cli.views import terminal
from taskproc_cli.views.log import LogView

if TYPE_CHECKING:
    from pathlib import Path

    from taskproc.record import Row
    from taskproc.store import Store
    from taskproc_cli.request import Instance, Request

PERIOD = 0.1
"""Seconds between two looks at what a running task has printed."""


def log(request: Request, *, follow: bool = False, stream: str = "both") -> None:
    """Show what a task printed when it last ran.

    What it printed on stderr stands below a heading.

    For example: taskproc log taskfile.py Train --seed 3, or taskproc log -f taskfile.py Train#7
    """
    choice("log", "--stream", stream)
    view = LogView(("stdout", "stderr") if stream == "both" else (stream,))
    cache = request.cache
    instance = request.instance()
    with request.store() as store:
        if follow:
            _follow(view, store, instance, cache.path)
        running = _runner(store, instance) is not None
        row = _row(store, instance)
    if row.good or row.failure:
        attempt = _recorded(cache.path, instance, row)
        note = f"this is of an earlier run; {instance.label} is running now: -f follows it" if running else ""
    elif running:
        raise UsageError(
            f"{instance.label} is running for the first time: -f follows it; there is no log of it in {cache.path}"
        )
    else:
        attempt = _interrupted(cache.path, instance)
        note = f"{instance.label} was interrupted; the next run removes this"
    if note:
        terminal.say(terminal.paint(note, "dim"))
    view.write_news(attempt)
    if view.empty:
        where = "" if stream == "both" else f" on {stream}"
        terminal.say(f"{instance.label} printed nothing{where}, or ran with --interactive, which keeps no output")


def _follow(view: LogView, store: Store, instance: Instance, cache: Path) -> None:
    """Write what a task prints until no run is busy with it any more; then its record has the rest."""
    from taskproc.echo import begun_by
    from taskproc.files import task_folder

    current = None
    try:
        while (run := _runner(store, instance)) is not None:
            attempts = begun_by(run, task_folder(cache, instance.name, instance.row.task_id))
            if attempts:
                if current not in {None, attempts[-1]}:
                    view.rewind()
                current = attempts[-1]
                view.write_news(current)
            time.sleep(PERIOD)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _runner(store: Store, instance: Instance) -> str | None:
    """The live run that is busy with a task."""
    busy = (run for run, held in store.leased().items() if instance.row.task_id in held.get(instance.name, ()))
    return next(busy, None)


def _row(store: Store, instance: Instance) -> Row:
    found = store.find(instance.name, instance.row.task_id)
    return found[1] if found is not None else instance.row


def _interrupted(cache: Path, instance: Instance) -> Path:
    """The folder of the newest attempt of a task of which nothing is recorded.

    Raises:
        UsageError: there is none.
    """
    from taskproc.echo import begun_by
    from taskproc.files import task_folder

    attempts = begun_by("", task_folder(cache, instance.name, instance.row.task_id))  # whichever run that was
    if not attempts:
        raise UsageError(f"{instance.label} has not run; there is no log of it in {cache}")
    return attempts[-1]


def _recorded(cache: Path, instance: Instance, row: Row) -> Path:
    """The folder of the attempt whose output counts."""
    from taskproc.files import STDOUT, attempt_folder
    from taskproc.kept import shown_attempt

    return attempt_folder(cache, instance.name, row.task_id, shown_attempt(row, STDOUT))
