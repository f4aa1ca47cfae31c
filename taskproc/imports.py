"""What the imports inside functions mean, and which modules code may reach in ways that names do not tell."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from taskproc.origin import imported, is_user_code, module_name
from taskproc.reach import OF_MODULES, Chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Meant(NamedTuple):
    """A name that code may read from a module, and what that is called in the code."""

    label: str
    module: ModuleType
    name: str


def imported_names(path: str, names: Chain, words: Chain) -> Iterator[Meant]:
    """What is imported inside a function: the names asked for, or those that it may read from the module.

    Args:
        path: The module that the statement means.
        names: What is imported from it; none where the module itself is.
        words: All names and strings in the code.

    Raises:
        ImportError: A module that may be the user's can't be imported.
    """
    if not names:
        steps = path.split(".")
        for length in range(1, len(steps) + 1):
            yield from _by_words(imported(".".join(steps[:length])), words)
        return
    module = imported(path)
    for name in names if module is not None else ():
        assert module is not None
        if name == "*":
            yield from _by_words(module, words)
        elif isinstance(vars(module).get(name, module), ModuleType):
            yield from _by_words(imported(f"{path}.{name}"), words)
        else:
            yield Meant(f"{path}.{name}", module, name)


def _by_words(module: ModuleType | None, words: Chain) -> Iterator[Meant]:
    """What code may read, by the words in it, from a module that it holds under a name of its own."""
    pending = [] if module is None else [module]
    for held in pending:
        for word in words:
            value = vars(held).get(word)
            if isinstance(value, ModuleType):
                if value not in pending and is_user_code(value):
                    pending.append(value)
            elif word in vars(held) and word not in OF_MODULES:
                yield Meant(f"{module_name(held.__name__)}.{word}", held, word)


def named_modules(words: Iterable[str]) -> Iterator[ModuleType]:
    """The user's modules among some words, which are imported where it is code that may import them by name."""
    for word in words:
        name = word.rstrip(".")
        if all(map(str.isidentifier, name.split("."))):
            try:
                module = sys.modules.get(name) or imported(name)
            except ImportError:
                continue
            if module is not None and is_user_code(module):
                yield module
