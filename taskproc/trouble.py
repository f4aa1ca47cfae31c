"""What errors of the database and of the file system mean to people, and what to do about them."""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
import time
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc.errors import CacheError
from taskproc.shortage import FILES, NO_FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_T = TypeVar("_T")

PATIENCE = 60.0
"""Seconds to wait for another program's transaction."""

STEP = 0.2
"""Seconds that SQLite itself waits for one: as long as it does, no signal is heard."""

_PAUSE = 0.01

_LONG = 450  # bytes; SQLite takes 512, with the names of what is in it
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH}
_UNWRITTEN = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE}
_FAILED = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_INTERRUPT}
TROUBLE = (sqlite3.Error, OSError, UnicodeDecodeError)  # the last when SQLite's own message quotes damage


class UnreadableError(CacheError):
    """The database can't be read, for `why`; a check-up saves what can be saved, clearing everything replaces it."""

    def __init__(self, cache: Path, why: str) -> None:
        why = "".join([char if char.isprintable() else "?" for char in why])  # SQLite quotes what it finds
        repair = f"taskproc doctor --repair --cache {shlex.quote(str(cache))}"
        super().__init__(f"the database of the cache {cache} can't be read ({why}): `{repair}` saves what it can")
        self.why = why


class NoSpaceError(CacheError):
    """The disk is full, or a quota or limit is reached: SQLite does not tell these from a disk that fails."""

    def __init__(self, cache: Path, why: str = "") -> None:
        what, advice = f"no space is left for the cache {cache}", "make some"
        if why:
            what = f"the cache {cache} can't be written ({why})"
            advice = "check your quota there, `ulimit -f` and the disk"
        super().__init__(f"{what}: {advice} and run again, what is finished is kept")


def explain(cache: Path, error: BaseException) -> CacheError:
    """What an error of the database or the file system means to people, and what to do."""
    if result_code(error) == sqlite3.SQLITE_READONLY_DBMOVED:
        return gone(cache)
    code = result_code(error) & 0xFF
    number = getattr(error, "errno", None)
    why = _without_number(error, cache)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return CacheError(f"another program has held the database of the cache {cache} for a minute: try again")
    if code == sqlite3.SQLITE_FULL or number in _NO_SPACE:
        return NoSpaceError(cache)
    if result_code(error) in _UNWRITTEN or number == errno.EFBIG:
        return NoSpaceError(cache, why)
    if number in NO_FILES:
        return CacheError(f"the cache {cache} can't be used, {FILES}: what is finished is kept")
    if code == sqlite3.SQLITE_READONLY and all(os.access(path, os.W_OK) for path in (cache, cache / "cache.db")):
        return UnreadableError(cache, str(error))  # what SQLite says of a damaged header
    if code == sqlite3.SQLITE_CANTOPEN and len(os.fsencode(cache)) > _LONG:
        return CacheError(f"the path of the cache {cache} is too long for SQLite: give a shorter one with --cache")
    if code in _REFUSED or isinstance(error, PermissionError) or number == errno.EROFS:
        # SQLite does not tell which it is.
        limits = ", `ulimit -n` and free inodes (`df -i`)" if code == sqlite3.SQLITE_CANTOPEN else ""
        return CacheError(
            f"the cache {cache} can't be written or read ({why}): check its rights{limits}, or use --cache"
        )
    if not isinstance(error, OSError) and code not in _FAILED:
        return UnreadableError(cache, str(error))
    return CacheError(f"the cache {cache} can't be used ({why}): give another one with --cache")


def _without_number(error: BaseException, cache: Path) -> str:
    """What an error says, without its number and the name of the cache, which the sentence has."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return error.strerror if error.filename in {None, str(cache)} else f"{error.strerror}: {error.filename}"


def gone(cache: Path) -> CacheError:
    """What to say where the database is another one than before, or none."""
    return CacheError(f"the database of the cache {cache} was removed or replaced meanwhile: run again")


def patiently(execute: Callable[..., _T], *arguments: Any) -> _T:
    """Execute what reads or writes the database, as soon as other programs let it, in steps."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return execute(*arguments)
        except sqlite3.OperationalError as error:
            if result_code(error) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(_PAUSE)


def root_error(error: BaseException) -> BaseException:
    """The first error of the database: DiskCache's own ones, and those of rolling back, hide it."""
    while isinstance(error.__context__, sqlite3.Error):
        error = error.__context__
    return error


def result_code(error: BaseException) -> int:
    """SQLite's extended result code, 0 where the error is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0)
