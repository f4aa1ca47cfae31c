"""Where a pickler writes, and what it met."""

from __future__ import annotations

import pickle
from types import FunctionType
from typing import Any

MAIN = b"__main__"
_FRAMES = 1 << 18  # bytes: a pickle's frames, which alone can name a module, are well below this


class NamesMainError(Exception):
    """A pickle would refer to `__main__`."""


class Sink:
    """Where a pickler writes. `met` collects the types and functions that it met besides plain data.

    A type in `known` need not be met again: another instance says no more.
    """

    __slots__ = ("by_value", "known", "met")

    def __init__(self) -> None:
        self.by_value = False
        self.known: set[type] = set()
        self.met: set[Any] = set()

    def meet(self, thing: object) -> None:
        """Called by the pickler with what is not plain data."""
        if isinstance(thing, (type, FunctionType)):
            self.met.add(thing)
        else:
            self.met.add(type(thing))
            self.known.add(type(thing))

    def write(self, data: bytes | bytearray | pickle.PickleBuffer) -> int:
        """Called by the pickler: with whole frames of about 64 KiB, or with the memory of something large."""
        view = data.raw() if isinstance(data, pickle.PickleBuffer) else memoryview(data)
        if not self.by_value and len(view) < _FRAMES and MAIN in bytes(view):
            raise NamesMainError
        self.take(view)
        return len(view)

    def take(self, view: memoryview) -> None:
        """Take the next part of the pickle."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Leave nothing behind; the pickle is not whole."""
