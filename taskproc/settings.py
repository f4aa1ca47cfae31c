"""What a Task class or instance may set: settings of its own, and no built-in."""

from __future__ import annotations

import inspect
from pathlib import PurePath
from types import ModuleType
from typing import TYPE_CHECKING, Any

from taskproc.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _are_texts(value: Any) -> bool:
    kinds = (list, tuple, set, frozenset, dict)
    return issubclass(value.__class__, kinds) and all(isinstance(entry, str) for entry in value)


def _names_channels(value: Any) -> bool:
    if _is_dict(value):
        return all(type(count) is int and count >= 0 for count in value.values())
    return isinstance(value, str) or _are_texts(value)


def _can_be_shown(value: Any) -> bool:
    return _is_dict(value) and all(isinstance(entry, (str, int, float, PurePath)) for entry in value.values())


def _is_dict(value: Any) -> bool:
    return issubclass(value.__class__, dict) and _are_texts(value)


def _can_be_followed(value: Any) -> bool:
    things: Iterable[Any] = value if issubclass(value.__class__, (list, tuple)) else (value,)
    return all(isinstance(thing, (str, PurePath, ModuleType)) or callable(thing) for thing in things)


SETTINGS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "_task_compress_level": (lambda value: type(value) is int and 0 <= value <= 9, "an int from 0 to 9"),
    "_task_prefix_command": (lambda value: isinstance(value, str), "a string"),
    "_task_channel": (_names_channels, "a string or a list of strings, or a dict of whole numbers from 0"),
    "_task_resources": (_can_be_shown, "a dict of texts and numbers by name"),
}
"""What a class says of how it runs: what is allowed, and how that is called. Not code: changing one reruns nothing."""

COUNTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "_task_depends_on": (_can_be_followed, "a function, class, module or path of a file, or a list of them"),
}
"""What a class says of what its results depend on, likewise."""

_KNOWN = {**SETTINGS, **COUNTED}

MISNAMED = frozenset(name.removeprefix("_") for name in _KNOWN)
"""Settings whose underscore was forgotten."""

BUILT_IN = frozenset(
    {"task_name", "task_id", "task_args", "task_directory", "task_stdout", "task_stderr", "run_graph"}
    | {"get_task_result", "to_json", "clear_task", "clear_all_tasks", "cli"}
)
"""What a class must not override."""


RESERVED = BUILT_IN | MISNAMED
"""Names that are no attributes of a task's own, besides those that begin with `_task_`."""


def check_member(cls: type, name: str, value: object) -> None:
    """Check a name that a class or an instance sets.

    Raises:
        DefinitionError: it overrides a built-in, or a setting does not exist or has a wrong value.
    """
    check_name(cls, name)
    if name.startswith("_task_"):
        _check_value(cls, name, value)
    if name == "run_task":
        _check_body(cls, value)


def check_name(cls: type, name: str) -> None:
    """Check a name that a class declares or sets.

    Raises:
        DefinitionError: it overrides a built-in, or a setting of that name does not exist.
    """
    if name in BUILT_IN:
        message = f"{cls.__qualname__}.{name} overrides a built-in of Task: choose another name"
        raise DefinitionError(message)
    if name in MISNAMED:
        message = f"{cls.__qualname__}.{name} sets nothing: the setting is called _{name}"
        raise DefinitionError(message)
    if name.startswith("_task_") and name not in _KNOWN:
        import difflib

        own = {each.removeprefix("_task_"): each for each in _KNOWN}
        near = difflib.get_close_matches(name.removeprefix("_task_"), own, 1)
        hint = f"did you mean {own[near[0]]}?" if near else f"the settings are {', '.join(own.values())}"
        message = f"{cls.__qualname__}.{name} is not a setting of tasks; {hint}"
        raise DefinitionError(message)


def check_slots(cls: type) -> None:
    """Check that a class has no `__slots__`, in which a task loses its attributes; those of mixins Python refuses.

    Raises:
        DefinitionError: it has some.
    """
    if vars(cls).get("__slots__"):
        message = f"{cls.__qualname__} has __slots__, in which a task's attributes would get lost: leave them out"
        raise DefinitionError(message)


def _check_body(cls: type, body: object) -> None:
    flags = getattr(getattr(body, "__code__", None), "co_flags", 0)
    if flags & inspect.CO_GENERATOR:
        what = "yields, but a task's result is what it returns: return a list"
    elif flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        what = "is async, but a task's result is what it returns: write def run_task, and call asyncio.run(...) in it"
    else:
        return
    raise DefinitionError(f"{cls.__qualname__}.run_task {what}")


def check_attribute(cls: type, name: str, value: object) -> None:
    """Check a name that an instance sets, as `check_member` does.

    Raises:
        DefinitionError: besides, what only a class can say is set on an instance.
    """
    if name in COUNTED:
        message = f"{cls.__qualname__}.{name} counts in the class only: set it there, beside __init__"
        raise DefinitionError(message)
    check_member(cls, name, value)


def _check_value(cls: type, name: str, value: object) -> None:
    allowed, kind = _KNOWN[name]
    if not allowed(value):
        message = f"{cls.__qualname__}.{name} is {value!r}, but must be {kind}"
        raise DefinitionError(message)
