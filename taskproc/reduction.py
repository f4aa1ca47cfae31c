"""Taking objects apart: the maker and the parts from which an equal object could be made.

The pickle protocol tells them for most types; those for which it fails, or tells more than what an object is equal by,
are listed here. Types of modules that may never load are known by their names.
"""

from __future__ import annotations

import copyreg
import functools
import operator
import os
import sys
from enum import Enum
from types import BuiltinFunctionType, CellType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from taskproc.arrays import in_array, in_scalar, is_numpy
from taskproc.libraries import LASTING, is_mock, is_transform, shared_name, without_parents
from taskproc.origin import compiled_file, home, is_user_code, look_up, public_name, reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

KNOWN: dict[str, Callable[[Any], object]] = {
    "builtins.bytearray": bytes,
    "builtins.range": lambda value: (value.start, value.stop, value.step),
    "builtins.slice": lambda value: (value.start, value.stop, value.step),
    "datetime.date": lambda value: value.isoformat(),
    "datetime.datetime": lambda value: (value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo)),
    "datetime.time": lambda value: (value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo)),
    "datetime.timedelta": lambda value: (value.days, value.seconds, value.microseconds),
    "datetime.timezone": lambda value: value.__getinitargs__(),
    "zoneinfo.ZoneInfo": str,
    "collections.deque": lambda value: (list(value), value.maxlen),
    "decimal.Decimal": str,
    "fractions.Fraction": lambda value: (value.numerator, value.denominator),
    **{f"ipaddress.IPv{version}{what}": str for version in (4, 6) for what in ("Address", "Network", "Interface")},
    "re.Pattern": lambda value: (value.pattern, value.flags),
    "uuid.UUID": operator.attrgetter("bytes"),
    **{f"pathlib.{pure}{flavour}Path": str for pure in ("Pure", "") for flavour in ("", "Posix", "Windows")},
}
"""Plain types of the standard library by name, each with what makes its values up."""

_BEHIND_A_NAME = ("__value__", "__type_params__", "__supertype__", "__bound__", "__constraints__", "__default__")

_PLAIN_BASES = frozenset({int, float, complex, str, bytes, tuple, list, dict, set, frozenset})

