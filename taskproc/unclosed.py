"""Files of a task's folder that it has left open: what is written to them later, or not at all, nobody has seen."""

from __future__ import annotations

import fcntl
import gc
import io
import os
import stat
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from taskproc import filesystem

if TYPE_CHECKING:
    from collections.abc import Collection

_DESCRIPTORS = next((path for path in ("/proc/self/fd", "/dev/fd") if os.path.isdir(path)), "")
_WRITING = os.O_WRONLY | os.O_RDWR


def hold_dropped(folder: str) -> None:
    """Keep the collector from what a task has dropped, if files in a folder are open: they would lose their buffers.

    Whoever calls this enables it again (`gc.enable`), once `unclosed` has looked at them.
    """
    gc.disable()
    with suppress(OSError):  # no descriptor is free to look with, as `unclosed` will say
        if not (os.access(folder, os.F_OK) and _open_in(folder)):
            gc.enable()


def close_logs(folder: str) -> None:
    """Close what `logging` writes into a folder: else the next task of this process would write there too."""
    if "logging" not in sys.modules:
        return
    import logging

    inside = _inside(folder)
    known = (logging.root, *logging.root.manager.loggerDict.values())
    for logger in [one for one in known if isinstance(one, logging.Logger)]:
        for handler in [*logger.handlers]:
            if isinstance(handler, logging.FileHandler) and os.path.realpath(handler.baseFilename).startswith(inside):
                logger.removeHandler(handler)
                with suppress(ValueError):  # its file is closed already
                    handler.close()


def unclosed(folder: str) -> str:
    """The path, in a folder, of a file that this process has open for writing; empty if there is none, or nobody knows.

    What only waits to be collected is closed. In threads nobody does: collecting holds what others drop.
    """
    if threading.current_thread() is not threading.main_thread():
        return ""
    if numbers := _open_in(folder):
        _collect(numbers)
        numbers = _open_in(folder)
    return next(iter(numbers.values()), "")


def _inside(folder: str) -> str:
    """What the paths of a folder's files begin with."""
    return os.path.join(os.path.realpath(folder), "")


def _open_in(folder: str) -> dict[int, str]:
    """The descriptors of files in a folder that are open for writing, and the paths of these."""
    inside = _inside(folder)
    found: dict[int, str] = {}
    for number in map(int, os.listdir(_DESCRIPTORS) if _DESCRIPTORS else ()):
        with suppress(OSError):  # closed by now, as that of the listing is
            status = os.fstat(number)
            is_there = stat.S_ISREG(status.st_mode) and status.st_nlink > 0
            if is_there and fcntl.fcntl(number, fcntl.F_GETFL) & _WRITING:
                path = _path_of(number)
                if path.startswith(inside):
                    found[number] = path.removeprefix(inside)
    return found


def _collect(numbers: Collection[int]) -> None:
    """Collect what refers to itself, but not the files with these descriptors, which it may still write to as it goes.

    They go after it, each before those that it wraps: collected with it, in any order, they would lose their buffers.
    """
    held = [one for one in gc.get_objects() if issubclass(type(one), io.IOBase) and _number_of(one) in numbers]
    gc.collect()
    held.clear()


def _number_of(file: io.IOBase) -> int:
    with suppress(Exception):  # closed, or of a class of the user's
        return file.fileno()
    return -1


def _path_of(number: int) -> str:
    # On macOS a descriptor is no link.
    return os.readlink(f"{_DESCRIPTORS}/{number}") if filesystem.GET_PATH is None else filesystem.open_path(number)
