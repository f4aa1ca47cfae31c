"""Where code comes from: whether it is the user's own, and what it is called whichever way it was loaded."""

from __future__ import annotations

import builtins
import functools
import importlib
import os
import sys
import types
from contextlib import redirect_stdout, suppress
from importlib.machinery import EXTENSION_SUFFIXES
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

from taskproc import taskfile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec

_OURS = frozenset({"taskproc", "taskproc_cli"})
_PLUMBING = _OURS | {"typing", "typing_extensions"}

_LAZY: Any = getattr(types, "LazyImportType", None)

_libraries: dict[str, tuple[object, object]] = {}
"""Modules that are not the user's, by name: there may be thousands, and they are asked for again and again.

Each with its spec: one that is reloaded, maybe from a folder of the user's, stays the same object.
"""

_MADE_BY_STATEMENT = 1 << 9  # the flag of classes that are no part of Python itself


def is_user_code(thing: object) -> bool:
    """Whether a module (or the name of one), class, function or code object is the user's.

    That is all but the standard library, taskproc, and what is installed: under a `site-packages` or `dist-packages`,
    or in another folder of `sys.path` that tells of it.
    An editable install is the user's; so is what has no file (`__main__` of a notebook, modules made by hand).
    """
    if isinstance(thing, CodeType):
        return is_user_file(thing.co_filename)
    name = home(thing)
    module = thing if isinstance(thing, ModuleType) else sys.modules.get(name)
    if name.partition(".")[0] in _OURS or name in sys.builtin_module_names:
        return False
    file = source_file(module) or (
        name != "__main__" and getattr(taskfile.safe_getattr(module, "__spec__"), "origin", None)
    )
    if not file:
        return _has_users(taskfile.safe_getattr(module, "__path__") or ())
    return is_user_file(file)


def _has_users(folders: Iterable[str]) -> bool:
    """Whether some of a package's folders are the user's, if it has any: of a namespace, another may be a library's."""
    places = [*folders]
    return not places or any(map(is_user_file, places))


def user_modules() -> dict[str, Any]:
    """The user's modules that are loaded, by the names under which they are."""
    found: dict[str, Any] = {}
    loaded = dict[str, object](sys.modules)  # at once: while a list of items is made, other threads may import
    for name, module in loaded.items():
        spec = getattr(module, "__spec__", None) if isinstance(module, ModuleType) else None
        known = _libraries.get(name)
        if known is None or known[0] is not module or known[1] is not spec:
            if is_user_code(module):
                found[name] = module
            else:
                _libraries[name] = module, spec
    return found


def is_plumbing(thing: object) -> bool:
    """Whether a class or function is of what tasks are declared with, and computes nothing: taskproc, or typing."""
    return isinstance(thing, (type, FunctionType)) and home(thing).partition(".")[0] in _PLUMBING


@functools.cache
def is_user_file(path: str) -> bool:
    """Whether a source file is the user's; a name that is no file (`<stdin>`, a notebook's cell) is."""
    if path in ("built-in", "frozen") or path.startswith("<frozen ") or taskfile.is_in_library(path):
        return False
    return all(path not in _brought(os.path.abspath(folder)) for folder in sys.path)


@functools.cache
def _brought(folder: str) -> frozenset[str]:
    """The files, and their folders, that distributions say they have brought, as `pip install --target` does."""
    if taskfile.is_in_library(f"{folder}/"):
        return frozenset()
    found: set[str] = set()
    with suppress(OSError):  # of a zip file, or of what is not there
        for entry in os.scandir(folder):
            if entry.name.endswith(".dist-info"):
                with suppress(OSError), open(os.path.join(entry, "RECORD"), encoding="utf-8") as record:
                    found.update(line.partition(",")[0] for line in record)
    above = set(map(os.path.dirname, found))
    while above := above - found - {""}:
        found |= above
        above = set(map(os.path.dirname, above))
    return frozenset(f"{place}/{name}" for place in {folder, os.path.realpath(folder)} for name in found)


def is_function(thing: object) -> TypeGuard[FunctionType]:
    """Whether it is a function, or stands for one as what decorators of wrapt's make does.

    A mock says that it is an instance of what it was made for, but has no code.
    """
    return isinstance(thing, FunctionType) and type(thing.__code__) is CodeType


def home(thing: object) -> str:
    """Name of the module in which a class or function was truly written (not the one that `functools.wraps` tells).

    What is made in a bare namespace (`exec(text, {})`) is of `__main__`, though a class says that it is of `builtins`.
    """
    if isinstance(thing, str):
        return thing
    if isinstance(thing, ModuleType):
        return thing.__name__
    if is_function(thing):
        return str(thing.__globals__.get("__name__") or "__main__")
    try:
        name = getattr(thing, "__module__", None)
    except Exception:  # noqa: BLE001  the user's own property of a metaclass
        name = None
    if name == "builtins" and isinstance(thing, type) and thing.__flags__ & _MADE_BY_STATEMENT:
        return "builtins" if vars(builtins).get(thing.__qualname__) is thing else "__main__"
    return str(name or "builtins")


