"""DiskCache, for one who writes: its entries are bytes, and it pickles, spills and evicts nothing."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import diskcache

from taskproc.trouble import STEP, TROUBLE, UnreadableError, explain, patiently, root_error

if TYPE_CHECKING:
    from pathlib import Path

_PAGES = 2**11  # of 4 KB each that SQLite holds; what it would map instead counts as this process's memory too
_NORMAL = 1  # synchronous: a commit is on the disk before the next one begins
_OFF = 0  # there is nothing to lose while the database is made
_SETTING = "INSERT OR REPLACE INTO Settings VALUES (?, ?)"
_NEW_SETTING = (
    "INSERT OR REPLACE INTO Settings SELECT new.key, new.value FROM (SELECT ? AS key, ? AS value) AS new"
    " WHERE NOT EXISTS (SELECT 1 FROM Settings AS old WHERE old.key = new.key AND old.value = new.value)"
)


class _RawDisk(diskcache.Disk):  # type: ignore[misc]  # DiskCache has no type hints
    """Bytes as they are, always in the database."""

    def store(self, value: bytes, read: object, key: object = None) -> Any:  # noqa: ARG002
        return len(value), diskcache.core.MODE_RAW, None, memoryview(value)

    def fetch(self, mode: object, filename: object, value: object, read: object) -> object:  # noqa: ARG002
        return value


class _Entries(diskcache.Cache):  # type: ignore[misc]
    """A cache that closes what it has opened if it can't be made, and takes the name of its folder as it is.

    DiskCache would write each of its twenty settings in a transaction of its own, twice, whenever it is opened;
    and it would expand `$` and `~` in the name.
    """

    _is_made = False
    _directory = property(lambda self: self._folder, lambda _self, _expanded: None)

    def __init__(self, folder: str, **settings: Any) -> None:
        self._folder = folder
        try:
            super().__init__(os.curdir, **settings)  # pyright: ignore[reportUnknownMemberType]
            self._is_made = True
        except BaseException:
            self.close()
            raise

    @property
    def _sql(self) -> Any:
        """Executes a statement, and waits for others so that signals are heard; what they keep from its end too."""
        base: Any = super()
        return functools.partial(patiently, base._sql)

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


def open_writer(folder: Path, *, made_for: Path | None = None) -> Any:
    """The database in this folder, as DiskCache has it; one that is `made_for` a cache nobody else knows of yet."""
    try:
        entries = _Entries(
            str(folder),
            timeout=STEP,
            disk=_RawDisk,
            eviction_policy="none",
            cull_limit=0,
            statistics=0,
            sqlite_cache_size=_PAGES,
            sqlite_mmap_size=0,
            sqlite_journal_mode="truncate",
            sqlite_synchronous=_OFF if made_for else _NORMAL,
        )
        if made_for:
            entries.reset("sqlite_synchronous", _NORMAL)
        return entries  # noqa: TRY300
    except Exception as error:
        cause, cache = root_error(error), made_for or folder
        if isinstance(cause, TROUBLE):
            raise explain(cache, cause) from error
        raise UnreadableError(cache, str(error)) from error  # what DiskCache does not expect of its own settings
