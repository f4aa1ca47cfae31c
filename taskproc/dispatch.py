"""Where each task of a run goes: a worker, or the command it runs under."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from taskproc.executors import Foreign, Interactive, by_name
from taskproc.prefix import PrefixExecutor

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from taskproc.batch import Executor
    from taskproc.graph import Node
    from taskproc.options import Options


class Dispatch:
    """The executors of one run.

    Args:
        plain: Where tasks without a prefix command run.
        prefixes: Commands by channel or `task_name`; None where tasks stay in this process whatever they ask for.
        batching: Whether several tasks may go together.
    """

    def __init__(self, plain: Executor, prefixes: Mapping[str, str] | None, *, batching: bool) -> None:
        self.batching = batching
        self._executors: dict[str, Executor] = {"": plain}
        self._prefixes = prefixes

    def prefix_of(self, node: Node) -> str:
        """The command that a task runs under: by its `task_name`, else its channels, else its own; empty for none."""
        if self._prefixes is None:
            return ""
        if self._prefixes:
            for name in (node.name, *node.channels):
                if name in self._prefixes:
                    return self._prefixes[name]
        return node.prefix

    def expect(self, nodes: Iterable[Node], workers: int) -> None:
        """Have as many plain workers begin as these tasks can keep busy."""
        plain = islice((node for node in nodes if not self.prefix_of(node)), workers)
        self._executors[""].expect(len(list(plain)))

    def executor(self, prefix: str) -> Executor:
        """Where tasks with this prefix command run."""
        if prefix not in self._executors:
            self._executors[prefix] = PrefixExecutor(prefix)
        return self._executors[prefix]

    def close(self, *, kill: bool) -> None:
        """End all workers; with `kill`, what runs is stopped."""
        for executor in self._executors.values():
            executor.close(kill=kill)


@contextmanager
def open_executors(options: Options, workers: int) -> Generator[Dispatch]:
    """The executors of a run while it lasts; stopped at once if it ends by an exception."""
    if options.interactive:
        dispatch = Dispatch(Interactive(debug=sys.stdin.isatty()), None, batching=False)
    elif isinstance(options.executor, str):
        dispatch = Dispatch(by_name(options.executor, workers, options.executor_args), options.prefixes, batching=True)
    else:
        dispatch = Dispatch(Foreign(options.executor), options.prefixes, batching=True)
    try:
        yield dispatch
    except BaseException:
        dispatch.close(kill=True)
        raise
    dispatch.close(kill=False)
