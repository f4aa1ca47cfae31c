"""One run of a prefix command: `<prefix> <python> -m taskproc.worker <file> ...`, through a shell.

What takes a script rather than a command line (`sbatch`, `qsub`) gets that in one. The file lies in a folder beside the
attempt's and named like one of the same run, so that a sweep finds what a killed run left, and the worker finds out
whether its run is over. What the command says is kept apart from what the task prints. Success is the published
answers, never the exit status: a scheduler may say 0 although the task died.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from taskproc import submission, template
from taskproc.batch import Done, Failed, Lost
from taskproc.capture import end_of, tail
from taskproc.failure import reason_of
from taskproc.files import COMMAND, STREAM_LOGS
from taskproc.filesystem import mount_of
from taskproc.lifeline import Lifeline
from taskproc.process import HOME, ending, interpreter
from taskproc.shortage import shortage_in
from taskproc.token import run_of, scratch
from taskproc.wire import decoded_answers, parcel
from taskproc.worker import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from taskproc.batch import Answer, Batch, Reply

GRACE = 10.0
"""Seconds that a result is waited for where other hosts may write it: their files show late on network file systems."""

_LOOK = 0.1
_ASK = 0.5
_CALLING = 3.0
_LAST_LINES = 5
_LAST_BYTES = 1 << 12


class Job(threading.Thread):
    """One run of a prefix command, and the thread that waits for it.

    Attributes:
        command: The command.
        submission: How it hands the job to a batch system, if it does.
    """

    def __init__(self, batch: Batch, reply: Reply, grace: float | None, on_end: Callable[[Job], object]) -> None:
        """Prepare; the answers go to `reply`.

        Args:
            batch: What to run; it carries the command.
            reply: Where the answers go.
            grace: Seconds for which a result is waited for after the command has ended; None for `GRACE` where other
                hosts may see the files, else none.
            on_end: Told when all is over.
        """
        super().__init__(daemon=True)
        assert batch.command is not None
        self._batch = batch
        self._reply = reply
        self._grace = grace
        self._on_end = on_end
        self.command = batch.command
        self.submission = submission.submission_in(self.command.line)
        attempt = Path(batch.payloads[0].folder)
        self._folder = attempt.with_name(scratch(run_of(attempt.name)))
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        try:
            self._folder.mkdir(parents=True)
            (self._folder / "batch").write_bytes(parcel(self._batch))
            with _same_terminal(), contextlib.closing(Lifeline()) as lifeline:
                status = self._run(lifeline)
                answers = self._answers(status)
        except Exception as error:  # noqa: BLE001  a full disk, a key that can't be pickled
            why = shortage_in(error) or f": {reason_of(error)}"
            answers = [Lost(f"the prefix command {self.command.line!r} could not be run{why}")]
        shutil.rmtree(self._folder, ignore_errors=True)
        if not self._stopped.is_set():
            for answer in answers:
                self._reply(self._batch.serial, answer)
        self._on_end(self)

    def give_up(self) -> None:
        """Answer for it no more."""
        with self._lock:
            self._stopped.set()

    def stop(self, number: int) -> None:
        """Send a signal to the command's whole group."""
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, number)

    def submitted(self, deadline: float) -> str:
        """The id of the submitted job, once the command has said it; empty if it does not until then."""
        while not (number := self._job_id()):
            if not self.is_alive() or time.monotonic() >= deadline:
                break
            time.sleep(_LOOK / 10)
        return number

    def _run(self, lifeline: Lifeline) -> int:
        """Run the command to its end, and give its exit status."""
        with self._lock, open(self._folder / "said", "wb") as said:
            if self._stopped.is_set():
                return -signal.SIGTERM
            self._process = subprocess.Popen(  # noqa: S602  the user's own shell line; what follows it is quoted
                self._line(lifeline),
                shell=True,
                cwd=self._batch.cwd,
                env={**os.environ, **_environment()},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                pass_fds=(lifeline.number,),
                start_new_session=True,
            )
            lifeline.passed(self._process.pid)
        if self.submission is not None and self.submission.script:
            self._await_result(self._process)
        return self._process.wait()

    def _await_result(self, process: subprocess.Popen[bytes]) -> None:
        """Return once the command has ended, and end it once there is a result: it asks after its job but rarely."""
        while process.poll() is None and not self._stopped.wait(_ASK):
            if (self._folder / f"batch{ANSWERS}").exists():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGTERM)
                return

    def _line(self, lifeline: Lifeline) -> str:
        line, python = self.command.line, self.command.python or shlex.join(interpreter())
        worker = f"-m taskproc.worker {shlex.quote(str(self._folder / 'batch'))}"
        log = str(self._folder / "log")
        values = {"python": python, "log": shlex.quote(log)}
        if self.submission is None or not self.submission.script:
            start = template.fill(line, values, last=True)
            return f"{start} {'' if 'python' in template.names(line) else python} {worker} {lifeline.name}"
        words = [f"{name}={shlex.quote(value)}" for name, value in _environment().items()]
        qualname = self._batch.classes[self._batch.payloads[0].cls].qualname
        script = self._folder / re.sub(r"\W+", "_", qualname)  # its name is often the job's
        script.write_text(
            submission.filled(self.submission.script, " ".join(["exec env", *words, python, worker]), log)
        )
        script.chmod(0o700)
        return f"{template.fill(self.submission.line, values, last=True)} {shlex.quote(str(script))}"

    def _answers(self, status: int) -> list[Answer]:
        data = self._published()
        if data is None:
            return [self._lost(status)]
        said = self._text("said") + self._text("log")
        return [self._with_said(answer, said) for answer in decoded_answers(data)]

    def _published(self) -> bytes | None:
        """The answers, or None if they do not show in time."""
        grace = self._grace
        if grace is None:
            grace = GRACE if mount_of(self._folder).is_shared else 0.0
        deadline = time.monotonic() + grace
        while True:
            with contextlib.suppress(OSError):
                os.listdir(self._folder)  # has a network file system look anew
                return (self._folder / f"batch{ANSWERS}").read_bytes()
            if time.monotonic() >= deadline or self._stopped.wait(_LOOK):
                return None

    def _with_said(self, answer: Answer, said: str) -> Answer:
        """An answer, what the command has said being kept with its attempt."""
        if not said.strip() or not isinstance(answer, (Done, Failed)):
            return answer
        attempt = Path(self._batch.payloads[answer.position].folder)
        attempt.mkdir(parents=True, exist_ok=True)
        (attempt / COMMAND).write_text(said)
        return answer._replace(attempt=attempt.name)

    def _lost(self, status: int) -> Lost:
        """The answer where nothing was published: why, in the scheduler's own words, and what the task had printed."""
        state, said, log = self._state(), self._text("said"), self._text("log")
        attempt = Path(self._batch.payloads[0].folder)
        for name in STREAM_LOGS:
            printed = self._folder / name
            if printed.is_file() and printed.stat().st_size:
                attempt.mkdir(exist_ok=True)
                printed.replace(attempt / name)
        if said.strip() or log.strip():
            attempt.mkdir(exist_ok=True)
            (attempt / COMMAND).write_text(said + log)
        lines = [line.strip() for line in (log if log.strip() else said).splitlines() if line.strip()]
        words = "; ".join(filter(None, [state, *lines[-_LAST_LINES:]]))
        reason = f"the prefix command {self.command.line!r} published no result ({ending(status)})"
        return Lost(f"{reason}: {words}" if words else reason, tail(str(attempt)), kept=attempt.is_dir())

    def _state(self) -> str:
        """What the batch system says of the job, which is cancelled if it is still there."""
        number = self._job_id()
        if self.submission is None or not number or self._stopped.is_set():
            return ""
        state = submission.state_in(call(f"{self.submission.ask} {number}")) if self.submission.ask else ""
        call(f"{self.submission.cancel} {number}")
        return state

    def _job_id(self) -> str:
        """What to cancel; empty as long as neither the job nor its command has said that."""
        told = self._text("begun").partition(" ")[2]
        return submission.id_to_cancel(told) if told else submission.job_id(self._text("said"))

    def _text(self, name: str) -> str:
        """The end of one of the command's files."""
        return end_of(self._folder / name, _LAST_BYTES)


def call(line: str) -> str:
    """What a short shell line prints; nothing if it takes long."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S602  of the user's own shell line
            line,
            shell=True,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            timeout=_CALLING,
        )
        return done.stdout.decode("utf-8", "replace")
    return ""


def _environment() -> dict[str, str]:
    """What a worker's environment needs besides the caller's: taskproc is to be found if it is not installed."""
    found = os.environ.get("PYTHONPATH", "")
    if "site-packages" in HOME or HOME in found.split(os.pathsep):
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, [HOME, found]))}


@contextlib.contextmanager
def _same_terminal() -> Generator[None]:
    """Undo what a command does to the terminal's modes."""
    import termios

    terminal = next(filter(os.isatty, range(3)), None)
    if terminal is None:
        yield
        return
    modes = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            if termios.tcgetattr(terminal) != modes:
                termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
