"""Which folder may be a cache, and what makes it one."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from taskproc import tag
from taskproc.database import FILE, JOURNAL
from taskproc.errors import CacheError
from taskproc.filesystem import mount_of
from taskproc.locks import RUNS, out_of_reach
from taskproc.trouble import explain

if TYPE_CHECKING:
    from pathlib import Path

    from taskproc.cache import Cache

_FINDERS = ".DS_Store"  # macOS puts it into each folder that is looked at
_PARTS = {FILE: "file", JOURNAL: "file", RUNS: "folder"}
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}
_CONTENTS = {tag.NAME: tag.TEXT, ".gitignore": "*\n"}


def admit(cache: Cache) -> None:
    """Refuse a folder in which others could plant results, since results are pickles: they run code when read."""
    folder = cache.path
    for name, kind in _PARTS.items():
        _refuse_other_kind(folder, name, kind)
    for path in (folder, folder / FILE):
        try:
            status = os.stat(path)
        except FileNotFoundError:
            break
        except OSError as error:
            raise explain(folder, error) from error
        if path == folder and not stat.S_ISDIR(status.st_mode):
            raise CacheError(f"the cache {folder} is not a folder: give another one with --cache")
        if cache.trust:
            continue
        if status.st_mode & stat.S_IWOTH:
            raise CacheError(
                f"the cache {folder} is refused, since everybody can write {path}: `chmod o-w {path}`,"
                " or --trust-cache (Cache(..., trust=True)) if you trust everybody here"
            )
        if status.st_uid != os.geteuid():
            raise CacheError(
                f"the cache {folder} is refused, since {path} belongs to another user:"
                " give another one with --cache, or --trust-cache (Cache(..., trust=True)) if you trust that user"
            )
    refuse_out_of_reach(folder)


def _refuse_other_kind(folder: Path, name: str, kind: str) -> None:
    """Refuse a cache with something else in the place of its own file or folder: opening it might not even end."""
    try:
        mode = os.lstat(folder / name).st_mode
    except OSError:  # it is not there, or whatever opens it says why it can't
        return
    if stat.S_ISLNK(mode):
        raise CacheError(f"the cache {folder} is refused, since {name} in it is a link: put the thing itself there")
    if _KINDS.get(stat.S_IFMT(mode)) != kind:
        raise CacheError(f"the cache {folder} is refused, since {name} in it is not a {kind}: remove {folder / name}")


def refuse_out_of_reach(cache: Path) -> None:
    """Refuse a cache that a run on another host may be using, where the file system would not keep the two apart."""
    try:
        lock = out_of_reach(cache)
    except OSError as error:
        raise explain(cache, error) from error
    if lock is None:
        return
    host = "another host"
    with suppress(OSError, IndexError):
        host = lock.read_text("utf-8", "replace").split()[1]
    raise CacheError(
        f"the cache {cache} is in use by a run on {host}, and file systems like this one ({mount_of(cache).kind}) do"
        f" not keep two hosts apart: wait for its end, or, if it was killed, remove {lock}"
    )


def furnish(cache: Path) -> None:
    """Make the folder, and mark it as a cache, unless it already holds something."""
    try:
        if not cache.is_dir():
            cache.mkdir(mode=0o775, parents=True, exist_ok=True)
        if set(os.listdir(cache)) <= {tag.NAME, _FINDERS}:
            for name, text in _CONTENTS.items():
                with suppress(FileExistsError), open(cache / name, "x", encoding="utf-8") as file:
                    file.write(text)
    except OSError as error:
        raise explain(cache, error) from error
