"""Where batches run besides our process pool: threads, the caller's own thread; and all kinds by name."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from taskproc.batch import LAST, Answer, Batch, Executor, Lost, Reply
from taskproc.capture import Capture
from taskproc.echo import Echo
from taskproc.errors import EndRequest, RequestError
from taskproc.failure import packed, reason_of, users_traceback
from taskproc.foreign import Dask, distributed, factory_of, made
from taskproc.pool import Keeper, Pool, ProcessPool
from taskproc.threads import ThreadCapture
from taskproc.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

_PATIENCE = 2.0


class ThreadPool(Pool):
    """Runs batches in up to `workers` threads of this process; they never keep it from ending."""

    def __init__(self, workers: int) -> None:
        self._capture = ThreadCapture()
        super().__init__(workers, partial(_ThreadKeeper, self._capture))

    def close(self, *, kill: bool) -> None:
        if kill:
            self._capture.let_go()
        super().close(kill=kill)


class _ThreadKeeper(Keeper):
    """A thread that works on batches itself."""

    def __init__(self, capture: ThreadCapture, pool: Pool) -> None:
        super().__init__(pool)
        self._capture = capture
        self._work: Work | None = None
        self._killed = False

    def run(self) -> None:
        for batch, reply in self._pool.jobs(self):
            answer = partial(self._answer, batch.serial, reply)
            self._work = Work(batch, answer, self._capture)
            try:
                self._work.run()
            except Exception as error:  # noqa: BLE001  else there would be no last answer, and the run would wait
                answer(Lost(f"its thread could not go on ({reason_of(error)})", error=packed(error)))

    def recall(self, serial: int) -> None:
        work = self._work
        if work is not None and work.serial == serial:
            work.recall()

    def kill(self) -> None:
        self._killed = True
        self._work = None

    def end(self, *, kill: bool) -> None:
        if not kill:
            self.join(_PATIENCE)
            self._killed = True

    def _answer(self, serial: int, reply: Reply, answer: Answer) -> None:
        if isinstance(answer, LAST):
            self._pool.settled(serial)
        if not self._killed:
            reply(serial, answer)


class Interactive(Executor):
    """Runs batches at once in the caller's own thread and terminal; with `debug`, pdb looks at each failure."""

    streams = True

    def __init__(self, *, debug: bool) -> None:
        self._debug = debug and sys.stdin is not None and sys.stdin.isatty()

    def submit(self, batch: Batch, reply: Reply) -> None:
        work = Work(batch, partial(reply, batch.serial), _NoCapture(), cwd=batch.cwd, on_error=self._examine)
        try:
            work.run()
        finally:
            with contextlib.suppress(OSError):  # it may be gone
                os.chdir(batch.cwd)

    def _examine(self, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, EndRequest)):
            raise error  # the person at the terminal, not the task
        if self._debug:
            import bdb
            import pdb  # noqa: T100

            if isinstance(error, bdb.BdbQuit):  # `q` at a breakpoint
                raise KeyboardInterrupt from error
            sys.stderr.write(users_traceback(error))
            pdb.post_mortem(error.__traceback__)


class _NoCapture(Capture):
    """Nothing is caught; what the task does to the standard streams is undone."""

    has_process = True

    @contextlib.contextmanager
    def __call__(self, folder: str, echo: Echo | None) -> Generator[None]:  # noqa: ARG002
        streams = sys.stdin, sys.stdout, sys.stderr
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams


def maker(name: str, workers: int, args: Mapping[str, object]) -> Callable[[], Executor]:
    """What makes the executor of a name: `process`, `thread`, `serial`, `dask`, `dask:ADDRESS` or `module:factory`.

    Args:
        name: Split at its first colon.
        workers: How many batches ours may run at once.
        args: Keyword arguments for the factory, or for dask's client or local cluster.

    Raises:
        RequestError: there is no such executor; what is returned raises it where the executor can't be made.
    """
    kind, colon, rest = name.partition(":")
    if kind == "dask":
        if importlib.util.find_spec("distributed") is None:
            distributed(name)  # says what to do
        return partial(Dask, rest, workers, args)
    if colon:
        return partial(made, name, factory_of(name), args)
    if args:
        raise RequestError(f"executor {name} takes no arguments; only dask and package.module:factory do")
    if kind == "process":
        return partial(ProcessPool, workers)
    if kind in {"thread", "serial"}:
        return partial(ThreadPool, workers if kind == "thread" else 1)
    known = "process, thread, serial, dask, dask:ADDRESS or package.module:factory"
    raise RequestError(f"there is no executor {name!r}; it is one of {known}")
