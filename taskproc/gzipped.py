"""One gzip file, streamed both ways without a second copy of its content in memory.

A file is a chain of gzip members of `MEMBER` bytes each, and an empty one whose comment tells where the others end: so
two can be decompressed side by side. A sample decides whether the next few are stored, compressed fast (isal) or
thoroughly (zlib-ng): for arrays the fast one is as small as the thorough one, for text it is not, and for noise both
are waste. The level, 0-9, only bounds the effort: what shrinks as well with less gets less. Any gzip program reads the
file.
"""

from __future__ import annotations

import io
import os
from contextlib import closing, suppress
from functools import partial
from importlib import import_module
from itertools import pairwise
from queue import SimpleQueue
from struct import pack
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from xxhash import xxh3_128

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

PIECE = 1 << 18
MEMBER = 8 * PIECE

_LITTLE = 1 << 13
_SAMPLED = 8  # one member of as many
_GZIP = 31  # `wbits` of zlib for a gzip member
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_COMMENTED = b"\x1f\x8b\x08\x10\0\0\0\0\0\xff"
_NOTHING = b"\0\x03\0" + bytes(8)  # the end of the comment, and of a member that holds nothing
_DIGITS = 12  # of an offset, or the count of them, in the comment
_BLOCK = 0xFFFF
_NOISE = 0.96  # of their size is what the fast one leaves of data that nothing shrinks
_DENSE = 0.85  # the same of data that the thorough one shrinks no better
_AS_GOOD = 1.03
_FED = 45  # bytes that each piece the fast one is fed costs, but for the first
_MIDDLE = 6  # a level of zlib-ng that takes a third of what the highest one does


class _Compressor(Protocol):
    """What makes a gzip member of the data it is fed."""

    def compress(self, data: memoryview, /) -> bytes: ...
    def flush(self) -> bytes: ...


class GzipWriter:
    """Writes a new gzip file; `size` is what it holds so far, in bytes, and `digest()` the hash of that."""

    def __init__(self, path: Path, level: int) -> None:
        self._file = path.open("xb", buffering=0)
        self._level = level
        self._hash = xxh3_128()
        self._gathered = bytearray()
        self._new_member: Callable[[], _Compressor | _Stored] = _Stored
        self._member: _Compressor | _Stored | None = None
        self._room = 0
        self._ends: list[int] = []
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add data; what is less than a piece is gathered first."""
        view = memoryview(data).cast("B")
        while view:
            room = PIECE - len(self._gathered)
            part, view = view[:room], view[room:]
            if len(part) == PIECE:
                self._add(part)
            else:
                self._gathered += part
                if len(part) == room:
                    self._flush()

    def close(self) -> None:
        """Write what is left and close the file."""
        with self._file:
            if self._gathered:
                self._flush()
            self._end_member()
            self._put(_COMMENTED, _comment(self._ends), _NOTHING)

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def digest(self) -> bytes:
        """The hash of the file's bytes."""
        return self._hash.digest()

    def _flush(self) -> None:
        gathered, self._gathered = self._gathered, bytearray()
        self._add(memoryview(gathered))

    def _add(self, piece: memoryview) -> None:
        member = self._member or self._begin_member(piece)
        self._put(*(member.blocks(piece) if isinstance(member, _Stored) else (member.compress(piece),)))
        self._room -= len(piece)
        if self._room == 0:
            self._end_member()

    def _begin_member(self, sample: memoryview) -> _Compressor | _Stored:
        if self._new_member is _Stored or len(self._ends) % _SAMPLED == 0:
            self._new_member = _choose(sample, self._level)
        self._member = member = self._new_member()
        self._room = MEMBER
        if isinstance(member, _Stored):
            self._put(_HEADER)
        return member

    def _end_member(self) -> None:
        if self._member is not None:
            self._put(self._member.flush())
            self._member = None
            self._ends.append(self.size)

    def _put(self, *parts: bytes | memoryview) -> None:
        for part in parts:
            self._hash.update(part)
        size = sum(map(len, parts))
        written = os.writev(self._file.fileno(), parts)
        while written < size:  # a full disk: it tells so when asked again
            written += os.write(self._file.fileno(), b"".join(parts)[written:])
        self.size += size


