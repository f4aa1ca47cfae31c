"""Taskfiles: the name of the module in a file, and loading it under that name."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskproc.errors import TaskfileError
from taskproc.filesystem import real

if TYPE_CHECKING:
    from types import ModuleType

DEFAULT = "taskfile.py"
"""The taskfile that is meant where none is named."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_LIBRARY = os.path.dirname(os.__file__)
_STDLIB = (os.path.join(_LIBRARY, ""), os.path.join(os.path.realpath(_LIBRARY), ""))

_main: list[str] = []
requested: list[str] = []
"""The name of the module that the user asks for, if known: what it sets while it is imported holds for all tasks."""


@functools.cache
def module_name(path: Path) -> tuple[str, Path]:
    """The dotted name of the module in a file, and the folder that must be on `sys.path` for it.

    That folder is the nearest one above the file that has no `__init__.py`.
    """
    path = Path(real(path))
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts), folder


def path_of(module: str) -> str:
    """The source file of an imported module, by its name in `sys.modules`; empty for a notebook, `-c` or a built-in.

    In a worker, `__main__` is what it is in the run that sends the work.
    """
    if module == "__main__" and _main:
        return _main[-1]
    path = declared_file(sys.modules.get(module))
    return _script_of(path) if module == "__main__" and is_in_library(path) else path


@functools.cache
def _script_of(program: str) -> str:
    """The script that a program of a library runs, as cProfile does, which says so in the arguments; else the program.

    What runs in one of the standard library without a script is typed (`python -m asyncio`) and has no file. It is
    asked for once, since a script may change its arguments.
    """
    path = os.path.abspath(sys.argv[0]) if sys.argv else ""
    if path.endswith(".py") and os.path.isfile(path) and not is_in_library(path):
        return path
    return "" if _INSTALLED.isdisjoint(program.split(os.sep)) else program


def is_in_library(path: str) -> bool:
    """Whether a file is of the standard library, or lies where packages are installed."""
    return path.startswith(_STDLIB) or not _INSTALLED.isdisjoint(path.split(os.sep))


def declared_file(module: object) -> str:
    """The source file that a module says it is of; empty for none."""
    file = safe_getattr(module, "__file__")
    return file if isinstance(file, str) and not file.startswith("<") else ""  # a script on stdin says <stdin>


def safe_getattr(module: object, name: str) -> Any:
    """An attribute of a module, or of anything that stands for one in `sys.modules`; None if it has none."""
    with suppress(Exception):  # its own `__getattr__` may raise anything
        return getattr(module, name, None)
    return None


def file_of(module: str) -> Path | None:
    """The source file of an imported module, as `path_of` tells it; None where there is none."""
    path = path_of(module)
    return Path(path) if path else None


def stand_in(main: str) -> None:
    """Have `__main__` stand for the file that it is in another process; empty for none."""
    _main[:] = [main]


def name_of(module: str) -> str:
    """The name by which tasks of a module go: that of its file, so that `__main__` and the imported module agree.

    What is made in a bare namespace (`exec(text, {})`) says it is of `builtins`, or of nothing: it goes by `__main__`.
    """
    file = file_of(module)
    if file is not None:
        return module_name(file)[0]
    return "__main__" if module == "builtins" or not module else module


def load(path: Path, root: str = "") -> ModuleType:
    """Import the module in a file under its own name, its folder first on `sys.path`: by the path `root`, if given.

    A file that is running as `__main__` is not imported again. What the module's own code raises comes through.

    Raises:
        TaskfileError: there is no such file, or its name is taken by another module.
    """
    path = Path(real(path))
    if not path.is_file():
        what = "is a folder; name the taskfile in it" if path.is_dir() else "does not exist"
        message = f"taskfile {path} {what}"
        raise TaskfileError(message)
    if path.suffix != ".py" or "." in path.stem:
        message = f"taskfile {path} cannot be imported: its name must be like taskfile.py, with no other dot"
        raise TaskfileError(message)
    if not _main and file_of("__main__") == path:
        return sys.modules["__main__"]
    name, folder = module_name(path)
    known = sys.modules.get(name)
    if known is not None:
        if real(path_of(name)) == str(path):
            return importlib.import_module(name)  # waits until another thread has imported all of it
        message = f"taskfile {path} has the name of another module, {name!r}; rename the file"
        raise TaskfileError(message)
    put_first(root or str(folder))
    return importlib.import_module(name)


def load_as(name: str, path: Path) -> ModuleType:
    """Import a module by its name if that leads to its file, else from the file, under that name.

    Plugins are loaded so, and tests by pytest. What the module's own code raises comes through.
    """
    try:
        module = importlib.import_module(name)
        if file_of(name) == path or not path.is_file():
            return module
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}.") or not path.is_file():
            raise
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_loader
    from types import ModuleType

    parent, folder = name, path
    while parent := parent.rpartition(".")[0]:
        folder, made = folder.parent, ModuleType(parent)
        if folder.name == parent.rpartition(".")[2]:
            made.__path__ = [str(folder)]  # of relative imports
        sys.modules.setdefault(parent, made)  # pickle asks for it
    loader = SourceFileLoader(name, str(path))  # whatever the file is called
    spec = spec_from_loader(name, loader)
    assert spec is not None, "it is of a file"
    module = sys.modules[name] = module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def let_script_import_its_package() -> None:
    """Put the folder of its package first on `sys.path` for a file of one that is run by its path."""
    if getattr(sys.modules.get("__main__"), "__spec__", None) is None:
        put_root_first("__main__")


def put_root_first(module: str) -> None:
    """Put the folder that a script's name begins in first on `sys.path`, as for a module of that package."""
    file = file_of(module) if module == "__main__" else None
    if file is not None:
        name, root = module_name(file)
        if "." in name:  # else it is the script's own folder, which Python has put first
            put_first(str(root))


def put_first(folder: str) -> None:
    """Make a folder the first on `sys.path`."""
    if sys.path[:1] != [folder]:
        sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
        importlib.invalidate_caches()


def find(start: Path) -> Path | None:
    """The default taskfile in a folder, or in the nearest one above it."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / DEFAULT).is_file():
            return folder / DEFAULT
    return None
