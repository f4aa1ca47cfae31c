"""The garbage collector while runs last: it looks seldom, since they make many objects and keep nearly all."""

from __future__ import annotations

import contextlib
import gc
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_SELDOM = 50_000  # objects made between two looks

_thresholds: list[tuple[int, int, int]] = []  # one for each run that lasts, the first being those to return to
_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def seldom_collected() -> Generator[None]:
    """Have the collector look seldom until the context ends.

    It must not be told to leave alone what is there (`gc.freeze`): what many runs drop would then pile up.
    """
    with _one_at_a_time:
        _thresholds.append(gc.get_threshold())
        often, *rest = _thresholds[0]
        gc.set_threshold(often and max(often, _SELDOM), *rest)
    try:
        yield
    finally:
        with _one_at_a_time:
            before = _thresholds[0]
            _thresholds.pop()
            if not _thresholds:
                gc.set_threshold(*before)
