"""How tasks stand, as `status` prints it: a line for each class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taskproc.command import choose
from taskproc.decision import MayRun, Run, UpToDate
from taskproc_cli.views.plan import cause_lines, total_line
from taskproc_cli.views.quantities import count, duration, recorded, size

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from taskproc.command import Choice
    from taskproc.decision import Decision
    from taskproc.options import Options
    from taskproc.plan import Plan
    from taskproc.record import Row
    from taskproc.store import Store


@dataclass(slots=True, eq=False)
class Standing:
    """How the tasks of one class stand; `seconds` are the durations that are known, of tasks that would run or not."""

    tasks: int = 0
    good: int = 0
    run: int = 0
    may_run: int = 0
    failed: int = 0
    running: int = 0
    size: int = 0
    unknown: int = 0
    commands: dict[Choice, None] = field(default_factory=dict["Choice", None])
    work: float = 0.0
    seconds: list[float] = field(default_factory=list[float])

    def add(self, row: Row | None, decision: Decision) -> None:
        """Count a task of a graph."""
        self.tasks += 1
        self.good += isinstance(decision, UpToDate)
        self.run += isinstance(decision, Run)
        self.may_run += isinstance(decision, MayRun)
        self.failed += row is not None and row.failure is not None
        made = row and (row.good or row.failure)
        if made:
            self.seconds.append(made.made.duration)
        if not isinstance(decision, UpToDate):
            self.unknown += made is None
            self.work += made.made.duration if made else 0.0

    @property
    def time(self) -> float | None:
        """Seconds of work to do, by the tasks' own durations, or their class's mean; None where none is known."""
        if not self.unknown:
            return self.work
        return self.work + self.unknown * sum(self.seconds) / len(self.seconds) if self.seconds else None


def graph_lines(plan: Plan, store: Store, options: Options) -> Iterator[str]:
    """A graph, upstreams first, each class with the prefix commands that these options give it."""
    standings: dict[str, Standing] = {}
    titles: dict[str, str] = {}
    running = store.running()
    for node in plan.graph.nodes:
        standing = standings.setdefault(node.name, Standing())
        titles[node.name] = node.short
        row = plan.rows.get(node.key)
        standing.add(row, plan.decisions[node.key])
        standing.commands[choose(node, options)] = None
        if row is not None:
            standing.size += store.size(node.name, row)
            standing.running += row.task_id in running.get(node.name, ())
    for name, standing in standings.items():
        yield f"{titles[name]}: {', '.join(_parts(standing))}"
    yield from cause_lines(plan)
    yield total_line(plan)


def _parts(standing: Standing) -> Iterator[str]:
    yield count(standing.tasks, "task")
    yield f"{standing.good:,} up to date"
    if standing.run:
        yield f"{standing.run:,} to run"
    if standing.may_run:
        yield f"{standing.may_run:,} may run"
    if standing.failed:
        yield f"{standing.failed:,} failed last time"
    if standing.running:
        yield f"{standing.running:,} running now"
    if standing.run or standing.may_run:
        yield "of unknown duration" if standing.time is None else f"about {duration(standing.time)} of work"
    yield f"{size(standing.size)} kept"
    for command in standing.commands:
        if command.origin:
            yield f"under {command.line!r} ({command.origin})" if command.line else f"no command ({command.origin})"


def cache_lines(store: Store, stale: Collection[str], folder: Path, clearing: str) -> Iterator[str]:
    """All that is recorded, class by class, and what of that can't be used any more, which `clearing` removes."""
    running = store.running()
    results = total = 0
    unusable: list[tuple[str, str, int]] = []
    for name in store.names():
        rows = [*store.read_all(name).rows.values()]
        good, failed = sum(row.good is not None for row in rows), sum(row.failure is not None for row in rows)
        amount = sum(store.size(name, row) for row in rows)
        results, total = results + good, total + amount
        parts = [count(good, "result")]
        parts += [f"{failed:,} failed last time"] if failed else []
        parts += [f"{len(running[name]):,} running now"] if running.get(name) else []
        yield f"{name}: {', '.join(parts)}, {size(amount)} kept"
        if name in stale and (good or failed):
            unusable.append((name, recorded(good, failed), amount))
    yield f"{count(results, 'result')}, {size(total)}, in {folder}"
    for name, what, amount in unusable:
        yield f"{name} is no longer defined: {what}, {size(amount)}, can't be used any more"
    if unusable:
        yield f"`{clearing}` removes what can't be used"
