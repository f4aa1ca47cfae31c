"""What a run is doing, told on stderr: lines in a log here, a display that moves in `live` and `notebook`."""

from __future__ import annotations

import math
import threading
import time
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Self

from taskproc.errors import RequestError
from taskproc.events import Event, Finished, Printed, Waiting, Warned
from taskproc_cli.views import terminal
from taskproc_cli.views.quantities import duration, rough
from taskproc_cli.views.screen import fitted
from taskproc_cli.views.tracker import Running, Snapshot, Tracker, Work

if TYPE_CHECKING:
    from types import TracebackType

    from taskproc.errors import FailedTaskError

_SHORTEST, _LONGEST = 1.0, 60.0
"""Seconds between two reports in a log: a tenth of the time so far, within these."""

_CLASSES, _FAILURES, _LABEL = 4, 3, 60
"""How many classes, and how many new failures, a report in a log names, and the columns that a task's name takes."""

_RUNNING = 3
"""How many of the running tasks are shown."""


class Progress(AbstractContextManager["Progress"]):
    """A listener that tells what a person should know, and at the end in one line what was done.

    Args:
        verbose: Also name each task that ran, and why.
    """

    patience = math.inf
    """Seconds before a run is worth being told of while it goes on."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.tracker = Tracker()
        self._verbose = verbose
        self._marked = False
        self._waited = False
        self._midline = False
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick_on, daemon=True)

    def __enter__(self) -> Self:
        """Tell of the run from soon on."""
        if self.patience < math.inf:
            with suppress(RuntimeError):  # no more threads are to be had, which the run will tell
                self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give way to one line; a request that was refused gets its own sentence."""
        self.stand_still()
        began = self.tracker.count("ran") or self.tracker.count("failed")
        if self.tracker.size and (began or not isinstance(error, RequestError)):
            self.conclude(self.tracker.summary(), good=kind is None)

    def __call__(self, event: Event) -> None:
        """Take an event of the engine."""
        self.tracker(event)
        match event:
            case Finished() if self._verbose:
                self._name(event)
            case Printed():
                self._echo(event)
            case Waiting(nodes) if not self._waited:
                self._waited = True
                self.say(f"waiting for another run, which is busy with {self.tracker.name(nodes[0])}")
            case Warned(text):
                self.say(f"{terminal.paint('warning:', 'yellow')} {text}")
            case _:
                pass

    def tick(self) -> float:
        """Tell how far the run is; gives the seconds until that is due again. On a thread of its own."""
        return math.inf

    def stand_still(self) -> None:
        """Tick no more."""
        self._ended.set()
        if self._ticker.ident is not None:
            self._ticker.join()

    def conclude(self, summary: str, *, good: bool) -> None:
        """Write the last line."""
        self.say(f"{terminal.sign(good=good)} {summary}")

    def say(self, line: str) -> None:
        """Write a line."""
        line = terminal.still(line)
        self.write(f"\n{line}\n" if self._midline else f"{line}\n")

    def write(self, text: str) -> None:
        """Write a piece of what a task printed."""
        terminal.write(text)
        self._midline = not text.endswith("\n")

    def _tick_on(self) -> None:
        wait = self.patience
        while not self._ended.wait(wait):
            wait = self.tick()

    def _name(self, event: Finished) -> None:
        how, now = ("ran", "") if event.error is None else ("failed", f": {event.error.reason}")
        mark = terminal.sign(good=event.error is None)
        name, took = self.tracker.name(event.node), duration(event.duration)
        self.say(f"{mark} {name} {how} in {took}{now} ({event.reason})")

    def _echo(self, event: Printed) -> None:
        """Pass on what the requested task prints; what it printed in an earlier run comes under a heading."""
        if event.kept and not self._marked:
            self._marked = True
            self.say(terminal.paint(f"kept output of {self.tracker.name(event.node)}:", "dim"))
        self.write(event.text)


class Quiet(Progress):
    """A listener that only passes on warnings."""

    def __call__(self, event: Event) -> None:
        """Take an event of the engine."""
        if isinstance(event, Warned):
            super().__call__(event)


