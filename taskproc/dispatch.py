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

    def command_for(self, node: Node) -> PrefixCommand | None:
        """The command that a task runs under; None for a plain worker."""
        return command_for(node, self._options) if self._options is not None else None

    def expect(self, nodes: Iterable[Node], workers: int) -> None:
        """Have as many plain workers begin as these tasks can keep busy."""
        plain = islice((node for node in nodes if self.command_for(node) is None), workers)
        self._plain.expect(len(list(plain)))

    def executor(self, command: PrefixCommand | None) -> Executor:
        """Where tasks with this command run."""
        return self._plain if command is None else self._prefixed

    def try_out(self, cache: Path) -> None:
        """See whether workers that are not ours can do the work of a run on this cache."""
        self._plain.try_out(cache)

    @property
    def capacity(self) -> int:
        """How many batches plain workers that are not ours run at once; 0 if they don't tell, or are ours."""
        return self._plain.capacity

    def close(self, *, kill: bool) -> None:
        """End all workers; with `kill`, what runs is stopped."""
        self._prefixed.close(kill=kill)
        self._plain.close(kill=kill)


@contextmanager
def open_executors(options: Options, cache: Path) -> Generator[Dispatch]:
    """The executors of a run on a cache while it lasts; stopped at once if it ends by an exception.

    Raises:
        RequestError: The executor asked for can't do the run's work.
    """
    if options.interactive:
        dispatch = Dispatch(Interactive(debug=True), None, batching=False)
    elif isinstance(options.executor, str):
        make = maker(options.executor, options.slots, options.executor_args)
        dispatch = Dispatch(make(), options, batching=True)
    else:
        dispatch = Dispatch(foreign(options.executor), options, batching=True)
    try:
        dispatch.try_out(cache)
        yield dispatch
    except BaseException:
        dispatch.close(kill=True)
        raise
    dispatch.close(kill=False)
