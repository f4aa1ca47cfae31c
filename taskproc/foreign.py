"""Executors that are not ours: any `concurrent.futures.Executor`, and dask's workers."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from taskproc.batch import Answer, Batch, Executor, Lost, Reply
from taskproc.call import Surroundings, look_around, run_pickled
from taskproc.errors import RequestError
from taskproc.failure import packed, reason_of
from taskproc.threads import ThreadCapture
from taskproc.wire import decoded_answers, parcel
from taskproc.work import Work

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Mapping
    from pathlib import Path

_AT_HOME = "concurrent.futures."
"""The modules of executors whose workers are on this machine, and have what it has."""


class Foreign(Executor):
    """Runs batches on any `concurrent.futures.Executor`: one call each, all answers at its end.

    Such an executor may run a call more than once, lose it, or lie about having cancelled it: nothing of that is relied
    on. One that `make` made is ours: it is shut down at the end, and made anew when it takes no more calls, as some do
    when a worker has died. `name` is what errors call it.
    """

    def __init__(
        self,
        executor: concurrent.futures.Executor,
        name: str = "",
        make: Callable[[], concurrent.futures.Executor] | None = None,
    ) -> None:
        self._executor = executor
        self._name = name or type(executor).__name__
        self._make = make
        self._futures: set[concurrent.futures.Future[Any]] = set()

    def try_out(self, cache: Path) -> None:
        """Have a worker look around, unless all workers are on this machine by their nature.

        Raises:
            RequestError: Calls fail there, or it has another taskproc or Python, or does not see the cache's folder.
        """
        if type(self._executor).__module__.startswith(_AT_HOME):
            return
        here = look_around(str(cache))
        try:
            there = Surroundings(*self._executor.submit(look_around, str(cache)).result())
        except Exception as error:
            raise RequestError(
                f"executor {self._name} can't make a call: {reason_of(error)}; taskproc must be installed where it runs"
            ) from error
        if (there.taskproc, there.python) != (here.taskproc, here.python):
            raise RequestError(
                f"executor {self._name} has taskproc {there.taskproc} on Python {there.python} at {there.host}, and"
                f" this is taskproc {here.taskproc} on Python {here.python}: let them be the same"
            )
        if not set(there.runs) & set(here.runs):
            raise RequestError(
                f"executor {self._name} does not see the cache {cache} at {there.host}: its workers write results"
                " there, so put the cache (--cache) in a folder that both share"
            )

    @property
    def capacity(self) -> int:
        """How many calls it can make use of at once, as far as it tells; 0 if it does not."""
        found: object = getattr(self._executor, "_max_workers", 0)
        return found if isinstance(found, int) else 0

    def submit(self, batch: Batch, reply: Reply) -> None:
        try:
            future = self._call(*self._job(batch, reply))
        except Exception as error:  # noqa: BLE001  a broken pool says so in many ways
            reply(batch.serial, _lost(error))
        else:
            self._futures.add(future)
            future.add_done_callback(partial(self._deliver, batch.serial, reply))

    def _job(self, batch: Batch, reply: Reply) -> tuple[Any, ...]:  # noqa: ARG002
        """What to call for a batch, and with what."""
        return run_pickled, parcel(batch)

    def _answers(self, result: Any) -> list[Answer]:
        """What the result of that call says."""
        return decoded_answers(result)

    def _call(self, *job: Any) -> concurrent.futures.Future[Any]:
        try:
            return self._executor.submit(*job)
        except Exception:
            if self._make is None:
                raise
            self._executor = self._make()
            return self._executor.submit(*job)

    def close(self, *, kill: bool) -> None:
        if kill:
            for future in tuple(self._futures):
                with contextlib.suppress(Exception):  # not all can
                    future.cancel()
        if self._make is not None:
            self._executor.shutdown(wait=not kill)  # not all of them know `cancel_futures`
            if kill:
                _end_children()

    def _deliver(self, serial: int, reply: Reply, future: concurrent.futures.Future[Any]) -> None:
        self._futures.discard(future)
        try:
            answers = self._answers(future.result())
        except BaseException as error:  # noqa: BLE001  a worker's death may be any exception
            answers = [_lost(error)]
        for answer in answers:
            reply(serial, answer)


class Threads(Foreign):
    """The standard library's threads: in this very process, so nothing travels, and answers come as tasks finish."""

    streams = True

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        self._works: WeakValueDictionary[int, Work] = WeakValueDictionary()
        self._capture = ThreadCapture()

    def recall(self, serial: int) -> None:
        work = self._works.get(serial)
        if work is not None:
            work.recall()

    def close(self, *, kill: bool) -> None:
        if kill:
            self._capture.let_go()
            for serial in tuple(self._works):
                self.recall(serial)
        super().close(kill=kill)

    def _job(self, batch: Batch, reply: Reply) -> tuple[Any, ...]:
        self._works[batch.serial] = work = Work(batch, partial(reply, batch.serial), self._capture)
        return (work.run_for_others,)

    def _answers(self, result: Any) -> list[Answer]:  # noqa: ARG002  they have come
        return []


