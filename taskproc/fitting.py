"""Whether a value is of its annotation's type already, told without pydantic, whose import takes 0.1 s."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
import typing
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal, NamedTuple, Union, cast, get_args, get_origin

from taskproc.added import AddedLater
from taskproc.fields import field_types, fields_of, is_set
from taskproc.flat import SCALARS
from taskproc.future import Future, FutureBase

LISTS = frozenset({list, tuple, set, frozenset, deque})
DICTS = frozenset({dict, OrderedDict, defaultdict})
"""Containers in which pydantic takes instances as they are."""

Fits = Callable[[Any], bool]
"""Tells that a value has its annotation's type already: that pydantic would return it as it is."""


def fits(annotation: Any) -> Fits:
    """A test that holds only for values that pydantic would return as they are."""
    if not is_known(annotation) or isinstance(annotation, (str, typing.TypeVar)):
        return lambda _: True
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Future or origin is Future:
        return FutureBase.__instancecheck__
    if origin in (Union, types.UnionType):
        options = [fits(option) for option in args]
        return lambda value: any(option(value) for option in options)
    if origin is Literal:
        allowed: set[tuple[type[Any], Any]] = {(type(option), option) for option in args}
        return lambda value: type(value) in SCALARS and (type(value), value) in allowed
    if origin is Annotated and all(isinstance(mark, str) or mark is AddedLater for mark in annotation.__metadata__):
        return fits(args[0])
    if isinstance(annotation, type) and origin is None:
        return _fits_class(annotation)
    return _fits_container(origin, args)


def is_known(annotation: Any) -> bool:
    """Whether an annotation says anything of the type."""
    return annotation is not inspect.Parameter.empty and annotation is not Any and annotation is not object


def checks_itself(cls: type) -> bool:
    """Whether a dataclass is to be taken at its word: code of its own ran when it was made, and might not run twice."""
    return hasattr(cls, "__post_init__") or hasattr(cls, "__pydantic_fields__")


def fits_or_default(annotation: Any, default: object) -> Fits:
    """A test that also holds for a default of None: that is its author's own word, like `x: int = None`."""
    test = fits(annotation)
    return test if default is not None or test(None) else lambda value: value is None or test(value)


class LooseDefault(NamedTuple):
    """A field's default whose type is not that of its annotation, like `rate: float = 1`."""

    name: str
    default: object
    annotation: Any

    def is_in(self, value: object) -> bool:
        """Whether the field of an instance holds its default, or pydantic's copy of it."""
        held: Any = getattr(value, self.name, None)
        if held is self.default or type(held).__hash__ is not None:  # pydantic copies what has no hash
            return held is self.default
        with contextlib.suppress(Exception):  # comparing is the values' own code
            return type(held) is type(self.default) and bool(held == self.default)
        return False


@functools.cache
def loose_defaults(cls: type[Any]) -> tuple[LooseDefault, ...]:
    """The fields of a dataclass, model or named tuple whose default does not fit: making one does not coerce it."""
    defaults = _defaults(cls)
    hints = field_types(cls) if defaults else {}
    told = [LooseDefault(name, default, hints[name]) for name, default in defaults.items() if name in hints]
    return tuple(one for one in told if one.default is not None and not fits(one.annotation)(one.default))


def _holds_loose(value: Any) -> bool:
    """Whether there is a loose default in an instance, or in what it holds, which pydantic took as it was."""
    kind = value.__class__
    if kind in SCALARS or isinstance(value, (FutureBase, type)):
        return False
    if kind in LISTS or kind in DICTS:
        entries = value.values() if kind in DICTS else value
        return not {*map(type, entries)} <= SCALARS and any(map(_holds_loose, entries))
    return any(loose.is_in(value) for loose in loose_defaults(kind)) or any(
        _holds_loose(getattr(value, name, None)) for name in field_names(kind)
    )


def _fits_class(cls: Any) -> Fits:
    if issubclass(cls, (FutureBase, PurePath)):
        return lambda value: isinstance(value, cls)
    if checks_itself(cls):
        return _exactly(cls, lambda value: not _holds_loose(value))
    if hasattr(cls, "__dataclass_fields__") or hasattr(cls, "_fields"):
        return _exactly(cls, lambda value: all(test(getattr(value, name, None)) for name, test in _fields(cls)))
    return lambda value: type(value) is cls


@functools.cache
def _fields(cls: type[Any]) -> tuple[tuple[str, Fits], ...]:
    """A test for each field of a dataclass or named tuple."""
    hints, defaults = field_types(cls), _defaults(cls)
    return tuple(
        (name, fits_or_default(hints[name], defaults.get(name, ...))) for name in field_names(cls) if name in hints
    )


def field_names(cls: Any) -> Iterable[str]:
    """The fields of a dataclass, model or named tuple; of any other class none."""
    return cast("Iterable[str]", cls._fields) if hasattr(cls, "_field_defaults") else fields_of(cls)


def _defaults(cls: Any) -> Mapping[str, object]:
    """The defaults of a class's fields, but for those that are made anew each time."""
    if hasattr(cls, "_field_defaults"):
        return cast("Mapping[str, object]", cls._field_defaults)
    return {name: field.default for name, field in fields_of(cls).items() if is_set(field.default)}


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
