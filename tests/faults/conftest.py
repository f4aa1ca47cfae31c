"""What tests of faults share: what a cache must look like once the next run has been."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from taskproc import files
from taskproc.cache import Cache
from taskproc.store import open_store

ATTEMPT = re.compile(r"[0-9a-f]{16}")
FURNITURE = {"cache.db", "cache.db-journal", "CACHEDIR.TAG", ".gitignore", ".runs"}


def _leftovers(cache: Path) -> list[str]:
    """Everything in a cache that no record names: locks, leases, trash, attempts, temporary files, strange folders."""
    found = [str(path.relative_to(cache)) for path in (cache / ".runs").iterdir()]
    named: set[Path] = set()
    with open_store(Cache(cache), write=False) as store:
        index = store._index
        found += [f"leases {leases}" for leases in index.leases().values() if any(leases.values())]
        found += [f"trash {entry!r}" for entry in index.trash()]
        classes = store.names()
        for name in classes:
            for row in store.read_all(name).rows.values():
                named |= {files.attempt_folder(cache, name, row.task_id, attempt) for attempt in row.attempts}
    known = {files.folder_name(name) for name in classes}
    for path in cache.rglob("*"):
        parts = path.relative_to(cache).parts
        if parts[0] in FURNITURE:
            continue
        attempt = cache.joinpath(*parts[:3])
        if path.is_symlink() and len(parts) == 3 and (path.parent / os.readlink(path)).parent in named:
            continue  # it shows people what is recorded
        inside = len(parts) > 3 and attempt in named
        if inside and (
            parts[3] in {"data", "stdout.txt", "stderr.txt", "command.txt"} or parts[3:] == ("result.pkl.gz",)
        ):
            continue
        if parts[0] not in known or (len(parts) >= 3 and attempt not in named) or inside:
            found.append(str(path.relative_to(cache)))
    return found


@pytest.fixture
def leftovers() -> Callable[[Path], list[str]]:
    return _leftovers
