"""What tasks in threads print, and the working folder: all threads of a process share its streams and its folder."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from taskproc.capture import Capture
from taskproc.echo import STREAMS, Follower
from taskproc.files import STREAM_LOGS
from taskproc.filesystem import mount_of
from taskproc.libc import exists, working_folder

if TYPE_CHECKING:
    from taskproc.echo import Echo


class ThreadCapture(Capture):
    """For a thread among others: what Python code prints in it is caught, its standard input is empty.

    Other threads go on as before. What tasks do to the working folder is undone as soon as none runs. So is what they
    do to the standard streams, if this is made in the main thread, which then waits for them. Otherwise another thread
    of the caller's may have done that, so it stays.

    Attributes:
        waits: Whether anybody waits for the tasks.
        undoes_streams: Whether what tasks do to the standard streams is undone.
    """

    def __init__(self) -> None:
        self.waits = True
        self.undoes_streams = threading.current_thread() is threading.main_thread()
        self._is_shared: bool | None = None  # the file system that the cache is on

    def __call__(self, folder: str, echo: Echo | None) -> _Output:
        return _Output(self, folder, echo)

    def has(self, folder: str) -> bool:
        if self._is_shared is None:
            there = next(place for place in Path(folder).parents if place.exists())
            self._is_shared = mount_of(there).is_shared
        if self._is_shared:  # a server may be slow: other threads go on meanwhile
            return super().has(folder)
        return exists(folder)

    def let_go(self) -> None:
        """Wait no longer for the tasks that run: what they have done is undone, and what they do from now on stays."""
        _shared.let_go(self)


class _Output:
    """The standard streams of one task, made as they are used, since most tasks use none."""

    __slots__ = ("_echo", "_folder", "_logs", "_outer", "capture")

    def __init__(self, capture: ThreadCapture, folder: str, echo: Echo | None) -> None:
        self.capture = capture
        self._folder = folder
        self._echo = echo
        self._logs: dict[str, _Log] = {}
        self._outer: _Output | None = None

    def __enter__(self) -> None:
        self._outer = _shared.turn_to(self, self.capture)

    def __exit__(self, *error: object) -> None:
        _shared.turn_to(self._outer, self.capture)
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
            with contextlib.suppress(ValueError):  # its buffer is detached: whoever has that closes it
                self._file.close()
            if self._follower is not None:
                self._follower.end()
                os.close(self._reader)
            with contextlib.suppress(OSError):  # the task may have removed them
                if self._path.stat().st_size == 0:
                    self._path.unlink()
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
    """Stands for a standard stream: leads a thread to that of its task, or else to the one that was there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.fallback: Any = None

    def __getattr__(self, name: str) -> Any:
        output = _shared.output()
        return getattr(self.fallback if output is None else output.stream(self._name), name)


class _Shared:
    """The standard streams and the working folder of this process, while tasks run in its threads."""

    def __init__(self) -> None:
        self._running: dict[int, _Output] = {}  # by thread
        self._let_go: dict[int, _Output] = {}
        self._routers = {name: _Router(name) for name in ("stdin", *STREAMS)}  # for good: a thread may be printing
        self._home = b""
        self._lock = threading.Lock()

    def output(self) -> _Output | None:
        """The output of the task that runs in this thread."""
        thread = threading.get_ident()
        return self._running.get(thread) or self._let_go.get(thread)

    def turn_to(self, output: _Output | None, capture: ThreadCapture) -> _Output | None:
        """Let this thread's streams be a task's, or what they were; gives the task's that they were before."""
        thread = threading.get_ident()
        with self._lock:
            if not self._running:
                self._remember()
            outputs = self._running if capture.waits else self._let_go
            before = outputs.pop(thread, None)
            if output is not None:
                outputs[thread] = output
            self._put_back(capture)
        return before

    def let_go(self, capture: ThreadCapture) -> None:
        with self._lock:
            own = [thread for thread, output in self._running.items() if output.capture is capture]
            if own:  # else nothing is theirs, and what was there before may be long past
                self._let_go.update((thread, self._running.pop(thread)) for thread in own)
                self._put_back(capture)
            capture.waits = False

    def _remember(self) -> None:
        """Note what is there before any task runs."""
        for name, router in self._routers.items():
            stream = getattr(sys, name, None)
            router.fallback = router.fallback if stream is router else stream
        self._home = working_folder()

    def _put_back(self, capture: ThreadCapture) -> None:
        """Undo what tasks have done once none runs; routers are in place while any does, unless one replaced them."""
        busy = self._running or self._let_go
        undo = capture.waits and capture.undoes_streams and not self._running
        for name, router in self._routers.items():
            stream = getattr(sys, name, None)
            if undo or stream is None or stream is router or stream is router.fallback:
                setattr(sys, name, router if busy else router.fallback)
        if not self._running:
            if self._home and capture.waits and working_folder() != self._home:
                with contextlib.suppress(OSError):
                    os.chdir(self._home)
            self._home = b""


_shared = _Shared()
