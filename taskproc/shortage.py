"""What it means that the system gives no more files, processes or threads, and what to do about it."""

from __future__ import annotations

import errno

NO_FILES = {errno.EMFILE, errno.ENFILE}
FILES = "since too many files are open (raise `ulimit -n`, or use fewer workers, -j)"
_PROCESSES = "since no more processes or threads are allowed (raise `ulimit -u`, or use fewer workers, -j)"


def no_worker(error: BaseException) -> str:
    """Why there is no worker, by the error that came as its process or thread was to be started."""
    number = getattr(error, "errno", None)
    if number in NO_FILES:
        return f"no worker could be started, {FILES}"
    if number == errno.EAGAIN or isinstance(error, RuntimeError):
        return f"no worker could be started, {_PROCESSES}"
    return f"no worker could be started: {error}"
