"""The cache's database: named entries of bytes, in DiskCache.

DiskCache pickles nothing for us, spills nothing to files and evicts nothing. It is opened for the first transaction
only; whatever reads outside one uses a connection that can't write, so that commands which only look leave no trace,
and a run with nothing to do does not load it. The journal is a rollback journal, since SQLite's write-ahead log would
have readers create files. One database object serves one thread.

A database is made under another name and then linked into its place, so that nobody ever sees one without all of its
tables and its first entries; and it is not made anew where one was lost.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from taskproc.errors import CacheError
from taskproc.locks import RunLock
from taskproc.trouble import STEP, TROUBLE, UnreadableError, explain, gone, patiently, result_code, root_error

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Generator, Mapping
    from pathlib import Path

FILE = "cache.db"
_VERSIONS = slice(18, 20)  # of the format, in the header: SQLite only reads a file with others
JOURNAL = "cache.db-journal"

_COPIES = 10


class Database:
    """Entries of one cache. Without `write`, nothing is ever created; a missing database has no entries.

    The first transaction makes a missing database, with the entries `first`.
    """

    def __init__(self, cache: Path, *, write: bool, first: Mapping[bytes, bytes]) -> None:
        self._cache = cache
        self._write = write
        self._first = first
        self._reader: sqlite3.Connection | None = None
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._writer: Any = None
        self._inside = False

    def exists(self) -> bool:
        """Whether the database was made; what is read later is of the one that was seen first."""
        try:
            return self._open_reader() is not None
        except TROUBLE as error:
            raise explain(self._cache, error) from error

    def get(self, entry: bytes) -> bytes | None:
        """The entry's bytes, or None; inside a transaction as it leaves them."""
        if self._inside:
            value = self._writer.get(entry)
        else:
            found = self._select("SELECT value FROM Cache WHERE key = ? AND raw = 1", (entry,))
            value = found[0][0] if found else None
        return value if isinstance(value, bytes) else None

    def scan(self, prefix: bytes) -> list[bytes]:
        """The names of the entries that begin so, in order, but for those that a transaction sets."""
        found = self._select("SELECT key FROM Cache WHERE key >= ? AND key < ?", (prefix, prefix + b"\xff" * 8))
        return sorted(name for (name,) in found if isinstance(name, bytes))

    def check(self) -> None:
        """Look through the whole database; raises UnreadableError where its parts don't fit together."""
        with suppress(OSError), open(self._cache / FILE, "rb") as file:
            if not {*file.read(_VERSIONS.stop)[_VERSIONS]} <= {1, 2}:
                raise UnreadableError(self._cache, "its header is damaged")
        found = self._select("PRAGMA integrity_check(1)", ())
        if found not in ([], [(b"ok",)]):
            raise UnreadableError(self._cache, " ".join(found[0][0].decode(errors="replace").split()))

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing of what is set and deleted inside it, alone among all programs; not nested."""
        writer: Any = None
        try:
            if self._inside:  # an interrupt came before the end of the last one was noted; this would be part of it
                self._close_writer()
            if self._writer is None:
                self._writer = self._make_writer()
            writer = self._writer
            with writer.transact():
                self._inside = True
                try:
                    yield
                finally:
                    if writer is self._writer:
                        self._inside = False
        except CacheError:
            raise
        except BaseException as error:
            if writer is not None and writer is not self._writer:
                return  # a later transaction has closed it, and its generator ends as it is collected
            self._close_writer()  # whatever is left of the transaction ends with its connection
            cause = root_error(error)
            if isinstance(error, Exception) and isinstance(cause, TROUBLE):
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
        self._close_writer()

    def _close_writer(self) -> None:
        self._inside = False
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _select(self, query: str, values: tuple[bytes, ...]) -> list[tuple[Any, ...]]:
        try:
            try:
                return patiently(self._query, query, values)
            except sqlite3.OperationalError as error:
                if result_code(error) != sqlite3.SQLITE_READONLY_ROLLBACK:
                    raise
            self._read_copy()
            return patiently(self._query, query, values)
        except sqlite3.ProgrammingError:
            raise  # used from another thread
        except TROUBLE as error:
            raise explain(self._cache, error) from error

    def _make_writer(self) -> Any:
        from taskproc.writer import open_writer

        if not self.exists():
            _create(self._cache, self._first)
        elif not os.path.exists(self._cache / FILE):
            raise gone(self._cache)
        return open_writer(self._cache)

    def _query(self, query: str, values: tuple[bytes, ...]) -> list[tuple[Any, ...]]:
        reader = self._open_reader()
        return [] if reader is None else reader.execute(query, values).fetchall()

    def _open_reader(self) -> sqlite3.Connection | None:
        if self._reader is None and os.path.exists(self._cache / FILE):
            self._reader = _connect(self._cache / FILE, "rw" if self._write else "ro")
        return self._reader

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
        try:
            with closing(_connect(cache / FILE, "rw")) as connection:
                query = f"SELECT key, value FROM Cache ORDER BY rowid {order}"  # noqa: S608
                for name, value in patiently(connection.execute, query):
                    if isinstance(name, bytes) and isinstance(value, bytes):
                        found.setdefault(name, value)
        except TROUBLE as error:
            if result_code(error) & 0xFF == sqlite3.SQLITE_BUSY:  # that is no damage: there may be everything to save
                raise explain(cache, error) from error
    return found


def _connect(path: Path | str, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(os.fsencode(path))}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, timeout=STEP, isolation_level=None)
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


def _create(cache: Path, first: Mapping[bytes, bytes]) -> None:
    """Make the database with its first entries, unless somebody else does so meanwhile."""
    from taskproc.writer import open_writer

    lock = RunLock(cache)  # whose scratch files are swept if this process is killed
    try:
        lock.folder.mkdir()
        with closing(_connect(lock.folder / FILE, "rwc")) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA auto_vacuum = FULL")  # what DiskCache would wait for the disk to write
        with closing(open_writer(lock.folder, made_for=cache)) as writer, writer.transact():
            for entry, value in first.items():
                writer.set(entry, value)
        _remove_stale_journal(cache)
        with suppress(FileExistsError):
            _link(lock.folder / FILE, cache / FILE)
    finally:
        lock.release()


def _remove_stale_journal(cache: Path) -> None:
    """Remove what a killed run has left beside a database that was lost: SQLite would roll the new one back to it.

    One that belongs to a database is never removed: who makes a database first removes a stale one, under this lock.
    """
    with suppress(FileNotFoundError), open(cache / JOURNAL, "rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink and not os.path.lexists(cache / FILE):
            os.unlink(cache / JOURNAL)


def _link(made: Path, place: Path) -> None:
    """Put a file where there is none, or raise FileExistsError."""
    try:
        place.hardlink_to(made)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if place.exists():
            raise
        made.rename(place)
