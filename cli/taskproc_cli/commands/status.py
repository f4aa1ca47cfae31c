"""`taskproc status`: how the tasks of a graph, or of the whole cache, stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc_cli.run_options import usual
from taskproc_cli.target import load_module
from taskproc_cli.views.plan import warn_of_impossible
from taskproc_cli.views.result import write_lines
from taskproc_cli.views.status import cache_lines, graph_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc_cli.request import Request


def status(request: Request) -> None:
    """Say how tasks stand, class by class.

    Of TASK and what it needs: how many are up to date, to run, failed last time, running now, how long the work would
    take by past durations, the bytes kept, and the prefix command, with what gives it. Without TASK: the whole cache,
    and what of it can't be used any more.

    For example: taskproc status taskfile.py Main
    """
    write_lines(_lines(request))


def _lines(request: Request) -> Iterator[str]:
    from taskproc.run import make_plan
    from taskproc.stale import stale_names

    request.refuse_instance()
    cache = request.cache
    if request.loaded:
        node = request.node()
        options = usual(request, node)
        plan = make_plan(node, options)
        warn_of_impossible(plan, options)
        with request.store() as store:
            yield from graph_lines(plan, store, options)
        return
    if request.target.taskfile is not None or request.target.module is not None:
        load_module(request.target)
    from taskproc_cli.again import same_place

    with request.store() as store:
        clearing = same_place("clear --stale", request.target, cache)
        yield from cache_lines(store, stale_names(store.names()), cache.path, clearing)
