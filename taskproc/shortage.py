"""What it means that the system gives no more files, processes or threads, and what to do about it."""

from __future__ import annotations

import errno

NO_FILES = {errno.EMFILE, errno.ENFILE}
FILES = "since too many files are open (raise `ulimit -n`, or use fewer workers, -j)"
_PROCESSES = (
    "since no more processes or threads are to be had (raise `ulimit -u` or `ulimit -v`, or use fewer workers, -j)"
)


def no_worker(error: BaseException) -> str:
    """Why there is no worker, by the error that came as its process or thread was to be started."""
    return f"no worker could be started{shortage_in(error) or f': {error}'}"


def shortage_in(error: BaseException) -> str:
    """The end of a sentence on what could not be started; empty for an error that is of no shortage."""
    number = getattr(error, "errno", None)
    if number in NO_FILES:
        return f", {FILES}"
    no_thread = isinstance(error, RuntimeError) and "start new thread" in str(error)
    if number == errno.EAGAIN or no_thread:  # whose stack takes memory, too
        return f", {_PROCESSES}"
    return ""