_ON_HEAP = 1 << 9  # flag of a type that is not part of a program's text
_UNTOLD = frozenset(
    {
        *("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "_abc_impl", "__signature__"),
        *("__annotate_func__", "__annotations_cache__", "__firstlineno__", "__static_attributes__", "__slotnames__"),
        *(f"__pydantic_{name}__" for name in ("core_schema", "validator", "serializer", "setattr_handlers")),
    }
)
"""Members of a class that all classes have, or that were computed from others."""


class Reduced(NamedTuple):
    """An object as its maker (a callable, or a name) and its parts.

    `content` holds what an instance contains: a state of its own making, list items, dict items.
    """

    maker: Any
    arguments: tuple[Any, ...] = ()
    attributes: Mapping[str, object] = MappingProxyType({})
    content: tuple[object, ...] = ()


def known_name(kind: type[Any]) -> str:
    """The name by which `KNOWN` knows a type, the same on every Python."""
    module = str(kind.__module__)  # None for some that libraries make on the fly
    return f"{'pathlib' if module.startswith('pathlib.') else module}.{kind.__qualname__}"


def _zone(zone: Any) -> Any:
    """A time zone, pydantic's own kind of fixed offset being that of the standard library."""
    if type(zone).__name__ != "TzInfo":
        return zone
    from datetime import timezone

    return timezone(zone.utcoffset(None))


def is_made_by_library(thing: object) -> bool:
    """Whether it is a class that a library made on the fly, as `make_dataclass` does: no name leads to it, nor code."""
    if not isinstance(thing, type) or not thing.__flags__ & _ON_HEAP:
        return False
    return not is_user_code(thing) and look_up(home(thing), thing.__qualname__) is not thing


def inside(cls: type[Any]) -> object:
    """What tells a class that a library made from others of its name: how it pickles, else its bases and members."""
    reducer: Any = copyreg.dispatch_table.get(type(cls)) or LASTING.get(known_name(type(cls)))
    if reducer is not None:
        return reducer(cls)
    return cls.__bases__, {name: value for name, value in vars(cls).items() if name not in _UNTOLD}


def is_plain(kind: type[Any]) -> bool:
    """Whether the instances of a class are plain data if what they hold is."""
    if issubclass(kind, Enum) or hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__pydantic_fields__"):
        return True
    return is_numpy(kind, "generic") or _has_plain_base(kind)


def _has_plain_base(kind: type[Any]) -> bool:
    """Whether the instances of a class hold something besides attributes that is plain data."""
    return any(base in _PLAIN_BASES or known_name(base) in KNOWN for base in kind.__mro__)


def reduce(  # noqa: C901  a line for each kind of object
    value: Any, *, by_name: bool = False, travels: bool = False
) -> Reduced:
    """Take an object apart.

    Args:
        value: The object.
        by_name: What pickles by its name is that name alone.
        travels: What a process shares is more than its name.

    Raises:
        Exception: Whatever the object's own code says where it can't be.
    """
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if issubclass(kind, Enum):
        return Reduced(kind, (value.value if value.name is None else value.name,))
    if hasattr(kind, "__pydantic_fields__") and hasattr(kind, "model_fields"):
        parts: tuple[dict[str, object] | None, ...] = (value.__pydantic_extra__, value.__pydantic_private__)
        return Reduced(kind, (), _lasting(kind, {**value.__dict__, **(parts[0] or {}), **(parts[1] or {})}))
    if not {set, frozenset}.isdisjoint(kind.__mro__):
        return _reduce_set(kind, value)
    if is_mock(kind):
        return _reduce_mock()
    lasting = without_parents if is_transform(kind) else LASTING.get(known_name(kind))
    if lasting is not None:
        return Reduced(kind, lasting(value))
    if hasattr(kind, "__dataclass_fields__") and not hasattr(value, "__dict__") and not _has_plain_base(kind):
        fields = {name: getattr(value, name) for name in kind.__dataclass_fields__ if hasattr(value, name)}
        return Reduced(kind, (), {**fields, **held_by(value)})
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(value)
    if not travels and (name := shared_name(value)):
        return Reduced(name)
    if is_numpy(kind, "generic") and not value.dtype.hasobject:
        return Reduced("numpy.generic", (str(value.dtype), *in_scalar(value)))
    if is_numpy(kind, "ndarray") and kind.__name__ == "ndarray":
        return Reduced("numpy.ndarray", (str(value.dtype), value.shape, *in_array(value)))
    return _reduce_by_protocol(value, by_name=by_name)


def _reduce_mock() -> Reduced:
    """What is equal to nothing."""
    return Reduced("unittest.mock", (os.urandom(16),))


def _reduce_set(kind: type[Any], value: set[Any] | frozenset[Any]) -> Reduced:
    bare: object = frozenset(value) if isinstance(value, frozenset) else set(value)
    return Reduced(kind, (bare,), _lasting(kind, held_by(value)))


def _reduce_by_protocol(value: Any, *, by_name: bool) -> Reduced:
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    reducer: Any = copyreg.dispatch_table.get(kind)
    told: Any = value.__reduce_ex__(5) if reducer is None else reducer(value)
    if isinstance(told, str):
        return _reduce_named(value, told, by_name=by_name)
    whole: tuple[Any, ...] = (*told, None, None, None, None)
    maker, arguments, state, items, pairs, setter = whole[:6]
    if maker is copyreg.__newobj__:  # type: ignore[attr-defined]
        maker, arguments = arguments[0], arguments[1:]
    attributes: Mapping[str, object] = {}
    if not hasattr(kind, "__setstate__") and setter is None:
        attributes, state = _split_state(state)
    content: tuple[Any, ...] = (state, _listed(items), _listed(pairs), setter)
    content = content if any(part is not None for part in content) else ()
    return Reduced(maker, tuple(map(_named, arguments)), _lasting(kind, attributes), content)


def _reduce_named(value: Any, told: str, *, by_name: bool) -> Reduced:
    """Take apart what pickles by a name, which is enough for a library's; of others, what is behind it counts."""
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    name = f"{public_name(getattr(value, '__module__', None) or 'builtins')}:{told}"
    inner = getattr(value, "__wrapped__", None)
    if by_name or _is_of_library(value, told):
        return Reduced(name, (inner,))
    held = {part: inside for part, inside in held_by(value).items() if part not in functools.WRAPPER_ASSIGNMENTS}
    if is_user_code(kind):
        bare = [base(value) for base in kind.__mro__ if base in _PLAIN_BASES]
        return Reduced(name, (inner, kind), _lasting(kind, held), tuple(bare))
    if inner is not None:  # as of what `functools.cache` makes, which has more attributes on newer Pythons
        return Reduced(name, (inner,))
    found = {part: getattr(value, part) for part in _BEHIND_A_NAME if hasattr(value, part)}
    behind = {part: inside for part, inside in found.items() if type(inside).__name__ != "NoDefaultType"}
    if not behind and not held:
        message = "it tells its name alone"
        raise TypeError(message)
    return Reduced(name, (None,), behind or held)


def _is_of_library(value: Any, told: str) -> bool:
    """Whether a name leads to a value in a library, or in a compiled module of the user's, whose file counts."""
    module = getattr(value, "__module__", None)
    if isinstance(value, BuiltinFunctionType) or compiled_file(value):
        return True
    if module and module != type(value).__module__:
        return not is_user_code(value)
    # It does not say in which module it is: a ufunc does not.
    holders = [held for held in list(sys.modules.values()) if getattr(held, "__dict__", {}).get(told) is value]
    return any(not is_user_code(held) for held in holders)


def _named(argument: Any) -> Any:
    """An argument; `__main__`, as a logger is given, becomes the name that the script has where it is imported."""
    return public_name(argument) if type(argument) is str and argument == "__main__" else argument


def _split_state(state: Any) -> tuple[Mapping[str, object], object]:
    """Tell the attributes in a state of the protocol's own making from anything else."""
    match state:
        case dict():
            return cast("dict[str, object]", state), None
        case (None | dict(), dict()):
            return {**cast("dict[str, object]", state[0] or {}), **cast("dict[str, object]", state[1])}, None
        case _:
            return {}, state


def held_by(value: object) -> Mapping[str, object]:
    """What an instance has in its `__dict__` and in slots, whatever its class tells of it."""
    return _split_state(object.__getstate__(value))[0]


def _listed(items: Iterable[object] | None) -> list[object] | None:
    return None if items is None else list(items)


def _lasting(kind: type[Any], attributes: Mapping[str, object]) -> Mapping[str, object]:
    """Attributes without those that only remember what was computed from others."""
    return {
        name: value
        for name, value in attributes.items()
        if not isinstance(getattr(kind, name, None), functools.cached_property)
    }


def _reduce_function(function: FunctionType) -> Reduced:
    """A library's function: its name alone if that leads to it, else also what it was made from."""
    behind: object = vars(function).get("mock")
    if is_mock(type(behind)):  # as `create_autospec` makes it
        return _reduce_mock()
    name = reference(function)
    if look_up(home(function), function.__qualname__) is function:
        return Reduced(name)
    registry = getattr(function, "registry", None)
    if type(registry) is MappingProxyType:  # of functools.singledispatch
        return Reduced(name, (cast("object", registry),))
    inside = tuple(contents(cell) for cell in function.__closure__ or ())
    return Reduced(name, (inside, function.__defaults__, function.__kwdefaults__))


def contents(cell: CellType) -> object:
    """What a closure's cell holds; None where it holds nothing yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _reduce_module(module: ModuleType) -> Reduced:
    if is_user_code(module):
        message = f"module {module.__name__} is not a value"
        raise TypeError(message)
    return Reduced(f"{module.__name__}:")


_SPECIAL: dict[type, Callable[[Any], Reduced]] = {
    WeakKeyDictionary: lambda value: Reduced("weakref.WeakKeyDictionary", (dict(value),)),
    WeakValueDictionary: lambda value: Reduced("weakref.WeakValueDictionary", (dict(value),)),
    WeakSet: lambda value: Reduced("weakref.WeakSet", (set(value),)),
    FunctionType: _reduce_function,
    ModuleType: _reduce_module,
    MethodType: lambda value: Reduced("types.MethodType", (value.__func__, value.__self__)),
    MappingProxyType: lambda value: Reduced("types.MappingProxyType", (dict(value),)),
    property: lambda value: Reduced("property", (value.fget, value.fset, value.fdel)),
    staticmethod: lambda value: Reduced("staticmethod", (value.__func__,)),
    classmethod: lambda value: Reduced("classmethod", (value.__func__,)),
}
