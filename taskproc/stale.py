"""Which recorded classes are no longer defined, as far as the modules that are loaded tell."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from taskproc.origin import member, user_modules
from taskproc.taskfile import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType


def stale_names(names: Iterable[str]) -> list[str]:
    """Those of some `task_name`s that a loaded module would define, and does not.

    Classes of modules that are not loaded can't be judged, unless a loaded package would hold them and has no such
    module; nor can those that are local to a function. They are left out.
    """
    modules = {name_of(name): module for name, module in user_modules().items()}
    return [name for name in names if _is_stale(name, modules)]


def _is_stale(name: str, modules: dict[str, ModuleType]) -> bool:
    module, qualname = _home(name, modules)
    if module is None or "<locals>" in qualname:
        return False
    inner = qualname.partition(".")[0]
    if hasattr(module, "__path__") and inner != qualname and not isinstance(vars(module).get(inner), type):
        return not _may_import(f"{module.__name__}.{inner}")  # else it may be in that
    return getattr(member(module, qualname), "task_name", None) != name


def _may_import(module: str) -> bool:
    """Whether there is a module, be it one that only a finder of the user's finds."""
    try:
        return find_spec(module) is not None
    except Exception:  # noqa: BLE001  whatever such a finder raises
        return True


def _home(name: str, modules: dict[str, ModuleType]) -> tuple[ModuleType | None, str]:
    """The loaded module with the longest name that a `task_name` begins with, and the rest of that."""
    module = name
    while "." in module:
        module = module.rpartition(".")[0]
        if module in modules:
            return modules[module], name.removeprefix(f"{module}.")
    return None, name
