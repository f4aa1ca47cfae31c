"""The encoding of scalars and of containers of nothing else, and the hash of what is encoded."""

from __future__ import annotations

from marshal import dumps
from operator import ne
from struct import pack
from typing import Any

from xxhash import xxh3_128_digest

SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})
"""Types whose values hold no others and cannot be modified."""

FLAT = SCALARS | {tuple, list, dict}
"""Types of which a value may be flat."""

_FLOATS = frozenset({float, complex})
_NAN = float("nan")
SHORT = 64
"""Bytes above which an encoding is a digest."""
_LONG = 1 << 20  # letters or bytes above which a text is hashed by itself, not copied into an encoding


def digest(*parts: bytes) -> bytes:
    """The 16-byte hash of some bytes, or of a sequence of them (which is another than that of the parts joined)."""
    if len(parts) == 1:
        return xxh3_128_digest(parts[0])
    lengths = pack(f"<{len(parts)}Q", *map(len, parts))
    return xxh3_128_digest(b"".join((lengths, *parts)), len(parts) + 1)


def flat(value: Any) -> bytes | None:
    """The encoding of a scalar or of a container of nothing else; None for what is not one, or holds a NaN."""
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind in SCALARS:
        return _scalar(value)
    if kind is tuple or kind is list:
        kinds = {*map(type, value)}
        items = value
    elif kind is dict:
        kinds = {*map(type, value), *map(type, value.values())}
        items = () if kinds.isdisjoint(_FLOATS) else [*value, *value.values()]
    else:
        return None
    if not kinds <= SCALARS or (not kinds.isdisjoint(_FLOATS) and any(map(ne, items, items))):
        return None
    try:
        return short(dumps(value, 2))
    except ValueError:  # an item above 2 GiB
        return None


def _scalar(value: Any) -> bytes:
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is float and value != value:  # noqa: PLR0124  that is what a NaN is
        value = _NAN
    elif kind is complex and value != value:  # noqa: PLR0124
        value = complex(*(part if part == part else _NAN for part in (value.real, value.imag)))  # noqa: PLR0124
    elif kind is bytes and len(value) > _LONG:
        return b"#" + digest(b"s", digest(value))
    elif kind is str and len(value) > _LONG:
        return b"#" + digest(b"u", digest(value.encode("utf-8", "surrogatepass")))
    return short(dumps(value, 2))


def short(data: bytes) -> bytes:
    """An encoding as it stands in others: above some length, its digest."""
    return data if len(data) <= SHORT else b"#" + xxh3_128_digest(data)
