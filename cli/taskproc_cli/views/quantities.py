"""Numbers, durations and dates as people write them."""

from __future__ import annotations

import time

_MINUTE, _HOUR = 60, 3600


def count(number: int, noun: str) -> str:
    """`1 task`, `1,190 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def recorded(results: int, failures: int, unfinished: int = 0) -> str:
    """`34 results`, `34 results and 2 failures`, `2 failures and 1 unfinished task`."""
    counts = {"result": results, "failure": failures, "unfinished task": unfinished}
    told = [count(number, what) for what, number in counts.items() if number] or [count(0, "result")]
    return " and ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)


def duration(seconds: float) -> str:
    """`3.2 s`, `3 min 12 s`, `2 h 5 min`."""
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // _HOUR} h {whole % _HOUR // 60} min"


def rough(seconds: float) -> str:
    """A duration that changes while it is read: `3 s`, `3 min 12 s`, `2 h 5 min`."""
    return f"{seconds:.0f} s" if seconds < _MINUTE - 0.5 else duration(seconds)


def date(seconds: float) -> str:
    """When something was, in seconds since the epoch: `2024-12-31 18:30:00`, local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def size(amount: int) -> str:
    """Bytes: `512 bytes`, `1.5 MB`."""
    if amount < 1000:
        return count(amount, "byte")
    value = float(amount)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"
