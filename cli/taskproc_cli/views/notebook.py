"""The display in a notebook: HTML that changes while the run goes on, and in the end is one line."""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from taskproc_cli.views.progress import Progress, class_counts, elapsed, failed_line, longest, overall, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc_cli.views.tracker import Snapshot, Work

_PERIOD = 0.5
_CLASSES, _FAILED = 20, 2
_LABEL = 100


class NotebookProgress(Progress):
    """A listener that shows a table of how far each class is."""

    patience = 0.3  # a shorter run needs no display

    def __init__(self, *, verbose: bool = False) -> None:
        super().__init__(verbose=verbose)
        self._handle: Any = None

    def tick(self) -> float:
        """Show how far the run is."""
        now = self.tracker.snapshot()
        self._show("".join(panel(now)), " · ".join(overall(now)))
        return _PERIOD

    def conclude(self, summary: str, *, good: bool) -> None:
        """Show the last line in place of all."""
        line = f"{'✔' if good else '✘'} {summary}"
        self._show(f"<div>{escape(line)}</div>", line)

    def _show(self, html: str, text: str) -> None:
        forms = {"text/html": html, "text/plain": text}
        if self._handle is None:
            ipython: Any = import_module("IPython.display")
            self._handle = ipython.display(forms, raw=True, display_id=True)
        else:
            self._handle.update(forms, raw=True)


def panel(now: Snapshot) -> Iterator[str]:
    """What is shown, in the colours of the page."""
    yield f"<div>{_bar(now.done, now.total, failed=bool(now.failures))} {escape(' · '.join(overall(now)))}"
    yield "<table>"
    classes = shown(now, _CLASSES)
    for work in classes:
        yield _row(work)
    yield "</table>"
    if hidden := len(now.classes) - len(classes):
        yield f"<div>{hidden:,} more classes</div>"
    for each in longest(now):
        yield f"<div>▸ {escape(each.name[:_LABEL])} {elapsed(each)}</div>"
    for error in now.failures[-_FAILED:]:
        yield f"<div>✘ {escape(failed_line(error))}</div>"
    yield "</div>"


def _row(work: Work) -> str:
    cells = [f"{work.done:,}/{work.total:,}", *class_counts(work)]
    bar = _bar(work.done, work.total, failed=bool(work.ends["failed"]))
    name = f'<td style="text-align: left">{escape(work.name)}</td>'
    return f"<tr>{name}<td>{bar}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _bar(done: int, total: int, *, failed: bool) -> str:
    colour = "crimson" if failed else "seagreen"
    return f'<progress value="{done}" max="{total}" style="accent-color: {colour}"></progress>'
