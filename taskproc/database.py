"""The cache's database: named entries of bytes, in DiskCache.

DiskCache pickles nothing for us, spills nothing to files and evicts nothing. It is opened for the first transaction
only; whatever reads outside one uses a connection that can't write, so that commands which only look leave no trace,
and a run with nothing to do does not load it. The journal is a rollback journal, since SQLite's write-ahead log would
have readers create files. One database object serves one thread.
"""

from __future__ import annotations

import errno
import functools
import importlib
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from taskproc.errors import CacheError

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Generator
    from pathlib import Path

FILE = "cache.db"
JOURNAL = "cache.db-journal"

_PATIENCE = 60.0  # seconds to wait for another program's transaction
_NORMAL = 1  # synchronous: a commit is on the disk before the next one begins
_OFF = 0  # there is nothing to lose while the database is made
_SETTING = "INSERT OR REPLACE INTO Settings VALUES (?, ?)"
_NEW_SETTING = (
    "INSERT OR REPLACE INTO Settings SELECT ?1, ?2"
    " WHERE NOT EXISTS (SELECT 1 FROM Settings WHERE key = ?1 AND value = ?2)"
)
_COPIES = 10
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH}
_FAILED = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_INTERRUPT}
_TROUBLE = (sqlite3.Error, OSError, UnicodeDecodeError)  # the last when SQLite's own message quotes damage


class UnreadableError(CacheError):
    """The database can't be read, for `why`; a check-up saves what can be saved, clearing everything replaces it."""

    def __init__(self, cache: Path, why: str) -> None:
        why = "".join([char if char.isprintable() else "?" for char in why])  # SQLite quotes what it finds
        super().__init__(
            f"the database of the cache {cache} can't be read ({why}): `taskproc doctor --repair` saves what it can"
        )
        self.why = why


class Database:
    """Entries of one cache. Without `write`, nothing is ever created; a missing database has no entries."""

    def __init__(self, cache: Path, *, write: bool) -> None:
        self._cache = cache
        self._write = write
        self._reader: sqlite3.Connection | None = None
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._writer: Any = None
        self._inside = False

    def get(self, entry: bytes) -> bytes | None:
        """The entry's bytes, or None; inside a transaction as it leaves them."""
        if self._inside:
            value = self._writer.get(entry)
        else:
            found = self._select("SELECT value FROM Cache WHERE key = ? AND raw = 1", (entry,))
            value = found[0][0] if found else None
        return value if isinstance(value, bytes) else None

    def scan(self, prefix: bytes) -> list[bytes]:
        """The names of the entries that begin so, in order; outside of transactions only."""
        found = self._select("SELECT key FROM Cache WHERE key >= ? AND key < ?", (prefix, prefix + b"\xff" * 8))
        return sorted(name for (name,) in found if isinstance(name, bytes))

    def check(self) -> None:
        """Look through the whole database; raises UnreadableError where its parts don't fit together."""
        found = self._select("PRAGMA integrity_check(1)", ()) if os.path.exists(self._cache / FILE) else [(b"ok",)]
        if found != [(b"ok",)]:
            raise UnreadableError(self._cache, " ".join(found[0][0].decode(errors="replace").split()))

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing of what is set and deleted inside it, alone among all programs; not nested."""
        try:
            if self._writer is None:
                self._writer = _open_writer(self._cache)
            with self._writer.transact():
                self._inside = True
                try:
                    yield
                finally:
                    self._inside = False
        except CacheError:
            raise
        except BaseException as error:
            if self._writer is not None:
                self._writer.close()  # whatever is left of the transaction ends with its connection
            cause = _origin(error)
            if isinstance(error, Exception) and isinstance(cause, _TROUBLE):
                raise explain(self._cache, cause) from error
            raise

    def set(self, entry: bytes, value: bytes) -> None:
        """Set an entry; inside a transaction only."""
        self._writer.set(entry, value)

    def delete(self, entry: bytes) -> None:
        """Delete an entry if it is there; inside a transaction only."""
        self._writer.delete(entry)

    def close(self) -> None:
        """Close every connection."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _select(self, query: str, values: tuple[bytes, ...]) -> list[tuple[Any, ...]]:
        try:
            try:
                return self._query(query, values)
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_READONLY_ROLLBACK:
                    raise
            self._read_copy()
            return self._query(query, values)
        except sqlite3.ProgrammingError:
            raise  # used from another thread
        except _TROUBLE as error:
            raise explain(self._cache, error) from error

    def _query(self, query: str, values: tuple[bytes, ...]) -> list[tuple[Any, ...]]:
        if self._reader is None:
            if not os.path.exists(self._cache / FILE):
                return []
            self._reader = _connect(self._cache / FILE, "rw" if self._write else "ro")
        try:
            return self._reader.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            # A run that was killed while it created the database has left none of DiskCache's tables but the first.
            begun = "SELECT 1 FROM sqlite_master WHERE tbl_name LIKE 'Cache%' OR name LIKE 'Cache%'"
            if "no such table: Cache" not in str(error) or self._reader.execute(begun).fetchall():
                raise
            return []

    def _read_copy(self) -> None:
        """Read a copy from now on: a killed run has left a transaction to roll back, which is not ours to do."""
        import subprocess
        import tempfile

        self.close()
        self._copy = tempfile.TemporaryDirectory(prefix="taskproc-")
        files = [str(self._cache / name) for name in (FILE, JOURNAL)]
        for _ in range(_COPIES):
            before = _state(self._cache)
            # Not by this process: closing a file would drop the locks that its other threads hold on it.
            subprocess.run(["cp", "--", *files, self._copy.name], check=False, stderr=subprocess.DEVNULL)  # noqa: S607
            if before == _state(self._cache):
                break
        self._reader = _connect(os.path.join(self._copy.name, FILE), "rw")


