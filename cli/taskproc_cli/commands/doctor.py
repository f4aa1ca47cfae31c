"""`taskproc doctor`: look through a cache for damage, and mend what can be mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from taskproc_cli.problems import FAILED, UsageError
from taskproc_cli.views.quantities import count
from taskproc_cli.views.result import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.cache import Cache
    from taskproc.checkup import Checkup
    from taskproc_cli.request import Request
    from taskproc_cli.target import Target


def doctor(request: Request, *, repair: bool = False) -> None:
    """Look through the whole cache for damage.

    Every record is read, and every file compared with its record by content. Ends with 1 if something is damaged.

    For example: taskproc doctor --repair
    """
    from taskproc.checkup import check_up

    if request.target.task is not None:
        raise UsageError("taskproc doctor looks through whole caches: name no task, but a taskfile or --cache DIR")
    cache = request.cache
    found = check_up(cache, repair=repair)
    write_lines(_lines(found, cache, request.target, repair=repair))
    if found.findings and not repair:
        raise typer.Exit(FAILED)


def _lines(found: Checkup, cache: Cache, target: Target, *, repair: bool) -> Iterator[str]:
    for where, what, lost in found.findings:
        fate = ("lost, and will run again" if lost else "mended") if repair else "damaged"
        yield f"{where}: {what}; {fate}"
    looked = f"{count(found.checked, 'result')} looked at in {cache.path}"
    if not found.findings and not cache.path.exists():
        yield f"there is no cache in {cache.path}"
    elif not found.findings:
        yield f"{looked}: all are whole"
    elif repair:
        yield f"{looked}, {sum(finding.lost for finding in found.findings)} lost"
    else:
        from taskproc_cli.again import same_place

        yield f"{looked}; {same_place('doctor --repair', target, cache)} mends what can be mended"
