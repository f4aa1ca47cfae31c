"""What the names of the user's modules held when these had been loaded, to tell what was set or modified since."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import suppress
from importlib.machinery import ModuleSpec
from itertools import chain, islice
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, cast

from taskproc.flat import SCALARS
from taskproc.origin import is_lazy, is_user_code, source_file
from taskproc.taskfile import safe_getattr

if TYPE_CHECKING:
    from collections.abc import Iterable

_values: dict[str, dict[str, object]] = {}  # by path: of each name of the module, and of its classes
_room = [100_000]  # how many more parts may be remembered

_OPEN = frozenset({"SimpleNamespace", "Namespace"})  # classes of the standard library that hold what they are given
_MOST = 300  # parts of one value that are looked at
_DEEPEST = 5
_SMALL = 1 << 16  # bytes of an array that are looked at


def take(module: ModuleType, path: str) -> None:
    """Remember what the module in a file holds, as soon as it is loaded."""
    spec = safe_getattr(module, "__spec__")
    if type(spec) is ModuleSpec:
        if getattr(spec, "_initializing", False):
            spec.__class__ = _LoadingSpec
        else:
            _values[path] = {}
            _take(module, _values[path])


def was_set(path: str, name: str, value: object) -> bool:
    """Whether what goes by a name in a module, or in a class there, is something else than it was, if that is known."""
    values = _values.get(path, {})
    return name in values and values[name] != _held(value)[0]


class _LoadingSpec(ModuleSpec):
    """The spec of a module that is being imported: the import system says there when that is over.

    Code that runs while a module is being imported, as the making of a Task class does, has no other sign of its end.
    """

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_initializing" and not value:
            self.__class__ = ModuleSpec  # type: ignore[assignment]
            module = sys.modules.get(self.name)
            if module is not None and getattr(module, "__spec__", None) is self:
                take(module, source_file(module))


def _take(module: ModuleType, values: dict[str, object]) -> None:
    names: dict[str, Any] = dict(vars(module))
    for name, thing in names.items():
        with suppress(Exception):  # a class may have a metaclass of the user's
            _remember(values, name, thing)
            if issubclass(type(thing), type) and is_user_code(thing) and thing.__module__ == module.__name__:
                for member, value in dict[str, object](type.__dict__["__dict__"].__get__(thing)).items():
                    _remember(values, f"{name}.{member}", value)


def _remember(values: dict[str, object], name: str, value: object) -> None:
    if _room[0] > 0 and not is_lazy(value):  # which will be something else without being set
        values[name], parts = _held(value)
        _room[0] -= parts


def _held(value: object) -> tuple[object, int]:
    """Something that is equal while a value holds the same, as far as that is looked at, and how many parts it has."""
    left = _MOST

    def held(part: object, depth: int) -> object:
        nonlocal left
        left -= 1
        if type(part) in SCALARS:
            return type(part), part
        if left < 0 or depth > _DEEPEST:
            return id(part)
        return id(part), [held(inner, depth + 1) for inner in islice(_parts(part), left)]

    return held(value, 0), _MOST - left


def _parts(value: Any) -> Iterable[object]:
    """What a value holds, if that can change; nothing is asked of it that could be code of its own."""
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if issubclass(kind, dict):
        return chain.from_iterable(dict[Any, Any].items(value))
    if issubclass(kind, (list, tuple, set, frozenset, deque)):
        return cast("Iterable[object]", value)
    if (kind.__module__, kind.__name__) == ("numpy", "ndarray"):
        return (hash(value.tobytes()),) if value.nbytes < _SMALL else ()
    if kind is FunctionType:
        return value.__defaults__, value.__kwdefaults__, value.__dict__
    if kind.__dictoffset__ and (is_user_code(kind) or kind.__name__ in _OPEN):
        return chain.from_iterable(item for item in value.__dict__.items() if not _is_cached(kind, item[0]))
    return ()


def _is_cached(cls: type, name: str) -> bool:
    """Whether an attribute is what a property computed once."""
    return any(type(vars(base).get(name)).__name__ == "cached_property" for base in cls.__mro__)
