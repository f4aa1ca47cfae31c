"""What becomes of processes, as tests ask for it."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil


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
