"""One run's part in the cache: what it may run, and what it records.

A task is leased before it is submitted. A lease counts while its run is alive, and a row is stored only in a
transaction that finds its lease still held; so a task runs once however many runs want it, and what comes late comes
to nothing.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from taskproc import lastrun
from taskproc.errors import CacheError
from taskproc.files import folder_name
from taskproc.locks import RunLock, is_alive
from taskproc.versions import keep

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from taskproc.changes import Version
    from taskproc.index import Index, Leases, Wanted
    from taskproc.lastrun import LastRun
    from taskproc.record import Key, Row

Entry: TypeAlias = tuple[str, "Key", "Row"]
"""A row to be stored: its task's `task_name` and key, and itself."""

_NONE: Mapping[bytes, Version] = {}


class LeaseResult(NamedTuple):
    """What became of tasks that a run wants; each key is in at most one of the first three.

    `busy` ones are leased by another live run. `changed` ones have a row that somebody else has written since this
    run last saw it, and are not granted: decide again, and lease them then if they must still run.
    `rejected` are the tasks whose rows were not stored.
    """

    granted: frozenset[Key]
    busy: frozenset[Key]
    changed: dict[Key, Row]
    rejected: frozenset[Key] = frozenset()


class Journal:
    """What one run does to the cache, for the thread that opened the store.

    Every call is one transaction or none, whatever the number of tasks: batch them. `seen` is the generation of the
    rows that the run's plan rests on; `about`, if given, is kept as the last run once something is recorded.
    """

    def __init__(self, index: Index, seen: int, about: LastRun | None = None) -> None:
        self._index = index
        self._about = about
        self._lock = RunLock(index.cache)
        self._leased: dict[Key, str] = {}
        self._doubted: dict[str, set[int]] = {}
        self._seen = seen
        self._unchanged = seen  # up to this generation, nobody else has written rows since they were read
        self._own: set[int] = set()  # generations that this run has written
        self._told: dict[Key, int] = {}  # the generation at which a change was told

    @property
    def run(self) -> str:
        """The run's random id, 10 hexadecimal characters."""
        return self._lock.run

    def lease(
        self, wanted: Wanted, entries: Sequence[Entry] = (), versions: Mapping[bytes, Version] = _NONE
    ) -> LeaseResult:
        """Lease what is free and as last seen, and store rows, all at once, since each transaction waits for the disk.

        Leases of dead runs are taken over. Every task must have its id. The rows are those of `commit`.
        """
        rejected: frozenset[Key] = frozenset()
        with self._changing() as leases:
            if entries:
                rejected = self._store(entries, versions, leases)
            busy: set[Key] = set()
            for run, keys in self._clashes(wanted, leases).items():
                if is_alive(self._index.cache, run):
                    busy |= keys
                else:
                    self._index.bury(leases, run)
            changed = self.changes(_without(wanted, busy))
            granted = _without(wanted, busy | changed.keys())
            own = leases.setdefault(self.run, {})
            for name, members in granted.items():
                own.setdefault(name, set()).update(self._index.ids(name, members).values())
        self._stored(entries)
        for name, members in granted.items():
            self._leased.update(dict.fromkeys(members, name))
        return LeaseResult(frozenset(chain.from_iterable(granted.values())), frozenset(busy), changed, rejected)

    def commit(self, entries: Sequence[Entry], versions: Mapping[bytes, Version] = _NONE) -> frozenset[Key]:
        """Store the rows whose lease this run still holds, and release them.

        `versions` is the code that rows were made from and may not be in the cache yet, by digest.
        Returns the keys of the others: their rows are not stored, and their attempts will be swept.
        """
        with self._changing() as leases:
            rejected = self._store(entries, versions, leases)
        self._stored(entries)
        return rejected

    def _store(self, entries: Sequence[Entry], versions: Mapping[bytes, Version], leases: Leases) -> frozenset[Key]:
        """Store rows in a transaction, and take their tasks from this run's leases; gives the keys of the others."""
        own = leases.get(self.run, {})
        generation = self._index.next_generation()
        accepted: dict[str, dict[Key, Row]] = {}
        late: dict[str, dict[Key, int]] = {}
        for name, key, row in entries:
            if row.task_id in own.get(name, ()):
                accepted.setdefault(name, {})[key] = row
            else:
                late.setdefault(name, {})[key] = row.task_id
        if self._about is not None:
            lastrun.write(self._index.entries, self._about)
        keep(self._index.entries, versions)
        for name, ids in late.items():
            self._index.discard(name, ids.values())
        for name, rows in accepted.items():
            self._index.write(name, rows, generation)
            own[name].difference_update(row.task_id for row in rows.values())
        if self._unchanged == generation - 1:
            self._unchanged = generation
        self._own.add(generation)
        return frozenset(chain.from_iterable(late.values()))

    def _stored(self, entries: Sequence[Entry]) -> None:
        """The transaction that stored these is over."""
        if entries:
            self._about = None
        for _, key, _ in entries:
            self._leased.pop(key, None)

    def poll(self, wanted: Wanted) -> LeaseResult:
        """How tasks that were busy stand now, in no transaction; what is neither busy nor changed can be leased."""
        clashes = self._clashes(wanted, self._index.leases())
        alive = (keys for run, keys in clashes.items() if is_alive(self._index.cache, run))
        busy = frozenset(chain.from_iterable(alive))
        return LeaseResult(frozenset(), busy, self.changes(_without(wanted, busy)))

    def release(self, keys: Iterable[Key]) -> None:
        """Give leases up; what attempts have left will be swept."""
        given_up: dict[str, list[Key]] = {}
        for key in keys:
            if key in self._leased:
                given_up.setdefault(self._leased.pop(key), []).append(key)
        if not given_up:
            return
        with self._changing() as leases:
            for name, members in given_up.items():
                ids = self._index.ids(name, members).values()
                leases.get(self.run, {}).get(name, set()).difference_update(ids)
                self._index.discard(name, ids)

    def changes(self, wanted: Wanted) -> dict[Key, Row]:
        """The rows of the tasks that somebody else has written since they were last seen."""
        generation = self._index.generation()
        if generation == self._unchanged:
            return {}
        found = self._index.read_changes(wanted, self._seen)
        changed = {
            key: row
            for key, (row, written) in found.items()
            if written not in self._own and written > self._told.get(key, self._seen)
        }
        self._told.update((key, generation) for key in changed)
        return changed

    def doubt(self, name: str, ids: Iterable[int]) -> None:
        """Have what these tasks leave besides what is recorded swept: they may run more than once for one answer."""
        self._doubted.setdefault(name, set()).update(ids)

    def close(self) -> None:
        """Give all leases up and end the run."""
        try:
            with suppress(CacheError):  # the leases of a run that is over don't count
                self._give_up()
        finally:
            self._lock.release()

    def _give_up(self) -> None:
        if self._doubted or self.run in self._index.leases():
            with self._changing() as leases:
                for name, ids in self._doubted.items():
                    if (self._index.cache / folder_name(name)).exists():
                        self._index.discard(name, ids)
                self._index.bury(leases, self.run)

    @contextmanager
    def _changing(self) -> Generator[Leases]:
        """A transaction in which leases may be changed; where none of ours is left, the run's end need not wait."""
        with self._index.transaction():
            leases = self._index.leases()
            yield leases
            if not any(leases.get(self.run, {}).values()):
                leases.pop(self.run, None)
            self._index.put_leases(leases)

    def _clashes(self, wanted: Wanted, leases: Leases) -> dict[str, set[Key]]:
        """The tasks among these that other runs have leased, by run."""
        found: dict[str, set[Key]] = {}
        for run, held in leases.items():
            if run != self.run:
                for name in wanted.keys() & held.keys():
                    ids = self._index.ids(name, wanted[name])
                    found.setdefault(run, set()).update(key for key, task_id in ids.items() if task_id in held[name])
        return {run: keys for run, keys in found.items() if keys}


def _without(wanted: Wanted, keys: frozenset[Key] | set[Key]) -> Wanted:
    if not keys:
        return wanted
    return {name: [key for key in members if key not in keys] for name, members in wanted.items()}
