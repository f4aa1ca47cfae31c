"""The members of a class as they stand in its body: the functions, and the values."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Collection, Iterator, Mapping
from enum import Enum, EnumMeta
from functools import cached_property
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from taskproc.canonical import canonical
from taskproc.fields import is_set
from taskproc.origin import is_function, is_user_code, look_up, reference
from taskproc.requires import Slot

_TELLING = frozenset({"__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__"})
LISTING = "__dict__"
"""Stands among the words of code that may list members in their order, as `vars` does."""
LOOKS = frozenset(
    {LISTING, "__annotations__", "get_type_hints", "get_annotations", "signature", "getfullargspec", "validate_call"}
)
"""Words of code that may look at more of definitions than what these do: the order of members, annotations."""

_ANNOTATING = frozenset({"__annotate__", "__annotate_func__"})
"""What Python 3.14 makes of annotations: a function that gives them, and whose closure holds the whole body."""

_PYTHONS = _ANNOTATING | frozenset(
    f"__{name}__"
    for name in (
        *("module", "qualname", "name", "doc", "dict", "weakref", "slots", "hash", "new", "bases", "match_args"),
        *("annotations", "annotations_cache", "conditional_annotations"),
        *("type_params", "parameters", "orig_bases", "class_getitem", "init_subclass", "final", "total", "deprecated"),
        *("abstractmethods", "firstlineno", "static_attributes", "slotnames", "classcell", "signature"),
        *("protocol_attrs", "non_callable_proto_members", "class_vars", "private_attributes"),
        *("callable_proto_members_only", "required_keys", "optional_keys", "readonly_keys", "mutable_keys"),
    )
)
"""Members of classes that only tell what the body says, or nothing of what it does."""

_VARYING = {"__replace__": {"_replace", "<lambda>", "evolve"}, "__subclasshook__": {"_proto_hook"}}
"""Members that libraries give to dataclasses (of attrs, too), named tuples and protocols, on each Python others.

With each go the names of the functions that they give. Any other one has been put there.
"""


def is_untracked(value: object) -> bool:
    """Whether a definition is exempted; a class's mark does not pass on to those that derive from it."""
    return isinstance(getattr(value, "__dict__", None), Mapping) and "__taskproc_untracked__" in vars(value)


