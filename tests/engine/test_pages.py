from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskproc import pages
from taskproc.pages import ChecksumError
from taskproc.record import Failure, FileEntry, Inputs, Key, Made, Output, Record, Row, Stamp


class Shelf:
    """Entries in memory, which count how often they are touched."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.touched = 0

    def get(self, entry: bytes) -> bytes | None:
        self.touched += 1
        return self.held.get(entry)

    def set(self, entry: bytes, value: bytes) -> None:
        self.touched += 1
        self.held[entry] = value

    def scan(self, prefix: bytes) -> list[bytes]:
        return sorted(entry for entry in self.held if entry.startswith(prefix))


def key(number: int) -> Key:
    return Key(number.to_bytes(16, "big"))


digests = st.binary(min_size=16, max_size=16)
texts = st.text(max_size=20)
numbers = st.floats(0, 1e10)
made = st.builds(Made, numbers, numbers, texts)
inputs = st.builds(Inputs, digests, digests, digests, st.binary(max_size=64), st.binary(max_size=64))
file_entries = st.builds(FileEntry, texts, st.integers(-1, 2**60), st.integers(0, 2**63), digests)
outputs = st.builds(
    Output,
    digests,
    digests.map(Stamp),
    st.one_of(st.just(b""), digests),
    st.one_of(st.just(b""), digests),
    st.one_of(st.none(), st.binary(max_size=600)),
    st.sampled_from(["", "0123456789abcdef"]),
    st.lists(file_entries, max_size=3).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
    digests,
    st.sampled_from(["", "3.12"]),
)
records = st.builds(Record, inputs, outputs, made)
failures = st.builds(Failure, inputs, texts, texts, st.binary(max_size=50), texts, made)
rows = st.builds(Row, st.just(0), st.booleans(), st.none() | records, st.none() | failures)


def share() -> Any:
    return dict[Any, Any]().setdefault


@given(rows, digests.map(Key), st.integers(0, 2**60))
def test_a_row_comes_back_as_it_was(row: Row, owner: Key, generation: int) -> None:
    data = pages.pack_row(owner, row, generation)
    assert pages.unpack_row(owner, 0, data, share()) == row
    assert pages.generation_of(data) == generation


@given(records)
def test_a_row_from_before_it_said_which_python_is_read(record: Record) -> None:
    plain = (*pages._plain_record(record)[:-4], *record.made)
    data = pages._seal(bytes(8) + pickle.dumps((False, plain, None), 5), key(1))
    assert pages.unpack_row(key(1), 0, data, share()).good == record._replace(output=record.output._replace(python=""))


@given(rows, st.data())
def test_a_row_with_a_changed_byte_or_of_another_key_is_damaged(row: Row, data: st.DataObject) -> None:
    packed = bytearray(pages.pack_row(key(1), row, 7))
    with pytest.raises(ChecksumError):
        pages.unpack_row(key(2), 0, bytes(packed), share())
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChecksumError):
        pages.unpack_row(key(1), 0, bytes(packed), share())


@given(rows, st.data())
def test_a_row_cut_short_or_extended_is_damaged(row: Row, data: st.DataObject) -> None:
    packed = pages.pack_row(key(1), row, 7)
    for other in (packed[: data.draw(st.integers(0, len(packed) - 1))], packed + b"\0"):
        with pytest.raises(ChecksumError):
            pages.unpack_row(key(1), 0, other, share())


def test_reading_imports_nothing() -> None:
    shelf = Shelf()
    pages.put_value(shelf, b"plain", {"run": {"name": {1, 2}}})
    assert pages.get_value(shelf, b"plain", None) == {"run": {"name": {1, 2}}}
    pages.put_value(shelf, b"evil", print)
    with pytest.raises(ChecksumError):
        pages.get_value(shelf, b"evil", None)
    evil = pages._seal(bytes(8) + pickle.dumps((False, print, None), 5), key(1))
    with pytest.raises(ChecksumError):
        pages.unpack_row(key(1), 0, evil, share())


def test_what_there_is_too_little_memory_for_is_not_damaged() -> None:
    shelf = Shelf()
    huge = pickle.PROTO + b"\5" + pickle.BINBYTES8 + (1 << 62).to_bytes(8, "little")
    shelf.held[b"leases"] = pages._seal(huge, b"leases")
    with pytest.raises(MemoryError):
        pages.get_value(shelf, b"leases", None)


def test_a_value_under_another_name_is_damaged() -> None:
    shelf = Shelf()
    pages.put_value(shelf, b"one", 1)
    shelf.held[b"other"] = shelf.held[b"one"]
    with pytest.raises(ChecksumError):
        pages.get_value(shelf, b"other", 0)
    assert pages.get_value(shelf, b"absent", 5) == 5


@given(st.lists(st.dictionaries(st.integers(0, 600), st.binary(min_size=1, max_size=40), max_size=20), max_size=6))
def test_pages_hold_what_was_written_last(writes: list[dict[int, bytes]]) -> None:
    shelf = Shelf()
    model: dict[int, bytes] = {}
    for write in writes:
        replaced = pages.write_rows(shelf, "m.A", write)
        assert replaced == {task_id: model[task_id] for task_id in write if task_id in model}
        model.update(write)
    pages.write_rows(shelf, "m.B", {0: b"another class"})
    assert pages.read_rows(shelf, "m.A", range(700)) == (model, set())


@settings(max_examples=300)
@given(st.data())
def test_a_spoilt_page_never_gives_a_wrong_row_and_can_be_written_again(data: st.DataObject) -> None:
    shelf = Shelf()
    whole = {task_id: pages.pack_row(key(task_id), Row(task_id, cleared=True), 1) for task_id in range(0, 300, 3)}
    pages.write_rows(shelf, "m.A", whole)
    name = data.draw(st.sampled_from(sorted(shelf.held)))
    page = bytearray(shelf.held[name])
    place = data.draw(st.integers(0, len(page) - 1))
    if data.draw(st.booleans()):
        page[place] ^= data.draw(st.integers(1, 255))
    else:
        del page[place:]
    shelf.held[name] = bytes(page)

    def judge() -> set[int]:
        """The ids whose row is whole."""
        found, damaged = pages.read_rows(shelf, "m.A", range(300))
        good = set[int]()
        for task_id, packed in found.items():
            try:
                assert pages.unpack_row(key(task_id), task_id, packed, share()) == Row(task_id, cleared=True)
                good.add(task_id)
            except ChecksumError:
                damaged.add(task_id)
        assert damaged | good >= whole.keys()
        return good

    before = judge()
    assert len(before) < len(whole)
    pages.write_rows(shelf, "m.A", {150: whole[150]})
    assert judge() == before | {150}


@given(st.lists(st.integers(1, 5000), max_size=6))
def test_keys_keep_their_position(sizes: list[int]) -> None:
    shelf = Shelf()
    total = 0
    for size in sizes:
        pages.append_keys(shelf, "m.A", total, [key(n) for n in range(total, total + size)])
        total += size
    found = {
        task_id: owner for first, page in pages.key_pages(shelf, "m.A") for task_id, owner in enumerate(page, first)
    }
    assert found == {n: key(n) for n in range(total)}
    wanted = [0, total // 2, max(total - 1, 0), total, total + 9000]
    assert pages.keys_at(shelf, "m.A", wanted) == {key(n): n for n in wanted if n < total}
    assert pages.names(shelf) == (["m.A"] if total else [])


@pytest.mark.parametrize("names", [["a", "a:b", "a:b:00000000"], ["ü.Ä", "\udc80.x"]])
def test_names_do_not_run_into_each_other(names: list[str]) -> None:
    shelf = Shelf()
    for number, name in enumerate(names):
        pages.append_keys(shelf, name, 0, [key(number)])
        pages.write_rows(shelf, name, {0: b"%d" % number})
    assert pages.names(shelf) == sorted(names)
    for number, name in enumerate(names):
        assert pages.read_rows(shelf, name, [0])[0] == {0: b"%d" % number}
        assert pages.keys_at(shelf, name, [0]) == {key(number): 0}


def test_a_name_that_damage_has_made_no_text_is_left_out() -> None:
    shelf = Shelf()
    for name in ("a", "b"):
        pages.append_keys(shelf, name, 0, [key(0)])
    shelf.held = {entry.replace(b":a:", b":\x99:"): value for entry, value in shelf.held.items()}
    assert pages.names(shelf) == ["b"]


def test_entries_touched_grow_with_pages_not_with_rows() -> None:
    def touches(count: int) -> int:
        shelf = Shelf()
        pages.append_keys(shelf, "m.A", 0, [key(n) for n in range(count)])
        pages.write_rows(shelf, "m.A", dict.fromkeys(range(count), b"row"))
        pages.read_rows(shelf, "m.A", range(count))
        return shelf.touched

    assert touches(256) == touches(200)
    assert touches(40960) <= 40960 / 256 * 3 + 20 + 2
    shelf = Shelf()
    pages.write_rows(shelf, "m.A", dict.fromkeys(range(40960), b"row"))
    shelf.touched = 0
    pages.write_rows(shelf, "m.A", dict.fromkeys(range(512, 768), b"new"))
    assert shelf.touched == 2
