"""One gzip file, streamed both ways without a second copy of its content in memory.

A file is a chain of gzip members of `SEGMENT` bytes each. A sample of a member decides whether it is stored, compressed
fast (isal) or thoroughly (zlib-ng): for arrays the fast one is as small as the thorough one, for text it is not, and
for noise both are waste. The level, 0-9, only bounds the effort: what shrinks as well with less gets less. Any gzip
program reads the file.
"""

from __future__ import annotations

import io
import os
from importlib import import_module
from struct import pack
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from xxhash import xxh3_128

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEGMENT = 1 << 24
SAMPLE = 1 << 18
PIECE = 1 << 18

_MEMBER = 31  # `wbits` of zlib for a gzip member
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_BLOCK = 0xFFFF
_NOISE = 0.96  # of its size is what the fast one makes of data that nothing shrinks,
_DENSE = 0.85  # or of data that the other one shrinks no better
_AS_GOOD = 1.04
_MIDDLE = 6  # a level of zlib-ng that takes a third of what the highest one does


class _Member(Protocol):
    """What makes a gzip member of the data it is fed."""

    def compress(self, data: memoryview, /) -> bytes: ...
    def flush(self) -> bytes: ...


class GzipWriter:
    """Writes a new gzip file; `size` is what it holds so far, in bytes, and `digest()` the hash of that."""

    def __init__(self, path: Path, level: int) -> None:
        self._file = path.open("xb")
        self._level = level
        self._hash = xxh3_128()
        self._gathered = bytearray()
        self._member: _Member | _Stored | None = None
        self._room = 0
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add data; what is small is gathered first."""
        view = memoryview(data).cast("B")
        if len(self._gathered) + len(view) <= PIECE:
            self._gathered += view
            return
        if self._gathered:
            # The head of the new data joins what waits, so that the sample of a member is never too small to tell.
            self._gathered += view[:SAMPLE]
            view = view[SAMPLE:]
            self._flush()
        self._add(view)

    def close(self) -> None:
        """Write what is left and close the file."""
        with self._file:
            self._flush()
            self._end_member()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def digest(self) -> bytes:
        """The hash of the file's bytes."""
        return self._hash.digest()

    def _flush(self) -> None:
        gathered, self._gathered = self._gathered, bytearray()
        self._add(memoryview(gathered))

    def _add(self, view: memoryview) -> None:
        while view:
            if self._member is None:
                self._begin_member(view[:SAMPLE])
            part, view = view[: min(PIECE, self._room)], view[min(PIECE, self._room) :]
            self._room -= len(part)
            if isinstance(self._member, _Stored):
                self._put(*self._member.blocks(part))
            elif self._member is not None:
                self._put(self._member.compress(part))
            if self._room == 0:
                self._end_member()

    def _begin_member(self, sample: memoryview) -> None:
        self._member = _choose(sample, self._level)
        self._room = SEGMENT
        if isinstance(self._member, _Stored):
            self._put(_HEADER)

    def _end_member(self) -> None:
        if self._member is not None:
            self._put(self._member.flush())
            self._member = None

    def _put(self, *parts: bytes | memoryview) -> None:
        for part in parts:
            self._hash.update(part)
        size = sum(map(len, parts))
        written = os.writev(self._file.fileno(), parts)
        if written < size:  # a full disk: it tells so when asked again
            self._file.write(b"".join(parts)[written:])
            self._file.flush()
        self.size += size


def _choose(sample: memoryview, level: int) -> _Member | _Stored:
    """What is worth its time for data like the sample."""
    if level == 0:
        return _Stored()
    isal_zlib, zlib_ng = _library("isal.isal_zlib"), _library("zlib_ng.zlib_ng")
    fast = len(isal_zlib.compress(sample, 1))
    if fast > _NOISE * len(sample):
        return _Stored()
    if fast > _DENSE * len(sample) or fast <= (good := _AS_GOOD * len(zlib_ng.compress(sample, level))):
        member: _Member = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _MEMBER)
    else:
        middling = level > _MIDDLE and len(zlib_ng.compress(sample, _MIDDLE)) <= good
        member = zlib_ng.compressobj(_MIDDLE if middling else level, zlib_ng.DEFLATED, _MEMBER)
    return member


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
    """Reads a gzip file of any number of members."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._member = _new_member()

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill (a part of) the target; 0 at the end of the file."""
        view = memoryview(target).cast("B")
        while True:
            member, data = self._member, b""
            if member.eof:
                data = member.unused_data
                self._member = member = _new_member()
            if not data and member.needs_input:
                data = self._file.read(PIECE)
                if not data:
                    return 0
            made = member.decompress(data, min(len(view), PIECE))
            if made:
                view[: len(made)] = made
                return len(made)


def _new_member() -> Any:
    igzip_lib = _library("isal.igzip_lib")
    return igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)


def _library(name: str) -> Any:
    """A module that tells no types, imported when it is needed."""
    return import_module(name)
