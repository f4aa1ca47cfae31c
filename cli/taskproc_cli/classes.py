"""The Task classes of a module, by what they are rather than by what they have: a proxy has everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from taskproc.origin import home, is_plumbing

if TYPE_CHECKING:
    from types import ModuleType


def is_task(thing: object) -> TypeGuard[type[Any]]:
    """Whether it is a Task class that can be run; that of an installed package can be, too."""
    from taskproc.definition import TaskType

    return isinstance(thing, TaskType) and not is_plumbing(thing) and not getattr(thing, "__abstractmethods__", None)


def task_classes(module: ModuleType) -> dict[str, type[Any]]:
    """The Task classes that a module defines itself, by qualified name, in order of definition; no abstract ones."""
    found: dict[str, type[Any]] = {}

    def visit(namespace: dict[str, Any]) -> None:
        for value in list(namespace.values()):
            if isinstance(value, type) and home(value) == module.__name__ and value.__qualname__ not in found:
                if is_task(value):
                    found[value.__qualname__] = value
                visit(dict(vars(value)))

    visit(dict(vars(module)))
    return found
