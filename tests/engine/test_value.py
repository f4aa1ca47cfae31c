from __future__ import annotations

import array
import errno
import gzip
import os
import pickle
import random
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskproc import gzipped
from taskproc.batch import Stored
from taskproc.bytecode import PYTHON
from taskproc.canonical import digest
from taskproc.gzipped import MEMBER, GzipReader, GzipWriter
from taskproc.pickling import UnkeepableError, pickled
from taskproc.value import INLINE, DamagedValueError, Dumped, dump, load

TOKEN = "0123456789abcdef"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / TOKEN / "result.pkl.gz")


def no_code(refs: object) -> bytes:
    raise AssertionError(refs)


def keep(value: object, path: str, level: int = 9) -> Dumped:
    return dump(value, path, level, no_code)


def source(dumped: Dumped, path: str) -> bytes | Stored:
    if dumped.inline is not None:
        return dumped.inline
    assert dumped.entry is not None
    return Stored(path, dumped.entry.digest, b"key")


def text(size: int) -> str:
    return random.Random(1).randbytes(size // 2).hex()


class Mine:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Stubborn:
    def __reduce__(self) -> Any:
        return int, ("not a number",)


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize(
    "value",
    [
        None,
        17,
        "x" * 600,
        "x" * 100_000,
        list(range(5000)),
        text(300_000),
        "é" * 300_000 + "\udc80\U0001f40d",
        os.urandom(3_000_000),
        bytearray(MEMBER + 17),
        {"noise": os.urandom(1_500_000), "text": text(1_500_000), "ints": array.array("q", range(400_000))},
    ],
    ids=lambda value: type(value).__name__,
)
def test_comes_back(value: object, level: int, path: str) -> None:
    dumped = keep(value, path, level)
    assert load(source(dumped, path)) == value
    if dumped.inline is not None:
        assert len(dumped.inline) <= INLINE
        assert not os.path.exists(os.path.dirname(path))
    else:
        assert dumped.entry is not None
        content = Path(path).read_bytes()
        assert (dumped.entry.path, dumped.entry.size) == ("result.pkl.gz", len(content))
        assert dumped.entry.digest == digest(content)
        assert pickle.loads(gzip.decompress(content)) == value
        assert os.listdir(os.path.dirname(path)) == ["result.pkl.gz"]


def test_every_read_makes_a_new_object(path: str) -> None:
    for value in ([1, 2], list(range(5000))):
        kept = source(keep(value, path), path)
        first, second = load(kept), load(kept)
        first.append(3)
        assert second == value


def test_small_values_are_not_compressed(path: str) -> None:
    inline = keep("x" * 400, path).inline
    assert inline == pickle.dumps("x" * 400, 5)
    shrunk = keep("x" * 40_000, path).inline
    assert shrunk is not None
    assert len(shrunk) < 300


def test_compression_suits_the_data(path: str) -> None:
    def size(value: object, level: int = 9) -> int:
        entry = keep(value, path, level).entry
        assert entry is not None
        return entry.size

    noise, words = os.urandom(1_000_000), text(1_000_000)
    assert len(noise) < size(noise) < 1.001 * len(noise)
    assert size(words) <= 1.05 * len(gzip.compress(words.encode(), 9))
    assert size(words, 0) > len(words)
    same = bytes(5_000_000)
    assert size(same) <= 1.05 * len(gzip.compress(same, 9))
    generator = random.Random(2)
    floats = array.array("d", (generator.random() for _ in range(200_000)))
    assert size(floats) <= 1.05 * len(gzip.compress(floats.tobytes(), 9))


@given(st.lists(st.binary(max_size=50_000) | st.integers(0, 1 << 21).map(bytes), max_size=6), st.integers(0, 9))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_gzip_files_hold_what_was_written(tmp_path: Path, parts: list[bytes], level: int) -> None:
    file = tmp_path / "file.gz"
    file.unlink(missing_ok=True)
    writer = GzipWriter(file, level)
    for part in parts:
        writer.write(part)
    writer.close()
    content = file.read_bytes()
    assert (writer.size, writer.digest()) == (len(content), digest(content))
    assert (gzip.decompress(content) if content else b"") == b"".join(parts)
    with file.open("rb") as raw, GzipReader(raw) as content_again:
        assert content_again.readall() == b"".join(parts)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that were started."""
    threads: list[threading.Thread] = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        threads.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)
    return threads


@pytest.mark.parametrize(("level", "of_thread"), [(9, 3), (0, 0)])
def test_a_thread_decompresses_every_other_member(
    path: str, level: int, of_thread: int, started: list[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    by: Counter[threading.Thread] = Counter()

    def counted(file: int, start: int, end: int) -> Iterator[bytes]:
        by[threading.current_thread()] += 1
        return inflated(file, start, end)

    inflated = gzipped._inflated
    monkeypatch.setattr(gzipped, "_inflated", counted)
    value = (text(MEMBER) * 6)[: 5 * MEMBER + 1]
    assert load(source(keep(value, path, level), path)) == value
    assert by == {threading.current_thread(): 6 - of_thread} | dict.fromkeys(started, of_thread)
    for thread in started:
        thread.join()  # or the test takes too long


def test_an_interrupt_at_the_end_of_reading_is_told(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(helper: gzipped._Helper) -> None:
        close(helper)
        raise KeyboardInterrupt

    kept = source(keep(text(2 * MEMBER), path), path)
    close = gzipped._Helper.close
    monkeypatch.setattr(gzipped._Helper, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(kept)


def test_a_thread_without_memory_leaves_the_work_to_who_reads(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(size: int) -> bytearray:
        raise MemoryError

    value = text(6 * MEMBER)
    kept = source(keep(value, path), path)
    monkeypatch.setattr(gzipped, "bytearray", none_left, raising=False)
    assert load(kept) == value


def test_no_thread_is_left_by_a_value_that_cannot_be_made(
    path: str, started: list[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = source(keep([array.array("d", [1.0]), text(6 * MEMBER)], path), path)
    monkeypatch.setattr("taskproc.pickling.Unpickler.find_class", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load(kept)
    assert len(started) == 1
    started[0].join()  # or the test takes too long


def test_a_value_is_read_where_no_thread_can_be_started(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    value = text(6 * MEMBER)
    kept = source(keep(value, path), path)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert load(kept) == value


def test_a_disk_that_fills_up_leaves_no_file(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    write = os.write
    monkeypatch.setattr(os, "writev", lambda file, parts: write(file, b"".join(parts)[:-100]))
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UnkeepableError, match="its result can't be written: No space left on device"):
        keep(os.urandom(3_000_000), path)
    assert os.listdir(os.path.dirname(path)) == []


def test_a_changed_file_is_damaged(path: str) -> None:
    kept = source(keep(os.urandom(300_000), path), path)
    content = Path(path).read_bytes()
    for wrong in (content[:-1], b"", content + b"x", content[:1000] + b"?" + content[1001:]):
        Path(path).write_bytes(wrong)
        with pytest.raises(DamagedValueError, match="is not what was written") as caught:
            load(kept)
        assert caught.value.key == b"key"
    Path(path).unlink()
    with pytest.raises(DamagedValueError, match="can't be read: No such file"):
        load(kept)


def test_nothing_of_a_damaged_file_is_unpickled(path: str) -> None:
    kept = source(keep(os.urandom(300_000), path), path)
    Path(path).write_bytes(gzip.compress(pickle.dumps(Stubborn())))
    with pytest.raises(DamagedValueError):
        load(kept)


def test_digest_is_of_the_value(path: str) -> None:
    for make in (lambda: {"a": [1.5, "b"], "s": {"x", "y"}}, lambda: list(range(200_000))):
        assert keep(make(), path).digest == keep(make(), path, 0).digest
    assert keep([1, 2], path).digest != keep((1, 2), path).digest
    assert keep(1, path).digest != keep(True, path).digest


@pytest.mark.parametrize("size", [1, 100_000])
def test_own_folder_is_left_out_of_the_digest(tmp_path: Path, size: int) -> None:
    def at(token: str) -> Dumped:
        value = {"path": f"/cache/{token}/data", "rest": list(range(size)), "end": f"{token} {token}"}
        return keep(value, str(tmp_path / token / "result.pkl.gz"))

    one, other = at("0123456789abcdef"), at("fedcba9876543210")
    assert one.digest == other.digest
    assert one.names_folder
    plain = keep({"path": "/cache/other"}, str(tmp_path / "0123456789abcdef" / "result.pkl.gz"))
    assert not plain.names_folder


def test_a_generator_that_the_process_shares_counts_by_its_state_in_a_result(path: str) -> None:
    before = keep(random.random, path).digest
    assert keep(random.random, path).digest == before
    random.random()
    assert keep(random.random, path).digest != before


def test_a_token_across_pieces_is_found(tmp_path: Path) -> None:
    token = "0123456789abcdef"
    for before in ((1 << 20) - 8, (1 << 20) - 16, 1 << 20):
        value = b"x" * before + token.encode() + b"y" * 500_000
        for one in (value, value.decode()):
            assert keep(one, str(tmp_path / token / "result.pkl.gz")).names_folder


@pytest.mark.parametrize("value", [text(300_000) * 100, os.urandom(30_000_000)], ids=["text", "bytes"])
def test_no_copy_of_a_large_value_is_made(value: str | bytes, path: str) -> None:
    def peak(work: Any) -> float:
        tracemalloc.start()
        try:
            work()
            return tracemalloc.get_traced_memory()[1] / len(value)
        finally:
            tracemalloc.stop()

    kept: list[Dumped] = []
    assert peak(lambda: kept.append(keep(value, path, 0))) < 0.2
    assert peak(lambda: load(source(kept[0], path))) < 1.2


def test_classes_of_the_user_are_told(path: str) -> None:
    seen: list[Any] = []

    def code_of(refs: Any) -> bytes:
        seen.extend(refs)
        return b"code"

    for value in (Mine(x=1), [Mine(x=index) for index in range(50_000)]):
        seen.clear()
        dumped = dump(value, path, 9, code_of)
        assert seen == [Mine]
        assert [ref.rpartition(":")[2] for ref in dumped.refs] == ["Mine"]
        assert dumped.refs_code == b"code"
        assert dump(value, path, 9, lambda refs: b"other").digest != dumped.digest


def test_what_lies_in_main_travels_by_value(tmp_path: Path) -> None:
    script = """
import sys
from taskproc.value import dump
class Here:
    def __init__(self, x): self.x = x
    def double(self): return 2 * self.x
for name, value in (("small", Here(21)), ("function", lambda: 42), ("large", [Here(i) for i in range(50_000)])):
    dumped = dump(value, f"{sys.argv[1]}/{name:>016}/result.pkl.gz", 9, lambda refs: b"")
    open(f"{sys.argv[1]}/{name}", "wb").write(dumped.inline or dumped.entry.digest)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert load((tmp_path / "small").read_bytes()).double() == 42
    assert load((tmp_path / "function").read_bytes())() == 42
    file = tmp_path / f"{'large':>016}" / "result.pkl.gz"
    assert load(Stored(str(file), (tmp_path / "large").read_bytes(), b""))[7].double() == 14


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (Mine(model=Mine(lock=threading.Lock())), "result.model.lock can't be pickled"),
        ({"a": [1, threading.Lock()]}, r"result\['a'\]\[1\] can't be pickled"),
        ((number for number in ()), "its result can't be pickled"),
        ([bytes(300_000), threading.Lock()], r"result\[1\] can't be pickled"),
        (Stubborn(), "can be pickled but not unpickled .ValueError: invalid literal"),
        ([Stubborn(), bytes(300_000)], "can be pickled but not unpickled"),
    ],
    ids=["attribute", "item", "whole", "after much", "unreadable", "unreadable and large"],
)
def test_what_cannot_be_kept_is_told(value: object, sentence: str, path: str) -> None:
    with pytest.raises(UnkeepableError, match=sentence):
        dump(value, path, 9, lambda refs: b"")
    folder = Path(path).parent
    assert not folder.exists() or not any(folder.iterdir())


def test_too_deep_a_value_is_told(path: str) -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(UnkeepableError, match="nested too deeply"):
        keep(value, path)
    while value:
        value = value.pop()


def test_a_value_that_contains_itself(path: str) -> None:
    value: list[Any] = [1]
    value.append(value)
    copy = load(source(keep(value, path), path))
    assert copy[1] is copy


def test_an_unwritable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / TOKEN).write_text("no folder")
    with pytest.raises(UnkeepableError, match="can't be written: "):
        keep(bytes(300_000) + os.urandom(9000), str(tmp_path / TOKEN / "result.pkl.gz"))


def test_pickled_carries_local_things_by_value() -> None:
    factor = 3
    assert pickle.loads(pickled(lambda x: x * factor))(14) == 42


@pytest.mark.parametrize("size", [1, 10_000_000])
def test_a_value_with_code_in_it_tells_of_which_python_that_is(path: str, size: int) -> None:
    filling = os.urandom(size)

    def kept(value: object) -> str:
        return dump([filling, value], path, 9, lambda refs: b"").python

    assert kept(lambda: 1) == PYTHON
    assert kept(type("Local", (), {"method": lambda self: self})) == PYTHON
    assert kept((keep, Path, Mine())) == ""
