"""The digest of a file's bytes: the one that `canonical.digest` gives, but read in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xxhash import xxh3_128

if TYPE_CHECKING:
    from io import FileIO

_PIECE = 1 << 18


def digest_at(path: str) -> bytes:
    """The digest of the file at a path."""
    with open(path, "rb", buffering=0) as file:
        return digest_of(file)


def digest_if_there(path: str) -> bytes:
    """The digest of the file at a path; empty where there is none, or it can't be read."""
    try:
        return digest_at(path)
    except OSError:
        return b""


def digest_of(file: FileIO) -> bytes:
    """The digest of what an open file holds from where it stands."""
    content, buffer = xxh3_128(), memoryview(bytearray(_PIECE))
    while size := file.readinto(buffer):
        content.update(buffer[:size])
    return content.digest()
