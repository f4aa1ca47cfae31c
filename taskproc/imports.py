"""What the imports inside functions mean, and which modules code may reach in ways that names do not tell."""

from __future__ import annotations

import builtins
import importlib
import re
import sys
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from taskproc import taskfile
from taskproc.origin import arrived, is_user_code, public_name, user_module
from taskproc.reach import OF_MODULES, Chain, imports

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from taskproc.reach import Reach

_BLINDING = (eval, exec, globals, sys.modules)
_IMPORTING = (__import__, importlib.import_module)
_GLOBALS = frozenset({"__globals__", "f_globals"})


class Meant(NamedTuple):
    """A name that code may read from a module, empty for all of it, and what that is called in the code."""

    label: str
    module: ModuleType
    name: str = ""


def imported_names(
    path: str, names: Chain, handed_on: Collection[str], words: frozenset[str], seen: set[int]
) -> Iterator[Meant]:
    """What is imported inside a function: the names asked for, or those that it may read from the module.

    Args:
        path: The module that the statement means.
        names: What is imported from it; none where the module itself is.
        handed_on: Which of the names are read as a whole; an empty one is the module, or the first of a path.
        words: All names and strings in the code.
        seen: The ids of modules whose names among the words were given before, which grows.

    Raises:
        ImportError: A module that may be the user's can't be imported.
    """
    if not names:
        steps = path.split(".")
        for length in range(1, len(steps) + 1):
            module = user_module(".".join(steps[:length]))
            is_whole = "" in handed_on or (length == len(steps) > 1 and steps[-1] in handed_on)
            yield from _from_module(path, module, words, seen, is_whole=is_whole)
        return
    module = user_module(path)
    for name in names if module is not None else ():
        assert module is not None
        if name == "*":
            yield from _by_words(module, words, seen)
        elif name not in vars(module) and "__getattr__" in vars(module):
            yield Meant(f"all of {path}", module)
        elif isinstance(vars(module).get(name, module), ModuleType):
            inner = f"{path}.{name}"
            yield from _from_module(inner, user_module(inner), words, seen, is_whole=name in handed_on)
        else:
            yield Meant(f"{path}.{name}", module, name)


def _from_module(
    path: str, module: ModuleType | None, words: frozenset[str], seen: set[int], *, is_whole: bool
) -> Iterator[Meant]:
    if module is not None and (is_whole or "__getattr__" in vars(module)):
        yield Meant(f"all of {path}", module)
    yield from _by_words(module, words, seen)


def _by_words(module: ModuleType | None, words: frozenset[str], seen: set[int]) -> Iterator[Meant]:
    """What code may read, by the words in it, from a module that it holds under a name of its own."""
    pending = [] if module is None else [module]
    for held in pending:
        if id(held) in seen:
            continue
        seen.add(id(held))
        for word in sorted(words & vars(held).keys()):
            value = arrived(vars(held)[word])
            if isinstance(value, ModuleType):
                if is_user_code(value):
                    pending.append(value)
            elif word not in OF_MODULES:
                yield Meant(f"{public_name(held.__name__)}.{word}", held, word)


def names_of_libraries(code: CodeType) -> set[str]:
    """The names that a module's own statements import from modules that are not the user's."""
    statements = imports(code).items()
    return {
        here
        for (level, path, names), bound in statements
        if level == 0 and names and not is_user_code(path)
        for here in bound
    }


def meant_modules(found: Reach, namespace: Mapping[str, Any]) -> list[ModuleType] | None:
    """The modules that code may reach in ways that names do not tell; None where it has no such ways."""
    meant: list[ModuleType] | None = [*_named(sorted(found.strings))] if found.is_dynamic else None
    if _reaches_any(found, namespace):
        home = str(namespace.get("__name__", "__main__"))
        names = dict.fromkeys(name for text in sorted(found.strings) for name in re.findall(r"\w+", text))
        things = [sys.modules.get(home), *(arrived(namespace.get(name)) for name in names)]
        words = [word for word in (*found.words, *sorted(found.strings)) if word in sys.modules]
        meant = [*(meant or ()), *(thing for thing in things if isinstance(thing, ModuleType)), *_named(words)]
    return None if meant is None else [module for module in meant if is_user_code(module)]


def is_blinding(chain: Chain, namespace: Mapping[str, Any]) -> bool:
    """Whether what is read by that name can reach any definition, in a way that names do not tell."""
    value = _meant(chain, namespace)
    return not _GLOBALS.isdisjoint(chain) or any(value is blinding for blinding in _BLINDING)


def is_importing(chain: Chain, namespace: Mapping[str, Any]) -> bool:
    """Whether what is read by that name imports modules by theirs."""
    value = _meant(chain, namespace)
    return any(value is importing for importing in _IMPORTING) or getattr(value, "__module__", None) == "runpy"


def _meant(chain: Chain, namespace: Mapping[str, Any]) -> Any:
    """What is read by a name, as far as modules tell."""
    value, rest = arrived(namespace.get(chain[0], getattr(builtins, chain[0], None))), chain[1:]
    while rest and isinstance(value, ModuleType):
        value, rest = arrived(vars(value).get(rest[0])), rest[1:]
    return value


def _reaches_any(found: Reach, namespace: Mapping[str, Any]) -> bool:
    """Whether code can reach any definition in a way that names do not tell."""
    if not _GLOBALS.isdisjoint(found.members) or any(is_blinding(chain, namespace) for chain in found.globals):
        return True
    return any(
        is_blinding((name,), vars(sys.modules[path]))
        for level, path, names in found.imports
        if level == 0 and path in {"builtins", "sys"}
        for name in names or found.members
    )


def _named(words: Iterable[str]) -> Iterator[ModuleType]:
    """The user's modules that some words name, imported if need be.

    `module.name` and `module:name` name the module, too. `__main__` is left out: scripts compare their own name with
    it, and it is another module in each process.
    """
    for word in words:
        if word == "__main__":
            continue
        steps = re.split("[.:]", word.rstrip("."))
        for length in range(len(steps) if all(map(str.isidentifier, steps)) else 0, 0, -1):
            name = ".".join(steps[:length])
            try:
                module = sys.modules.get(name) or user_module(name)
            except ImportError:
                continue
            if module is not None:
                yield module
            break


def beside(found: Reach, namespace: Mapping[str, Any]) -> Path | None:
    """The folder in which the code's own package lies, if all in it counts: code imports by names it does not say."""
    if not found.imports_any and (found.is_dynamic or not any(is_importing(name, namespace) for name in found.globals)):
        return None
    file = namespace.get("__file__")
    if not file:
        return None
    return taskfile.module_name(Path(str(file)))[1]


def importable(folder: Path) -> Iterator[Path]:
    """The source files that can be imported from a folder, those in packages too."""
    yield from folder.glob("*.py")
    for package in folder.glob("*/__init__.py"):
        yield from package.parent.rglob("*.py")
