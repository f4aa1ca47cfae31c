"""What stderr is: whether it takes colour and a display that moves, and the one way to write a line there."""

from __future__ import annotations

import functools
import os
import re
import shutil
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

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


def can_animate(*, insist: bool = False, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a display may move; with `insist`, also under CI."""
    return is_terminal() and (insist or not environ.get("CI"))


def takes_colour(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether stderr takes colour; NO_COLOR has the first word, then FORCE_COLOR."""
    return not environ.get("NO_COLOR") and (bool(environ.get("FORCE_COLOR")) or can_animate(environ=environ))


def paint(text: str, colour: Colour) -> str:
    """A text in a colour, where stderr takes that."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if takes_colour() else text


def paint_out(text: str, colour: Colour) -> str:
    """A text in a colour, where stdout is a terminal and takes that."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if out_takes_colour() else text


def out_takes_colour(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether stdout takes colour."""
    try:
        coloured = bool(environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and environ.get("TERM") != "dumb")
    except (AttributeError, ValueError):  # no stdout, or a closed one
        return False
    return coloured and not environ.get("NO_COLOR")


def width_out() -> int | None:
    """The columns of stdout, where that is a terminal."""
    try:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    except (AttributeError, ValueError):  # no stdout, or a closed one
        return None


def sign(*, good: bool) -> str:
    """A tick or a cross."""
    return paint("✔", "green") if good else paint("✘", "red")


@contextmanager
def printing_to_stderr() -> Generator[None]:
    """Send what is printed to stderr, unless stdout is a terminal: it is for the result alone.

    The standard streams are changed for this process and those it starts; what user code does to stdout is undone.
    """
    stream = sys.stdout
    if not (stream and sys.stderr):  # pyright: ignore[reportUnnecessaryComparison]
        yield
        return
    try:
        number, stderr, interactive = stream.fileno(), sys.stderr.fileno(), stream.isatty()
    except (AttributeError, OSError, ValueError):  # no files: whoever called us reads them in this process
        with redirect_stdout(sys.stderr):
            yield
        return
    encoding, errors = (getattr(stream, name, None) for name in ("encoding", "errors"))  # a detached one does not tell
    stream.flush()
    before = os.dup(number)
    if not interactive:
        os.dup2(stderr, number)
    try:
        yield
    finally:
        with suppress(Exception):  # whatever user code has left there
            sys.stdout.flush()
        os.dup2(before, number)
        os.close(before)
        sys.stdout = stream
        try:
            stream.flush()
        except ValueError:  # closed, or detached from its buffer
            sys.stdout = open(number, "w", encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115


@contextmanager
def empty_stdin() -> Generator[None]:
    """Let nothing be read from stdin by this process and those it starts."""
    before, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


def have_all_three() -> None:
    """Open what was closed of the standard descriptors, or else the next files of ours would stand for them."""
    number = os.open(os.devnull, os.O_RDWR)
    while number < 3:
        os.set_inheritable(number, True)  # noqa: FBT003
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)


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
