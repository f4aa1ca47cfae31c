"""What a task prints, told as it happens: read from the files where it is written, while those grow."""

from __future__ import annotations

import codecs
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from taskproc.files import STREAM_LOGS
from taskproc.token import is_begun_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Echo = Callable[[str, str], None]
"""`echo(stream, text)`, the stream being `stdout` or `stderr`; called from any thread."""

STREAMS = ("stdout", "stderr")

KNOWN = 1 << 10
"""Bytes before a place in a file by which it is known as the one that was there before."""

_PIECE = 1 << 16
_PERIOD = 0.05
_LOOK = 0.25


class Growing:
    """A text file that is read while it grows."""

    def __init__(self) -> None:
        self._place = 0
        self._last = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def news(self, number: int) -> Iterator[str]:
        """What is new in the file, in pieces; `number` is its descriptor. If it was emptied meanwhile, all of it is."""
        if os.pread(number, len(self._last), self._place - len(self._last)) != self._last:
            self._place, self._last = 0, b""
        while data := os.pread(number, _PIECE, self._place):
            self._place += len(data)
            self._last = (self._last + data)[-KNOWN:]
            yield self._decoder.decode(data)


class Follower(threading.Thread):
    """Tells what is written to the open file of each stream, while it goes on."""

    def __init__(self, numbers: Mapping[str, int], echo: Echo) -> None:
        super().__init__(daemon=True)
        self._files = [(stream, number, Growing()) for stream, number in numbers.items()]
        self._echo = echo
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(_PERIOD):
            self._tell()

    def end(self) -> None:
        """Tell the rest."""
        self._ended.set()
        self.join()
        self._tell()

    def _tell(self) -> None:
        for stream, number, growing in self._files:
            for text in growing.news(number):
                self._echo(stream, text)


class Logs:
    """What a run's newest attempt at a task has printed, as its folder shows it."""

    def __init__(self, folder: Path, run: str) -> None:
        """Prepare; `folder` is the task's."""
        self._folder = folder
        self._run = run
        self._attempt: Path | None = None
        self._growing = [Growing() for _ in STREAMS]
        self._due = 0.0

    def news(self, *, now: bool) -> Iterator[tuple[str, str]]:
        """The stream and the text of each new piece; from the beginning, if there is a newer attempt.

        They are looked for but a few times a second, unless it must be `now`: the folder may be a far host's.
        """
        if not now and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _LOOK
        attempt = next(reversed(begun_by(self._run, self._folder)), None)
        if attempt is None:
            return
        if attempt != self._attempt:
            self._attempt = attempt
            self._growing = [Growing() for _ in STREAMS]
        for stream, log, growing in zip(STREAMS, STREAM_LOGS, self._growing, strict=True):
            with suppress(OSError), (attempt / log).open("rb") as file:
                for text in growing.news(file.fileno()):
                    yield stream, text


def begun_by(run: str, folder: Path) -> list[Path]:
    """The folders of the attempts that a run has begun at the task of a folder, if they have left something.

    The one that has left something last comes last.
    """
    with suppress(OSError):
        begun = [folder / item for item in os.listdir(folder) if is_begun_by(run, item)]
        return sorted(begun, key=lambda attempt: attempt.stat().st_mtime_ns)
    return []
