"""Lines at the bottom of a terminal that are drawn again and again, below what is written meanwhile.

Drawn by hand, because `rich` takes 90 ms to import, and loses its place when the terminal becomes narrower.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TYPE_CHECKING

from taskproc_cli.views import terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskproc_cli.views.terminal import Colour

Piece = tuple[str, "Colour | None"]
Line = list[Piece]
"""A line in pieces, each of a colour."""


class Screen:
    """Draws lines, and what is to stand above them."""

    def __init__(self) -> None:
        self._drawn: list[int] = []

    @staticmethod
    def size() -> tuple[int, int]:
        """The columns and rows that there are now."""
        try:
            columns, rows = os.get_terminal_size(sys.stderr.fileno())
        except (OSError, ValueError):
            columns = rows = 0
        return columns or 80, rows or 24

    def draw(self, lines: Sequence[Line], above: str = "") -> None:
        """Replace what is drawn by `lines`; `above` are whole lines that stay, above them."""
        columns, _ = self.size()
        # A terminal that became narrower has wrapped what was drawn.
        rows = sum(max(1, -(-length // columns)) for length in self._drawn)
        text = [f"\r\x1b[{rows}A" if rows else "\r", f"\x1b[J{above}" if above else ""]
        cropped = [crop([(terminal.still(piece), colour) for piece, colour in line], columns - 1) for line in lines]
        text += [f"\x1b[2K{''.join(map(_painted, line))}\n" for line in cropped]
        terminal.write(f"{''.join(text)}\x1b[J")
        self._drawn = [sum(width(piece) for piece, _ in line) for line in cropped]


def _painted(piece: Piece) -> str:
    text, colour = piece
    return terminal.paint(text, colour) if colour else text


def crop(line: Iterable[Piece], columns: int) -> Line:
    """What of a line there is room for, with an ellipsis where it is cut."""
    found: Line = []
    for text, colour in line:
        if (needed := width(text)) <= columns:
            found.append((text, colour))
            columns -= needed
            continue
        short = text[: max(0, columns - 1)]
        while width(short) > columns - 1 and short:
            short = short[:-1]
        found.append((f"{short}…" if columns > 0 else "", colour))
        break
    return found


def cut(text: str, columns: int) -> str:
    """A text, its end cut off where it takes more columns."""
    return "".join(piece for piece, _ in crop([(text, None)], columns))


def fitted(text: str, columns: int) -> str:
    """A text cut or filled up to so many columns."""
    short = cut(text, columns)
    return short + " " * (columns - width(short))


def width(text: str) -> int:
    """The columns that a text takes: two for a wide character, none for a mark that combines with the one before."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def harmless(text: str) -> str:
    """A line that a task printed, without what would move the cursor; of a line written over, what is seen last."""
    return terminal.still(text.rstrip("\r").rpartition("\r")[2])
