"""The display that moves: how far all is, a line for each class with work, and what runs longest.

A thread of its own writes all that is seen while the display is there, so that the run never waits for the terminal.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from taskproc_cli.views.progress import Progress, class_counts, elapsed, failed_line, longest, overall, shown
from taskproc_cli.views.screen import Line, Screen, fitted, harmless, width

if TYPE_CHECKING:
    from types import TracebackType

    from taskproc_cli.views.terminal import Colour
    from taskproc_cli.views.tracker import Running, Snapshot, Work

PERIOD = 0.2
"""Seconds between two drawings."""

_ALL, _SOME = 20, 10
"""How many classes are shown one and all; of more than that only some are, since all of them are no overview."""

_FAILED = 2
"""How many failed tasks are shown."""

_BAR = 30

_BEGUN = 1 << 12
"""Letters of a line without an end that are looked at."""

_COLOURS: tuple[Colour | None, ...] = (None, None, "red", "dim")
"""Those of what is done, running, failed, kept."""


class LiveProgress(Progress):
    """A listener that draws how far the run is, until it gives way to one line."""

    patience = 0.3  # a shorter run needs no display

    def __init__(self, *, verbose: bool = False) -> None:
        super().__init__(verbose=verbose)
        self._screen = Screen()
        self._lock = threading.Lock()
        self._drawing = False
        self._printed = Lines()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give way to one line."""
        self.stand_still()
        if self._drawing:
            self._screen.draw([], self._taken(whole=True))
            self._drawing = False
        super().__exit__(kind, error, trace)

    def write(self, text: str) -> None:
        """Write something above the display, when that is drawn next."""
        with self._lock:
            if self._drawing:
                self._printed.add(text)
                self._midline = not text.endswith("\n") if text else self._midline
            else:
                super().write(text)

    def tick(self) -> float:
        """Draw."""
        with self._lock:
            if not self._drawing and self._midline:
                super().write("\n")
            self._drawing = True
        columns, rows = self._screen.size()
        lines = drawing(self.tracker.snapshot(), columns, rows)
        above = self._taken()
        if begun := self._printed.begun:
            lines.insert(0, [(begun, None)])
        self._screen.draw(lines, above)
        return PERIOD

    def _taken(self, *, whole: bool = False) -> str:
        """The lines that wait to be written, with `whole` also one without an end."""
        with self._lock:
            if whole and self._printed.begun:
                self._printed.add("\n")
                self._midline = False
            return "".join(f"{line}\n" for line in self._printed.taken())


class Lines:
    """What a task prints, as lines; it may print for hours without ending one, as with a bar that it draws anew."""

    def __init__(self) -> None:
        self._ended: list[str] = []
        self._open: list[str] = []

    def add(self, text: str) -> None:
        """Take in some more."""
        *ended, begun = text.split("\n")
        if ended:
            ended[0] = "".join([*self._open, ended[0]])
            self._ended += ended
            self._open = []
        if begun:
            self._open.append(begun)
            if any("\r" in piece for piece in self._open[-2:]):  # what stands before is written over
                whole = "".join(self._open)
                self._open = [whole[whole.rstrip("\r").rfind("\r") + 1 :]]

    def taken(self) -> list[str]:
        """The lines that have ended since they were last taken."""
        ended, self._ended = self._ended, []
        return [*map(harmless, ended)]

    @property
    def begun(self) -> str:
        """The beginning of the line that has no end yet."""
        found = ""
        for piece in self._open:
            found += piece
            if len(found) > _BEGUN:
                break
        return harmless(found[:_BEGUN])


def drawing(now: Snapshot, columns: int, rows: int) -> list[Line]:
    """What is drawn in a terminal of that size."""
    running, failed = longest(now), now.failures[-_FAILED:]
    room = rows - 3 - len(running) - len(failed)
    classes = shown(now, max(1, min(room, _ALL if len(now.classes) <= _ALL else _SOME)))
    lines = [_whole(now, columns), *(_table(classes, columns) if classes else ())]
    if hidden := [work for work in now.classes if all(work is not each for each in classes)]:
        ended = sum(work.done >= work.total for work in hidden)
        done = f", {ended:,} of them done" if ended else ""
        lines.append([(f"  {len(hidden):,} more class{'es' if len(hidden) > 1 else ''}{done}", "dim")])
    lines += _runners(running, columns)
    for error in failed:
        lines.append([("  ", None), ("✘ ", "red"), (failed_line(error), None)])
    return lines[: max(1, rows - 1)]


def _whole(now: Snapshot, columns: int) -> Line:
    """The bar and the counts over all; where there is little room, first the bar is short and then less is said."""
    parts = overall(now)
    while len(parts) > 1 and len(" · ".join(parts)) > columns - 12:
        del parts[1 if len(parts) > 2 else -1]
    text = " · ".join(parts)
    bar = _bar(now.done, now.total, min(_BAR, columns - len(text) - 3), failed=bool(now.failures))
    return [*bar, (" ", None), (text, "bold")]


def _table(classes: list[Work], columns: int) -> list[Line]:
    """A line for each class; the narrower the terminal, the shorter the bars and then the names."""
    numbers = [f"{work.done:,}/{work.total:,}" for work in classes]
    rows = [(number, *class_counts(work)) for number, work in zip(numbers, classes, strict=True)]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    while len(widths) > 1 and sum(each + 2 for each in widths if each) > min(columns * 2 // 3, columns - 13):
        widths.pop()
    needed = sum(each + 2 for each in widths if each)
    names = min(max(width(work.name) for work in classes), max(8, columns - needed - 8))
    length = max(0, min(_BAR, columns - names - needed - 5))
    lines: list[Line] = []
    for work, row in zip(classes, rows, strict=True):
        line: Line = [(f"  {fitted(work.name, names)}  ", None)]
        line += _bar(work.done, work.total, length, failed=bool(work.ends["failed"]))
        for place, wide in enumerate(widths):
            line.append((f"  {row[place]:>{wide}}" if wide else "", _COLOURS[place]))
        while not line[-1][0].strip():
            line.pop()  # or there would be an ellipsis where blanks are cut
        lines.append(line)
    return lines


def _runners(running: list[Running], columns: int) -> list[Line]:
    """The tasks that run longest."""
    texts = [*map(elapsed, running)]
    room = max(8, columns - 7 - max(map(len, texts), default=0))
    names = min(room, max((width(each.name) for each in running), default=0))
    return [
        [(f"  ▸ {fitted(each.name, names)}  ", None), (text, "dim")] for each, text in zip(running, texts, strict=True)
    ]


def _bar(done: int, total: int, length: int, *, failed: bool) -> Line:
    full = length * done // max(1, total)
    return [("━" * full, "red" if failed else "green"), ("─" * max(0, length - full), "dim")]
