"""What stderr is: whether it takes colour and a display that moves, and the one way to write a line there."""

from __future__ import annotations

import functools
import os
import re
import shutil
import sys
from typing import Any, Literal

Colour = Literal["red", "green", "yellow", "blue", "magenta", "cyan", "dim", "bold"]

_CODES: dict[Colour, int] = {
    "red": 31,
    "green": 32,
    "yellow": 33,
    "blue": 34,
    "magenta": 35,
    "cyan": 36,
    "dim": 2,
    "bold": 1,
}

_PLAIN = str.maketrans(
    {"✔": "done:", "✘": "failed:", "▸": ">", "━": "#", "─": "-", "…": ".", "·": "-"}
    | {"├": "|", "└": "`", "│": "|", "×": "x", "█": "#"}
)
"""What stands for our symbols where a stream can't encode them."""


_MOVES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-ln-~]|\x1b\][^\x07\x1b\n]*(\x07|\x1b\\)|\x1b[^\[\]\n]|\x1b(?!\[[0-?]*[ -/]*m)"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
)
"""What moves the cursor or worse: all control sequences but those for colours."""


def is_terminal() -> bool:
    """Whether stderr is a terminal that knows how to move its cursor."""
    try:
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # no stderr, or a closed one
        return False


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML instead."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def can_animate(*, insist: bool = False) -> bool:
    """Whether a display may move; with `insist`, also under CI."""
    return is_terminal() and (insist or not os.environ.get("CI"))


def takes_colour() -> bool:
    """Whether stderr takes colour; NO_COLOR has the first word, then FORCE_COLOR."""
    return not os.environ.get("NO_COLOR") and (bool(os.environ.get("FORCE_COLOR")) or can_animate())


def paint(text: str, colour: Colour) -> str:
    """A text in a colour, where stderr takes that."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if takes_colour() else text


def paint_out(text: str, colour: Colour) -> str:
    """A text in a colour, where stdout is a terminal and takes that."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if out_takes_colour() else text


def out_takes_colour() -> bool:
    """Whether stdout takes colour."""
    try:
        coloured = bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
    except (AttributeError, ValueError):  # no stdout, or a closed one
        return False
    return coloured and not os.environ.get("NO_COLOR")


def width_out() -> int | None:
    """The columns of stdout, where that is a terminal."""
    try:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    except (AttributeError, ValueError):  # no stdout, or a closed one
        return None


def sign(*, good: bool) -> str:
    """A tick or a cross."""
    return paint("✔", "green") if good else paint("✘", "red")


def write(text: str) -> None:
    """Write to stderr, if there is anybody to read it."""
    try:
        sys.stderr.write(spelled(text, sys.stderr.encoding))
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # no stderr, or a closed one: there is nobody to tell
        return


def spelled(text: str, encoding: str) -> str:
    """A text of ours, with other symbols where the encoding lacks these."""
    return text if _has_symbols(encoding) else text.translate(_PLAIN)


@functools.cache
def _has_symbols(encoding: str) -> bool:
    try:
        "".join(map(chr, _PLAIN)).encode(encoding)
    except (LookupError, TypeError, UnicodeEncodeError):
        return False
    return True


def still(text: str) -> str:
    """A text that may hold words of the user's, without what would move the cursor; lines and colours stay."""
    return _MOVES.sub("", text)


def say(text: str) -> None:
    """Write a line to stderr."""
    write(f"{still(text)}\n")


def warn_of_refusal(error: Exception) -> None:
    """Say what `run` would say, and do nothing for."""
    say(f"{paint('warning:', 'yellow')} taskproc run would refuse this: {error}")