def functions_of(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """The functions among a class's own members, those that are generated from what it says left out."""
    for name, member in list(vars(cls).items()):
        if name in _ANNOTATING:
            continue
        accessors = (member.fget, member.fset, member.fdel) if isinstance(member, property) else (member,)
        for number, accessor in enumerate(accessors):
            function = function_in(accessor)
            if function is None or not is_user_code(function):
                continue
            if not _is_generated(name, function) or function.__code__.co_qualname.startswith(f"{cls.__qualname__}."):
                yield name if number == 0 else f"{name}:{number}", function


def _is_generated(name: str, function: FunctionType) -> bool:
    """Whether a special method was made from text, as those of dataclasses are."""
    return inspect.unwrap(function).__code__.co_filename.startswith("<") and name.startswith("__")


def subclasses_of(cls: type) -> Iterator[type]:
    """The classes of the user's that derive from a class, of those that go by their names."""
    found: list[type] = type.__subclasses__(cls)
    for derived in found:
        if is_user_code(derived) and look_up(derived.__module__, derived.__qualname__) is derived:
            yield derived
            yield from subclasses_of(derived)


def registered_in(cls: type) -> list[str]:
    """The user's classes that were registered in an abstract class, in its subclasses, or in registered ones."""
    found: set[str] = set()
    seen: set[int] = set()
    pending = [] if cls is abc.ABC else [cls]
    while pending:
        each = pending.pop()
        if isinstance(each, abc.ABCMeta) and id(each) not in seen:
            seen.add(id(each))
            registered = _registered(each)
            found |= {reference(one) for one in registered if is_user_code(one)}
            pending += [*registered, *type.__subclasses__(each)]  # type: ignore[arg-type]
    return sorted(found)


def _registered(cls: abc.ABCMeta) -> list[type]:
    """What was registered in a class itself, as far as Python tells."""
    dump: Any = getattr(abc, "_get_dump", None)
    found = [] if dump is None else [ref() for ref in dump(cls)[0]]
    return [one for one in found if one is not None]


def tells_itself(thing: object) -> bool:
    """Whether the user's code decides which parts of a class's instances are compared, so that some may not be.

    It does by a method that says what is pickled, and by properties that are cached, which are left out.
    """
    members = [vars(cls) for cls in (thing.__mro__ if isinstance(thing, type) else ()) if is_user_code(cls)]
    return any(
        not _TELLING.isdisjoint(own) or any(isinstance(member, cached_property) for member in own.values())
        for own in members
    )


def function_in(member: Any) -> FunctionType | None:
    """The function in a member of a class as it stands in the class's namespace; None for what is no function."""
    kind: type[Any] = type(member)  # pyright: ignore[reportUnknownVariableType]
    if issubclass(kind, (staticmethod, classmethod)):
        member = member.__func__
    elif issubclass(kind, cached_property):
        member = member.func
    return member if is_function(member) else None


def _defaults(cls: type) -> dict[str, object]:
    """The defaults of fields of a dataclass, pydantic model or class of attrs that are no attributes of the class."""
    own: Mapping[str, Any] = vars(cls)
    fields: dict[str, Any] = {
        **(own.get("__dataclass_fields__") or own.get("__pydantic_fields__") or {}),
        **own.get("__private_attributes__", {}),
        **{field.name: field for field in own.get("__attrs_attrs__", ())},
    }
    found: dict[str, object] = {}
    for name, field in fields.items():
        for value in (getattr(field, "default_factory", None), field.default):
            is_told = name in own and not isinstance(own[name], MemberDescriptorType)
            if not is_told and value is not None and is_set(value):
                found.setdefault(name, value)
    return found


def _is_machinery(cls: type, name: str) -> bool:
    """Whether a member is what Python, its library or we put into a class, beside what its body says."""
    if name in _PYTHONS or name.startswith(("_task_", "_abc_", "__pydantic_", "__dataclass_", "__attrs_")):
        return True
    if name in _VARYING:
        function = function_in(vars(cls)[name])
        return function is not None and function.__code__.co_name in _VARYING[name] and not is_user_code(function)
    return name == "task_name" or (isinstance(cls, EnumMeta) and name[:1] == name[-1:] == "_" != name[1:2])


def _order(cls: type) -> list[str]:
    """The names of a class's own members, in their order."""
    return [name for name in list(vars(cls)) if not _is_machinery(cls, name)]


def looked_at(target: object, looks: Collection[str]) -> bytes:
    """What counts of a definition beside its text where code has some of the `LOOKS`: order of members, annotations.

    Of a library's, nothing does.
    """
    if not looks or not isinstance(target, (type, FunctionType)) or not is_user_code(target):
        return b""
    try:
        functions = [target] if isinstance(target, FunctionType) else [function for _, function in functions_of(target)]
        order = _order(target) if isinstance(target, type) and LISTING in looks else []
        hints = [{**function.__annotations__} for function in functions] if {*looks} - {LISTING} else []
        return canonical([order, *hints], partial=True).data
    except Exception:  # noqa: BLE001  a metaclass of the user's, or annotations, which run since Python 3.14
        return b""


def attributes_of(cls: type) -> Iterator[tuple[str, object]]:
    """The values among a class's own members."""
    members: Mapping[str, Any] | None = getattr(cls, "__members__", None) if isinstance(cls, EnumMeta) else None
    if members:
        yield "members", {name: member.value for name, member in members.items()}
    defaults = _defaults(cls)
    if defaults:
        yield "defaults", defaults
    for name, member in list(vars(cls).items()):
        if isinstance(member, property):
            accessors = ("fget", member.fget), ("fset", member.fset), ("fdel", member.fdel)
            yield from ((f"{name}.{which}", made) for which, made in accessors if made and function_in(made) is None)
        if _is_machinery(cls, name) or isinstance(member, (property, MemberDescriptorType, GetSetDescriptorType)):
            continue
        is_member = isinstance(member, Enum) and isinstance(member, cls)
        is_slot = isinstance(member, Slot)
        function = function_in(member)
        is_followed = function is not None and (is_user_code(function) or _is_generated(name, function))
        if not is_followed and not is_member and not is_slot:
            yield name, member
