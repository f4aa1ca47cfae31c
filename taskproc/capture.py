"""What a task prints, kept in `stdout.txt` and `stderr.txt` of its attempt: files that exist only if it printed.

A `Capture` is called for each task with the attempt's folder and, where the output is also wanted as it happens, with
an `Echo`; while the context that it returns is open, output is the task's.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

from taskproc.echo import STREAMS, Echo, Follower
from taskproc.files import STREAM_LOGS

Capture = Callable[[str, Echo | None], contextlib.AbstractContextManager[None]]

_TAIL_LINES = 20
_TAIL_BYTES = 1 << 13
_PIECE = 1 << 16
_PATIENCE = 0.25  # seconds after which, and in steps of which, the output of a running task can be read


def tail(folder: str) -> str:
    """The last lines that a task printed, those on stderr after those on stdout."""
    ends: list[list[str]] = []
    for log in STREAM_LOGS:
        lines: list[str] = []
        with contextlib.suppress(OSError), Path(folder, log).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        ends.append(lines)
    out, err = ends
    half = _TAIL_LINES // 2
    return "\n".join([*out[-max(half, _TAIL_LINES - len(err)) :], *err[-max(half, _TAIL_LINES - len(out)) :]])


def keep(number: int, path: Path) -> None:
    """Bring a log up to what a scratch file holds, if anything, and empty that."""
    if os.fstat(number).st_size == 0:
        return
    publish(number, path)
    os.ftruncate(number, 0)
    os.lseek(number, 0, os.SEEK_SET)


def publish(number: int, path: Path) -> None:
    """Bring a log, which may have the beginning already, up to what a scratch file holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        place = log.tell()
        while data := os.pread(number, _PIECE, place):
            log.write(data)
            place += len(data)


class DescriptorCapture:
    """For a process that is ours: its descriptors 1 and 2 are scratch files, so what its children print is caught too.

    A scratch file outlives the process for whoever else has it open: after a crash it tells what the task had printed.
    """

    def __init__(self) -> None:
        self._scratch = (os.dup(1), os.dup(2))
        for number in self._scratch:
            fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_APPEND)
        self._texts = [_line_buffered(sys.stdout), _line_buffered(sys.stderr)]
        self._publisher = _Publisher(self._scratch)
        self._follower: Follower | None = None

    def __call__(self, folder: str, echo: Echo | None) -> DescriptorCapture:
        self._publisher.folder = folder
        self._follower = Follower(dict(zip(STREAMS, self._scratch, strict=True)), echo) if echo else None
        return self

    def __enter__(self) -> None:
        """What is printed is the task's from now on."""

    def forget(self) -> None:
        """What was printed before, as modules were loaded, is nobody's."""
        self._reclaim()
        for number in self._scratch:
            if os.lseek(number, 0, os.SEEK_END):
                os.ftruncate(number, 0)

    def __exit__(self, *error: object) -> None:
        self._reclaim()
        if self._follower:
            self._follower.end()
        folder = self._publisher.end()
        for number, log in zip(self._scratch, STREAM_LOGS, strict=True):
            if os.lseek(number, 0, os.SEEK_END):  # a third of what asking for its status takes
                keep(number, Path(folder, log))

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
            except ValueError:  # closed, as by another one of the same buffer that goes, or detached from it
                self._texts[index] = _line_buffered(open(index + 1, "w", closefd=False))  # noqa: SIM115  it stays
                setattr(sys, name, self._texts[index])


def _line_buffered(stream: Any) -> TextIO:
    stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    return cast("TextIO", stream)


class _Publisher(threading.Thread):
    """Lets others read what a task has printed so far, if it runs for a while.

    `folder` is the attempt's, empty while no task runs.
    """

    def __init__(self, scratch: tuple[int, int]) -> None:
        super().__init__(daemon=True)
        self._scratch = scratch
        self._lock = threading.Lock()
        self.folder = ""
        self.start()

    def run(self) -> None:
        before = ""
        while True:
            time.sleep(_PATIENCE)
            with self._lock:
                if self.folder and self.folder == before:
                    self._publish()
                before = self.folder

    def end(self) -> str:
        """The task is over: its logs are someone else's from now on. Gives its folder."""
        with self._lock:
            folder, self.folder = self.folder, ""
        return folder

    def _publish(self) -> None:
        for number, log in zip(self._scratch, STREAM_LOGS, strict=True):
            if os.fstat(number).st_size:
                with contextlib.suppress(OSError):  # tried again soon, and told when the task ends
                    publish(number, Path(self.folder, log))


