"""What attempts leave on disk: folders, manifests, and the links that show people the recorded attempt.

    <cache>/<task_name>/<task_id>/<attempt>/result.pkl.gz     a value too big for the database
                                            data/             the task's own files
                                            stdout.txt  stderr.txt  command.txt
                                 /data  /stdout.txt  /stderr.txt    links into the recorded attempt

An attempt's folder is written once, by one attempt, and never touched by another. Nothing here follows a link, and
nothing is removed but attempts and what shows them (see `taskproc.kept`).
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from taskproc.canonical import digest
from taskproc.filedigest import digest_at
from taskproc.record import FileEntry
from taskproc.token import is_attempt

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping
    from pathlib import Path

RESULT = "result.pkl.gz"
DATA = "data"
STDOUT = "stdout.txt"
STDERR = "stderr.txt"
COMMAND = "command.txt"

STREAM_LOGS = (STDOUT, STDERR)
LOGS = (*STREAM_LOGS, COMMAND)
"""What an attempt prints: its task, and the prefix command that it ran under. Not part of the result."""

View: TypeAlias = Literal["data", "stdout.txt", "stderr.txt"]
"""What people are shown of a task."""

VIEWS: tuple[View, ...] = get_args(View)

EMPTY = ".empty"
"""In a task's folder, what is shown where its attempt left nothing of the kind."""

LINK = ".link-"
"""What the name of a link begins with until it takes the place of another."""

_FOLDER_SIZE = -1
_UNREAD = getattr(os, "O_PATH", 0)  # opens a folder that may not be read, where there is such a way
_NOT_OURS = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}  # gone already, or a link
_LOST = {*_NOT_OURS, errno.EIO}

_PLAIN = re.compile(r"\w[\w.<>+-]*")
_RESERVED = frozenset({"cache.db", "cache.db-journal", "cachedir.tag"})
_MAX_NAME = 200


def _spelled(path: str) -> str:
    """A recorded path as this process has to spell it: names on disk are UTF-8, whatever its locale is."""
    return os.fsdecode(path.encode("utf-8", "surrogateescape"))


def meant(path: str) -> str:
    """The recorded form of a path as this process spells it."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def folder_name(name: str) -> str:
    """The folder of the task class `name`: the name itself, unless a file system could stumble over it."""
    encoded = name.encode("utf-8", "surrogatepass")
    if _PLAIN.fullmatch(name) and len(encoded) <= _MAX_NAME and name.lower() not in _RESERVED:
        return _spelled(name)
    kept = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:100]
    return f"{kept}-{digest(encoded).hex()[:16]}"


def namesakes(names: Iterable[str]) -> dict[str, list[str]]:
    """For each class those others whose folders are the same where a file system ignores case, as that of macOS."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(meant(folder_name(name)).casefold(), []).append(name)
    return {name: [other for other in group if other != name] for group in alike.values() for name in group}


def task_folder(cache: Path, name: str, task_id: int) -> Path:
    """The folder of all attempts of one task."""
    return cache / folder_name(name) / str(task_id)


def attempt_folder(cache: Path, name: str, task_id: int, attempt: str) -> Path:
    """The folder of one attempt (16 hexadecimal characters); it need not exist."""
    return task_folder(cache, name, task_id) / attempt


def is_of_attempt(path: str, result: str) -> bool:
    """Whether a path leads into an attempt of the cache in which the file `result` lies: it changes with the files."""
    cache = result.rsplit(os.sep, 4)[0] + os.sep
    parts = path.removeprefix(cache).split(os.sep)
    return path.startswith(cache) and len(parts) > 2 and is_attempt(parts[2])


