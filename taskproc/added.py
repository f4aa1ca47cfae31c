"""Fields that a class was given after values of it had identified tasks."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from taskproc.fields import field_types, fields_of, is_set

if TYPE_CHECKING:
    from collections.abc import Mapping


class AddedLater:
    """Marks a field of a dataclass or pydantic model that was added later: where it has its default, it does not count.

    Tasks that were identified by a value without the field keep their keys, hence their ids and logs, and their results
    where the class is a library's. Where it is code of yours, that has changed, and what has such a value runs again.

    Example:
        >>> @dataclass
        ... class Training:
        ...     rate: float
        ...     momentum: Annotated[float, AddedLater] = 0.9
    """


@functools.cache
def added_later(kind: type[Any]) -> Mapping[str, object]:
    """The fields of a class that are marked so, with their defaults.

    Raises:
        TypeError: One of them has no default.
    """
    fields = fields_of(kind)
    if not fields:
        return {}
    hints = field_types(kind)
    return {
        name: _default(kind, name, field)
        for name, field in fields.items()
        if AddedLater in getattr(hints.get(name), "__metadata__", ())
    }


def _default(kind: type[Any], name: str, field: Any) -> object:
    if is_set(field.default):
        return field.default
    if field.default_factory is None or not is_set(field.default_factory):
        message = f"{kind.__qualname__}.{name} is marked as added later, but has no default"
        raise TypeError(message)
    return field.default_factory()
