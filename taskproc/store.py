"""A cache on disk: rows and ids of tasks, the runs on it, what to clear and to sweep."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, cast

from taskproc import acceptance, files, lastrun, leftovers, locks, pages, versions
from taskproc.admission import admit, furnish, refuse_out_of_reach
from taskproc.errors import CacheError
from taskproc.index import Index, Rows, Wanted, leased_ids
from taskproc.journal import Journal
from taskproc.trouble import NoSpaceError, UnreadableError, explain

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence
    from typing import Self

    from taskproc.acceptance import Acceptance
    from taskproc.cache import Cache
    from taskproc.changes import Version
    from taskproc.index import Leases
    from taskproc.inputfile import Listing
    from taskproc.lastrun import LastRun
    from taskproc.record import Key, Row

__all__ = ["Journal", "Rows", "Store", "UnreadableError", "Wanted", "open_store", "tidy"]

_INPUT = b"input:"


def open_store(cache: Cache, *, write: bool = True) -> Store:
    """Open a cache, or say in a CacheError why it can't be used and what to do.

    Without `write` nothing is created, a missing cache is an empty one, and only what reads may be called.
    """
    admit(cache)
    if write:
        furnish(cache.path)
    return Store(Index(cache.path, write=write))


class Store:
    """One cache, for the thread that opened it; a context manager. See `open_store`."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._cache = index.cache
        self._texts: dict[bytes, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._index.close()

    @property
    def epoch(self) -> bytes:
        """Empty, or 16 random bytes where the database took the place of one that couldn't be read."""
        return self._index.epoch()

    def read(self, wanted: Wanted) -> Rows:
        """The rows of these tasks, as far as they have an id, whether or not anything is recorded of them."""
        return self._index.read(wanted)

    def allocate(self, wanted: Wanted) -> Mapping[Key, int]:
        """The ids of the tasks, and maybe of others; those that have none yet are given one for good."""
        index = self._index
        if any(len(index.ids(name, keys)) < len(keys) for name, keys in wanted.items()):
            with index.transaction():  # in which nobody else gives any
                alike = files.namesakes({*index.names(), *wanted})
                given = [
                    index.allocate(name, index.without_id(name, keys), alike[name]) for name, keys in wanted.items()
                ]
            for ids in given:
                index.remember(ids)
        return self._index.known

    def names(self) -> list[str]:
        """Every `task_name` of which a task has an id, sorted."""
        return self._index.names()

    def read_all(self, name: str) -> Rows:
        """The rows of all the class's tasks, in order of id; a row is bare where nothing whole is recorded."""
        return self._index.read_all(name)

    def find(self, name: str, task_id: int) -> tuple[Key, Row] | None:
        """The task of the class with this id."""
        return next(iter(self._index.read_ids(name, [task_id]).rows.items()), None)

    def version(self, code: bytes) -> Version | None:
        """The code that had this digest, if something made from it was recorded."""
        return versions.read(self._index.entries, code, self._texts)

    def listing(self, path: str) -> Listing | None:
        """What was found at the absolute path of an input file when it was last read; None if that is not known."""
        return cast("Listing | None", pages.find_value(self._index.entries, _INPUT + os.fsencode(path), None))

    def keep_listings(self, found: Mapping[str, Listing]) -> None:
        """Keep what was found at the paths of input files."""
        if new := {path: listing for path, listing in found.items() if self.listing(path) != listing}:
            with self._index.transaction():
                for path, listing in new.items():
                    pages.put_value(self._index.entries, _INPUT + os.fsencode(path), listing)

    def last_run(self) -> LastRun | None:
        """The run that began to record last."""
        return lastrun.read(self._index.entries)

    @contextmanager
    def begin_run(self, seen: int = 0, about: LastRun | None = None) -> Generator[Journal]:
        """A run on the cache, alive until the context ends; `seen` is the generation of the rows it was planned on."""
        try:
            journal = Journal(self._index, seen, about)
        except OSError as error:
            raise explain(self._cache, error) from error
        with closing(journal):
            refuse_out_of_reach(self._cache)  # anew, now that others see this run
            yield journal

    def clear(self, wanted: Wanted | None = None) -> None:
        """Forget what is recorded of these tasks, or of all, and remove their attempts; their ids stay.

        A live run that has leased one can't record it any more.
        """
        if wanted is None:
            self.clear_names(self._all_names())
            code = versions.all_entries(self._index.entries)
            with self._index.transaction():
                for entry in code:
                    self._index.entries.delete(entry)
        else:
            self._clear(wanted)
            self.sweep()

    def check(self) -> None:
        """Look through the database; raises UnreadableError where it is damaged."""
        self._index.check()

    def amend(self, rows: Mapping[str, Mapping[Key, Row]]) -> None:
        """Put rows in the place of others, while no run is alive.

        Where there are none, this tells all the same if what a run writes with can't be read.
        """
        with self._index.transaction():
            if rows:
                generation = self._index.next_generation()
                for name, members in rows.items():
                    self._index.write(name, members, generation)
        self._sweep_disk(self._all_names())

    def clear_names(self, names: Sequence[str]) -> None:
        """Clear all tasks of these classes."""
        self._clear({name: list(self._index.keys(name)) for name in names})
        self._sweep_disk(names)

    def _sweep_disk(self, names: Iterable[str]) -> None:
        """Sweep every attempt of these classes that no row names, whether or not anything tells of it."""
        if on_disk := self._on_disk(names):
            with self._index.transaction():
                for name, ids in on_disk.items():
                    self._index.discard(name, ids)
        self.sweep()

    def _all_names(self) -> list[str]:
        """Every class with ids, and those of which only folders are left, by the names of these."""
        names = self.names()
        return [*names, *leftovers.classes_on_disk(self._cache, but=names)]

    def _on_disk(self, names: Iterable[str]) -> dict[str, set[int]]:
        """The ids of each class that have a folder of ours, without those of other classes with the same folder."""
        keys, alike = self._index.keys, files.namesakes({*self.names(), *names})
        found: dict[str, set[int]] = {}
        for name in names:
            ids = {*leftovers.task_ids_on_disk(self._cache, name)}.difference(*(keys(n).values() for n in alike[name]))
            strays = ids.difference(keys(name).values())
            found[name] = ids.difference(i for i in strays if not leftovers.is_left(self._cache, name, i))
        return {name: ids for name, ids in found.items() if ids}

    def strays(self) -> dict[str, set[int]]:
        """Tasks on disk that have no id, as where the database was lost or is an older one, by class or its folder."""
        on_disk = self._on_disk(self._all_names()).items()
        return {name: left for name, ids in on_disk if (left := ids.difference(self._index.keys(name).values()))}

    def _clear(self, wanted: Wanted) -> None:
        ids = {name: found for name, keys in wanted.items() if (found := self._index.ids(name, keys))}
        if not ids:
            return
        try:
            self._forget(ids)
        except NoSpaceError:
            with self._index.transaction():  # which writes nothing: no run can begin an attempt before it ends
                if locks.any_alive(self._cache):
                    raise
                for name, members in ids.items():  # what is to go makes some; if this is killed, it is damaged
                    for task_id in members.values():
                        files.remove_attempts(self._cache, name, task_id)
            self._forget(ids)

    def _forget(self, ids: Mapping[str, dict[Key, int]]) -> None:
        with self._index.transaction():
            generation = self._index.next_generation()
            leases = self._index.leases()
            leased = leased_ids(leases)
            for name, members in ids.items():
                cleared = self._index.clear(name, members, leased.get(name, ()), generation)
                for held in leases.values():
                    held.get(name, set[int]()).difference_update(cleared)
            self._index.put_leases(leases)

    def accept(self, name: str, found: Mapping[Key, tuple[Row, Row]], code: Mapping[bytes, Version]) -> set[Key]:
        """Put the second row in the place of the first, for code that a person has accepted; which were still there.

        `code` is the accepted code, by digest.
        """
        with self._index.transaction():
            present = self._index.read({name: list(found)}).rows
            rows = {key: new for key, (old, new) in found.items() if present.get(key) == old}
            self._index.write(name, rows, self._index.next_generation())
            versions.keep(self._index.entries, code)
            acceptance.write(self._index.entries, name, {key: found[key] for key in rows})
        return set(rows)

    def acceptance(self, name: str, row: Row) -> Acceptance | None:
        """Who has accepted the present result, if a person has."""
        return acceptance.read(self._index.entries, name, row)

    def leased(self) -> Leases:
        """The ids of the tasks that live runs have leased, by run and `task_name`."""
        return {run: held for run, held in self._index.leases().items() if locks.is_alive(self._cache, run)}

    def running(self) -> dict[str, set[int]]:
        """The same, whichever run has leased them."""
        return leased_ids(self.leased())

    def measure(self, wanted: Wanted | None = None) -> tuple[int, int, int, int]:
        """How many results, failures and unfinished tasks `clear` would forget, and the bytes that they take."""
        results = failures = unfinished = size = 0
        leased = leased_ids(self._index.leases())
        for name in self.names() if wanted is None else wanted:
            rows = self.read_all(name) if wanted is None else self.read({name: wanted[name]})
            for key, row in rows.rows.items():
                is_leased = row.task_id in leased.get(name, ())
                results += bool(row.good or key in rows.damaged)
                failures += bool(row.failure)
                unfinished += is_leased
                size += files.task_bytes(self._cache, name, row.task_id) if is_leased else self.size(name, row)
        if wanted is None:
            size += sum(files.task_bytes(self._cache, name, i) for name, ids in self.strays().items() for i in ids)
        return results, failures, unfinished, size

    def size(self, name: str, row: Row) -> int:
        """The bytes of a task's files and value."""
        inline = len(row.good.output.inline or b"") if row.good else 0
        return inline + (files.task_bytes(self._cache, name, row.task_id) if row.attempts else 0)

    @property
    def is_untidy(self) -> bool:
        """Whether there is something to sweep, and no run is alive."""
        return bool(self._index.trash() or locks.known_runs(self._cache)) and not locks.any_alive(self._cache)

    def sweep(self) -> None:
        """Remove attempts that no row names and what dead runs have left, unless a run is alive.

        What can't be removed now is left to the next sweep.
        """
        with suppress(CacheError):
            if not locks.any_alive(self._cache):
                self._bury_dead()
                self._empty_trash()

    def _bury_dead(self) -> None:
        if self._index.leases():
            with self._index.transaction():
                leases = self._index.leases()
                for run in leases.keys() - self.leased().keys():
                    self._index.bury(leases, run)
                self._index.put_leases(leases)

    def _empty_trash(self) -> None:
        for entry in self._index.trash():
            with self._index.transaction():  # no run can lease, so none can begin an attempt, before this ends
                if locks.any_alive(self._cache) or self._index.leases():
                    return  # a listing of `.runs` may be out of date on a network file system, a transaction is not
                name, kept = self._index.take_trash(entry)
                left = [i for i, keep in kept.items() if not files.remove_attempts(self._cache, name, i, keep)]
                self._index.discard(name, left)  # to the next sweep
        locks.remove_dead(self._cache)


def tidy(cache: Cache, found: Mapping[str, Listing]) -> None:
    """Keep listings, and sweep what killed runs have left, if there is anything; otherwise nothing is written."""
    with open_store(cache, write=False) as store:
        if not found and not store.is_untidy:
            return
    with suppress(CacheError), open_store(cache) as store:
        store.keep_listings(found)
        store.sweep()