class LogProgress(Progress):
    """A listener that writes lines with the time of day, ever fewer of them: for logs."""

    patience = _SHORTEST

    def __init__(self, *, verbose: bool = False) -> None:
        super().__init__(verbose=verbose)
        self._told = 0

    def tick(self) -> float:
        """Write how far the run is."""
        now = self.tracker.snapshot()
        clock = terminal.paint(time.strftime("%H:%M:%S"), "dim")
        if now.done < now.total:
            new, self._told = now.failures[self._told :], len(now.failures)
            if not self._verbose:
                for error in new[:_FAILURES]:
                    self.say(f"{clock} {terminal.sign(good=False)} {failed_line(error)}")
            self.say(f"{clock} {_report(now)}")
        return min(_LONGEST, max(_SHORTEST, now.elapsed / 10))


def _report(now: Snapshot) -> str:
    """How far a run is, in one line."""
    parts = [f"{now.done:,}/{now.total:,} done", *counts(now), *time_left(now)]
    unfinished = sum(work.done < work.total for work in now.classes)
    named = shown(now, min(unfinished, _CLASSES))
    classes = [f"{work.name} {work.done:,}/{work.total:,}" for work in named]
    more = [f"{unfinished - len(named):,} more"] if unfinished > len(named) else []
    line = f"{' · '.join(parts)}: {', '.join(classes + more)}"
    for each in longest(now)[:1]:
        line += f"; {fitted(each.name, _LABEL).rstrip()} for {rough(each.seconds)}"
    return line


def counts(now: Snapshot) -> list[str]:
    """What is under way, and what went wrong."""
    numbers = (
        (sum(work.running for work in now.classes), "running"),
        (len(now.failures), "failed"),
        (now.elsewhere, "in another run"),
    )
    return [f"{number:,} {what}" for number, what in numbers if number] + ["stopping"] * now.stopping


def overall(now: Snapshot) -> list[str]:
    """How far all is."""
    return [f"{now.done:,}/{now.total:,} done", *counts(now), rough(now.elapsed), *time_left(now)]


def longest(now: Snapshot) -> list[Running]:
    """The tasks that run longest, of those that run for long at all."""
    return [each for each in now.running[:_RUNNING] if each.seconds >= 1]


def time_left(now: Snapshot) -> list[str]:
    """How long it will take, if anything is known of that."""
    if now.left is None or now.left < 0.5:
        return []
    return [f"about {rough(now.left)} left"]


def failed_line(error: FailedTaskError) -> str:
    """A failure in one line."""
    return f"{error.label} failed: {error.reason}"


def class_counts(work: Work) -> tuple[str, str, str]:
    """How many of a class run, failed and were kept, in words; empty for none."""
    numbers = ((work.running, "running"), (work.ends["failed"], "failed"), (work.ends["kept"], "kept"))
    running, failed, kept = (f"{number:,} {what}" if number else "" for number, what in numbers)
    return running, failed, kept


def elapsed(task: Running) -> str:
    """How long a task runs, and what it took before or others of its class take."""
    usual = f" (usually {rough(task.expected)})" if task.expected is not None else ""
    return f"{rough(task.seconds)}{usual}"


def shown(now: Snapshot, most: int) -> list[Work]:
    """The classes to show where there is room for so many, in the order of the graph: those at work before all."""
    ranked = sorted(now.classes, key=lambda work: (work.done >= work.total, not work.running, not work.done))
    chosen = {id(work) for work in ranked[:most]}
    return [work for work in now.classes if id(work) in chosen]


def shown_progress(
    *, quiet: bool = False, verbose: bool = False, insist: bool = False, own_terminal: bool = False
) -> Progress:
    """The listener for one run, to be used as a context.

    Args:
        quiet: Only warnings.
        verbose: Each task that ran.
        insist: A moving display also under CI.
        own_terminal: The tasks use the terminal themselves, so nothing is told meanwhile.
    """
    if quiet:
        return Quiet()
    if own_terminal:
        return Progress(verbose=verbose)
    if terminal.is_notebook():
        from taskproc_cli.views.notebook import NotebookProgress

        return NotebookProgress(verbose=verbose)
    if terminal.can_animate(insist=insist):
        from taskproc_cli.views.live import LiveProgress

        return LiveProgress(verbose=verbose)
    return LogProgress(verbose=verbose)
