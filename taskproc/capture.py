"""What a task prints, kept in `stdout.txt` and `stderr.txt` of its attempt: files that exist only if it printed."""

from __future__ import annotations

import abc
import contextlib
import fcntl
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from taskproc.echo import KNOWN, STREAMS, Echo, Follower
from taskproc.files import STREAM_LOGS

if TYPE_CHECKING:
    from collections.abc import Generator

_TAIL_LINES = 20
_TAIL_BYTES = 1 << 13
_TAIL_READ = 1 << 16  # of which a progress bar may have written most
_PIECE = 1 << 16
_PATIENCE = 0.25  # seconds after which, and in steps of which, the output of a running task can be read


def tail(folder: str) -> str:
    """The last lines that a task printed, those on stderr after those on stdout."""
    out, err = (_as_shown(end_of(Path(folder, log), _TAIL_READ)) for log in STREAM_LOGS)
    half = _TAIL_LINES // 2
    return _cut([*out[-max(half, _TAIL_LINES - len(err)) :], *err[-max(half, _TAIL_LINES - len(out)) :]])


def end_of_text(text: str) -> str:
    """The last lines of a text that a program has printed."""
    return _cut(_as_shown(text[-_TAIL_READ:])[-_TAIL_LINES:])


def _as_shown(text: str) -> list[str]:
    """The lines of a text, each as a terminal shows it in the end: of a progress bar, its last state."""
    return [line.rstrip("\r").rpartition("\r")[2] for line in text.removesuffix("\n").split("\n")] if text else []


def _cut(lines: list[str]) -> str:
    return "\n".join(lines)[-_TAIL_BYTES:]


def end_of(path: Path, size: int) -> str:
    """The last bytes of a file, as text; empty where it can't be read."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read().decode("utf-8", "replace")
    return ""


def keep(number: int, path: Path, start: int = 0) -> None:
    """Publish what a scratch file holds, if anything, and empty it."""
    if os.fstat(number).st_size == 0:
        return
    publish(number, path, start)
    os.ftruncate(number, 0)
    os.lseek(number, 0, os.SEEK_SET)


def publish(number: int, path: Path, start: int = 0) -> int:
    """Append to a log what it does not have yet of a scratch file.

    `start` is where in the log that file's content begins; the place where it does now is given back. Who writes by
    name, as `echo >/dev/stderr` and `tee /dev/stderr` do, empties the file first: one that does not hold what the log
    ends with is all new.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as log:
        end = log.tell()
        place = end - start
        known = max(0, min(place, KNOWN))
        if place < 0 or os.pread(number, known, place - known) != os.pread(log.fileno(), known, end - known):
            start, place = end, 0
        while data := os.pread(number, _PIECE, place):
            log.write(data)
            place += len(data)
    return start


class Capture(abc.ABC):
    """Catches what tasks of this process or thread print.

    Attributes:
        has_process: Whether tasks have the process to themselves, so that what is left open in it is theirs.
    """

    has_process = False

    @abc.abstractmethod
    def __call__(self, folder: str, echo: Echo | None) -> contextlib.AbstractContextManager[None]:
        """While this context is open, output is that of the attempt with this folder; `echo` is told as it comes."""

    def has(self, folder: str) -> bool:
        """Whether an attempt has made its folder, as it does when it needs one."""
        return os.access(folder, os.F_OK)


