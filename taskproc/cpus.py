"""The CPUs that this process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMBERSHIP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def cpus() -> int:
    """How many there are: those it may run on, or fewer where a container or service has a quota of their time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([allowed, *_quotas()])


def _quotas() -> Iterator[int]:
    """For how many CPUs there is time in the control group of this process, and in those above that it sees."""
    with suppress(OSError, ValueError):  # there are no such groups
        for line in _MEMBERSHIP.read_text("utf-8", "surrogateescape").splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:  # version 2
                yield from _quotas_of(_GROUPS, group, "cpu.max")
            elif "cpu" in controllers.split(","):
                yield from _quotas_of(_GROUPS / "cpu", group, "cpu.cfs_quota_us", "cpu.cfs_period_us")


def _quotas_of(top: Path, group: str, *files: str) -> Iterator[int]:
    place = Path(group.lstrip("/"))
    for folder in (place, *place.parents):
        with suppress(OSError, ValueError):  # it has none
            quota, period = [int(word) for file in files for word in (top / folder / file).read_text("ascii").split()]
            if quota > 0:
                yield math.ceil(quota / period)