def salvage(cache: Path) -> dict[bytes, bytes]:
    """The entries of a damaged database that can still be read, as found in the table, whatever the indexes say."""
    found: dict[bytes, bytes] = {}
    for order in ("ASC", "DESC"):  # what lies behind damage is reached from the other end
        with suppress(*_TROUBLE), closing(_connect(cache / FILE, "rw")) as connection:
            for name, value in connection.execute(f"SELECT key, value FROM Cache ORDER BY rowid {order}"):  # noqa: S608
                if isinstance(name, bytes) and isinstance(value, bytes):
                    found.setdefault(name, value)
    return found


def _connect(path: Path | str, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)
    connection.text_factory = bytes  # what damage turned into text is no error here
    return connection


def _state(cache: Path) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for name in (FILE, JOURNAL):
        try:
            status = os.stat(cache / name)
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found


@functools.cache
def _writer_class() -> tuple[Any, Any]:
    """DiskCache's `Cache` and `Disk` as they are used here; it loads for runs that write only."""
    diskcache: Any = importlib.import_module("diskcache")

    class RawDisk(diskcache.Disk):  # type: ignore[misc]  # DiskCache has no type hints
        """Bytes as they are, always in the database."""

        def store(self, value: bytes, read: object, key: object = None) -> tuple[int, int, None, memoryview]:  # noqa: ARG002
            return len(value), diskcache.core.MODE_RAW, None, memoryview(value)

        def fetch(self, mode: object, filename: object, value: object, read: object) -> object:  # noqa: ARG002
            return value

    class Entries(diskcache.Cache):  # type: ignore[misc]
        """A cache that closes what it has opened when it can't be made.

        DiskCache would write each of its twenty settings in a transaction of its own, twice, whenever it is opened.
        """

        _is_made = False

        def __init__(self, *args: Any, **settings: Any) -> None:
            try:
                super().__init__(*args, **settings)  # pyright: ignore[reportUnknownMemberType]
                self._is_made = True
            except BaseException:
                self.close()
                raise

        @property
        def _sql_retry(self) -> Any:
            """Executes a statement, but writes no setting that is there already."""
            base: Any = super()
            execute: Any = base._sql_retry

            def execute_news(statement: str, *values: Any) -> Any:
                return execute(_NEW_SETTING if statement == _SETTING else statement, *values)

            return execute_news

        def reset(self, key: str, value: Any = diskcache.core.ENOVAL, update: bool = True) -> Any:  # noqa: FBT001, FBT002
            """Have a setting take effect; while this is made, it is in the database already."""
            base: Any = super()
            return base.reset(key, value, update and self._is_made)

        def drop_tag_index(self) -> None:
            """Leave it: there never is one, and DiskCache would not wait for whoever else is writing."""

    return Entries, RawDisk


def _open_writer(cache: Path) -> Any:
    new = not os.path.exists(cache / FILE)
    entries_class, disk_class = _writer_class()
    try:
        entries = entries_class(
            str(cache),
            timeout=_PATIENCE,
            disk=disk_class,
            eviction_policy="none",
            cull_limit=0,
            statistics=0,
            sqlite_journal_mode="truncate",
            sqlite_synchronous=_OFF if new else _NORMAL,
        )
        if new:
            entries.reset("sqlite_synchronous", _NORMAL)
        return entries  # noqa: TRY300
    except Exception as error:
        cause = _origin(error)
        if isinstance(cause, _TROUBLE):
            raise explain(cache, cause) from error
        raise UnreadableError(cache, str(error)) from error  # what DiskCache does not expect of its own settings


def _origin(error: BaseException) -> BaseException:
    """The first error of the database: DiskCache's own ones, and those of rolling back, hide it."""
    while isinstance(error.__context__, sqlite3.Error):
        error = error.__context__
    return error


def _code(error: BaseException) -> int:
    """SQLite's extended result code, 0 where the error is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0)


def explain(cache: Path, error: BaseException) -> CacheError:
    """What an error of the database or the file system means to people, and what to do."""
    code = _code(error) & 0xFF
    number = getattr(error, "errno", None)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return CacheError(f"another program has held the database of the cache {cache} for a minute: try again")
    if code == sqlite3.SQLITE_FULL or number in _NO_SPACE:
        return CacheError(f"no space is left for the cache {cache}: make some and run again, what is finished is kept")
    if code in _REFUSED or isinstance(error, PermissionError) or number == errno.EROFS:
        return CacheError(f"the cache {cache} can't be written or read ({error}): check its rights, or use --cache")
    if not isinstance(error, OSError) and code not in _FAILED:
        return UnreadableError(cache, str(error))
    return CacheError(f"the cache {cache} can't be used: {error}")
