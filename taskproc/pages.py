"""How rows and keys lie in the database: packed in pages, since an entry for each task is what would cost most.

    keys:<task_name>:<page>    4,096 keys in order of id, 16 bytes each: a key's position is its id
    rows:<task_name>:<page>    256 rows in order of id: checksum, count, sizes, rows
    anything else              one value (see `put_value`)

A row is its checksum (over the key too), the generation of the transaction that wrote it, and a pickled tuple of plain
data; unpickling can't import anything. Whatever fails its checksum is damaged and never read.
"""

from __future__ import annotations

import io
import pickle
import struct
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Protocol

from xxhash import xxh3_64_digest

from taskproc.record import WIDTH, Failure, FileEntry, Inputs, Key, Made, Output, Record, Row, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

KEYS_A_PAGE = 4096
ROWS_A_PAGE = 256

_SUM = 8
_GENERATION = struct.Struct("<Q")
_HEAD = _SUM + _GENERATION.size
_COUNT = struct.Struct("<H")
_PAGE_DIGITS = 8
_LOST = b"?"  # fails every checksum

NO_KEY = Key(b"\xff" * WIDTH)
"""Stands for an id that no task of the class has."""


class Entries(Protocol):
    """What pages lie in."""

    def get(self, entry: bytes) -> bytes | None: ...
    def set(self, entry: bytes, value: bytes) -> None: ...
    def scan(self, prefix: bytes) -> list[bytes]: ...


class ChecksumError(Exception):
    """Stored bytes are not what was stored."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        raise ChecksumError(f"{module}.{name}")


def _load_plain(data: bytes) -> Any:
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    except MemoryError:  # which tells nothing of what is stored
        raise
    except Exception as error:  # unpickling junk may raise anything
        raise ChecksumError from error


def _seal(data: bytes, about: bytes = b"") -> bytes:
    return xxh3_64_digest(about + data) + data


def _unseal(data: bytes, about: bytes = b"") -> bytes:
    body = data[_SUM:]
    if data[:_SUM] != xxh3_64_digest(about + body):
        raise ChecksumError
    return body


def put_value(entries: Entries, entry: bytes, value: object) -> None:
    """Store plain data: None, numbers, str, bytes, and tuples, lists, dicts, sets of them."""
    entries.set(entry, seal_value(entry, value))


def seal_value(entry: bytes, value: object) -> bytes:
    """What `put_value` stores."""
    return _seal(pickle.dumps(value, 5), entry)


def get_value(entries: Entries, entry: bytes, default: Any) -> Any:
    """The plain data stored by `put_value`, or `default`; raises ChecksumError."""
    data = entries.get(entry)
    return default if data is None else _load_plain(_unseal(data, entry))


def find_value(entries: Entries, entry: bytes, default: Any) -> Any:
    """The same, or `default` where it is damaged: for values that can be lost, since nothing rests on them."""
    with suppress(ChecksumError):
        return get_value(entries, entry, default)
    return default


# Rows


def pack_row(key: Key, row: Row, generation: int) -> bytes:
    """A row as bytes; its `task_id` is where it lies."""
    good = None if row.good is None else _plain_record(row.good)
    failure = None if row.failure is None else _plain_failure(row.failure)
    return _seal(_GENERATION.pack(generation) + pickle.dumps((row.cleared, good, failure), 5), key)


def unpack_row(key: Key, task_id: int, data: bytes, share: Callable[[Any, Any], Any]) -> Row:
    """The row that `pack_row` packed for this key; raises ChecksumError.

    `share` is the `setdefault` of a dict: what rows have in common is then kept once.
    """
    cleared, good, failure = _load_plain(_unseal(data, key)[_GENERATION.size :])
    return Row(
        task_id,
        cleared,
        None if good is None else _record(good, share),
        None if failure is None else _failure(failure, share),
    )


def generation_of(data: bytes) -> int:
    """The generation of the transaction that wrote these bytes of `pack_row`."""
    return int.from_bytes(data[_SUM:_HEAD], "little")


def _plain_record(record: Record) -> tuple[Any, ...]:
    """The fields of a record in their order, with no name of a class of ours."""
    output: Any = record.output
    if output.files:
        output = output._replace(files=tuple([(*file,) for file in record.output.files]))
    return (*record.inputs, *output, *record.made)


def _record(plain: tuple[Any, ...], share: Callable[[Any, Any], Any]) -> Record:
    (code, attributes, shape, sources, stamps, digest, stamp, salt, epoch, inline, attempt) = plain[:11]
    (files, refs, refs_code, *python, start, duration, where) = plain[11:]  # the first records had no `python`
    return Record(
        Inputs(share(code, code), attributes, share(shape, shape), sources, stamps),
        Output(
            digest,
            Stamp(stamp),
            salt,
            epoch,
            inline,
            attempt,
            tuple([FileEntry(*file) for file in files]) if files else (),
            refs,
            refs_code,
            share(python[0], python[0]) if python else "",
        ),
        Made(start, duration, share(where, where)),
    )


def _plain_failure(failure: Failure) -> tuple[Any, ...]:
    return (*failure.inputs, *failure[1:-1], *failure.made)


def _failure(plain: tuple[Any, ...], share: Callable[[Any, Any], Any]) -> Failure:
    code, attributes, shape, sources, stamps, reason, details, error, attempt, start, duration, where = plain
    inputs = Inputs(share(code, code), attributes, share(shape, shape), sources, stamps)
    return Failure(inputs, reason, details, error, attempt, Made(start, duration, share(where, where)))


# Pages


def _page_name(kind: bytes, name: str, page: int) -> bytes:
    return b"%s:%s:%08x" % (kind, name.encode("utf-8", "surrogatepass"), page)


def _split_rows(data: bytes) -> list[bytes]:
    """The rows of a page, those that were never written as no bytes; raises ChecksumError."""
    if len(data) < _SUM + _COUNT.size:
        raise ChecksumError
    (count,) = _COUNT.unpack_from(data, _SUM)
    start = _SUM + _COUNT.size + 4 * count
    header = data[_SUM:start]
    if data[:_SUM] != xxh3_64_digest(header) or len(header) != _COUNT.size + 4 * count:
        raise ChecksumError
    ends = list(accumulate(struct.unpack_from(f"<{count}I", header, _COUNT.size), initial=start))
    data = data.ljust(ends[-1], _LOST)  # what was cut off is damaged, not absent
    return [data[begin:end] for begin, end in pairwise(ends)]


def _join_rows(rows: list[bytes]) -> bytes:
    header = _COUNT.pack(len(rows)) + struct.pack(f"<{len(rows)}I", *map(len, rows))
    return b"".join((xxh3_64_digest(header), header, *rows))


def read_rows(entries: Entries, name: str, ids: Iterable[int]) -> tuple[dict[int, bytes], set[int]]:
    """The packed rows of these ids that have one, and the ids whose page is damaged."""
    found: dict[int, bytes] = {}
    damaged: set[int] = set()
    for page, members in _by_page(ids, ROWS_A_PAGE).items():
        data = entries.get(_page_name(b"rows", name, page))
        if data is None:
            continue
        try:
            rows = _split_rows(data)
        except ChecksumError:
            damaged.update(members)
            continue
        first = page * ROWS_A_PAGE
        found.update((member, rows[member - first]) for member in members if member - first < len(rows))
    return {member: row for member, row in found.items() if row}, damaged


def write_rows(entries: Entries, name: str, rows: Mapping[int, bytes]) -> dict[int, bytes]:
    """Put packed rows in their places, and return those they replace; other rows of a damaged page stay damaged."""
    replaced: dict[int, bytes] = {}
    for page, members in _by_page(rows, ROWS_A_PAGE).items():
        entry = _page_name(b"rows", name, page)
        data = entries.get(entry)
        try:
            present = [] if data is None else _split_rows(data)
        except ChecksumError:
            present = [_LOST] * ROWS_A_PAGE
        first = page * ROWS_A_PAGE
        present += [b""] * (max(members) - first + 1 - len(present))
        for member in members:
            if before := present[member - first]:
                replaced[member] = before
            present[member - first] = rows[member]
        entries.set(entry, _join_rows(present))
    return replaced


def newest_generation(page: bytes) -> int:
    """The newest generation of a page's rows, so far as they can be told apart."""
    try:
        return max(map(generation_of, filter(None, _split_rows(page))), default=0)
    except ChecksumError:
        return 0


