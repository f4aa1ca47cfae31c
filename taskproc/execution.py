"""Carrying out a plan that has something to run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from taskproc.decision import Run, UpToDate
from taskproc.dispatch import open_executors
from taskproc.graph import by_name
from taskproc.lastrun import LastRun
from taskproc.limits import Limits
from taskproc.payloads import source_of
from taskproc.scheduler import Scheduler
from taskproc.store import open_store
from taskproc.value import DamagedValueError, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskproc.events import Listener
    from taskproc.grounds import Grounds
    from taskproc.options import Options
    from taskproc.plan import Plan
    from taskproc.record import Key
    from taskproc.store import Journal, Store


def execute(
    plan: Plan, generation: int, grounds: Grounds, options: Options, tell: Listener, announce: Callable[[], None]
) -> dict[Key, Any] | None:
    """Run what a plan says must or may run, and give the roots' values; the plan learns ids and rows.

    The plan rests on rows of this `generation`: None if others have since written some that it takes for up to date,
    as they could before this run began. Else `announce` is called before anything runs.
    """
    with open_store(plan.graph.root.home) as store:
        try:
            about = LastRun(plan.graph.label, time.time())
            with store.begin_run(generation, about) as journal:
                up_to_date = [node for node in plan.graph.nodes if isinstance(plan.decisions[node.key], UpToDate)]
                if journal.changes(by_name(up_to_date)):
                    return None
                announce()
                values = _execute(store, journal, plan, grounds, options, tell)
            store.keep_listings(grounds.contents.lasting())
        except Exception:
            store.sweep()  # but not where somebody interrupts, and waits
            raise
        store.sweep()
    return values


def _execute(
    store: Store, journal: Journal, plan: Plan, grounds: Grounds, options: Options, tell: Listener
) -> dict[Key, Any]:
    with open_executors(options, plan.graph.root.cache) as executors:
        workers = options.workers or max(options.slots, executors.plain.capacity)
        executors.expect((node for node in plan.graph.nodes if isinstance(plan.decisions[node.key], Run)), workers)
        plan.ids = store.allocate(by_name(plan.graph.nodes))
        limits = Limits(workers, options.limits)
        scheduler = Scheduler(plan, grounds, journal, executors, limits, tell, keep_going=options.keep_going)
        outputs = scheduler.run()
        values: dict[Key, Any] = {}
        for root in plan.graph.roots:
            while root.key not in values:
                try:
                    values[root.key] = load(source_of(root, plan.ids[root.key], outputs[root.key]))
                except DamagedValueError as error:
                    outputs = scheduler.redo(root, error.reason)
    return values