def take_manifest(folder: Path, known: Mapping[str, bytes] = MappingProxyType({})) -> tuple[FileEntry, ...]:
    """Everything that an attempt left but its logs, sorted by path.

    Paths are recorded as UTF-8 has them. `known` has digests of files whose content need not be read again, by path
    relative to `folder`.
    """
    entries: list[FileEntry] = []
    pending = [""]
    while pending:
        inside = pending.pop()
        with os.scandir(folder / inside) as scan:
            for item in scan:
                path = inside + item.name
                if path in LOGS:
                    continue
                entries.append(_entry(item, meant(path), known.get(path)))
                if item.is_dir(follow_symlinks=False):
                    pending.append(path + "/")
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _entry(item: os.DirEntry[str], path: str, known: bytes | None) -> FileEntry:
    status = item.stat(follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        return FileEntry(path, _FOLDER_SIZE, 0, b"")
    content = known or _digest(item.path, status.st_mode)
    if path != RESULT and stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IXUSR:
        content = digest(b"executable", content)  # only where it is: there are file systems on which all files are
    return FileEntry(path, status.st_size, status.st_mtime_ns, content)


def _digest(path: str, mode: int) -> bytes:
    """Digest of a file's content, or of a link's target; pipes and devices are not opened."""
    if stat.S_ISREG(mode):
        return digest_at(path)
    return digest(os.fsencode(os.readlink(path)) if stat.S_ISLNK(mode) else b"")


def check_manifest(folder: Path, entries: Collection[FileEntry]) -> str | None:
    """What differs from the manifest by type, size or mtime, as `data/model.bin is missing`; None if nothing does."""
    for entry in entries:
        try:
            status = os.lstat(folder / _spelled(entry.path))
        except OSError as error:
            what = "is missing" if error.errno in _NOT_OURS else "can't be read"
            return f"{entry.path} {what}"
        if stat.S_ISDIR(status.st_mode) != (entry.size == _FOLDER_SIZE):
            return f"{entry.path} was replaced"
        if entry.size != _FOLDER_SIZE and (status.st_size, status.st_mtime_ns) != (entry.size, entry.mtime):
            return f"{entry.path} was changed"
    return None


def restored_manifest(folder: Path, entries: Collection[FileEntry]) -> tuple[FileEntry, ...] | None:
    """The manifest of an attempt as it is now, if its files have the recorded contents; None if one has not.

    Raises:
        OSError: That can't be told, as without the right to read them.
    """
    try:
        found = {entry.path: entry for entry in take_manifest(folder)}
    except OSError as error:
        if error.errno in _LOST:
            return None
        raise
    present = tuple(found[entry.path] for entry in entries if entry.path in found)
    recorded = [(*entry[:2], entry.digest) for entry in entries]
    return present if [(*entry[:2], entry.digest) for entry in present] == recorded else None


def task_bytes(cache: Path, name: str, task_id: int) -> int:
    """Bytes that the attempts of a task take."""
    total = 0
    top = str(task_folder(cache, name, task_id))
    for folder, inside, names in os.walk(top):
        if folder == top:
            inside[:], names[:] = filter(is_attempt, inside), []
        for item in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, item)).st_size
    return total


def remove_attempts(cache: Path, name: str, task_id: int, keep: Collection[str] = ()) -> bool:
    """Remove a task's attempts but those named in `keep`, and the links into what is gone; False if some can't be now.

    What taskproc did not make stays, and so do the folders around it.
    """
    try:
        with _opened(cache, folder_name(name), str(task_id)) as folder:
            items = [item for item in os.listdir(folder) if is_attempt(item)]
            is_done = not [item for item in items if item not in keep and not _remove_folder(item, folder)]
            if not any(is_attempt(item) for item in os.listdir(folder)):
                _remove_folder(EMPTY, folder)
            for item in os.listdir(folder):
                if item.startswith(LINK) or (item in VIEWS and not os.access(item, os.F_OK, dir_fd=folder)):
                    _remove_link(item, folder)
    except OSError as error:
        is_done = error.errno in _NOT_OURS
    with suppress(OSError):  # not empty, or somebody else's
        task_folder(cache, name, task_id).rmdir()
        (cache / folder_name(name)).rmdir()
    return is_done


def remove_attempt(folder: Path) -> None:
    """Remove the folder of one attempt, as far as that can be done now."""
    with suppress(OSError), _opened(folder.parent) as parent:
        _remove_folder(folder.name, parent)


@contextmanager
def _opened(cache: Path, *parts: str) -> Generator[int]:
    """A descriptor of the folder `parts` below the cache, reached without following a link."""
    folder = os.open(cache, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _remove_folder(item: str, parent: int) -> bool:
    """Remove a folder; False if that can't be done now."""
    import shutil

    try:
        os.close(os.open(item, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent))
    except OSError as error:
        return error.errno in _NOT_OURS
    shutil.rmtree(item, ignore_errors=True, dir_fd=parent)
    if os.access(item, os.F_OK, dir_fd=parent):
        _make_removable(item, parent)
        shutil.rmtree(item, ignore_errors=True, dir_fd=parent)
    return not os.access(item, os.F_OK, dir_fd=parent)


def _make_removable(item: str, parent: int) -> None:
    """Permit the owner to write to the folders in a folder: a task may have left them read-only."""
    _permit(item, parent)
    with suppress(OSError):  # it is somebody else's
        for _, inside, _, folder in os.fwalk(item, dir_fd=parent):
            for name in inside:
                _permit(name, folder)


def _permit(name: str, parent: int) -> None:
    """Permit the owner of a folder all, if that can be done; a link, though one that came just now, is not followed."""
    with suppress(OSError):
        folder = os.open(name, _UNREAD | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{folder}" if _UNREAD else folder, stat.S_IRWXU)
        finally:
            os.close(folder)


def _remove_link(item: str, parent: int) -> None:
    if stat.S_ISLNK(os.lstat(item, dir_fd=parent).st_mode):
        os.unlink(item, dir_fd=parent)
