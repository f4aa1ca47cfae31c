"""The parts of structured values: fields of dataclasses, pydantic models, TypedDicts, named tuples; keys of dicts."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, Required, Union, get_args, get_origin

from taskproc.requires import annotations_of
from taskproc_cli.docstring import describe_own_parameters
from taskproc_cli.shapes import members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MISSING: Any = object()
"""Stands for a default or an annotation that is not there, where None is one."""

MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class Field(NamedTuple):
    """One part: its `name` in the class, and its `key` in the dict that stands for the whole value."""

    name: str
    key: str
    annotation: Any
    default: Any = MISSING
    about: str = ""


class Fields(NamedTuple):
    """The parts of a value by their key; `others` is the annotation of those with any other key."""

    named: Mapping[str, Field]
    others: Any = MISSING
    classes: tuple[Any, ...] = ()

    def parts_of(self, value: Any) -> dict[str, Any]:
        """The parts of a value that is there already.

        Raises:
            ValueError: it has none, or is of a class that these are not the fields of.
        """
        value = rooted(value)
        if value is MISSING or value is None:
            return {}
        if isinstance(value, collections.abc.Mapping):
            return dict(typing.cast("Mapping[str, Any]", value))
        if type(value) not in self.classes:
            raise ValueError(value)
        return {key: getattr(value, field.name) for key, field in self.named.items() if hasattr(value, field.name)}


def fields_of(annotation: Any) -> Fields | None:
    """The fields that a value of this (resolved) annotation has; None if it is no structured one.

    Those of a union are the fields of all its members.
    """
    found: dict[str, Field] = {}
    others: Any = MISSING
    classes: list[Any] = []
    for member in members(annotation):
        origin = get_origin(member) or member
        if origin in MAPPINGS:
            others = (*get_args(member), Any, Any)[1]
        elif (fields := _fields(origin)) is not None:
            others = Any if _is_open(origin) else others
            for field in fields:
                known = found.get(field.key)
                both = Union[known.annotation, field.annotation] if known else field.annotation  # noqa: UP007  of values
                found[field.key] = field._replace(annotation=both)
        else:
            continue
        classes.append(origin)
    return Fields(found, others, tuple(classes)) if classes else None


def rooted(value: Any) -> Any:
    """What a value of a pydantic RootModel stands for; all else is itself."""
    return rooted(value.root) if getattr(value.__class__, "__pydantic_root_model__", False) else value


def description(annotation: Any) -> str:
    """What `Annotated[..., Field(description=...)]` or `Doc(...)` says."""
    texts: Iterator[Any] = (
        getattr(each, "description", None) or getattr(each, "documentation", None)
        for each in getattr(annotation, "__metadata__", ())
    )
    return next((text for text in texts if isinstance(text, str)), "")


def _fields(cls: Any) -> Iterator[Field] | None:
    """The fields of a class that has some."""
    if not isinstance(cls, type):
        return None
    about = describe_own_parameters(cls)
    if hasattr(cls, "__dataclass_fields__"):
        return _fields_of_dataclass(cls, about)
    if hasattr(cls, "__pydantic_fields__"):
        return _fields_of_model(cls, about)
    if hasattr(cls, "_field_defaults"):
        return _fields_of_named_tuple(cls, about)
    return _fields_of_typed_dict(cls, about) if hasattr(cls, "__required_keys__") else None


def _fields_of_dataclass(cls: Any, about: Mapping[str, str]) -> Iterator[Field]:
    hints = _hints(cls)
    for field in dataclasses.fields(cls):
        if field.init:
            hint = hints.get(field.name, Any)
            default = MISSING if field.default is dataclasses.MISSING else field.default
            if field.default_factory is not dataclasses.MISSING:
                default = _made(field.default_factory)
            yield Field(field.name, field.name, hint, default, about.get(field.name) or description(hint))


def _fields_of_model(cls: Any, about: Mapping[str, str]) -> Iterator[Field]:
    by_name = cls.model_config.get("populate_by_name") or cls.model_config.get("validate_by_name")
    for name, info in cls.__pydantic_fields__.items():
        alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
        key = name if not alias or by_name else alias
        default = MISSING if info.is_required() else _made(partial(info.get_default, call_default_factory=True))
        yield Field(name, key, info.annotation, default, info.description or about.get(name, ""))


def _fields_of_named_tuple(cls: Any, about: Mapping[str, str]) -> Iterator[Field]:
    hints = _hints(cls)
    for name in cls._fields:
        default = cls._field_defaults.get(name, MISSING)
        yield Field(name, name, hints.get(name, Any), default, about.get(name, ""))


def _fields_of_typed_dict(cls: Any, about: Mapping[str, str]) -> Iterator[Field]:
    for name, hint in _hints(cls).items():
        bare, needed = hint, name in cls.__required_keys__
        while (kind := get_origin(bare)) in (Required, NotRequired) or getattr(kind, "_name", "") == "ReadOnly":
            needed = kind is Required if kind in (Required, NotRequired) else needed
            (bare,) = get_args(bare)
        yield Field(name, name, bare, MISSING if needed else None, about.get(name) or description(bare))


def _made(factory: Callable[[], Any]) -> Any:
    """What a default's factory makes; None where it can't without the rest."""
    try:
        return factory()
    except Exception:  # noqa: BLE001  it is the user's code
        return None


def _is_open(cls: Any) -> bool:
    """Whether a pydantic model takes keys that its fields do not tell."""
    models: Mapping[str, Any] = getattr(cls, "__pydantic_fields__", {})
    aliases = (each.validation_alias for each in models.values())
    return bool(models) and (
        getattr(cls, "model_config", {}).get("extra") == "allow"
        or any(alias is not None and not isinstance(alias, str) for alias in aliases)
    )


def _hints(cls: type) -> dict[str, Any]:
    """The annotations of a class, as far as they can be evaluated."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001  an annotation is any expression, and may raise anything
        unevaluated = (str, typing.ForwardRef)
        return {name: Any if isinstance(hint, unevaluated) else hint for name, hint in annotations_of(cls).items()}
