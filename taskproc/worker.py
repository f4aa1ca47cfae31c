"""A worker process: one of our pool's, or the one that a prefix command starts.

One of the pool's gets pickles over a socket: a `Parcel` to work on, the serial of a batch to recall, None to end. It
sends answers back. When the socket closes, since its runner died, it ends at once, with all processes it started.

    python -m taskproc.worker FILE [LIFELINE]   runs the batch in FILE, and publishes the answers as FILE.answers
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from taskproc.attempt import where
from taskproc.batch import Lost
from taskproc.bytecode import keep_settled_only
from taskproc.capture import DescriptorCapture
from taskproc.files import STREAM_LOGS
from taskproc.lifeline import hold, keep_from_children
from taskproc.loading import loaded
from taskproc.locks import is_over
from taskproc.shortage import no_worker
from taskproc.taskfile import stand_in
from taskproc.wire import Parcel, encoded_answer, read_batch
from taskproc.work import ENOUGH, Work, answers_to, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskproc.batch import Answer, Batch

ANSWERS = ".answers"
"""What the name of a batch's file gets for that of its answers."""


_LINGER = 1.0  # seconds for what is left to end, once the answers are there
_LOOK = 5.0  # seconds between two looks at whether the run is over, where nothing else tells


def settle(message: Parcel) -> None:
    """Make this process look as the caller's does."""
    here = os.path.dirname(os.__file__)
    if here in message.sys_path:
        sys.path[:] = message.sys_path
    else:  # another Python, of a container: what is installed in the caller's is not for it
        own = [entry for entry in message.sys_path if f"{os.sep}lib{os.sep}python" not in entry]
        sys.path += [entry for entry in own if entry not in sys.path]
    sys.argv[:] = message.argv  # modules of the user's may read it as they are imported
    os.chdir(message.cwd)
    stand_in(message.main)


def serve(number: int, lifeline: str) -> None:
    """Be a worker process of a pool: work on what comes over the socket until told to end, or alone."""
    os.set_inheritable(number, False)  # noqa: FBT003
    hold(lifeline)
    keep_settled_only()
    gc.freeze()  # what is imported, for which `_boot` keeps the collector away, is no garbage, not even at the end
    gc.enable()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _stay)  # the runner decides; children get the default again
    connection = socket.socket(fileno=number)
    try:
        server = _Server(connection)
    except RuntimeError as error:  # no more threads are to be had
        _decline(connection, error)
    else:
        server.run()


def _stay(number: int, frame: object) -> None:
    """Do nothing about a signal."""


def _decline(connection: socket.socket, error: RuntimeError) -> None:
    """Say why nothing can be worked on, once that is asked for."""
    with contextlib.suppress(EOFError, OSError), connection.makefile("rb") as file:
        if isinstance(pickle.load(file), Parcel):
            connection.sendall(encoded_answer(Lost(no_worker(error))))


class _Server:
    def __init__(self, connection: socket.socket) -> None:
        keep_from_children(connection)
        self._connection = connection
        self._sending = threading.Lock()
        self._inbox: SimpleQueue[Work | None] = SimpleQueue()
        self._capture = DescriptorCapture()
        self._current: Work | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def run(self) -> None:
        while (work := self._inbox.get()) is not None:
            work.run()

    def _read(self) -> None:
        file = self._connection.makefile("rb")
        try:
            while True:
                self._hear(pickle.load(file))
        except (EOFError, OSError):
            _die()

    def _hear(self, message: Parcel | int | None) -> None:
        if message is None:
            self._inbox.put(None)
        elif isinstance(message, int):
            if self._current is not None and self._current.serial == message:
                self._current.recall()
        else:
            try:
                settle(message)
                batch = loaded(read_batch, message.batch)
            except BaseException as error:  # noqa: BLE001  importing runs the user's code
                self._send(refusal("the batch", error))
            else:
                forget = self._capture.forget
                self._current = Work(batch, self._send, self._capture, cwd=message.cwd, on_loaded=forget)
                self._inbox.put(self._current)

    def _send(self, answer: Answer) -> None:
        data = encoded_answer(answer)
        try:
            with self._sending:
                self._connection.sendall(data)
        except OSError:
            _die()


def _die() -> None:
    """The runner is gone: end this process, and what its tasks started if the group is ours."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def run_file(path: Path) -> None:
    """Run the pickled `Parcel` in a file, once, and publish the answers beside it.

    Raises:
        SystemExit: The run that wants them is over, or they were begun before: batch systems may start a job again.
    """
    from taskproc.submission import own_id

    if not path.exists() or is_over(path.parent):
        sys.exit("taskproc: the run that wanted this job is over")
    try:
        with path.with_name("begun").open("x", encoding="utf-8") as begun:
            begun.write(f"{where(os.getpid())} {own_id()}")
    except FileExistsError:
        before = path.with_name("begun").read_text("utf-8").partition(" ")[0]
        sys.exit(f"taskproc: the job had begun on {before}, and is not run twice")
    blob = path.read_bytes()
    for number, name in enumerate(STREAM_LOGS, 1):
        scratch = os.open(path.with_name(name), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(scratch, number)
        os.close(scratch)
    message: Parcel = pickle.loads(blob)
    settle(message)

    def work(batch: Batch, send: Callable[[Answer], None]) -> None:
        capture = DescriptorCapture()
        Work(batch, send, capture, cwd=message.cwd, on_loaded=capture.forget).run_for_others(ENOUGH)

    data = answers_to(message, message.cwd, work)
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    with contextlib.suppress(FileNotFoundError):  # the run is over, and swept
        part.write_bytes(data)
        part.replace(path.with_name(path.name + ANSWERS))


def end_with_run(folder: Path) -> None:
    """End this process, and what it has started, once the run that began the attempt in a folder is over."""
    over = False
    while not over:
        time.sleep(_LOOK)
        with contextlib.suppress(OSError):  # of a file system that does not answer now
            over = is_over(folder)
    _die()


if __name__ == "__main__":
    file = Path(sys.argv[1])
    keep_settled_only()
    gc.freeze()
    if not hold(*sys.argv[2:]):
        threading.Thread(target=end_with_run, args=[file.parent], daemon=True).start()
    run_file(file)
    end = threading.Timer(_LINGER, os._exit, [0])  # a thread that a task has left would keep the result waiting
    end.daemon = True
    end.start()
