"""The user's modules that were imported here for workers, each known by the digest that its file had then."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from taskproc.filedigest import digest_if_there
from taskproc.origin import is_user_code, source_file
from taskproc.taskfile import module_name, safe_getattr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskproc.batch import CodeFile

_digests: dict[str, bytes] = {}
_specs: dict[str, object] = {}  # by path, too: each time that a module is loaded it gets another one


Newest = tuple[str, int]
"""The name of the module that was imported last, or reloaded, and which of these times it was."""


def newest() -> Newest:
    """What comes last among the modules."""
    while True:
        try:
            return _as_it_is(next(reversed(sys.modules)))
        except RuntimeError:  # another thread imports something
            continue


def _as_it_is(name: str) -> Newest:
    try:
        return name, id(sys.modules[name].__spec__)
    except Exception:  # noqa: BLE001  it may be anything, or gone
        return name, 0


def note(names: Iterable[str]) -> None:
    """Remember of what files modules were imported just now, but for those of which that is known."""
    for module in _user_modules(names).values():
        path, spec = source_file(module), safe_getattr(module, "__spec__")
        if spec is None or _specs.get(path) is not spec:
            _specs[path], _digests[path] = spec, digest_if_there(path)


def note_since(last: Newest) -> None:
    """The same for those that were imported or reloaded since the `last` was the newest; it may be reloaded itself."""
    if last != newest():
        names = list(sys.modules)
        known = names.index(last[0]) + (_as_it_is(last[0]) == last) if last[0] in names else 0
        note(names[known:])


def is_other(file: CodeFile) -> bool:
    """Whether a file was imported with another text than its digest tells, or another file in its place."""
    return _digests.get(file.path, file.digest) != file.digest or bool(in_place_of(file))


def in_place_of(file: CodeFile) -> str:
    """The file that was imported by the name of one that was not; empty if none was."""
    if file.path in _digests or not file.path.endswith(".py"):  # a program, as `bin/taskproc`, has no name to import
        return ""
    module = sys.modules.get(module_name(Path(file.path))[0])
    found = source_file(module) if module is not None else ""
    return "" if found == file.path else found


def are_stale() -> bool:
    """Whether an import of one of them would, or might, find another file or another text now."""
    return any(map(_is_stale, _user_modules(list(sys.modules)).items()))


def unload() -> None:
    """Have them imported anew when they are needed."""
    for name in _user_modules(list(sys.modules)):
        del sys.modules[name]
    _digests.clear()
    _specs.clear()
    importlib.invalidate_caches()


def _is_stale(entry: tuple[str, ModuleType]) -> bool:
    name, module = entry
    path = source_file(module)
    spec = PathFinder.find_spec(name) if "." not in name else None
    if spec is not None and spec.origin and spec.origin != path:
        return True
    return _digests.get(path) != digest_if_there(path)


def _user_modules(names: Iterable[str]) -> dict[str, ModuleType]:
    """Those of the loaded modules that are the user's, from files, and not the program that this process began with."""
    found = {name: sys.modules.get(name) for name in names}
    main = sys.modules["__main__"]
    return {
        name: module
        for name, module in found.items()
        if isinstance(module, ModuleType) and module is not main and source_file(module) and is_user_code(name)
    }
