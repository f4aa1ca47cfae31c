"""The user's source files as they were when modules were loaded from them: a file may be newer than the code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from taskproc import snapshot
from taskproc.origin import is_user_code, source_file
from taskproc.taskfile import safe_getattr

if TYPE_CHECKING:
    from types import ModuleType

_states: dict[str, tuple[object, tuple[int, int] | None]] = {}  # by path: the module's spec, the file's state
_RELOADED = -1, -1  # of a file that was loaded again: nobody knows from which text
_seen: list[str] = []  # the modules that were loaded at the last look


def note_new(name: str) -> None:
    """Remember the files of modules that were loaded since the last call, and of the named one, maybe still loading."""
    names = list(sys.modules)
    known = len(_seen) if names[: len(_seen)] == _seen else 0  # in another order, some were removed or loaded anew
    for new in (name, *names[known:]):
        module = sys.modules.get(new)
        if module is not None and is_user_code(module):
            note(module, loading=new == name)
    _seen[:] = names


def note(module: ModuleType, *, loading: bool = False) -> str:
    """Remember the file of a module, unless that was done since it was loaded; gives the path, empty for none."""
    path = source_file(module)
    spec = safe_getattr(module, "__spec__")
    if path and (path not in _states or _states[path][0] is not spec):
        _states[path] = spec, _state(path) if loading or path not in _states else _RELOADED
        snapshot.take(module, path)
    return path


def is_as_loaded(path: str) -> bool:
    """Whether a file is still what was loaded, by size and time of modification, as far as that is known."""
    return path not in _states or _states[path][1] == _state(path)


def _state(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
