"""The members of a class as they stand in its body: the functions, and the values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cached_property
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from taskproc.origin import is_user_code


def is_untracked(value: object) -> bool:
    """Whether a definition is exempted; a class's mark does not pass on to those that derive from it."""
    return isinstance(getattr(value, "__dict__", None), Mapping) and "__taskproc_untracked__" in vars(value)


def functions_of(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """The functions among a class's own members, those that are generated from what it says left out."""
    for name, member in list(vars(cls).items()):
        accessors = (member.fget, member.fset, member.fdel) if isinstance(member, property) else (member,)
        for number, accessor in enumerate(accessors):
            function = function_in(accessor)
            if function is None or not is_user_code(function):
                continue
            generated = function.__code__.co_filename.startswith("<") and name.startswith("__")
            if not generated or function.__code__.co_qualname.startswith(f"{cls.__qualname__}."):
                yield name if number == 0 else f"{name}:{number}", function


def function_in(member: Any) -> FunctionType | None:
    """The function in a member of a class as it stands in the class's namespace; None for what is no function."""
    kind: type[Any] = type(member)  # pyright: ignore[reportUnknownVariableType]
    if issubclass(kind, (staticmethod, classmethod)):
        member = member.__func__
    elif issubclass(kind, cached_property):
        member = member.func
    return member if isinstance(member, FunctionType) else None


def attributes_of(cls: type) -> Iterator[tuple[str, object]]:
    """The values among a class's own members."""
    for name, member in list(vars(cls).items()):
        machinery = (name.startswith("_") and name.endswith("_")) or name.startswith(("_task_", "_abc_"))
        machinery = machinery or name == "task_name"  # given by us
        if machinery or isinstance(member, (property, MemberDescriptorType, GetSetDescriptorType)):
            continue
        is_member = isinstance(member, cls) and isinstance(member, Enum)
        is_ours = type(member).__module__.startswith("taskproc.")
        if function_in(member) is None and not is_member and not is_ours:
            yield name, member
