"""Where batches run besides our process pool: threads, the caller's own thread, foreign executors; and all by name."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from taskproc.batch import Answer, Batch, Executor, Finished, Lost, Reply
from taskproc.capture import Echo, ThreadCapture
from taskproc.errors import RequestError
from taskproc.failure import details_of, reason_of
from taskproc.pool import Keeper, Pool, ProcessPool
from taskproc.wire import decoded_answers, parcel
from taskproc.worker import Work, run_pickled

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Mapping

_PATIENCE = 2.0


class ThreadPool(Pool):
    """Runs batches in up to `workers` threads of this process; they never keep it from ending."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, _ThreadKeeper)


class _ThreadKeeper(Keeper):
    """A thread that works on batches itself."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._work: Work | None = None
        self._killed = False

    def run(self) -> None:
        capture = ThreadCapture()
        for batch, reply in self._pool.jobs(self):
            self._work = Work(batch, partial(self._answer, batch.serial, reply), capture)
            self._work.run()

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
        if isinstance(answer, (Finished, Lost)):
            self._pool.settled(serial)
        if not self._killed:
            reply(serial, answer)


class Interactive:
    """Runs batches at once in the caller's own thread and terminal; with `debug`, pdb looks at each failure."""

    streams = True

    def __init__(self, *, debug: bool) -> None:
        self._debug = debug and sys.stdin is not None and sys.stdin.isatty()

    def expect(self, batches: int) -> None:
        """Do nothing: this thread is ready."""

    def submit(self, batch: Batch, reply: Reply) -> None:
        Work(batch, partial(reply, batch.serial), _no_capture, on_error=self._examine).run()

    def recall(self, serial: int) -> None:
        """Do nothing: a batch is over when `submit` returns."""

    def close(self, *, kill: bool) -> None:
        """Do nothing: no worker is ours."""

    def _examine(self, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt):
            raise error  # the person at the terminal, not the task
        if self._debug:
            import pdb  # noqa: T100

            sys.stderr.write(details_of(error))
            pdb.post_mortem(error.__traceback__)


def _no_capture(folder: str, echo: Echo | None) -> contextlib.AbstractContextManager[None]:  # noqa: ARG001
    return contextlib.nullcontext()


class Foreign:
    """Runs batches on any `concurrent.futures.Executor`: one call each, all answers at its end.

    Such an executor may run a call more than once, lose it, or lie about having cancelled it: nothing of that is relied
    on. It is shut down only if it is `owned`.
    """

    streams = False

    def __init__(self, executor: concurrent.futures.Executor, *, owned: bool = False) -> None:
        self._executor = executor
        self._owned = owned

    def expect(self, batches: int) -> None:
        """Do nothing: an executor decides for itself when its workers begin."""

    def submit(self, batch: Batch, reply: Reply) -> None:
        try:
            future = self._executor.submit(run_pickled, parcel(batch))
        except Exception as error:  # noqa: BLE001  a broken pool says so in many ways
            reply(batch.serial, _lost(error))
        else:
            future.add_done_callback(partial(_deliver, batch.serial, reply))

    def recall(self, serial: int) -> None:
        """Do nothing: what an executor says of cancelling can't be trusted."""

    def close(self, *, kill: bool) -> None:
        if self._owned:
            self._executor.shutdown(wait=not kill, cancel_futures=kill)


def _deliver(serial: int, reply: Reply, future: concurrent.futures.Future[bytes]) -> None:
    try:
        answers = decoded_answers(future.result())
    except BaseException as error:  # noqa: BLE001  a worker's death may be any exception
        answers = [_lost(error)]
    for answer in answers:
        reply(serial, answer)


def _lost(error: BaseException) -> Lost:
    return Lost(f"the executor lost it ({reason_of(error)})")


class _Dask(Foreign):
    """The workers of a dask scheduler, through a client of ours."""

    def __init__(self, address: str, args: Mapping[str, object]) -> None:
        try:
            client: Any = importlib.import_module("distributed").Client
        except ImportError as error:
            raise RequestError(f"executor dask:{address} needs the package distributed ({error})") from None
        try:
            self._client = client(address, **args)
        except Exception as error:
            raise RequestError(f"executor dask:{address} can't be reached: {reason_of(error)}") from error
        super().__init__(self._client.get_executor(pure=False))

    def close(self, *, kill: bool) -> None:  # noqa: ARG002
        self._client.close()


class _Factory(Protocol):
    def __call__(self, **args: object) -> concurrent.futures.Executor: ...


def by_name(name: str, workers: int, args: Mapping[str, object]) -> Executor:
    """The executor that a name means: `process`, `thread`, `serial`, `dask:ADDRESS` or `package.module:factory`.

    Args:
        name: Split at its first colon.
        workers: How many batches ours may run at once.
        args: Keyword arguments for the factory, or for dask's client.

    Raises:
        RequestError: there is no such executor, or it can't be made.
    """
    kind, colon, rest = name.partition(":")
    if colon and kind == "dask":
        return _Dask(rest, args)
    if colon:
        return Foreign(_made(kind, rest, args), owned=True)
    if args:
        raise RequestError(f"executor {name} takes no arguments; only dask:ADDRESS and package.module:factory do")
    if kind == "process":
        return ProcessPool(workers)
    if kind in {"thread", "serial"}:
        return ThreadPool(workers if kind == "thread" else 1)
    known = "process, thread, serial, dask:ADDRESS or package.module:factory"
    raise RequestError(f"there is no executor {name!r}; it is one of {known}")


def _made(module: str, factory: str, args: Mapping[str, object]) -> concurrent.futures.Executor:
    name = f"{module}:{factory}"
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        make: _Factory = attrgetter(factory)(importlib.import_module(module))
        executor = make(**args)
    except Exception as error:
        raise RequestError(f"executor {name} can't be made: {reason_of(error)}") from error
    if not callable(getattr(executor, "submit", None)) or not callable(getattr(executor, "shutdown", None)):
        raise RequestError(f"executor {name} gives no concurrent.futures.Executor but a {type(executor).__name__}")
    return executor
