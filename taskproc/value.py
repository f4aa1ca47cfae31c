"""A task's result: written, read and digested.

What is small stays in memory and goes into the record; what is large is streamed to a file. Every read makes a new
object. The inline form describes itself: a pickle begins with 0x80, a zlib stream never does.
"""

from __future__ import annotations

import os
import pickle
import zlib
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from io import BufferedReader
from pathlib import Path, PurePath
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from xxhash import xxh3_128

from taskproc.batch import Stored
from taskproc.bytecode import PYTHON
from taskproc.canonical import canonical, digest, flat
from taskproc.filedigest import digest_of
from taskproc.files import is_of_attempt
from taskproc.gzipped import PIECE, GzipReader, GzipWriter
from taskproc.origin import home, is_user_code, look_up, reference
from taskproc.pickling import PROTOCOL, UnkeepableError, load_from, pickle_into, text_into, unpickled
from taskproc.record import NO_DIGEST, FileEntry
from taskproc.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

INLINE = 4096
"""The most bytes that stay in the record."""

_UNCOMPRESSED = 512
_WORTH_SHRINKING = 1 << 16
_LOOKED_AT = 1 << 14  # bytes above which a quick try tells whether a slow one may be small enough
_WHOLE = 1 << 18
_READ = 1 << 16
_PICKLE = b"\x80"

References = tuple[type | FunctionType, ...]
"""The user's classes and functions that a value refers to."""


