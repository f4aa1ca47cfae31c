"""System calls that keep the interpreter's lock.

`os` releases it for each call. Where other threads wait for it, as they do while tasks take next to nothing, it comes
back 10 µs later, which is as long as all else takes.
"""

from __future__ import annotations

import contextlib
import functools
import os
from typing import Any

_LENGTH = 1 << 14  # bytes, of a path


@functools.cache
def _library() -> tuple[Any, Any] | None:
    """The C library, and room for a path. Loading `ctypes` takes 7 ms, which only tasks in threads are to pay."""
    try:
        import ctypes

        library = ctypes.PyDLL(None)
        library.access.argtypes = ctypes.c_char_p, ctypes.c_int
        library.getcwd.argtypes, library.getcwd.restype = (ctypes.c_void_p, ctypes.c_size_t), ctypes.c_char_p
        return library, ctypes.create_string_buffer(_LENGTH)
    except Exception:  # noqa: BLE001  Python was built without libffi, or a hardened system refuses what that needs
        return None


def exists(path: str) -> bool:
    """Whether there is anything at a path."""
    if (loaded := _library()) is None:
        return os.access(path, os.F_OK)
    library, _ = loaded
    return bool(library.access(os.fsencode(path), os.F_OK) == 0)


def working_folder() -> bytes:
    """The working folder; empty if it is gone."""
    if (loaded := _library()) is None:
        with contextlib.suppress(OSError):
            return os.getcwdb()
        return b""
    library, room = loaded
    return library.getcwd(room, _LENGTH) or b""
