"""Pools: workers that are ours, each kept by a thread of the runner.

A worker process that dies is known by the end of its file: only the batch that it had is lost, and the next one gets a
new process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from taskproc.batch import LAST, Answer, Batch, Damaged, Done, Executor, Failed, Lost, Refused, Reply, Returned
from taskproc.capture import tail
from taskproc.failure import reason_of
from taskproc.process import PATIENCE, WorkerProcess, allow_files
from taskproc.shortage import no_worker
from taskproc.wire import encoded, parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def unanswered(batch: Batch, answers: Iterable[Answer]) -> int | None:
    """The position of the payload that a worker was busy with when it fell silent."""
    answered = {position for answer in answers for position in _positions(answer)}
    return next((position for position in range(len(batch.payloads)) if position not in answered), None)


def _positions(answer: Answer) -> tuple[int, ...]:
    """The payloads that an answer settles."""
    if isinstance(answer, (Done, Failed, Damaged)):
        return (answer.position,)
    return answer.positions if isinstance(answer, Returned) else ()


class Keeper(threading.Thread):
    """A thread of the runner that sees to one batch after another."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(daemon=True)
        self._pool = pool

    def recall(self, serial: int) -> None:
        """Take back what has not begun of the batch that is being worked on."""
        raise NotImplementedError

    def kill(self) -> None:
        """Stop what runs, if that can be done; no more answers are given."""
        raise NotImplementedError

    def end(self, *, kill: bool) -> None:
        """Wait for the thread to end, which was told (or killed) before, and insist."""
        raise NotImplementedError


class Pool(Executor):
    """Runs batches on up to `workers` keepers, started as they are needed."""

    streams = True

    def __init__(self, workers: int, keeper: Callable[[Pool], Keeper]) -> None:
        self.workers = workers
        self._keeper = keeper
        self._jobs: SimpleQueue[tuple[Batch, Reply] | None] = SimpleQueue()
        self._keepers: list[Keeper] = []
        self._serving: dict[int, Keeper] = {}
        self._unfinished = 0
        self._lock = threading.Lock()

    def expect(self, batches: int) -> None:
        with contextlib.suppress(RuntimeError):  # no more threads are to be had: then a batch will tell
            self._employ(batches)

    def submit(self, batch: Batch, reply: Reply) -> None:
        with self._lock:
            self._unfinished += 1
        try:
            self._employ(self._unfinished)
        except RuntimeError as error:
            with self._lock:
                self._unfinished -= 1
            reply(batch.serial, Lost(no_worker(error)))
        else:
            self._jobs.put((batch, reply))

    def _employ(self, batches: int) -> None:
        """Have a keeper for each of so many batches, as far as there may be workers."""
        with self._lock:
            while len(self._keepers) < min(batches, self.workers):
                keeper = self._keeper(self)
                self._keepers.append(keeper)
                try:
                    keeper.start()
                except RuntimeError:
                    self._keepers.remove(keeper)
                    raise

    def recall(self, serial: int) -> None:
        keeper = self._serving.get(serial)
        if keeper is not None:
            keeper.recall(serial)

    def close(self, *, kill: bool) -> None:
        with self._lock:
            keepers, self._keepers = self._keepers, []
        if kill:
            for keeper in keepers:
                keeper.kill()
        for _ in keepers:
            self._jobs.put(None)
        for keeper in keepers:
            keeper.end(kill=kill)

    def jobs(self, keeper: Keeper) -> Iterator[tuple[Batch, Reply]]:
        """What a keeper has to do, one batch after another."""
        while (job := self._jobs.get()) is not None:
            self._serving[job[0].serial] = keeper
            yield job

    def settled(self, serial: int) -> None:
        """A batch is about to get its last answer."""
        with self._lock:
            del self._serving[serial]
            self._unfinished -= 1


class ProcessPool(Pool):
    """Runs batches in up to `workers` processes of ours."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, _ProcessKeeper)
        allow_files()


class _ProcessKeeper(Keeper):
    """Keeps one worker process, and talks with it."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._worker: WorkerProcess | None = None
        self._killed = False
        self._lock = threading.Lock()

    def run(self) -> None:
        with contextlib.suppress(Exception):  # then the first batch will tell
            self._living()
        for batch, reply in self._pool.jobs(self):
            try:
                last = self._talk(batch, reply)
            except Exception as error:  # noqa: BLE001  nobody would hear of it, and the run would wait
                last = Lost(f"what became of its worker can't be told: {reason_of(error)}")
            self._pool.settled(batch.serial)
            if not self._killed:
                reply(batch.serial, last)
        if self._worker is not None:
            self._worker.end()

    def _talk(self, batch: Batch, reply: Reply) -> Answer:
        """Pass a batch's answers on, but for the last one."""
        answers: list[Answer] = []
        try:
            worker = self._living()
            worker.send(parcel(batch))
            while True:
                for answer in worker.hear():
                    if isinstance(answer, Lost):  # the worker could not begin
                        return self._lost(batch, answers)._replace(reason=answer.reason)
                    if isinstance(answer, LAST):
                        return answer
                    answers.append(answer)
                    reply(batch.serial, answer)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            if self._worker is None:
                return Lost(no_worker(error))
            return self._lost(batch, answers)
        except Exception as error:  # noqa: BLE001  keys of slots are of the user's own types
            return Refused(f"the batch can't be sent to a worker: {reason_of(error)}")

    def recall(self, serial: int) -> None:
        worker = self._worker
        if worker is not None:
            with contextlib.suppress(OSError):
                worker.send(encoded(serial))

    def kill(self) -> None:
        with self._lock:
            self._killed = True
            if self._worker is not None:
                self._worker.kill()

    def end(self, *, kill: bool) -> None:
        if self.is_alive():  # an interrupt may have come before it was started
            self.join(None if kill else PATIENCE)
        if self.is_alive():
            self.kill()
            self.join()

    def _living(self) -> WorkerProcess:
        with self._lock:
            if self._killed:
                raise EOFError
            if self._worker is not None and self._worker.is_dead():
                self._worker.close()
                self._worker = None
            if self._worker is None:
                self._worker = WorkerProcess()
            return self._worker

    def _lost(self, batch: Batch, answers: list[Answer]) -> Lost:
        with self._lock:
            worker, self._worker = self._worker, None
        assert worker is not None
        with contextlib.closing(worker):
            reason = worker.bury()
            position = unanswered(batch, answers)
            if position is None or self._killed:
                return Lost(reason)
            folder = batch.payloads[position].folder
            with contextlib.suppress(OSError):  # a full disk must not hide why the worker died
                worker.keep_output(folder)
        return Lost(reason, tail(folder), kept=os.path.isdir(folder))
