"""Paths whose contents count: a file or folder that a task is given."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from taskproc.canonical import digest
from taskproc.errors import ArgumentError
from taskproc.filedigest import digest_at
from taskproc.tag import is_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

State: TypeAlias = tuple[int, int, int, int]
"""Of a file: size, mtime and ctime in nanoseconds, inode. It only tells whether the file must be read again."""

Listing: TypeAlias = dict[str, tuple[int, int, int, int, bytes]]
"""The files of a folder by relative path (of a file, itself as `.`): state, digest.

What is not there, as a path derived from an input file need not be, has a size of -1; so has what is no file.
"""

_MISSING = -1, 0, 0, 0
_NEVER = -2, 0, 0, 0  # a state that no file has
_GRAIN, _COARSE = 100_000_000, 2_000_000_000  # nanoseconds; within these, two contents may have one time


class InputFile(PosixPath):
    """A path, for parameters of tasks, that stands for what is in the file or folder.

    A task is identified by the path, and runs again when the contents have changed: of a folder, the names and contents
    of all files in it, but for caches of taskproc. What is there and is no file, as a pipe, counts by its name.

    Raises:
        ArgumentError: there is no such file or folder.

    Example:
        >>> class Count(Task):
        ...     def __init__(self, text: InputFile):
        ...         self.text = text
        ...     def run_task(self) -> int:
        ...         return len(self.text.read_text().split())
    """

    def __new__(cls, *parts: str | os.PathLike[str]) -> Self:
        """The path that the parts make."""
        path = Path(*parts)
        if not path.exists():
            message = f"there is no file or folder {str(path)!r}{'' if path.is_absolute() else f' in {Path.cwd()}'}"
            raise ArgumentError(message)
        return cast("Self", _restore(cls, str(path)))

    def with_segments(self, *parts: str | os.PathLike[str]) -> Path:  # type: ignore[override, unused-ignore]
        """A path made from this one: it need not be there, and is a plain one."""
        return Path(*parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), str(self))

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __taskproc_canonical__(self) -> object:
        return ("input file", str(self))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """A parameter annotated so takes a path, and makes it one of these (called by pydantic)."""
        from pydantic_core import core_schema

        text = core_schema.union_schema([core_schema.str_schema(), core_schema.is_instance_schema(os.PathLike)])
        return core_schema.no_info_after_validator_function(cls, text)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        """In JSON it is a string (called by pydantic)."""
        return {"type": "string", "format": "path"}


def _restore(cls: type[InputFile], text: str) -> InputFile:
    """The path, there or not."""
    path: Any = PosixPath.__new__(cls, text)
    init: Any = PosixPath.__init__
    init(path, text)  # from Python 3.12 on, this is what takes the text
    return cast("InputFile", path)


def input_files(objects: Iterable[object]) -> tuple[InputFile, ...]:
    """The input files among some objects, each once, in the order of their names: a set gives them by chance."""
    found = [one for one in objects if isinstance(one, InputFile)]
    return tuple(sorted(set(found), key=str)) if found else ()


class Contents:
    """Digests of input files, each read once per run, and only where its state is not what it was.

    Args:
        recall: Gives what was found at an absolute path when that was last read, if it was.

    Attributes:
        read: What was found in this run, by absolute path.
        is_news: Whether some of that could not be recalled.
    """

    def __init__(self, recall: Callable[[str], Listing | None]) -> None:
        self._recall = recall
        self._digests: dict[str, bytes] = {}
        self._before: dict[str, bytes] = {}
        self._looked: dict[str, int] = {}
        self.read: dict[str, Listing] = {}
        self.is_news = False

    def digest(self, path: Path) -> bytes:
        """The digest of a file, or of the files of a folder and their names; a random one for what can't be read."""
        place = os.path.abspath(path)
        try:
            if place not in self.read:
                before = self._recall(place) or {}
                self._looked[place] = time.time_ns()
                self.read[place] = _list(place, before)
                self.is_news |= self.read[place] != before
        except OSError:
            return os.urandom(16)
        if place not in self._digests:
            self._digests[place] = _digest_of(self.read[place])
        return self._digests[place]

    def digest_before(self, path: Path) -> bytes:
        """The digest of what was found when that was last read, in an earlier run."""
        place = os.path.abspath(path)
        if place not in self._before:
            self._before[place] = _digest_of(self._recall(place) or {})
        return self._before[place]

    def is_unchanged(self, path: Path) -> bool:
        """Whether what was found is still there, by size, mtime and content: to link to a file changes its ctime."""
        place = os.path.abspath(path)
        found = self.read.get(place)
        try:
            return found is not None and [*map(_seen, _list(place, found).items())] == [*map(_seen, found.items())]
        except OSError:
            return False

    def lasting(self) -> dict[str, Listing]:
        """What was found, to be recalled.

        A file that was so new that another content may get its times is to be read again, whatever its state.
        """
        return {place: _lasting(listing, self._looked[place]) for place, listing in self.read.items()}


def _digest_of(listing: Listing) -> bytes:
    lines = [digest(os.fsencode(name), entry[-1]) for name, entry in listing.items()]
    return digest(b"files", *lines)


def _seen(item: tuple[str, tuple[int, int, int, int, bytes]]) -> tuple[object, ...]:
    name, (size, mtime, _, _, content) = item
    return name, size, mtime, content


def _list(place: str, known: Listing) -> Listing:
    found: Listing = {}
    for name, state in states(place):
        before = known.get(name)
        if before is not None and before[:-1] == state:
            found[name] = before
        else:
            content = b"" if state == _MISSING else digest_at(place if name == "." else os.path.join(place, name))
            found[name] = (*state, content)
    return found


def states(place: str) -> Iterator[tuple[str, State]]:
    """The state of a file, or of all files in a folder, in the order of their names.

    What is in a folder and has no contents of its own, as pipes and links to nothing, counts by its name.

    Raises:
        OSError: it is a pipe or a device, whose contents nobody can tell before they are read.
    """
    if os.path.isdir(place):
        yield from ((name, _state(os.path.join(place, name))) for name in sorted(_names(place)))
    elif os.path.exists(place) and not os.path.isfile(place):
        message = f"{place} is no file"
        raise OSError(message)
    else:
        yield ".", _state(place)


def _state(path: str) -> State:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode):  # to open a pipe is to wait for a writer
            return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    return _MISSING


def _names(folder: str, inside: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """The files in a folder, also behind links; not, again and again, behind those to a folder `above`.

    Nor those of our caches, which change with each run.
    """
    here = os.path.realpath(os.path.join(folder, inside))
    if here in above:
        return
    with contextlib.suppress(PermissionError), os.scandir(here) as entries:
        for entry in entries:
            name = os.path.join(inside, entry.name)
            if entry.is_dir():
                if not is_cache(os.path.join(here, entry.name)):
                    yield from _names(folder, name, (*above, here))
            else:
                yield name


def _lasting(listing: Listing, now: int) -> Listing:
    return {
        name: entry if all(_is_settled(at, now) for at in entry[1:3]) else (*_NEVER, entry[-1])
        for name, entry in listing.items()
    }


def _is_settled(at: int, now: int) -> bool:
    return now - at > (_COARSE if at % 1_000_000_000 == 0 else _GRAIN)
