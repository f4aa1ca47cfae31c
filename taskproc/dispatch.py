"""Where each task of a run goes: a worker, or the command it runs under."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from taskproc.command import command_for
from taskproc.executors import Foreign, Interactive, by_name
from taskproc.prefix import PrefixExecutor

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from taskproc.batch import Command, Executor
    from taskproc.graph import Node
    from taskproc.options import Options


class Dispatch:
    """The executors of one run.

    Args:
        plain: Where tasks without a prefix command run.
        options: They say which commands there are; None where tasks stay in this process whatever they ask for.
        batching: Whether several tasks may go together.
    """

    def __init__(self, plain: Executor, options: Options | None, *, batching: bool) -> None:
        self.batching = batching
        self._plain = plain
        self._prefixed = PrefixExecutor(options.result_grace if options is not None else None)
        self._options = options

    def command_for(self, node: Node, task_id: int) -> Command | None:
        """The command that a task runs under; None for a plain worker."""
        return command_for(node, task_id, self._options) if self._options is not None else None

    def expect(self, nodes: Iterable[Node], workers: int) -> None:
        """Have as many plain workers begin as these tasks can keep busy."""
        plain = islice((node for node in nodes if self.command_for(node, 0) is None), workers)
        self._plain.expect(len(list(plain)))

    def executor(self, command: Command | None) -> Executor:
        """Where tasks with this command run."""
        return self._plain if command is None else self._prefixed

    def close(self, *, kill: bool) -> None:
        """End all workers; with `kill`, what runs is stopped."""
        self._prefixed.close(kill=kill)
        self._plain.close(kill=kill)


@contextmanager
def open_executors(options: Options, workers: int) -> Generator[Dispatch]:
    """The executors of a run while it lasts; stopped at once if it ends by an exception."""
    if options.interactive:
        dispatch = Dispatch(Interactive(debug=sys.stdin.isatty()), None, batching=False)
    elif isinstance(options.executor, str):
        dispatch = Dispatch(by_name(options.executor, workers, options.executor_args), options, batching=True)
    else:
        dispatch = Dispatch(Foreign(options.executor), options, batching=True)
    try:
        yield dispatch
    except BaseException:
        dispatch.close(kill=True)
        raise
    dispatch.close(kill=False)
