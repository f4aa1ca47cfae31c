"""What the user's modules were when they were loaded: their files may be newer than the code, their values be set."""

from __future__ import annotations

import os
import sys
from collections import deque
from itertools import chain, islice
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, cast

from taskproc.origin import is_user_code, source_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_states: dict[str, tuple[object, tuple[int, int] | None]] = {}  # by path: the module's spec, the file's state
_RELOADED = -1, -1  # nobody knows when, hence from which text
_values: dict[str, dict[str, object]] = {}  # by path: what each name of the module, and of its classes, held
_seen: list[str] = []  # the modules that were loaded at the last look

_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})
_OPEN = frozenset({"SimpleNamespace", "Namespace"})  # classes of the standard library that hold what they are given
_MOST = 300  # parts of a value that are looked at
_DEEPEST = 5
_SMALL = 1 << 16  # bytes of an array that are looked at


def note_new(name: str) -> None:
    """Remember the files of modules that were loaded since the last call, and of the one that goes by a name."""
    names = list(sys.modules)
    known = len(_seen) if names[: len(_seen)] == _seen else 0  # another order: one was removed, or loaded anew
    for new in (name, *names[known:]):
        module = sys.modules.get(new)
        if module is not None and is_user_code(module):
            note(module, loading=new == name)
    _seen[:] = names


def note(module: ModuleType, *, loading: bool = False) -> str:
    """Remember the file of a module, unless that was done since it was loaded; gives the path, empty for none."""
    path = source_file(module)
    spec = getattr(module, "__spec__", None)
    if path and (path not in _states or _states[path][0] is not spec):
        _states[path] = spec, _state(path) if loading or path not in _states else _RELOADED
        _values[path] = {}
    if path:
        known = _values[path]
        for name in vars(module).keys() - known.keys():
            thing = vars(module)[name]
            known[name] = _held(thing)
            if isinstance(thing, type) and thing.__module__ == module.__name__:
                known.update((f"{name}.{member}", _held(value)) for member, value in vars(thing).items())
    return path


def is_as_loaded(path: str) -> bool:
    """Whether a file is still what was loaded, by size and time of modification, as far as that is known."""
    return path not in _states or _states[path][1] == _state(path)


def was_set(path: str, name: str, value: object) -> bool:
    """Whether what a name of the module in a file, or of a class there, holds now is something else than it was."""
    values = _values.get(path, {})
    return name in values and values[name] != _held(value)


class _Same:
    """Equal to what stands for the very same object."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._thing is other._thing

    def __hash__(self) -> int:
        return id(self._thing)


def _held(value: object) -> object:
    """What stands for what a value holds, as far as that is small: equal while that is the same."""
    left = _MOST

    def held(part: object, depth: int) -> object:
        nonlocal left
        left -= 1
        if type(part) in _PLAIN:
            return type(part), part
        if left < 0 or depth > _DEEPEST:
            return _Same(part)
        return _Same(part), [held(inner, depth + 1) for inner in islice(_parts(part), left)]

    try:
        return held(value, 0)
    except Exception:  # noqa: BLE001  the user's objects may do anything when looked at
        return _Same(value)


def _parts(value: Any) -> Iterable[object]:
    """What a value holds, if that can change; nothing is asked of it that could be code of its own."""
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if issubclass(kind, dict):
        return chain.from_iterable(dict[Any, Any].items(value))
    if issubclass(kind, (list, tuple, set, frozenset, deque)):
        return cast("Iterable[object]", value)
    if (kind.__module__, kind.__name__) == ("numpy", "ndarray"):
        return (value.tobytes(),) if value.nbytes < _SMALL else ()
    if kind is FunctionType:
        return value.__defaults__, value.__kwdefaults__, value.__dict__
    if kind.__dictoffset__ and (is_user_code(kind) or kind.__name__ in _OPEN):
        return (value.__dict__,)
    return ()


def _state(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
