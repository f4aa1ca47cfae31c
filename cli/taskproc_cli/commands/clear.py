"""`taskproc clear`: remove recorded results."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from taskproc.trouble import UnreadableError
from taskproc_cli.problems import AnsweredNoError, Signalled, UsageError
from taskproc_cli.target import load_module
from taskproc_cli.views import terminal
from taskproc_cli.views.quantities import recorded, size
from taskproc_cli.views.result import write_out

if TYPE_CHECKING:
    from taskproc.cache import Cache
    from taskproc.index import Wanted
    from taskproc_cli.request import Request


def clear(
    request: Request,
    *,
    yes: bool = False,
    dry_run: bool = False,
    stale: bool = False,
) -> None:
    """Remove recorded results.

    Those of the whole cache, or of TASK; with parameters, only that of the one task they mean. It asks first.

    For example: taskproc clear taskfile.py Train
    """
    cache = request.cache
    wanted = _stale(request) if stale else request.recorded()
    measured: tuple[int, ...] = (1,)  # what can't be measured is something
    try:
        with request.store() as store:
            *counts, amount = measured = store.measure(wanted)
        of = f" of {', '.join(wanted)}" if stale and wanted else ""
        what = f"{recorded(*counts)}{of}, {size(amount)}, in {cache.path}"
    except UnreadableError:
        if wanted is not None:
            raise
        what = f"the cache in {cache.path}, which can't be read"
    if dry_run:
        write_out(f"would remove {what}\n")
    elif not any(measured):
        terminal.say(f"there is nothing to remove in {cache.path}")
    elif yes or _confirmed(f"remove {what}?"):
        _clear(cache, wanted)
        terminal.say(f"removed {what}")


def _stale(request: Request) -> Wanted:
    """All results of classes that are gone, as far as the modules tell that the taskfile loads."""
    from taskproc.stale import stale_names

    if request.target.task is not None:
        raise UsageError("--stale is about all classes of a taskfile: name no task")
    load_module(request.target)
    with request.store() as store:
        found = {
            name: [key for key, row in store.read_all(name).rows.items() if row.good or row.failure]
            for name in stale_names(store.names())
        }
    return {name: keys for name, keys in found.items() if keys}


def _clear(cache: Cache, wanted: Wanted | None) -> None:
    from taskproc.store import open_store

    try:
        with open_store(cache) as store:
            store.clear(wanted)
    except UnreadableError:
        if wanted is not None:
            raise
        from taskproc.checkup import replace_store

        replace_store(cache)


def _confirmed(question: str) -> bool:
    """Ask on stderr; the answer comes on stdin.

    Raises:
        AnsweredNoError: it is not yes.
        UsageError: there is none.
    """
    try:
        terminal.write(f"{question} [y/N] ")
        answer = sys.stdin.readline() if sys.stdin else ""
    except (KeyboardInterrupt, Signalled) as end:
        terminal.say("")
        end.add_note("nothing was removed")
        raise
    if not answer:
        terminal.say("")
        raise UsageError("nobody answered, so nothing was removed; --yes removes without asking")
    if answer.strip().lower() not in {"y", "yes"}:
        raise AnsweredNoError("nothing was removed")
    return True
