"""Tasks behind a prefix command, such as `srun -c 4` or `nice`.

Each batch is one run of `<prefix> <python> -m taskproc.worker <file> ...`, through a shell. The file lies in a folder
beside the attempt's and named like one, so that a sweep finds what a killed run left. The command's own output is kept
apart from the task's. Success is the published answers, never the exit status: a scheduler may say 0 although the task
died.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from taskproc.batch import Answer, Batch, Lost, Reply
from taskproc.capture import LOGS, STREAMS, tail
from taskproc.failure import reason_of
from taskproc.lifeline import Lifeline
from taskproc.process import HOME, ending, interpreter
from taskproc.wire import decoded_answers, parcel
from taskproc.worker import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Generator

_FIRM = 1.0  # seconds for a command to heed SIGTERM
_PATIENCE = 2.0
_LAST_LINES = 5
_CHATTER = 1 << 12


class PrefixExecutor:
    """Runs each batch by one shell line; one thread waits for each."""

    streams = False

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._jobs: set[_Job] = set()

    def expect(self, batches: int) -> None:
        """Do nothing: each batch is a command of its own."""

    def submit(self, batch: Batch, reply: Reply) -> None:
        self._jobs = {job for job in self._jobs if job.is_alive()}
        job = _Job(self._prefix, batch, reply)
        self._jobs.add(job)
        job.start()

    def recall(self, serial: int) -> None:
        """Do nothing: all answers come at the end."""

    def close(self, *, kill: bool) -> None:
        jobs = [job for job in self._jobs if job.is_alive()]
        deadline = time.monotonic() + (_FIRM if kill else _PATIENCE)
        for job in jobs:
            if kill:
                job.stop(signal.SIGTERM)
        for job in jobs:
            job.join(max(0.0, deadline - time.monotonic()))
            if kill or job.is_alive():
                job.stop(signal.SIGKILL)  # the command may be gone, and others of its group still be there
                job.join()


class _Job(threading.Thread):
    """One run of a prefix command."""

    def __init__(self, prefix: str, batch: Batch, reply: Reply) -> None:
        super().__init__(daemon=True)
        self._prefix = prefix
        self._batch = batch
        self._reply = reply
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> None:
        attempt = Path(self._batch.payloads[0].folder)
        folder = attempt.with_name(secrets.token_hex(8))
        try:
            folder.mkdir(parents=True)
            file = folder / "batch"
            file.write_bytes(parcel(self._batch))
            answers = self._answers(file, attempt)
        except Exception as error:  # noqa: BLE001  a full disk, a key that can't be pickled
            answers = [Lost(f"the prefix command {self._prefix!r} could not be run: {reason_of(error)}")]
        shutil.rmtree(folder, ignore_errors=True)
        if not self._stopped:
            for answer in answers:
                self._reply(self._batch.serial, answer)

    def stop(self, number: int) -> None:
        """Send a signal to the command's whole group; it is not answered for any more."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, number)

    def _answers(self, file: Path, attempt: Path) -> list[Answer]:
        with tempfile.TemporaryFile() as chatter, contextlib.closing(Lifeline()) as lifeline, _same_terminal():
            status = self._run(file, chatter, lifeline)
            with contextlib.suppress(FileNotFoundError):
                return decoded_answers(Path(f"{file}{ANSWERS}").read_bytes())
            for stream, log in zip(STREAMS, LOGS, strict=True):
                scratch = file.with_name(stream)
                if scratch.is_file() and scratch.stat().st_size:
                    attempt.mkdir(exist_ok=True)
                    scratch.replace(attempt / log)
            words = _last_words(chatter)
        reason = f"the prefix command {self._prefix!r} published no result ({ending(status)})"
        return [Lost(f"{reason}: {words}" if words else reason, tail(str(attempt)))]

    def _run(self, file: Path, chatter: IO[bytes], lifeline: Lifeline) -> int:
        words = [*interpreter(), "-m", "taskproc.worker", str(file), lifeline.name]
        with self._lock:
            if self._stopped:
                return -signal.SIGTERM
            self._process = subprocess.Popen(  # noqa: S602  the user's own shell line; what follows it is quoted
                f"{self._prefix} {shlex.join(words)}",
                shell=True,
                cwd=self._batch.cwd,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=chatter,
                stderr=subprocess.STDOUT,
                pass_fds=(lifeline.number,),
                start_new_session=True,
            )
            lifeline.passed()
        return self._process.wait()


def _environment() -> dict[str, str]:
    """The caller's environment, with taskproc to be found if it is not installed."""
    found = os.environ.get("PYTHONPATH", "")
    if "site-packages" in HOME or HOME in found.split(os.pathsep):
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [HOME, found]))}


@contextlib.contextmanager
def _same_terminal() -> Generator[None, None, None]:
    """Undo what a command does to the terminal's modes."""
    import termios

    modes: list[Any] | None = None
    with contextlib.suppress(termios.error, ValueError, AttributeError, OSError):
        modes = termios.tcgetattr(sys.stdin.fileno())
    try:
        yield
    finally:
        if modes is not None:
            with contextlib.suppress(termios.error):
                if termios.tcgetattr(sys.stdin.fileno()) != modes:
                    termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, modes)


def _last_words(chatter: IO[bytes]) -> str:
    size = chatter.seek(0, os.SEEK_END)
    chatter.seek(max(0, size - _CHATTER))
    lines = chatter.read().decode("utf-8", "replace").strip().splitlines()
    return "\n".join(lines[-_LAST_LINES:])