def foreign(executor: concurrent.futures.Executor, *how: Any) -> Foreign:
    """What runs batches on an executor; `how` are the further arguments of `Foreign`."""
    kind = type(executor)
    threads = (kind.__module__, kind.__name__) == ("concurrent.futures.thread", "ThreadPoolExecutor")
    return (Threads if threads else Foreign)(executor, *how)


def _end_children() -> None:
    """End the processes of an executor of the standard library or loky's, which would wait for work after our end."""
    if processes := sys.modules.get("multiprocessing"):
        for child in processes.active_children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)  # loky's have no method for that


def _lost(error: BaseException) -> Lost:
    return Lost(f"the executor lost it ({reason_of(error)})", error=packed(error))


def distributed(name: str) -> Any:
    """Dask's package for an executor of that name.

    Raises:
        RequestError: It is not installed.
    """
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        message = f"executor {name} needs the package distributed, as taskproc[dask] installs it ({error})"
        raise RequestError(message) from None


class Dask(Foreign):
    """The workers of a dask scheduler at an address, or, without one, of a cluster of this machine that ends with us.

    `args` go to dask's `Client`, or to its `LocalCluster`.
    """

    def __init__(self, address: str, workers: int, args: Mapping[str, object]) -> None:
        name = f"dask:{address}" if address else "dask"
        dask = distributed(name)
        self._open = contextlib.ExitStack()
        try:
            if address:
                client = dask.Client(address, **args)
            else:
                settings = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", **args}
                client = dask.Client(self._open.enter_context(dask.LocalCluster(**settings)))
            self._open.enter_context(client)
        except Exception as error:
            self._open.close()
            verb = "be reached" if address else "begin"
            raise RequestError(f"executor {name} can't {verb}: {reason_of(error)}") from error
        self._client = client
        super().__init__(client.get_executor(pure=False), name)

    @property
    def capacity(self) -> int:
        threads: dict[str, int] = self._client.nthreads()
        return 2 * sum(threads.values())  # one call travels while another runs

    def close(self, *, kill: bool) -> None:
        super().close(kill=kill)
        self._open.close()


class Factory(Protocol):
    """What a user's module makes an executor with."""

    def __call__(self, **args: object) -> concurrent.futures.Executor: ...


def factory_of(name: str) -> Factory:
    """The factory that `package.module:factory` means; modules are also looked for in this folder.

    Raises:
        RequestError: There is none.
    """
    module, _, factory = name.partition(":")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found: Factory = attrgetter(factory)(importlib.import_module(module))
    except Exception as error:
        raise RequestError(f"executor {name} can't be made: {reason_of(error)}") from error
    return found


def made(name: str, factory: Factory, args: Mapping[str, object]) -> Foreign:
    """The executor of that name which a factory makes.

    Raises:
        RequestError: It can't be made.
    """
    make = partial(factory, **args)
    try:
        executor = make()
    except Exception as error:
        raise RequestError(f"executor {name} can't be made: {reason_of(error)}") from error
    if not callable(getattr(executor, "submit", None)) or not callable(getattr(executor, "shutdown", None)):
        raise RequestError(f"executor {name} gives no concurrent.futures.Executor but a {type(executor).__name__}")
    return foreign(executor, name, make)
