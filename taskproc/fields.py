"""The fields of dataclasses and pydantic models."""

from __future__ import annotations

import dataclasses
import typing
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping


def fields_of(cls: type[Any]) -> Mapping[str, Any]:
    """The fields of a dataclass or pydantic model by name, as it describes them; of any other class none.

    Both kinds of description have a `default`, a `default_factory` and `init`.
    """
    for base in cls.__mro__:
        # A pydantic dataclass is described twice: what `Field(...)` says is read out only here.
        if "__pydantic_fields__" in vars(base):
            return cast("Mapping[str, Any]", vars(base)["__pydantic_fields__"])
        if "__dataclass_fields__" in vars(base):
            return {field.name: field for field in dataclasses.fields(base)}
    return {}


def field_types(cls: type[Any]) -> dict[str, Any]:
    """The annotations of a class's fields, evaluated; none of them where one cannot be."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001  an annotation is any expression, and may raise anything
        return {}


def is_set(default: object) -> bool:
    """Whether a default that a field's description has is one, also that of a class of attrs."""
    return type(default).__name__ not in ("_MISSING_TYPE", "PydanticUndefinedType", "_Nothing")
