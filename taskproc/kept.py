"""What a cache keeps of a task, for whoever asks, and the paths at which people find it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from taskproc import files
from taskproc.errors import CacheError
from taskproc.record import Row
from taskproc.store import open_store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from taskproc.cache import Cache
    from taskproc.graph import Node
    from taskproc.record import Key

_PIECE = 1 << 16


def task_id(node: Node) -> int:
    """The id of a task, allocated if it has none."""
    with open_store(node.home) as store:
        return store.allocate({node.name: [node.key]})[node.key]


def kept_path(node: Node, what: files.View) -> Path:
    """The path that shows what a task's last good run left, or what its last run printed; it exists."""
    number = task_id(node)
    with open_store(node.home, write=False) as store:
        row = store.read({node.name: [node.key]}).rows.get(node.key) or Row(number)
    return view(node.cache, node.name, number, shown_attempt(row, what), what)


def renew_views(node: Node, row: Row) -> None:
    """Have the paths at which people look show what has just been recorded."""
    folder = str(files.task_folder(node.cache, node.name, row.task_id))  # texts: a path costs 5 us
    for what in files.VIEWS:
        attempt = shown_attempt(row, what)
        if attempt and (os.path.lexists(f"{folder}/{attempt}/{what}") or os.path.islink(f"{folder}/{what}")):
            with suppress(CacheError):  # nothing rests on it
                view(node.cache, node.name, row.task_id, attempt, what)


def view(cache: Path, name: str, number: int, attempt: str, what: files.View) -> Path:
    """The path at which people find `what` of a task, always the same for one task; it exists on return.

    It shows the recorded `attempt`, or something empty if there is none or it left nothing of the kind.
    """
    folder = files.task_folder(cache, name, number)
    if folder.is_symlink() or folder.parent.is_symlink():
        raise CacheError(f"{folder} lies behind a link that taskproc did not make: remove the link")
    try:
        target = Path(attempt, what) if attempt and os.path.lexists(folder / attempt / what) else _empty(folder, what)
        _put_link(folder, what, target)
    except OSError as error:
        raise CacheError(f"{folder / what} can't be made: {error}") from error
    return folder / what


def _empty(folder: Path, what: str) -> Path:
    """Something empty to show, relative to the task's folder."""
    target = folder / files.EMPTY / what
    target.parent.mkdir(parents=True, exist_ok=True)
    if what == files.DATA:
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    return target.relative_to(folder)


def _put_link(folder: Path, what: str, target: Path) -> None:
    path = folder / what
    with suppress(FileExistsError):
        path.symlink_to(target)
        return
    if path.is_symlink() and os.readlink(path) == str(target):
        return
    if path.exists() and not path.is_symlink():
        raise FileExistsError(f"something else is there, move it elsewhere: {path}")
    link = folder / f"{files.LINK}{os.urandom(8).hex()}"
    link.symlink_to(target)
    link.replace(path)


def shown_attempt(row: Row, what: str) -> str:
    """The attempt to show: the newest one for what it printed, else the last good one; empty if there is none."""
    if row.failure is not None and what != files.DATA:
        return row.failure.attempt
    return row.good.output.attempt if row.good is not None else ""


def kept_output(node: Node, row: Row) -> Iterator[tuple[str, str]]:
    """What a task printed when its recorded result was made, in pieces, each with its stream."""
    attempt = row.good.output.attempt if row.good is not None else ""
    if attempt:
        folder = files.attempt_folder(node.cache, node.name, row.task_id, attempt)
        for stream, name in (("stdout", files.STDOUT), ("stderr", files.STDERR)):
            with (
                suppress(FileNotFoundError),
                # As it was printed: a progress bar's `\r` is no end of a line.
                (folder / name).open(encoding="utf-8", errors="replace", newline="") as file,
            ):
                while text := file.read(_PIECE):
                    yield stream, text


def clear(cache: Cache, wanted: Mapping[str, Collection[Key] | None]) -> None:
    """Clear tasks by `task_name` and key; None for all of a name. A cache that is not there is clear already."""
    if cache.path.exists():
        with open_store(cache) as store:
            store.clear_names([name for name, keys in wanted.items() if keys is None])
            store.clear({name: keys for name, keys in wanted.items() if keys is not None})
