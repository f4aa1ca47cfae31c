"""Values that can't be modified, and copies of the others, so that nobody modifies what identifies a task."""

from __future__ import annotations

import copy
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")

ATOMIC = frozenset({type(None), bool, int, float, complex, str, bytes})
"""Types whose values cannot be modified, hence need no copy."""


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
        return cast("T", _copied(value))
    except RecursionError:  # it contains itself
        return cast("T", _deep_copy(value))


def _copied(value: Any) -> Any:
    """A copy by hand: `deepcopy` takes several times as long, for arguments full of futures."""
    kind = value.__class__
    if kind in ATOMIC or (kind is tuple and ATOMIC.issuperset(map(type, value))):
        return value
    if kind is list or kind is tuple:
        copies = [entry if entry.__class__ in ATOMIC or isinstance(entry, Fixed) else _copied(entry) for entry in value]
        return copies if kind is list else tuple(copies)
    if kind is dict:
        return {_copied(key): entry if entry.__class__ in ATOMIC else _copied(entry) for key, entry in value.items()}
    return value if _is_fixed(value) else _deep_copy(value)


def _deep_copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  a foreign object's own __deepcopy__ may raise anything
        return value


def _is_fixed(value: Any) -> bool:
    """Whether a value can't be modified, nor what it holds."""
    kind: Any = value.__class__
    if kind is tuple:
        return ATOMIC.issuperset(map(type, value)) or all(map(_is_fixed, value))
    if kind in ATOMIC or issubclass(kind, (Fixed, Enum, PurePath)):
        return True
    dataclass = kind.__dict__.get("__dataclass_params__")
    if dataclass is None or not dataclass.frozen:
        return False
    fields = [getattr(value, name, None) for name in kind.__dataclass_fields__]
    return all(map(_is_fixed, (*fields, *getattr(value, "__dict__", {}).values())))