def _choose(sample: memoryview, level: int) -> Callable[[], _Compressor | _Stored]:
    """What is worth its time for data like the sample."""
    if level == 0:
        return _Stored
    isal_zlib, zlib_ng = _library("isal.isal_zlib"), _library("zlib_ng.zlib_ng")
    if _LITTLE < len(sample) < PIECE:  # all that there is: trying it whole takes longer than writing it
        sample = sample[len(sample) // 4 :][: max(_LITTLE, len(sample) // 4)]
    fast = len(isal_zlib.compress(sample, 1))
    if fast > _NOISE * len(sample):
        return _Stored
    if fast > _DENSE * len(sample) or fast + _FED <= (good := _AS_GOOD * len(zlib_ng.compress(sample, level))):
        return partial(isal_zlib.compressobj, 1, isal_zlib.DEFLATED, _GZIP)
    middling = level > _MIDDLE and len(zlib_ng.compress(sample, _MIDDLE)) <= good
    return partial(zlib_ng.compressobj, _MIDDLE if middling else level, zlib_ng.DEFLATED, _GZIP)


class _Stored:
    """A gzip member that holds its data as it is; the blocks are the caller's memory, not copies."""

    def __init__(self) -> None:
        self._crc32 = _library("isal.isal_zlib").crc32
        self._crc = 0
        self._size = 0

    def blocks(self, data: memoryview) -> Iterator[bytes | memoryview]:
        self._crc = self._crc32(data, self._crc)
        self._size += len(data)
        for start in range(0, len(data), _BLOCK):
            block = data[start : start + _BLOCK]
            yield pack("<BHH", 0, len(block), len(block) ^ 0xFFFF)
            yield block

    def flush(self) -> bytes:
        return pack("<BHHII", 1, 0, 0xFFFF, self._crc, self._size & 0xFFFFFFFF)


class GzipReader(io.RawIOBase):
    """Reads what a `GzipWriter` wrote; a second thread decompresses every other member."""

    def __init__(self, file: BinaryIO) -> None:
        self._pieces = _pieces(file.fileno())
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill (a part of) the target; 0 at the end of the file."""
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        view = memoryview(target).cast("B")
        part, self._piece = self._piece[: len(view)], self._piece[len(view) :]
        view[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Let the thread end."""
        self._pieces.close()
        super().close()


def _pieces(file: int) -> Generator[bytes | memoryview]:
    """What a file holds, in pieces that are not empty."""
    members = pairwise((0, *_ends(file)))
    with closing(_Helper(file)) as helper:
        for member in members:
            after = next(members, None) if member[1] - member[0] < MEMBER else None  # what is stored is no work
            if after:
                helper.ask(after)
            yield from _inflated(file, *member)
            if after:
                yield from helper.answer(after)


class _Helper:
    """A thread that inflates one member while the reader inflates another; without it the reader inflates both.

    There is none while the interpreter ends, in a process that was forked meanwhile, and before it is first asked.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._thread: Thread | None = None
        self._asked: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
        self._answers: SimpleQueue[memoryview | None] = SimpleQueue()

    def ask(self, member: tuple[int, int]) -> None:
        """Have the member between two offsets inflated."""
        if self._thread is None:
            self._thread = Thread(target=self._work, daemon=True)
            with suppress(RuntimeError):
                self._thread.start()
        self._asked.put(member)

    def answer(self, member: tuple[int, int]) -> Iterable[bytes | memoryview]:
        """What the member holds that was asked for, until the next one is."""
        answer = self._answers.get() if self._thread is not None and self._thread.is_alive() else None
        return _inflated(self._file, *member) if answer is None else (answer,)

    def close(self) -> None:
        """Let the thread end. Nobody waits for that: an interrupt would be lost where a finalizer closes this."""
        self._asked.put(None)

    def _work(self) -> None:
        content: memoryview | None = None
        while member := self._asked.get():
            answer = None
            with suppress(Exception):  # what goes wrong shows again where it is read
                content = content or memoryview(bytearray(MEMBER))  # kept: new memory costs as much as the rest
                size = 0
                for piece in _inflated(self._file, *member):
                    content[size : size + len(piece)] = piece
                    size += len(piece)
                answer = content[:size]
            self._answers.put(answer)


def _inflated(file: int, start: int, end: int) -> Iterator[bytes]:
    """What is in the member between two offsets."""
    igzip_lib = _library("isal.igzip_lib")
    member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    for at in range(start, end, PIECE):
        data = os.pread(file, min(PIECE, end - at), at)
        while data or not (member.needs_input or member.eof):
            if made := member.decompress(data, PIECE):
                yield made
            data = b""


def _comment(ends: list[int]) -> bytes:
    """The offsets where members end, and how many these are."""
    return b"".join(b"%0*x" % (_DIGITS, number) for number in (*ends, len(ends)))


def _ends(file: int) -> list[int]:
    """What the comment of a file's last member lists."""
    end = os.fstat(file).st_size - len(_NOTHING)
    count = int(os.pread(file, _DIGITS, end - _DIGITS), 16)
    digits = os.pread(file, count * _DIGITS, end - (count + 1) * _DIGITS)
    return [int(digits[at : at + _DIGITS], 16) for at in range(0, len(digits), _DIGITS)]


def _library(name: str) -> Any:
    """A module that tells no types, imported when it is needed."""
    return import_module(name)
