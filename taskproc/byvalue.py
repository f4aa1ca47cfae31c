"""Pickling by value of what scripts define, where pickle does it by name, wrongly, or not at all.

A worker has no module to find such things in: what `functools.cache` makes, `NewType` and the like.
"""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import typing
from typing import TYPE_CHECKING, Any, NewType, ParamSpec, TypeVarTuple
from weakref import WeakKeyDictionary

from taskproc.origin import look_up

if TYPE_CHECKING:
    from collections.abc import Callable

# For all pickles, since without this none is right: a copy of MISSING is not MISSING.
copyreg.pickle(type(dataclasses.MISSING), lambda _: "MISSING")
copyreg.pickle(functools.cached_property, lambda kept: (type(kept), (kept.func,), {"attrname": kept.attrname}))
copyreg.pickle(typing.cast("Any", WeakKeyDictionary), lambda weak: (WeakKeyDictionary[Any, Any], (dict(weak),)))


def _unless_importable(reduce: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], str | tuple[Any, ...]]:
    """A reducer that takes a thing by its name where that leads to it in a module, and else as `reduce` does."""

    def reduced(thing: Any) -> str | tuple[Any, ...]:
        name = getattr(thing, "__qualname__", thing.__name__)
        named = thing.__module__ != "__main__" and look_up(thing.__module__, name) is thing
        return name if named else reduce(thing)

    return reduced


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _alias(name: str, value: Any, parameters: tuple[Any, ...]) -> Any:
    return _AliasType(name, value, type_params=parameters)


_AliasType: Any = getattr(typing, "TypeAliasType", None)  # since Python 3.12

BY_VALUE: dict[Any, Callable[[Any], str | tuple[Any, ...]]] = {
    type(functools.cache(len)): _unless_importable(lambda made: (_cached, (made.__wrapped__, made.cache_parameters()))),
    NewType: _unless_importable(
        lambda made: (NewType, (made.__name__, made.__supertype__), {"__module__": made.__module__})
    ),
    ParamSpec: _unless_importable(lambda made: (ParamSpec, (made.__name__,))),
    TypeVarTuple: _unless_importable(lambda made: (TypeVarTuple, (made.__name__,))),
    _AliasType: _unless_importable(lambda made: (_alias, (made.__name__, made.__value__, made.__type_params__))),
}
"""Reducers for picklers, by type."""


def reduced(base: Any, pickler: Any, thing: Any) -> Any:
    """What a pickler of cloudpickle's makes of a function or class; a class keeps its slots, which shape instances."""
    made: Any = base.reducer_override(pickler, thing)
    slots = vars(thing).get("__slots__") if isinstance(thing, type) else None
    if slots and made is not NotImplemented and made[1] and made[1][0] is type(thing):
        made[1][3]["__slots__"] = slots
    return made


def reduced_own(thing: object) -> Any:
    """How the copy of a task that runs is pickled in its result; NotImplemented for all else."""
    reduce = getattr(type(thing), "_task_carried", None)
    return NotImplemented if reduce is None else reduce(thing)