class ThreadCapture:
    """For a thread among others: what Python code prints in it is caught, its standard input is empty.

    Other threads go on as before. What a task does to the streams or the working folder, which all threads share, is
    undone as soon as no other task runs: `home` is that folder.

    Attributes:
        undoes: Whether that is so still: not once nobody waits for the tasks that run.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.undoes = True

    def __call__(self, folder: str, echo: Echo | None) -> _Output:
        return _Output(self, folder, echo)


class _Output:
    """The standard streams of one task, made as they are used, since most tasks use none."""

    __slots__ = ("_capture", "_echo", "_folder", "_logs", "_outer")

    def __init__(self, capture: ThreadCapture, folder: str, echo: Echo | None) -> None:
        self._capture = capture
        self._folder = folder
        self._echo = echo
        self._logs: dict[str, _Log] = {}
        self._outer: _Output | None = None

    def __enter__(self) -> None:
        self._outer = _turn_to(self)

    def __exit__(self, *error: object) -> None:
        undo = self._capture.undoes
        _turn_to(self._outer, undo=undo)
        if undo and not _outputs:
            with contextlib.suppress(OSError):  # it may be gone
                os.chdir(self._capture.home)
        for log in self._logs.values():
            log.end()

    def stream(self, name: str) -> _Log | io.StringIO:
        if name == "stdin":
            return io.StringIO()
        if name not in self._logs:
            self._logs[name] = _Log(Path(self._folder, STREAM_LOGS[STREAMS.index(name)]), name, self._echo)
        return self._logs[name]


class _Log:
    """A log that is made when first written to."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, path: Path, stream: str, echo: Echo | None) -> None:
        self._path = path
        self._stream = stream
        self._echo = echo
        self._file: TextIO | None = None
        self._follower: Follower | None = None

    def write(self, text: str) -> int:
        return self._open().write(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._open(), name)

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
            if self._follower is not None:
                self._follower.end()
                os.close(self._reader)
            if self._path.stat().st_size == 0:
                self._path.unlink()
                with contextlib.suppress(OSError):
                    self._path.parent.rmdir()

    def _open(self) -> TextIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._file = open(number, "w", buffering=1, encoding=self.encoding, errors=self.errors)  # noqa: SIM115
            if self._echo is not None:
                self._reader = os.dup(number)  # a task may close its own
                self._follower = Follower({self._stream: self._reader}, self._echo)
        return self._file


class _Router:
    """Stands for a standard stream: each thread reaches its own task's, or else what stood there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.fallback: Any = None

    def __getattr__(self, name: str) -> Any:
        output = _outputs.get(threading.get_ident())
        return getattr(self.fallback if output is None else output.stream(self._name), name)


_routers = {name: _Router(name) for name in ("stdin", *STREAMS)}  # for good: another thread may be printing to one
_outputs: dict[int, _Output] = {}  # by thread
_lock = threading.Lock()


def _turn_to(output: _Output | None, *, undo: bool = True) -> _Output | None:
    """Let this thread's standard streams be a task's, or what they were; gives the task's that they were before.

    With `undo`, whatever tasks have put in place of the routers goes when there is no task any more.
    """
    thread = threading.get_ident()
    with _lock:
        if not _outputs:
            for name, router in _routers.items():
                stream = getattr(sys, name, None)
                router.fallback = router.fallback if stream is router else stream
        before = _outputs.pop(thread, None)
        if output is not None:
            _outputs[thread] = output
        for name, router in _routers.items():
            if _outputs or undo or getattr(sys, name, None) is router:
                setattr(sys, name, router if _outputs else router.fallback)
    return before
