"""What becomes of processes, as tests ask for it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


def until(is_so: Callable[[], bool], program: subprocess.Popen[Any]) -> None:
    """Wait for what a program brings about, and leave the CPU to it meanwhile."""
    while not is_so():
        assert program.poll() is None
        time.sleep(0.005)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one whose parent died may stay a zombie here."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def members_of(group: int) -> list[int]:
    """The processes of a group."""
    found: list[int] = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == group:
                found.append(pid)
    return found
