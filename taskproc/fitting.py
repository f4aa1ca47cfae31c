"""Whether a value is of its annotation's type already, told without pydantic, whose import takes 0.1 s."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Literal, Union, cast, get_args, get_origin

from taskproc.future import ATOMIC, Future, FutureBase

Fits = Callable[[Any], bool]
"""Tells that a value has its annotation's type already: that pydantic would return it as it is."""


def fits(annotation: Any) -> Fits:
    """A test that holds only for values that pydantic would return as they are."""
    if not is_known(annotation) or isinstance(annotation, (str, typing.TypeVar)):
        return _anything
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Future or origin is Future:
        return lambda value: isinstance(value, FutureBase)
    if origin in (Union, types.UnionType):
        options = [fits(option) for option in args]
        return lambda value: any(option(value) for option in options)
    if origin is Literal:
        allowed: set[tuple[type[Any], Any]] = {(type(option), option) for option in args}
        return lambda value: type(value) in ATOMIC and (type(value), value) in allowed
    if isinstance(annotation, type) and origin is None:
        return _fits_class(annotation)
    return _fits_container(origin, args)


def is_known(annotation: Any) -> bool:
    """Whether an annotation says anything of the type."""
    return annotation is not inspect.Parameter.empty and annotation is not Any and annotation is not object


def checks_itself(cls: type) -> bool:
    """Whether a dataclass is to be taken at its word: code of its own ran when it was made, and might not run twice."""
    return hasattr(cls, "__post_init__") or hasattr(cls, "__pydantic_fields__")


def _fits_class(cls: Any) -> Fits:
    if issubclass(cls, (FutureBase, PurePath)):
        return lambda value: isinstance(value, cls)
    if (hasattr(cls, "__dataclass_fields__") or hasattr(cls, "_fields")) and not checks_itself(cls):
        return _exactly(cls, lambda value: all(test(getattr(value, name, None)) for name, test in _fields(cls)))
    return lambda value: type(value) is cls


@functools.cache
def _fields(cls: type[Any]) -> tuple[tuple[str, Fits], ...]:
    """A test for each field of a dataclass or named tuple. A default is its author's own word, like `x: int = None`."""
    try:
        hints = typing.get_type_hints(cls)
    except Exception:  # noqa: BLE001  an annotation is any expression, and may raise anything
        return ()
    fields = cast("dict[str, Any]", getattr(cls, "__dataclass_fields__", None) or dict.fromkeys(cls._fields))
    return tuple(
        (name, _or_is(getattr(field, "default", None), fits(hints[name])))
        for name, field in fields.items()
        if name in hints
    )


def _or_is(default: object, test: Fits) -> Fits:
    return lambda value: test(value) or value is default


def _fits_container(origin: Any, args: tuple[Any, ...]) -> Fits:
    if origin in (list, set, frozenset) and len(args) == 1:
        entry = fits(args[0])
        return _exactly(origin, lambda value: all(map(entry, value)))
    if origin is dict:
        key, entry = fits(args[0]), fits(args[1])
        return _exactly(dict, lambda value: all(map(key, value)) and all(map(entry, value.values())))
    if origin is tuple and len(args) == 2 and args[1] is ...:
        entry = fits(args[0])
        return _exactly(tuple, lambda value: all(map(entry, value)))
    if origin is tuple and args:
        entries = [fits(arg) for arg in args]
        return _exactly(
            tuple,
            lambda value: len(value) == len(entries) and all(f(v) for f, v in zip(entries, value, strict=True)),
        )
    return lambda _: False


def _exactly(kind: Any, contents: Fits) -> Fits:
    """A test of a container's very type, then of its contents."""
    return lambda value: type(value) is kind and contents(value)


def _anything(_: Any) -> bool:
    return True
