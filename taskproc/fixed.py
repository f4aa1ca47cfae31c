"""Values that can't be modified, and copies of the others, so that nobody modifies what identifies a task."""

from __future__ import annotations

import copy
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc.flat import SCALARS
from taskproc.reduction import held_by

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")


class Fixed:
    """An object that is its own copy."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def own_copy(value: T) -> T:
    """A copy that shares nothing mutable with the original; what refuses to be copied is passed on as it is."""
    try:
        copied: T = _copied(value, {})
    except RecursionError:  # it contains itself
        copied = _deep_copy(value)
    return copied


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A copy by hand: `deepcopy` takes several times as long, for arguments full of futures.

    `memo` has the copies of the lists, tuples and dicts met before, by identity: what is shared is copied once.
    """
    kind = value.__class__
    if kind in SCALARS or (kind is tuple and SCALARS.issuperset(map(type, value))):
        return value
    if kind is not list and kind is not tuple and kind is not dict:
        return value if _is_fixed(value) else _deep_copy(value)
    made = memo.get(id(value))
    if made is None:
        if kind is dict:
            made = {_copied(key, memo): _copied(entry, memo) for key, entry in value.items()}
        else:
            entries = [
                one if one.__class__ in SCALARS or isinstance(one, Fixed) else _copied(one, memo) for one in value
            ]
            made = entries if kind is list else tuple(entries)
        memo[id(value)] = made
    return made


def _deep_copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  a foreign object's own __deepcopy__ may raise anything
        return value


def _is_fixed(value: Any) -> bool:
    """Whether a value can't be modified, nor what it holds."""
    kind: Any = value.__class__
    if kind is tuple:
        return SCALARS.issuperset(map(type, value)) or all(map(_is_fixed, value))
    if kind in SCALARS or kind is object or issubclass(kind, (Fixed, Enum, PurePath)):
        return True
    if not all(map(_is_frozen_dataclass, kind.__mro__[:-1])):
        return False
    return all(map(_is_fixed, held_by(value).values()))


def _is_frozen_dataclass(cls: type) -> bool:
    params = cls.__dict__.get("__dataclass_params__")
    return params is not None and params.frozen
