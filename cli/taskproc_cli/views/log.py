"""What a task printed, or prints, as `log` shows it: its own bytes, and a heading wherever the stream is another."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from taskproc_cli.views.terminal import paint_out

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PIECE = 1 << 16


class LogView:
    """Writes logs to stdout as they grow. `streams` are those wanted: `stdout`, `stderr`, `command`."""

    def __init__(self, streams: Sequence[str]) -> None:
        self._places = dict.fromkeys(streams, 0)
        self._current = streams[0]
        self._ended = True  # the last line that was written has an end
        self.empty = True

    def rewind(self) -> None:
        """Begin anew: the logs are of another attempt."""
        self._places = dict.fromkeys(self._places, 0)

    def write_news(self, folder: Path) -> None:
        """Write what the logs in an attempt's folder have more than was written so far."""
        for stream, place in self._places.items():
            try:
                with (folder / f"{stream}.txt").open("rb") as file:
                    file.seek(place)
                    while data := file.read(PIECE):
                        self._write(stream, data)
                        self._places[stream] += len(data)
            except FileNotFoundError:
                continue

    def _write(self, stream: str, data: bytes) -> None:
        self.empty = False
        if sys.stdout is None:
            return
        if stream != self._current:
            self._current = stream
            heading = paint_out(f"==> {stream} <==", "dim")
            sys.stdout.write(f"{'' if self._ended else chr(10)}{heading}\n")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        self._ended = data.endswith(b"\n")
