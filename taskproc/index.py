"""What the database says of tasks: their ids and rows by key, who leases them, and what there is to sweep.

format          of all entries
epoch           random, where the database took the place of one that couldn't be read
generation      counts the transactions that wrote rows
leases          {run: {task_name: ids}}
code:, text:    versions of code (see `taskproc.versions`)
input:          what was found in input files (see `taskproc.inputfile`)
run             the last run (see `taskproc.lastrun`)
accepted:       what people have accepted (see `taskproc.acceptance`)
trash:<token>   (task_name, ids) of tasks that may have attempts which no row names
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from taskproc import pages, versions
from taskproc.database import Database
from taskproc.errors import CacheError
from taskproc.pages import ChecksumError
from taskproc.record import Key, Row
from taskproc.trouble import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

Wanted: TypeAlias = Mapping[str, Collection[Key]]
"""Tasks by their `task_name`."""

Leases: TypeAlias = dict[str, dict[str, set[int]]]
"""The ids that each run has leased, by `task_name`."""

FORMAT = 2

_TRASH = b"trash:"
_TRASH_SIZE = 256  # tasks to sweep in one transaction


class Rows(NamedTuple):
    """Rows of tasks that have an id; of those in `damaged`, no more than that can be read.

    `generation` is how many transactions had written rows when these were read.
    """

    rows: dict[Key, Row]
    damaged: set[Key]
    generation: int


class Index:
    """Rows, ids, leases and trash of one cache, all of which are `entries` of its database."""

    def __init__(self, cache: Path, *, write: bool) -> None:
        self.cache = cache
        self.entries = Database(cache, write=write, first={b"format": pages.seal_value(b"format", FORMAT)})
        self._ids: dict[Key, int] = {}
        try:
            self._check_format()
        except CacheError:
            self.close()
            raise

    def _check_format(self) -> None:
        """Raise CacheError if what was written is of another format."""
        if not self.entries.exists():
            return
        found = self._value(b"format", None)
        if found is None:
            raise UnreadableError(self.cache, "its format is not told")
        if found != FORMAT:
            raise CacheError(
                f"the cache {self.cache} was written by another version of taskproc, in format {found}:"
                " remove it, or give another one with --cache"
            )

    def check(self) -> None:
        """Look through the database.

        Raises:
            UnreadableError: Its parts don't fit together, or what every run reads is damaged.
        """
        self.entries.check()
        for read in (self.epoch, self.generation, self.leases):
            read()

    def close(self) -> None:
        """Close the database."""
        self.entries.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing of what is written inside it."""
        return self.entries.transaction()

    def _value(self, entry: bytes, default: Any) -> Any:
        try:
            return pages.get_value(self.entries, entry, default)
        except ChecksumError:
            raise UnreadableError(self.cache, f"{entry.decode()} is damaged") from None

    # Ids

    def names(self) -> list[str]:
        """Every `task_name` that has ids, but for those that a transaction sets."""
        return pages.names(self.entries)

    def keys(self, name: str) -> dict[Key, int]:
        """The ids of all the class's tasks."""
        numbered = (enumerate(page, first) for first, page in pages.key_pages(self.entries, name))
        return {key: task_id for page in numbered for task_id, key in page if key != pages.NO_KEY}

    @property
    def known(self) -> Mapping[Key, int]:
        """The ids that have been asked for, or given."""
        return self._ids

    def ids(self, name: str, keys: Collection[Key]) -> dict[Key, int]:
        """The ids of these tasks, as far as they have one."""
        known = self._ids
        with suppress(KeyError):
            return {key: known[key] for key in keys}
        missing = {key for key in keys if key not in known}
        for first, page in pages.key_pages(self.entries, name):
            if missing.intersection(page):
                known.update((key, task_id) for task_id, key in enumerate(page, first) if key in missing)
        return {key: known[key] for key in keys if key in known}

    def without_id(self, name: str, keys: Collection[Key]) -> list[Key]:
        """The tasks among these that have no id yet, each once."""
        found = self.ids(name, keys)
        return [key for key in dict.fromkeys(keys) if key not in found] if len(found) < len(keys) else []

    def allocate(self, name: str, keys: Sequence[Key], namesakes: Iterable[str] = ()) -> Mapping[Key, int]:
        """Give ids to new tasks, in a transaction, for good; take them as known (`remember`) when that is done.

        None that a task of a namesake has: the folders of the two classes may be one.
        """
        if not keys:
            return {}
        free = self._free(name)
        start = max([free, *map(self._free, namesakes)])
        pages.append_keys(self.entries, name, free, [*[pages.NO_KEY] * (start - free), *keys])
        return dict(zip(keys, range(start, start + len(keys)), strict=True))

    def _free(self, name: str) -> int:
        """The first id of the class that was not given yet."""
        free = 0
        for first, page in pages.key_pages(self.entries, name):
            free = first + len(page)
        return free

    def remember(self, ids: Mapping[Key, int]) -> None:
        """Take ids as known."""
        self._ids.update(ids)

    # Rows

    def epoch(self) -> bytes:
        """Empty, or random where the database took the place of another."""
        return cast("bytes", self._value(b"epoch", b""))

    def set_epoch(self, epoch: bytes) -> None:
        """Begin a new epoch."""
        pages.put_value(self.entries, b"epoch", epoch)

    def adopt(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over keys, rows and versions of code from a damaged database; each is checked when it is read."""
        newest = 0
        for entry, value in entries.items():
            if entry.startswith((b"keys:", b"rows:", *versions.PREFIXES)):
                self.entries.set(entry, value)
            if entry.startswith(b"rows:"):
                newest = max(newest, pages.newest_generation(value))
        pages.put_value(self.entries, b"generation", newest)

    def generation(self) -> int:
        """How many transactions have written rows."""
        return cast("int", self._value(b"generation", 0))

    def next_generation(self) -> int:
        """The generation of the rows that this transaction writes."""
        generation = self.generation() + 1
        pages.put_value(self.entries, b"generation", generation)
        return generation

    def read(self, wanted: Wanted) -> Rows:
        """The rows of these tasks, as far as they have an id."""
        generation = self.generation()  # first: what is written meanwhile counts as news
        return self._read({name: self.ids(name, keys) for name, keys in wanted.items()}, generation)

    def read_all(self, name: str) -> Rows:
        """The rows of all the class's tasks."""
        return self._read({name: self.keys(name)})

    def read_ids(self, name: str, ids: Iterable[int]) -> Rows:
        """The rows of the tasks with these ids."""
        return self._read({name: pages.keys_at(self.entries, name, ids)})

    def read_changes(self, wanted: Wanted, since: int) -> dict[Key, tuple[Row, int]]:
        """The rows of the tasks that are whole and were written after the generation `since`, each with its own."""
        found: dict[Key, tuple[Row, int]] = {}
        share = dict[Any, Any]().setdefault
        for name, keys in wanted.items():
            ids = self.ids(name, keys)
            packed, _ = pages.read_rows(self.entries, name, ids.values())
            for key, task_id in ids.items():
                data = packed.get(task_id, b"")
                if (written := pages.generation_of(data)) > since:
                    with suppress(ChecksumError):
                        found[key] = pages.unpack_row(key, task_id, data, share), written
        return found

    def _read(self, wanted: Mapping[str, Mapping[Key, int]], generation: int = 0) -> Rows:
        found = Rows({}, set(), generation)
        for name, ids in wanted.items():
            packed, damaged = pages.read_rows(self.entries, name, ids.values())
            share = dict[Any, Any]().setdefault
            for key, task_id in ids.items():
                data = packed.get(task_id)
                try:
                    found.rows[key] = Row(task_id) if data is None else pages.unpack_row(key, task_id, data, share)
                except ChecksumError:
                    damaged.add(task_id)
                if task_id in damaged:
                    found.rows[key] = Row(task_id)
                    found.damaged.add(key)
        return found

    def write(self, name: str, rows: Mapping[Key, Row], generation: int) -> None:
        """Store rows; the attempts of those they replace become trash."""
        packed = {row.task_id: pages.pack_row(key, row, generation) for key, row in rows.items()}
        keys = {row.task_id: key for key, row in rows.items()}
        replaced = pages.write_rows(self.entries, name, packed)
        self.discard(name, [task_id for task_id, data in replaced.items() if _has_attempts(keys[task_id], data)])

    def clear(self, name: str, ids: Mapping[Key, int], leased: Collection[int], generation: int) -> set[int]:
        """Mark as cleared those of the tasks of which something is recorded, or leased; returns their ids."""
        packed, damaged = pages.read_rows(self.entries, name, ids.values())
        marks = packed.keys() | damaged | (set(ids.values()) & set(leased))
        cleared = {key: Row(task_id, cleared=True) for key, task_id in ids.items() if task_id in marks}
        self.write(name, cleared, generation)
        self.discard(name, marks & set(leased))
        return marks

    # Leases and trash

    def leases(self) -> Leases:
        """All leases, those of dead runs too."""
        return cast("Leases", self._value(b"leases", {}))

    def put_leases(self, leases: Leases) -> None:
        """Replace all leases."""
        pages.put_value(self.entries, b"leases", leases)

    def bury(self, leases: Leases, run: str) -> None:
        """Take a run's leases away; what its attempts left becomes trash."""
        for name, ids in leases.pop(run, {}).items():
            self.discard(name, ids)

    def discard(self, name: str, ids: Iterable[int]) -> None:
        """Have the attempts of these tasks swept that no row names."""
        all_ids = list(ids)
        for start in range(0, len(all_ids), _TRASH_SIZE):
            entry = _TRASH + os.urandom(8).hex().encode()
            pages.put_value(self.entries, entry, (name, all_ids[start : start + _TRASH_SIZE]))

    def trash(self) -> list[bytes]:
        """The entries of all trash; outside of transactions only."""
        return self.entries.scan(_TRASH)

    def take_trash(self, entry: bytes) -> tuple[str, dict[int, set[str]]]:
        """Remove an entry of trash: its class, and for each task the attempts to keep."""
        name, ids = cast("tuple[str, list[int]]", pages.find_value(self.entries, entry, ("", [])))
        self.entries.delete(entry)
        found = self.read_ids(name, ids)
        told = {row.task_id: None if key in found.damaged else row.attempts for key, row in found.rows.items()}
        return name, {task_id: kept for task_id in ids if (kept := told.get(task_id, set())) is not None}


def leased_ids(leases: Leases) -> dict[str, set[int]]:
    """The ids that are leased, whichever run has leased them."""
    found: dict[str, set[int]] = {}
    for held in leases.values():
        for name, ids in held.items():
            found.setdefault(name, set()).update(ids)
    return found


def _has_attempts(key: Key, data: bytes) -> bool:
    """Whether a packed row names attempts, or could have."""
    try:
        return bool(pages.unpack_row(key, 0, data, dict[Any, Any]().setdefault).attempts)
    except ChecksumError:
        return True
