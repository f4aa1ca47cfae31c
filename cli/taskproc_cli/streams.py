"""The standard streams while user code runs: stdout is for the result alone, stdin is empty, and none is missing."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


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