class DescriptorCapture(Capture):
    """For a process whose descriptors 1 and 2 are scratch files: what its children print is caught too.

    A scratch file outlives the process for whoever else has it open: after a crash it tells what the task had printed.
    """

    has_process = True

    def __init__(self) -> None:
        self._scratch = (_duplicate(1), _duplicate(2))
        for number in self._scratch:
            fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_APPEND)
        self._texts = [_line_buffered(sys.stdout), _line_buffered(sys.stderr)]
        self._publisher = _Publisher(self._scratch)
        self._follower: Follower | None = None

    def __call__(self, folder: str, echo: Echo | None) -> DescriptorCapture:
        self._publisher.begin(folder)
        self._follower = Follower(dict(zip(STREAMS, self._scratch, strict=True)), echo) if echo else None
        return self

    def __enter__(self) -> None:
        """What is printed is the task's from now on."""

    def forget(self) -> None:
        """Drop what was printed so far, as modules were loaded: it is no task's."""
        self._reclaim()
        for number in self._scratch:
            if os.lseek(number, 0, os.SEEK_END):
                os.ftruncate(number, 0)

    def __exit__(self, *error: object) -> None:
        self._reclaim()
        if self._follower:
            self._follower.end()
        folder, starts = self._publisher.end()
        for number, log, start in zip(self._scratch, STREAM_LOGS, starts, strict=True):
            if os.lseek(number, 0, os.SEEK_END):  # takes a third of the time that `fstat` does
                keep(number, Path(folder, log), start)

    def close(self) -> None:
        """Nothing more is to be caught."""
        self._publisher.over.set()
        for number in self._scratch:
            os.close(number)

    def _reclaim(self) -> None:
        """Flush, and undo what a task may have done to its standard streams."""
        ctypes = sys.modules.get("ctypes")
        if ctypes is not None:  # else no C library that prints is likely to be here
            ctypes.pythonapi.fflush(None)
        for index, name in enumerate(STREAMS):
            if getattr(sys, name, None) is not self._texts[index]:
                with contextlib.suppress(Exception):  # whatever a task left there
                    getattr(sys, name).flush()
                setattr(sys, name, self._texts[index])
            os.dup2(self._scratch[index], index + 1)
            try:
                self._texts[index].flush()
            except ValueError:  # it was closed, maybe by another wrapper of its buffer, or detached
                self._texts[index] = _line_buffered(open(index + 1, "w", closefd=False))  # noqa: SIM115  it stays
                setattr(sys, name, self._texts[index])


@contextlib.contextmanager
def borrowed_process() -> Generator[DescriptorCapture]:
    """A capture for a process that is not ours: stdin is empty meanwhile, its own streams come back at the end."""
    folder = ""
    with contextlib.suppress(OSError):  # it is gone
        folder = os.getcwd()
    with contextlib.ExitStack() as given_back:
        given_back.callback(_go_back, folder)
        for number, name in enumerate(("stdin", *STREAMS)):
            stream = getattr(sys, name)
            with contextlib.suppress(Exception):  # whatever stands there
                stream.flush()
            given_back.callback(setattr, sys, name, stream)
            given_back.callback(os.close, before := _duplicate(number))
            given_back.callback(os.dup2, before, number)
            with tempfile.TemporaryFile() if number else open(os.devnull, "rb") as file:
                os.dup2(file.fileno(), number)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115  it goes with the capture
        capture = DescriptorCapture()
        given_back.callback(capture.close)
        yield capture


def _go_back(folder: str) -> None:
    with contextlib.suppress(OSError):  # it is gone
        os.chdir(folder)


def _duplicate(number: int) -> int:
    """A copy of a descriptor, with a number above the standard ones, which a task may close."""
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, len(STREAMS) + 1)


def _line_buffered(stream: Any) -> TextIO:
    stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    return cast("TextIO", stream)


class _Publisher(threading.Thread):
    """Lets others read what a task has printed so far, if it runs for a while."""

    def __init__(self, scratch: tuple[int, int]) -> None:
        super().__init__(daemon=True)
        self._scratch = scratch
        self._lock = threading.Lock()
        self._folder = ""
        self._starts = [0, 0]
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        before = ""
        while not self.over.wait(_PATIENCE):
            with self._lock:
                if self._folder and self._folder == before:
                    self._publish()
                before = self._folder

    def begin(self, folder: str) -> None:
        """Publish what is printed from now on, if it goes on for a while, in the attempt's folder."""
        self._starts = [0, 0]
        self._folder = folder

    def end(self) -> tuple[str, list[int]]:
        """Publish no more of the task, which is over; gives its folder, and the `start` of each stream."""
        with self._lock:
            folder, self._folder = self._folder, ""
        return folder, self._starts

    def _publish(self) -> None:
        for index, (number, log) in enumerate(zip(self._scratch, STREAM_LOGS, strict=True)):
            if os.fstat(number).st_size:
                with contextlib.suppress(OSError):  # tried again soon, and told when the task ends
                    self._starts[index] = publish(number, Path(self._folder, log), self._starts[index])