def public_name(name: str) -> str:
    """A module's name, that of its file where it is the user's or `__main__`, which may be a module of a library.

    So `__main__` and the imported module agree.
    """
    return _name_in(name, taskfile.path_of(name))


@functools.cache
def _name_in(name: str, file: str) -> str:
    return taskfile.name_of(name) if file and (name == "__main__" or is_user_code(name)) else name


_ELSEWHERE = {"pathlib._local": "pathlib", "_collections": "collections"}
"""Where what some Pythons have in another module of the library is on the others."""


def reference(thing: type | FunctionType) -> str:
    """`module:qualname` of a class or function, the same however its module was loaded, and on every Python."""
    module = public_name(home(thing))
    return f"{_ELSEWHERE.get(module, module)}:{_written_as(thing)}"


def is_inner_function(thing: type | FunctionType) -> bool:
    """Whether it is a lambda, or a function that another makes: several of these may have one reference."""
    return isinstance(thing, FunctionType) and "<" in _written_as(thing)


def _written_as(thing: type | FunctionType) -> str:
    """The qualified name of a class or function (not the one that `functools.wraps` tells)."""
    return thing.__code__.co_qualname if isinstance(thing, FunctionType) else thing.__qualname__


def resolve(name: str) -> type | FunctionType | None:
    """What a reference (`module:qualname`) stands for now, its module being imported if need be; None if it is gone."""
    module, _, qualname = name.partition(":")
    if public_name("__main__") == module:
        module = "__main__"
    try:
        with redirect_stdout(sys.stderr):
            thing: object = importlib.import_module(module)
        for part in qualname.split("."):
            thing = getattr(thing, part)
    except Exception:  # noqa: BLE001  importing runs the user's code, which may raise anything
        return None
    return thing if isinstance(thing, (type, FunctionType)) else None


def look_up(module: str, qualname: str) -> Any:
    """What goes by a name in a user's module that is loaded, be it as `__main__`; None where there is nothing."""
    return member(sys.modules.get("__main__" if public_name("__main__") == module else module), qualname)


def member(holder: Any, qualname: str) -> Any:
    """What a module or class has by a qualified name; None where there is nothing."""
    for name in qualname.split("."):
        holder = getattr(holder, name, None)
    return holder


def arrived(value: Any) -> Any:
    """What a lazy import (of Python 3.15) stands for, which is imported now if it can be; any other value as it is."""
    if is_lazy(value):
        with suppress(Exception):  # importing runs the user's code, which may raise anything
            return value.resolve()
    return value


def is_lazy(value: object) -> bool:
    """Whether it stands for an import that waits until its name is read."""
    return _LAZY is not None and type(value) is _LAZY


def source_file(module: ModuleType | None) -> str:
    """A module's source file, empty where it has none."""
    return taskfile.path_of("__main__") if module is sys.modules["__main__"] else taskfile.declared_file(module)


def compiled_file(thing: object) -> str:
    """The file of a compiled module of the user's that defines a class or function; empty for all else."""
    module = None if isinstance(thing, FunctionType) else sys.modules.get(home(thing))
    kinds = isinstance(thing, (type, BuiltinFunctionType)) or type(thing).__name__ == "cython_function_or_method"
    file = source_file(module) if kinds else ""
    return file if file.endswith(tuple(EXTENSION_SUFFIXES)) and is_user_file(file) else ""


def absolute_name(level: int, name: str, package: str) -> str:
    """The module that an import statement means; `level` counts its dots, `package` is where it stands."""
    if level == 0:
        return name
    above = package.rsplit(".", level - 1)[0]
    return f"{above}.{name}" if name else above


def user_module(name: str) -> ModuleType | None:
    """The user's module of that name, imported if need be; None where it is not the user's.

    Raises:
        ImportError: It is the user's, or nobody's, and can't be imported.
    """
    from importlib.util import find_spec

    module = sys.modules.get(name)
    if module is None:
        top = name.partition(".")[0]
        try:
            spec = find_spec(top)
            if spec is not None and not _is_user_spec(spec):
                return None
            with redirect_stdout(sys.stderr):
                module = importlib.import_module(name)
        except (Exception, SystemExit) as problem:
            message = f"{name} can't be imported: {problem}"
            raise ImportError(message) from problem
    return module if is_user_code(module) else None


def _is_user_spec(spec: ModuleSpec) -> bool:
    return _has_users((spec.submodule_search_locations or ()) if spec.origin is None else [spec.origin])
