"""Versions of code in the database, kept so that a change can be shown.

    code:<digest>    the parts of the code that has this digest, each with the digest of its text
    text:<digest>    the text of a part, compressed

An entry is written once, and read only when a change is to be explained.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from taskproc.canonical import digest
from taskproc.fingerprint import CodePart
from taskproc.pages import ChecksumError, get_value, put_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskproc.changes import Version
    from taskproc.pages import Entries


PREFIXES = (b"code:", b"text:")


def keep(entries: Entries, versions: Mapping[bytes, Version]) -> None:
    """Keep what code was, by its digest; in a transaction."""
    for code, version in versions.items():
        _keep(entries, code, version)


def all_entries(entries: Entries) -> list[bytes]:
    """The entries of all versions; outside of transactions only."""
    return [entry for prefix in PREFIXES for entry in entries.scan(prefix)]


def _keep(entries: Entries, code: bytes, version: Version) -> None:
    entry = _entry(b"code:", code)
    if entries.get(entry) is not None:
        return
    parts: list[tuple[Any, ...]] = []
    for part in version:
        data = part.text.encode("utf-8", "surrogatepass")
        text = digest(data)
        if entries.get(_entry(b"text:", text)) is None:
            put_value(entries, _entry(b"text:", text), zlib.compress(data))
        parts.append((part.name, part.digest, text, part.unseen, part.kind))
    put_value(entries, entry, parts)


def read(entries: Entries, code: bytes, texts: dict[bytes, str]) -> Version | None:
    """The version of this digest, or None where it was not kept, or is damaged; `texts` are those read so far."""
    try:
        parts = get_value(entries, _entry(b"code:", code), None)
        if parts is None:
            return None
        for _, _, text, _, _ in parts:
            if text not in texts:
                texts[text] = _text(entries, text)
    except ChecksumError:
        return None
    return tuple([CodePart(name, own, texts[text], unseen, kind) for name, own, text, unseen, kind in parts])


def _text(entries: Entries, text: bytes) -> str:
    data = zlib.decompress(get_value(entries, _entry(b"text:", text), zlib.compress(b"")))
    return data.decode("utf-8", "surrogatepass")


def _entry(prefix: bytes, code: bytes) -> bytes:
    return prefix + code.hex().encode()
