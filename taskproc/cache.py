"""The cache that tasks are defined in."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from taskproc.context import Block, blocks
from taskproc.errors import DefinitionError
from taskproc.filesystem import real

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


class Cache:
    """The folder where results are kept, and the block in which tasks are defined.

    A context manager and a decorator; blocks nest, and each thread has its own. Within one block, equal arguments give
    the same task. Nothing is written before a task runs or its id is asked for.

    Args:
        path: The folder, relative to the working folder of now.
        trust: Accept a folder that others can write to. Results are pickles: who can write them can run code as you.

    Example:
        >>> with Cache("./cache"):
        ...     task = Choose(6, 3)
        >>> answer, stats = task.run_graph()
    """

    def __init__(self, path: str | os.PathLike[str], *, trust: bool = False) -> None:
        self.path = Path(real(path))
        self.trust = trust

    def __enter__(self) -> Self:
        blocks.set((*blocks.get(), Block(self)))
        return self

    def __exit__(self, *_: object) -> None:
        blocks.set(blocks.get()[:-1])

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """Run each call of a function in a block of its own.

        Raises:
            DefinitionError: It is a class, or a function whose body runs when the call is over.

        Example:
            >>> @Cache("./cache")
            ... def answer(n: int) -> int:
            ...     return Choose(n, n // 2).run_graph()[0]
        """
        _refuse_other_than_calls(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return call

    def __repr__(self) -> str:
        return f"Cache({str(self.path)!r})"


def _refuse_other_than_calls(function: Callable[..., object]) -> None:
    """Refuse a class, and a function that does its work when the call, and the block, are over."""
    import inspect  # takes a while, and is needed only here

    later = inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction
    if isinstance(function, type):
        why = "it is a class"
    elif any(kind(function) for kind in later):
        why = "its body runs when the call is over"
    else:
        return
    name = getattr(function, "__qualname__", repr(function))
    raise DefinitionError(f"@Cache(...) cannot stand above {name}, for {why}: write `with Cache(...)` inside")