def _by_page(ids: Iterable[int], size: int) -> dict[int, list[int]]:
    pages: dict[int, list[int]] = {}
    for member in ids:
        pages.setdefault(member // size, []).append(member)
    return pages


# Keys


def names(entries: Entries) -> list[str]:
    """Every `task_name` that has ids, but for damaged ones that are no text, and those that a transaction sets."""
    found: set[str] = set()
    for entry in entries.scan(b"keys:"):
        with suppress(UnicodeDecodeError):
            found.add(entry[5 : -_PAGE_DIGITS - 1].decode("utf-8", "surrogatepass"))
    return sorted(found)


def keys_at(entries: Entries, name: str, ids: Iterable[int]) -> dict[Key, int]:
    """The keys that were given these ids, each with its id."""
    found: dict[Key, int] = {}
    for page, members in _by_page(ids, KEYS_A_PAGE).items():
        data = entries.get(_page_name(b"keys", name, page)) or b""
        for member in members:
            start = member % KEYS_A_PAGE * WIDTH
            if len(key := data[start : start + WIDTH]) == WIDTH and key != NO_KEY:
                found[Key(key)] = member
    return found


def key_pages(entries: Entries, name: str) -> Iterator[tuple[int, tuple[Key, ...]]]:
    """The first id and the keys of each page."""
    page = 0
    while (data := entries.get(_page_name(b"keys", name, page))) is not None:
        count = min(len(data) // WIDTH, KEYS_A_PAGE)
        yield page * KEYS_A_PAGE, struct.unpack_from(f"{WIDTH}s" * count, data)
        page += 1


def append_keys(entries: Entries, name: str, start: int, keys: Collection[Key]) -> None:
    """Give ids from `start` on, the first one that is free, to new keys."""
    remaining = b"".join(keys)
    while remaining:
        page, used = divmod(start, KEYS_A_PAGE)
        entry = _page_name(b"keys", name, page)
        before = (entries.get(entry) or b"")[: used * WIDTH]
        taken = (KEYS_A_PAGE - used) * WIDTH
        entries.set(entry, before + remaining[:taken])
        start += KEYS_A_PAGE - used
        remaining = remaining[taken:]