class DamagedValueError(Exception):
    """A stored value is not what its record says. `key` is the task it comes from."""

    def __init__(self, key: bytes, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason


class Dumped(NamedTuple):
    """A value as kept: either `inline`, or in the file that `entry` tells of. Fields as in `taskproc.record.Output`.

    `digest` is of the value alone, and of the code it refers to. `names_folder`: it names the attempt's own folder.
    `points_out`: it has a path in it that leads out of the cache. `refs_code`: the digests of each of `refs`, joined.
    """

    digest: bytes
    inline: bytes | None
    entry: FileEntry | None
    refs: tuple[str, ...]
    refs_code: bytes
    names_folder: bool
    points_out: bool = False
    python: str = ""


def dump(value: object, path: str, level: int, code_of: Callable[[References], bytes]) -> Dumped:
    """Pickle a value, and write it to `path` (a file of the attempt's folder, made if need be) where it is large.

    Args:
        value: The value.
        path: The file for a large one, absolute; the name of its folder is left out of the digest.
        level: The most effort at compression, 0-9.
        code_of: Gives the digests of the code of the classes and functions that the value refers to, joined.

    Raises:
        UnkeepableError: It can't be pickled, unpickled or written.
    """
    name = path.rsplit(os.sep, 2)[-2]
    token = name.encode()
    long_text = value if type(value) is str and len(value) > _WHOLE and name not in value else None
    encoded = flat(value) if long_text is None else None
    if encoded is not None and encoded[:1] != b"#":  # little, and refers to nothing
        data = pickle.dumps(value, PROTOCOL)
        if token not in data:
            return Dumped(digest(encoded), data, None, (), NO_DIGEST, names_folder=False)
    new_sink = partial(_Sink, path, level, token)
    sink = pickle_into(value, new_sink) if long_text is None else text_into(long_text, new_sink)
    try:
        kept, refs = _keep_held(value, sink, level) if sink.file is None else _keep_streamed(sink, sink.file)
    except BaseException:
        sink.abandon()
        raise
    kept = kept._replace(points_out=sink.points_out, python=PYTHON if CodeType in sink.met else "")
    if not refs:
        return kept
    # What no name leads to, as what is local to a function, changes with what the task that made it reaches.
    named = {name: ref for ref in refs if _is_found(name := reference(ref), ref)}
    code = code_of(tuple(named.values())) if named else NO_DIGEST
    whole = digest(kept.digest, code if len(named) == len(refs) else code_of(refs))
    return kept._replace(digest=whole, refs=tuple(sorted(named)), refs_code=code)


def _keep_held(value: object, sink: _Sink, level: int) -> tuple[Dumped, References]:
    """Keep a pickle that its sink holds whole, inline or in a file; with it comes what the value refers to."""
    data = b"".join(sink.held)
    names_folder = sink.token in data
    if sink.met:
        _check(partial(unpickled, data))
    identity, refs = _identify(value, data, sink, names_folder=names_folder)
    inline = _inline(data, level)
    entry = sink.spill().finish() if inline is None else None
    return Dumped(identity, inline, entry, (), NO_DIGEST, names_folder), refs


def _keep_streamed(sink: _Sink, file: _File) -> tuple[Dumped, References]:
    """Keep a pickle that was streamed to a file; with it comes what the value refers to."""
    entry = file.finish()
    identity, refs = digest(b"pickle", file.digest()), _user_references(sink.met)
    if refs:
        _check(partial(load, Stored(str(file.path), entry.digest, b"")))
    return Dumped(identity, None, entry, (), NO_DIGEST, file.named), refs


def load(source: bytes | Stored) -> Any:
    """Make the value anew from its inline form, or from its file, which is verified before anything of it is used.

    Raises:
        DamagedValueError: The file is gone, or not what was written.
    """
    if isinstance(source, bytes):
        return unpickled(source if source[:1] == _PICKLE else zlib.decompress(source))
    try:
        with open(source.path, "rb", buffering=0) as file:
            if digest_of(file) != source.digest:
                raise DamagedValueError(source.key, f"{source.path} is not what was written")
            with GzipReader(file) as content:
                buffered = BufferedReader(cast("Any", content), _READ)
                try:
                    return load_from(buffered)
                finally:
                    buffered.detach()  # else its finalizer closes the reader, where an interrupt is lost
    except OSError as error:
        if error.filename != source.path:
            raise
        raise DamagedValueError(source.key, f"{source.path} can't be read: {error.strerror}") from None


class _Sink(Sink):
    """Holds a pickle whole up to `_WHOLE` bytes, and streams it to a file from then on."""

    __slots__ = ("_level", "_path", "_room", "file", "held", "points_out", "token")

    def __init__(self, path: str, level: int, token: bytes) -> None:
        super().__init__()
        self._path = path
        self._level = level
        self._room = _WHOLE
        self.held: list[bytes] = []
        self.file: _File | None = None
        self.points_out = False
        self.token = token

    def meet(self, thing: object) -> None:
        super().meet(thing)
        if isinstance(thing, PurePath) and not self.points_out:
            self.points_out = not is_of_attempt(os.fspath(thing), self._path)
            self.known.discard(type(thing))  # the next one may lead elsewhere

    def take(self, view: memoryview) -> None:
        self._room -= len(view)
        if self._room >= 0:
            self.held.append(bytes(view))
        else:
            (self.file or self.spill()).write(view)

    def spill(self) -> _File:
        """Go on in a file, with what was held."""
        self.file = file = _File(self._path, self._level, self.token)
        for data in self.held:
            file.write(memoryview(data))
        return file

    def abandon(self) -> None:
        if self.file is not None:
            self.file.abandon()


class _File:
    """A value's file while it is written; `named` tells whether the token occurred, which is left out of `digest()`."""

    def __init__(self, path: str, level: int, token: bytes) -> None:
        self.path = Path(path)
        self.named = False
        self._part = self.path.with_name(f"{self.path.name}.{os.urandom(4).hex()}")
        self._token = token
        self._hash = xxh3_128()
        with _writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = GzipWriter(self._part, level)

    def write(self, view: memoryview) -> None:
        done = 0
        for found in _find(self._token, view):
            self.named = True
            self._hash.update(view[done:found])
            done = found + len(self._token)
        self._hash.update(view[done:])
        with _writing():
            self._writer.write(view)

    def digest(self) -> bytes:
        """The hash of the pickle."""
        return self._hash.digest()

    def finish(self) -> FileEntry:
        """Publish the file."""
        with _writing():
            self._writer.close()
            self._part.replace(self.path)
            status = self.path.stat()
        return FileEntry(self.path.name, status.st_size, status.st_mtime_ns, self._writer.digest())

    def abandon(self) -> None:
        """Leave no file."""
        self._writer.abandon()
        for path in (self._part, self.path):
            path.unlink(missing_ok=True)


def _find(token: bytes, view: memoryview) -> Iterator[int]:
    """Where a token stands. It is looked for in pieces, which overlap so that none is missed."""
    for start in range(0, len(view), PIECE):
        piece = bytes(view[start : start + PIECE + len(token) - 1])
        found = piece.find(token)
        while found >= 0:
            yield start + found
            found = piece.find(token, found + len(token))


def _identify(value: object, data: bytes, sink: _Sink, *, names_folder: bool) -> tuple[bytes, References]:
    """The digest of a small value and what it refers to; the attempt's name is blanked."""
    blanked = data.replace(sink.token, bytes(len(sink.token))) if names_folder else data
    holds_task = any(hasattr(kind, "_task_carried") for kind in sink.met)  # of which an encoding has the key alone
    with suppress(Exception):  # not every value can be encoded: its pickle then stands for it
        if not holds_task:
            encoded = canonical(unpickled(blanked) if names_folder else value, travels=True)
            return digest(encoded.data), encoded.refs
    return digest(b"pickle", blanked), _user_references(sink.met)


def _is_found(name: str, ref: type | FunctionType) -> bool:
    """Whether a reference leads to something; of what a script defines, a worker may not have the name."""
    module, qualname = home(ref), name.partition(":")[2]
    is_local = "<" in qualname
    return not is_local and (module == "__main__" or isinstance(look_up(module, qualname), (type, FunctionType)))


def _user_references(met: set[Any]) -> References:
    return tuple(sorted((thing for thing in met if is_user_code(thing)), key=reference))


def _inline(data: bytes, level: int) -> bytes | None:
    """The form in which a pickle stays in the record; None if it is too large for that."""
    if len(data) < _UNCOMPRESSED or (level == 0 and len(data) <= INLINE):
        return data
    if level == 0 or len(data) > _WORTH_SHRINKING:
        return None
    zlib_ng: Any = import_module("zlib_ng.zlib_ng")
    if len(data) > _LOOKED_AT and len(zlib_ng.compress(data, 1)) > 2 * INLINE:
        return None
    form: bytes = min(data, zlib_ng.compress(data, level), key=len)
    return form if len(form) <= INLINE else None


def _check(reading: Callable[[], object]) -> None:
    try:
        reading()
    except Exception as error:
        raise UnkeepableError(
            f"its result can be pickled but not unpickled ({type(error).__name__}: {error})"
        ) from error


@contextmanager
def _writing() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise UnkeepableError(f"its result can't be written: {error.strerror or error}") from error
