"""The display that moves: a line for each class with work, drawn by a timer, below what is written meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from taskproc_cli.views import terminal
from taskproc_cli.views.progress import Progress, Work, shown
from taskproc_cli.views.quantities import duration

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live
    from rich.text import Text

FRAMES = 5
"""Drawings a second."""


class LiveProgress(Progress):
    """A listener that draws how far each class is, until it gives way to one line."""

    patience = 0.3  # a shorter run needs no display, nor the import of what draws it

    def __init__(self, *, verbose: bool = False) -> None:
        super().__init__(verbose=verbose)
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._line = ""
        self._ended = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give way to one line."""
        with self._lock:
            self._ended = True
            if self._live is not None and self._line:
                self.write("\n")
            if self._live is not None:
                self._live.stop()
                self._live = None
        super().__exit__(kind, error, trace)

    def refresh(self) -> None:
        """Nothing: a timer draws."""

    def say(self, line: str) -> None:
        """Write a line above the display."""
        with self._lock:
            if self._live is None:
                super().say(line)
            else:
                from rich.text import Text

                self._live.console.print(Text.from_ansi(line), soft_wrap=True)

    def write(self, text: str) -> None:
        """Write whole lines above the display, and keep what is left of the last."""
        with self._lock:
            if self._live is None:
                super().write(text)
                return
            *lines, self._line = (self._line + text).split("\n")
            for line in lines:
                self.say(line.rstrip("\r").rpartition("\r")[2])

    def begin(self) -> None:
        """Start drawing."""
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True, no_color=not terminal.takes_colour(), highlight=False)
        with self._lock:
            if not self._ended:
                if self._midline:
                    super().write("\n")
                self._live = Live(
                    get_renderable=lambda: self._drawing(console.width, console.height),
                    console=console,
                    refresh_per_second=FRAMES,
                    transient=True,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._live.start()

    def _drawing(self, width: int, height: int) -> Text:
        """What is drawn now, at most as large as the terminal."""
        import time

        from rich.text import Text

        standing = self.standing
        works = shown(standing, max(1, height - 3))
        names = min(max((len(work.name) for work in works), default=0), width // 2)
        counts = max((len(_counted(work)) for work in works), default=0)
        drawing = Text(no_wrap=True, overflow="crop")
        for work in works:
            _draw(drawing, work, names, counts, width)
        hidden = len(standing.classes) - len(works)
        more = f" · {hidden} more classes" if hidden else ""
        failed = f" · {standing.failed:,} failed" if standing.failed else ""
        spent = duration(time.monotonic() - standing.began)
        drawing.append(f"{standing.done:,}/{standing.total:,} done{failed}{more} · {spent}", style="dim")
        return drawing


def _counted(work: Work) -> str:
    return f"{work.done:,}/{work.total:,}"


def _draw(drawing: Text, work: Work, names: int, counts: int, width: int) -> None:
    """Add a class's line: its name, a bar and its counts."""
    name = work.name if len(work.name) <= names else f"{work.name[: max(0, names - 1)]}…"
    length = max(0, min(40, width - names - counts - 4))
    full = length * work.done // max(1, work.total)
    drawing.append(f"{name:<{names}} ")
    done, left = list(terminal.drawn("━─", "#-"))
    drawing.append(done * full, style="red" if work.failed else "green")
    drawing.append(left * (length - full), style="bright_black")
    drawing.append(f" {_counted(work):>{counts}}\n")
