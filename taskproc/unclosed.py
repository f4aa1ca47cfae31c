"""Files that a task has left open in its folder: they may not be whole, as long as buffers are not written."""

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
    """Hold off the garbage collector if files in a folder are open: it could free a buffer before it is written.

    The caller calls `gc.enable` once `unclosed` has looked at the files.
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
    """The path, in a folder, of a file that this process has open for writing; empty if none is known.

    Files that only wait for the garbage collector are closed first. So in a thread none is ever known: it would meddle
    with what other threads drop.
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
    """Collect garbage, but free the files with these descriptors only afterwards: garbage may write to them as it goes.

    Each file is then freed before the one that it wraps. Collected in any order, they could lose their buffers.
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
