"""What a run is doing, told on stderr: lines here, a display that moves in `live`.

The engine's events come here, one call each, many thousands a second: a call counts, and writes only what is due.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from taskproc.errors import RequestError
from taskproc.events import Event, Finished, Planned, Printed, Reused, Waiting, Warned
from taskproc.plan import UpToDate
from taskproc_cli.views import terminal
from taskproc_cli.views.quantities import count, duration

if TYPE_CHECKING:
    from types import TracebackType

    from taskproc.graph import Node
    from taskproc.plan import Plan
    from taskproc.record import Key

PAUSE = 1.0
"""Seconds between two lines of progress, at least."""


@dataclass(slots=True)
class Work:
    """One class that has work: how many of its tasks may run, and how far they are."""

    name: str
    total: int = 0
    done: int = 0
    failed: int = 0


@dataclass(slots=True)
class Standing:
    """How far a run is.

    Attributes:
        classes: Those with work, by `task_name`.
        size: How many tasks the graph has.
        ran, reused, failed: How many of them came to which end.
        began: When, on the monotonic clock.
    """

    classes: dict[str, Work] = field(default_factory=dict[str, Work])
    size: int = 0
    ran: int = 0
    reused: int = 0
    failed: int = 0
    began: float = field(default_factory=time.monotonic)
    _work: set[Key] = field(default_factory=set["Key"])

    @property
    def total(self) -> int:
        """How many tasks have work."""
        return sum(work.total for work in self.classes.values())

    @property
    def done(self) -> int:
        """How many of those are settled."""
        return sum(work.done for work in self.classes.values())

    def plan(self, plan: Plan) -> None:
        """Count what there is to do."""
        self.size = len(plan.graph.nodes)
        for node in plan.graph.nodes:
            if isinstance(plan.decisions[node.key], UpToDate):
                self.reused += 1
            else:
                self._of(node)

    def finish(self, node: Node, *, failed: bool) -> None:
        """Count a task that ran."""
        self.reused -= node.key not in self._work  # its recorded result turned out to be damaged
        work = self._of(node)
        work.done += 1
        if failed:
            work.failed += 1
            self.failed += 1
        else:
            self.ran += 1

    def reuse(self, node: Node) -> None:
        """Count a task that might have run, but whose recorded result is used."""
        self.reused += 1
        self._of(node).done += 1

    def summary(self) -> str:
        """What was done, in one line: `14 tasks ran, 1,190 reused in 3.2 s`."""
        parts = [f"{count(self.ran, 'task')} ran", f"{self.reused:,} reused"]
        if self.failed:
            parts.insert(0, f"{self.failed:,} failed")
        left = self.size - self.ran - self.reused - self.failed
        if left > 0:
            parts.append(f"{left:,} not run")
        return f"{', '.join(parts)} in {duration(time.monotonic() - self.began)}"

    def _of(self, node: Node) -> Work:
        """The work that a task is part of, from now on if it was not."""
        work = self.classes.get(node.name)
        if work is None:
            work = self.classes[node.name] = Work(node.short)
        if node.key not in self._work:
            self._work.add(node.key)
            work.total += 1
        return work


class Progress(AbstractContextManager["Progress"]):
    """A listener that writes plain lines, few of them.

    Args:
        verbose: Also name each task that ran, and why.
    """

    patience = PAUSE
    """Seconds before a run is worth being told of while it goes on."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.standing = Standing()
        self._verbose = verbose
        self._due = time.monotonic() + PAUSE
        self._marked = False
        self._midline = False
        self._timer = threading.Timer(self.patience, self.begin)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Tell of the run from soon on."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give way to one line; a request that was refused gets its own sentence."""
        self._timer.cancel()
        began = self.standing.ran or self.standing.failed
        if self.standing.size and (began or not isinstance(error, RequestError)):
            self.say(f"{terminal.sign(good=kind is None)} {self.standing.summary()}")

    def __call__(self, event: Event) -> None:
        """Take an event of the engine."""
        match event:
            case Finished(node=node, error=error):
                self.standing.finish(node, failed=error is not None)
                if self._verbose:
                    self._name(event)
            case Reused(node):
                self.standing.reuse(node)
            case Planned(plan):
                self.standing.plan(plan)
            case Printed():
                self._echo(event)
            case Waiting(nodes):
                first, *others = (node.label for node in nodes)
                more = f" and {count(len(others), 'other')}" if others else ""
                self.say(f"waiting for another run, which is busy with {first}{more}")
            case Warned(text):
                self.say(f"{terminal.paint('warning:', 'yellow')} {text}")
            case _:
                pass
        self.refresh()

    def begin(self) -> None:
        """Tell of the run for the first time; on a thread of its own, since tasks may be silent for long."""
        self.refresh()

    def refresh(self) -> None:
        """Write how far the run is, if it is time to."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + PAUSE
            total = self.standing.total
            if total and self.standing.done < total:
                classes = (f"{work.name} {work.done:,}/{work.total:,}" for work in shown(self.standing, 5))
                clock = time.strftime("%H:%M:%S")
                self.say(f"{terminal.paint(clock, 'dim')} {self.standing.done:,}/{total:,} done: {', '.join(classes)}")

    def say(self, line: str) -> None:
        """Write a line."""
        terminal.say(f"\n{line}" if self._midline else line)
        self._midline = False

    def write(self, text: str) -> None:
        """Write a piece of what a task printed."""
        terminal.write(text)
        self._midline = not text.endswith("\n")

    def _name(self, event: Finished) -> None:
        how = "ran" if event.error is None else "failed"
        mark = terminal.sign(good=event.error is None)
        self.say(f"{mark} {event.node.label} {how} in {duration(event.duration)}: {event.reason}")

    def _echo(self, event: Printed) -> None:
        """Pass on what the requested task prints; what it printed in an earlier run comes under a heading."""
        if event.kept and not self._marked:
            self._marked = True
            self.say(terminal.paint(f"kept output of {event.node.label}:", "dim"))
        self.write(event.text)


class Quiet(Progress):
    """A listener that only passes on warnings."""

    def __enter__(self) -> Self:
        """Say nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say nothing."""

    def __call__(self, event: Event) -> None:
        """Take an event of the engine."""
        if isinstance(event, Warned):
            super().__call__(event)


def shown(standing: Standing, most: int) -> list[Work]:
    """The classes to show where there is room for so many: those not done first, the others as the graph has them."""
    classes = list(standing.classes.values())
    if len(classes) <= most:
        return classes
    return sorted(classes, key=lambda work: work.done >= work.total)[:most]


def shown_progress(
    *, quiet: bool = False, verbose: bool = False, insist: bool = False, own_terminal: bool = False
) -> Progress:
    """The listener for one run, to be used as a context.

    Args:
        quiet: Only warnings.
        verbose: Each task that ran.
        insist: A moving display also under CI.
        own_terminal: The tasks use the terminal themselves, so nothing moves.
    """
    if quiet:
        return Quiet()
    if terminal.can_animate(insist=insist) and not own_terminal:
        from taskproc_cli.views.live import LiveProgress

        return LiveProgress(verbose=verbose)
    return Progress(verbose=verbose)
