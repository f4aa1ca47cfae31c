"""A check-up of a whole cache: its database, every record and every file by content; and what can be mended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from taskproc import locks
from taskproc.admission import admit
from taskproc.database import FILE, JOURNAL, salvage
from taskproc.errors import CacheError
from taskproc.files import attempt_folder, check_manifest, restored_manifest
from taskproc.index import Index
from taskproc.leftovers import remove_everything
from taskproc.record import Row
from taskproc.store import open_store
from taskproc.trouble import UnreadableError, explain

if TYPE_CHECKING:
    from pathlib import Path

    from taskproc.cache import Cache
    from taskproc.record import Key


class Finding(NamedTuple):
    """What is wrong with one thing: `where` is `module.Train#7` or the database; `lost` if it can't be mended."""

    where: str
    what: str
    lost: bool


class Checkup(NamedTuple):
    """What a check-up came to: how many results were looked at, and what is wrong with them."""

    checked: int
    findings: tuple[Finding, ...]


def check_up(cache: Cache, *, repair: bool = False) -> Checkup:
    """Look through a cache; writes nothing.

    With `repair`, while no run is alive: what can be read of a broken database is saved; files whose contents are the
    recorded ones are taken as they are; results that are lost are forgotten, so that they are made again when they are
    needed; and whatever no record names is removed.
    """
    admit(cache)
    if not cache.path.exists():
        return Checkup(0, ())
    if repair and locks.any_alive(cache.path):
        raise CacheError(f"the cache {cache.path} is in use by a run: stop it, and try again")
    if not (cache.path / FILE).exists():
        return _check_strays(cache, repair=repair)
    try:
        return _check_rows(cache, repair=repair)
    except UnreadableError as error:
        broken = Finding("the database", error.why, lost=False)
    if not repair:
        return Checkup(0, (broken,))
    replace_store(cache, save=True)
    found = _check_rows(cache, repair=True)
    return Checkup(found.checked, (broken, *found.findings))


def _check_strays(cache: Cache, *, repair: bool) -> Checkup:
    """Look at what a lost database has left behind."""
    with open_store(cache, write=repair) as store:
        if not any(store.measure()):
            return Checkup(0, ())
        if repair:
            store.amend({})
    return Checkup(0, (Finding("the database", "it is missing, and what it told of the files here", lost=True),))


def _check_rows(cache: Cache, *, repair: bool) -> Checkup:
    checked = 0
    findings: list[Finding] = []
    amended: dict[str, dict[Key, Row]] = {}
    with open_store(cache, write=repair) as store:
        store.check()
        for name in store.names():
            rows = store.read_all(name)
            for key, row in rows.rows.items():
                checked += bool(row.good)
                found = Row(row.task_id) if key in rows.damaged else _checked(cache.path, name, row)
                if found != row or key in rows.damaged:
                    what = _difference(cache.path, name, row)
                    findings.append(Finding(f"{name}#{row.task_id}", what, lost=found.good is None))
                    amended.setdefault(name, {})[key] = found
        if repair:
            store.amend(amended)
    return Checkup(checked, tuple(findings))


def _checked(cache: Path, name: str, row: Row) -> Row:
    """A row as it should be: without its good record if the files of that are not what they were."""
    good = row.good
    if good is None or not good.output.files:
        return row
    folder = attempt_folder(cache, name, row.task_id, good.output.attempt)
    try:
        present = restored_manifest(folder, good.output.files)
    except OSError as error:  # nobody can tell whether it is whole
        raise explain(cache, error) from error
    if present is None:
        return row._replace(good=None)
    return row._replace(good=good._replace(output=good.output._replace(files=present)))


def _difference(cache: Path, name: str, row: Row) -> str:
    if row.good is None:
        return "its record can't be read"
    output = row.good.output
    return (
        check_manifest(attempt_folder(cache, name, row.task_id, output.attempt), output.files) or "a file was changed"
    )


def replace_store(cache: Cache, *, save: bool = False) -> None:
    """Put another database, of a new epoch, in the place of one that can't be read.

    With `save`, it has what can still be read of the old one; otherwise it is empty, and every attempt is removed.
    """
    admit(cache)
    folder = cache.path
    try:
        lock = locks.RunLock(folder)
        try:
            _replace(folder, lock, save=save)
        finally:
            lock.release()
        locks.remove_dead(folder)
    except OSError as error:
        raise error if isinstance(error, CacheError) else explain(folder, error) from error


def _replace(cache: Path, lock: locks.RunLock, *, save: bool) -> None:
    if locks.any_alive(cache, but=lock.run):
        raise CacheError(f"the cache {cache} is in use by a run: stop it, and try again")
    saved = salvage(cache) if save else {}
    lock.folder.mkdir()
    index = Index(lock.folder, write=True)
    with index.transaction():
        index.set_epoch(os.urandom(16))
        index.adopt(saved)
    index.close()
    (cache / JOURNAL).unlink(missing_ok=True)  # first: it would be applied to the new database
    (lock.folder / FILE).replace(cache / FILE)
    if not save:
        remove_everything(cache)
