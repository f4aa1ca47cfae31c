"""Where each task of a run goes: a worker, or the command it runs under."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from taskproc.command import command_for
from taskproc.executors import Interactive, maker
from taskproc.foreign import foreign
from taskproc.prefix import PrefixExecutor

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from taskproc.batch import Executor, PrefixCommand
    from taskproc.graph import Node
    from taskproc.options import Options


class Dispatch:
    """The executors of one run. An interactive run stays in this process, whatever commands its tasks ask for.

    Attributes:
        plain: Where tasks without a prefix command run.
        batching: Whether several tasks may go together.
    """

    def __init__(self, plain: Executor, options: Options) -> None:
        self.plain = plain
        self.batching = not options.interactive
        self._prefixed = PrefixExecutor(options.result_grace)
        self._options = options

    def command_for(self, node: Node) -> PrefixCommand | None:
        """The command that a task runs under; None for a plain worker."""
        return None if self._options.interactive else command_for(node, self._options)

    def expect(self, nodes: Iterable[Node], workers: int) -> None:
        """Have as many plain workers begin as these tasks can keep busy."""
        plain = islice((node for node in nodes if self.command_for(node) is None), workers)
        self.plain.expect(len(list(plain)))

    def executor(self, command: PrefixCommand | None) -> Executor:
        """Where tasks with this command run."""
        return self.plain if command is None else self._prefixed

    def close(self, *, kill: bool) -> None:
        """End all workers; with `kill`, what runs is stopped."""
        self._prefixed.close(kill=kill)
        self.plain.close(kill=kill)


@contextmanager
def open_executors(options: Options, cache: Path) -> Generator[Dispatch]:
    """The executors of a run on a cache while it lasts; stopped at once if it ends by an exception.

    Raises:
        RequestError: The executor asked for can't do the run's work.
    """
    dispatch = Dispatch(_plain_executor(options), options)
    try:
        dispatch.plain.try_out(cache)
        yield dispatch
    except BaseException:
        dispatch.close(kill=True)
        raise
    dispatch.close(kill=False)


def _plain_executor(options: Options) -> Executor:
    if options.interactive:
        return Interactive(debug=True)
    if isinstance(options.executor, str):
        return maker(options.executor, options.slots, options.executor_args)()
    return foreign(options.executor)
