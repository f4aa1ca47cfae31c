"""A worker process, as its runner sees it.

It is a fresh interpreter on a socket: nothing is forked, and no script is imported again. Its standard output and error
are unnamed files that the runner holds too, so that the last words of a dead worker can be read.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

from taskproc.capture import keep
from taskproc.files import STREAM_LOGS
from taskproc.lifeline import Lifeline, keep_from_children
from taskproc.pace import Pace
from taskproc.wire import encoded, take_answers

if TYPE_CHECKING:
    from taskproc.batch import Answer

_POLITE = 1.0  # seconds for a worker to end by itself, once told
_FIRM = 0.5  # seconds for it to heed a signal
_FILES = 8192
_BUFFER = 1 << 18  # bytes of answers that are read at once
PATIENCE = _POLITE + 2 * _FIRM
"""Seconds in which a worker ends for sure, once told."""

_LIBRARY = (os.path.dirname(os.__file__), os.path.join(os.path.dirname(os.__file__), "lib-dynload"))

HOME = str(Path(__file__).resolve().parent.parent)
"""Where taskproc is imported from."""


def allow_files() -> None:
    """Let this process have the files open that many processes take, as far as the system permits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # then what can't be opened will tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def ending(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    if name != "SIGKILL":
        return f"killed by {name}"
    timed = resource.getrlimit(resource.RLIMIT_CPU)[1] != resource.RLIM_INFINITY
    return f"killed by {name} (out of memory{', or of CPU time, `ulimit -t`' if timed else ''}?)"


class WorkerProcess:
    """A worker process, as its runner sees it."""

    def __init__(self) -> None:
        self._sending = threading.Lock()
        self._heard = bytearray()
        self._pace = Pace()
        with contextlib.ExitStack() as undo:
            self._connection, theirs = map(undo.enter_context, socket.socketpair())
            self._lifeline = undo.enter_context(contextlib.closing(Lifeline()))
            self._output: list[IO[bytes]] = [
                undo.enter_context(tempfile.TemporaryFile(buffering=0)) for _ in STREAM_LOGS
            ]
            self._process = subprocess.Popen(
                [*interpreter(), "-c", _boot(theirs.fileno(), self._lifeline.name)],
                stdin=subprocess.DEVNULL,
                stdout=self._output[0],
                stderr=self._output[1],
                pass_fds=(theirs.fileno(), self._lifeline.number),
                start_new_session=True,  # Ctrl-C is the runner's; and the group can be stopped as one
            )
            undo.pop_all()
        theirs.close()
        self._lifeline.passed()
        keep_from_children(self._connection)

    def send(self, message: bytes) -> None:
        with self._sending:
            self._connection.sendall(message)

    def hear(self) -> list[Answer]:
        """The answers that have come, one at least.

        Raises:
            EOFError: The process is gone.
        """
        while True:
            self._pace.pause()
            data = self._connection.recv(_BUFFER)
            self._pace.found()
            if not data:
                raise EOFError
            self._heard += data
            if answers := take_answers(self._heard):
                return answers

    def is_dead(self) -> bool:
        return self._process.poll() is not None

    def keep_output(self, folder: str) -> None:
        for scratch, log in zip(self._output, STREAM_LOGS, strict=True):
            keep(scratch.fileno(), Path(folder, log))

    def end(self) -> None:
        """Ask the process to end, and see that it does."""
        with contextlib.suppress(OSError):
            self.send(encoded(None))
        if not self._ends_within(_POLITE):
            self._process.terminate()
            if not self._ends_within(_FIRM):
                self.kill()
        self._process.wait()
        self.close()

    def bury(self) -> str:
        """See that a process which fell silent is gone, with all it started; gives how it ended."""
        self._ends_within(_FIRM)
        self.kill()
        return ending(self._process.wait())

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        self._connection.close()
        self._lifeline.close()
        for scratch in self._output:
            scratch.close()

    def _ends_within(self, seconds: float) -> bool:
        with contextlib.suppress(OSError, ValueError):  # its end of file comes sooner than `wait` would look again
            select.select([self._connection], [], [], seconds)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def interpreter() -> list[str]:
    """The command for this interpreter, with the options that change what code does."""
    warnings = [f"-W{option}" for option in sys.warnoptions]
    others = [f"-X{name}" if value is True else f"-X{name}={value}" for name, value in sys._xoptions.items()]
    flags = [*warnings, *others, *["-O"] * sys.flags.optimize, *["-b"] * sys.flags.bytes_warning]
    return [sys.executable, "-P", *flags]  # -P: a taskproc.py of the user's is not us


def _boot(number: int, lifeline: str) -> str:
    """What a worker executes first: it imports taskproc from where the runner did, whatever else has that name.

    And taskproc imports the standard library, though other files on the path have the names of its modules.
    """
    entries = list(map(str, sys.path))
    path = entries if HOME in entries else [*entries, HOME]
    library = [entry for entry in entries if entry in _LIBRARY]
    start = f"from taskproc.worker import serve; sys.path[:] = {path!r}; serve({number}, {lifeline!r})"
    return f"import gc, sys; gc.disable(); sys.path[:] = {[*library, HOME, *path]!r}; {start}"
