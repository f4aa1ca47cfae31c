"""A pause where things come fast, so that one look brings many of them."""

from __future__ import annotations

import time

_PAUSE = 0.0005  # seconds


class Pace:
    """For a thread that takes what comes, again and again, and waits for the interpreter's lock each time."""

    def __init__(self) -> None:
        self._fast = False
        self._start = 0.0

    def pause(self, *, there: bool = False) -> None:
        """Before looking: sleep a moment if things come fast, so that more come, unless one is `there` already."""
        if self._fast and not there:
            time.sleep(_PAUSE)
        self._start = time.monotonic()

    def found(self) -> None:
        """Something has come."""
        self._fast = time.monotonic() - self._start < _PAUSE
