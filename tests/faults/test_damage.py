"""Flipped, cut, emptied and replaced bytes in a database and in files: recomputed or refused, never wrong."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taskproc.cache import Cache
from taskproc.checkup import check_up, replace_store
from taskproc.errors import CacheError
from taskproc.events import Event, Warned
from taskproc.store import UnreadableError, open_store

TASKS = """
class Leaf(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        return self.n * 7

class Big(Task):
    def run_task(self) -> list[int]:
        print('big')
        (self.task_directory / 'file').write_text('a' * 100)
        return list(range(20_000))

class Main(Task):
    leaves: RequiresList[int]
    big: Requires[list[int]]
    def __init__(self):
        self.leaves, self.big = [Leaf(n) for n in range(4)], Big()
    def run_task(self) -> int:
        return sum(self.leaves) + sum(self.big)
"""
ANSWER = 42 + sum(range(20_000))


def corrupted(data: bytes, chance: random.Random) -> bytes:
    """The same with one thing wrong, at a byte that is in use."""
    at = chance.choice([index for index in range(0, len(data), 7) if data[index]])
    size = chance.choice([1, 16, 512, 4096])
    kind = chance.choice(["flip", "flip", "cut", "zero", "junk", "empty", "swap"])
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    if kind == "cut":
        return data[:at]
    if kind == "zero":
        return data[:at] + bytes(size) + data[at + size :]
    if kind == "junk":
        return data[:at] + chance.randbytes(size) + data[at + size :]
    if kind == "swap":
        return data[at:] + data[:at]
    return b""


def corrupt_database(flow: Any, seed: int, count: int) -> tuple[int, int]:
    flow.write(TASKS)
    assert flow.run("Main()").value == ANSWER
    good = flow.folder / "good"
    shutil.copytree(flow.cache, good, symlinks=True)
    chance = random.Random(seed)
    went_on = 0
    said: list[str] = []
    for number in range(count):
        shutil.rmtree(flow.cache)
        shutil.copytree(good, flow.cache, symlinks=True)
        (flow.cache / "cache.db").write_bytes(corrupted((good / "cache.db").read_bytes(), chance))
        try:
            assert flow.run("Main()").value == ANSWER, number
            went_on += 1
        except CacheError as error:
            said.append(str(error))
            if number % 2:
                check_up(Cache(flow.cache), repair=True)
            else:
                replace_store(Cache(flow.cache))
            assert flow.run("Main()").value == ANSWER, number
        check_up(Cache(flow.cache), repair=True)
        assert check_up(Cache(flow.cache)).findings == (), number
        assert flow.run("Main()").value == ANSWER, number
    assert [text for text in said if "\n" in text or "taskproc doctor --repair" not in text] == []
    print(f"{count} corruptions of the database tried: {went_on} went on, {len(said)} were refused in a sentence")
    return went_on, len(said)


def test_a_corrupted_database_never_gives_a_wrong_value(flow: Any) -> None:
    assert all(corrupt_database(flow, 1, 12))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_database_corrupted_in_a_thousand_ways(flow: Any) -> None:
    assert sum(corrupt_database(flow, 2, 1000)) == 1000


SMALL = """
class Leaf(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        return self.n * 7

class Main(Task):
    leaves: RequiresList[int]
    def __init__(self):
        self.leaves = [Leaf(n) for n in range(3)]
    def run_task(self) -> int:
        return sum(self.leaves)
"""


def corrupt_small_database(flow: Any, step: int, most: int | None = None) -> int:
    """Flip the bits of every `step`-th byte of a small database, up to `most`, and cut it there."""
    flow.write(SMALL)
    flow.run("Main()")
    data = (flow.cache / "cache.db").read_bytes()
    said: list[str] = []
    for at in range(0, most or len(data), step):
        for damaged in (data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :], data[:at]):
            (flow.cache / "cache.db").write_bytes(damaged)
            (flow.cache / "cache.db-journal").unlink(missing_ok=True)
            try:
                assert flow.run("Main()").value == 21, at
            except CacheError as error:
                said.append(str(error))
            check_up(Cache(flow.cache), repair=True)
            assert flow.run("Main()").value == 21, at
            assert check_up(Cache(flow.cache)).findings == (), at
    assert [text for text in said if "taskproc doctor --repair" not in text] == []
    print(f"{len(range(0, len(data), step))} bytes flipped, as many lengths tried: {len(said)} refused in a sentence")
    return len(said)


def test_some_bytes_and_lengths_of_a_small_database(flow: Any) -> None:
    assert corrupt_small_database(flow, 3001)


def test_the_beginning_of_a_small_database(flow: Any) -> None:
    assert corrupt_small_database(flow, 1, 24)  # two of these bytes tell whether it may be written


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_byte_and_length_of_a_small_database(flow: Any) -> None:
    assert corrupt_small_database(flow, 1)


@pytest.mark.parametrize("entry", [b"format", b"epoch", b"generation", b"leases"])
def test_an_entry_that_every_run_reads_is_mended(flow: Any, entry: bytes) -> None:
    flow.write(SMALL)
    flow.run("Main()")
    replace_store(Cache(flow.cache), save=True)
    flow.run("Main()", force="requested")
    with closing(sqlite3.connect(flow.cache / "cache.db")) as database, database:
        change = "UPDATE Cache SET value = CAST(value || x'00' AS BLOB) WHERE key = ?"
        assert database.execute(change, (entry,)).rowcount == 1
    (finding,) = check_up(Cache(flow.cache), repair=True).findings
    assert finding.where == "the database"
    assert entry.decode() in finding.what
    assert check_up(Cache(flow.cache)).findings == ()
    assert flow.run("Main()").executed == {}


@pytest.mark.parametrize("change", ["value = x'ff' WHERE key = 'sqlite_cache_size'", "key = x'ff' WHERE key = 'count'"])
def test_a_database_that_only_writing_finds_damaged_is_mended(flow: Any, change: str) -> None:
    flow.write(SMALL)
    flow.run("Main()")
    with closing(sqlite3.connect(flow.cache / "cache.db")) as database, database:
        assert database.execute(f"UPDATE Settings SET {change}").rowcount == 1  # DiskCache's own table
    with pytest.raises(CacheError, match="taskproc doctor --repair"):
        flow.run("Main()", force="all")
    (finding,) = check_up(Cache(flow.cache), repair=True).findings
    assert finding.where == "the database"
    assert flow.run("Main()", force="all").value == 21


def warnings_of(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Warned)]


def files_of(flow: Any) -> list[Path]:
    return sorted(path for path in flow.cache.rglob("*") if path.is_file() and path.name in {"result.pkl.gz", "file"})


def same_time(path: Path, data: bytes) -> None:
    """Change a file, and let nothing but its content tell."""
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def corrupt_values(flow: Any, step: int) -> int:
    flow.write(TASKS)
    flow.run("Main()")
    tried = 0
    size = next(path for path in files_of(flow) if path.name == "result.pkl.gz").stat().st_size
    for place in range(0, size, step):
        for cut in (False, True):
            path = next(path for path in files_of(flow) if path.name == "result.pkl.gz")
            data = path.read_bytes()
            at = min(place, len(data) - 1)
            damaged = data[:at] if cut else data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
            same_time(path, damaged)
            events: list[Event] = []
            ran = flow.run("Big()", listener=events.append)
            assert (len(ran.value), ran.executed) == (20_000, {"Big": 1}), at
            assert len(warnings_of(events)) == 1, at
            assert flow.run("Main()").executed == {}, at
            tried += 1
    print(f"{tried} corruptions of a value tried")
    return tried


def test_a_corrupted_value_is_made_again_with_one_warning(flow: Any) -> None:
    assert corrupt_values(flow, 16000) >= 4


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_value_corrupted_at_any_byte(flow: Any) -> None:
    assert corrupt_values(flow, 29) >= 500


@pytest.mark.parametrize("name", ["result.pkl.gz", "file"])
@pytest.mark.parametrize("how", ["removed", "emptied", "junk", "folder"])
def test_a_file_that_is_not_what_it_was_is_made_again(flow: Any, name: str, how: str) -> None:
    flow.write(TASKS)
    flow.run("Main()")
    (path,) = [path for path in files_of(flow) if path.name == name]
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "removed":
        path.write_bytes(b"" if how == "emptied" else b"junk" * 100)
    events: list[Event] = []
    ran = flow.run("Main()", listener=events.append)
    assert (ran.value, ran.executed) == (ANSWER, {"Big": 1})
    assert len(warnings_of(events)) == 1
    assert flow.run("Main()").executed == {}


def test_a_check_up_compares_contents(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    flow.write(TASKS)
    flow.run("Main()")
    assert check_up(Cache(flow.cache)).findings == ()
    (path,) = [path for path in files_of(flow) if path.name == "file"]
    with pytest.raises(CacheError, match="not a folder"):
        check_up(Cache(path))
    path.touch()
    (finding,) = check_up(Cache(flow.cache)).findings
    assert (finding.where.partition(".")[2], finding.what, finding.lost) == ("Big#0", "data/file was changed", False)
    assert check_up(Cache(flow.cache), repair=True).findings == (finding,)
    assert check_up(Cache(flow.cache)).findings == ()
    assert flow.run("Main()").executed == {}
    same_time(path, b"b" * 100)
    assert flow.run("Main()").executed == {}  # nothing but the content tells
    (finding,) = check_up(Cache(flow.cache), repair=True).findings
    assert (finding.what, finding.lost) == ("a file was changed", True)
    assert flow.run("Main()").executed == {"Big": 1}
    assert leftovers(flow.cache) == []


def test_a_repair_removes_what_no_record_names(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    flow.write(TASKS)
    flow.run("Main()")
    (path,) = [path for path in files_of(flow) if path.name == "file"]
    (path.parents[2] / "0123456789abcdef" / "data").mkdir(parents=True)
    (flow.cache / ".runs" / "0123456789.lock").touch()
    check_up(Cache(flow.cache), repair=True)
    assert leftovers(flow.cache) == []
    assert flow.run("Main()").executed == {}


def test_a_warning_counts_what_else_is_damaged(flow: Any) -> None:
    flow.write("""
        class Part(Task):
            def __init__(self, n: int):
                self.n = n
            def run_task(self) -> int:
                (self.task_directory / 'file').write_text('x')
                return self.n

        class Main(Task):
            parts: RequiresList[int]
            def __init__(self):
                self.parts = [Part(n) for n in range(3)]
            def run_task(self) -> int:
                return sum(self.parts)
    """)
    flow.run("Main()")
    for count, words in ((1, ""), (2, ", and so is 1 other"), (3, ", and so are 2 others")):
        events: list[Event] = []
        for path in files_of(flow)[:count]:
            path.unlink()
        flow.run("Main()", listener=events.append)
        (warning,) = warnings_of(events)
        assert warning.partition("; it is made again")[2] == words


def test_what_may_not_be_read_now_is_not_lost(flow: Any, monkeypatch: Any) -> None:
    def refuse(path: str) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    flow.write(TASKS)
    flow.run("Main()")
    with monkeypatch.context() as patch:
        patch.setattr("taskproc.files.digest_at", refuse)
        with pytest.raises(CacheError, match=r"Permission denied: .*: check its rights"):
            check_up(Cache(flow.cache), repair=True)
    assert check_up(Cache(flow.cache)).findings == ()
    assert flow.run("Main()").executed == {}


def test_a_lost_database_is_told_and_what_it_told_of_is_removed(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    flow.run("Main()")
    words = [flow.path, "--cache", flow.cache]
    (flow.cache / "cache.db").unlink()
    done = taskproc("doctor", *words, check=False)
    assert (done.returncode, done.stdout.partition(":")[0]) == (1, "the database")
    assert not (flow.cache / "cache.db").exists()
    assert taskproc("clear", *words, "--dry-run").stdout.startswith("would remove 0 results, ")
    assert "lost" in taskproc("doctor", *words, "--repair").stdout
    assert taskproc("doctor", *words).stdout == f"0 results looked at in {flow.cache}: all are whole\n"
    assert not list(flow.cache.glob("*/*/*"))
    assert flow.run("Main()").value == ANSWER


def test_a_repair_waits_for_no_run(flow: Any) -> None:
    flow.write(TASKS)
    flow.run("Main()")
    with (
        open_store(Cache(flow.cache)) as store,
        store.begin_run(),
        pytest.raises(CacheError, match="is in use by a run"),
    ):
        check_up(Cache(flow.cache), repair=True)


def test_what_can_be_read_of_a_broken_database_is_saved(flow: Any) -> None:
    flow.write(TASKS)
    flow.run("Main()")
    data = bytearray((flow.cache / "cache.db").read_bytes())
    data[8192 : 8192 + 3000] = b"\xff" * 3000  # what holds no values
    (flow.cache / "cache.db").write_bytes(data)
    with pytest.raises(CacheError, match="doctor --repair"):
        flow.run("Main()", force="all")
    (finding,) = check_up(Cache(flow.cache), repair=True).findings
    assert finding.where == "the database"
    assert flow.run("Main()").executed == {}


def test_the_command(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    flow.run("Main()")
    words = ["doctor", flow.path, "--cache", flow.cache]
    assert taskproc(*words).stdout == f"6 results looked at in {flow.cache}: all are whole\n"
    (path,) = [path for path in files_of(flow) if path.name == "file"]
    path.write_text("b")
    done = taskproc(*words, check=False)
    assert (done.returncode, done.stdout.splitlines()[0].partition(".")[2]) == (
        1,
        "Big#0: data/file was changed; damaged",
    )
    assert "lost, and will run again" in taskproc(*words, "--repair").stdout
    assert taskproc(*words).returncode == 0
    (flow.cache / "cache.db").write_bytes(b"junk" * 5000)
    assert taskproc("clear", flow.path, "--cache", flow.cache, "--yes").returncode == 0
    assert flow.run("Main()").value == ANSWER


def test_what_is_quoted_of_damage_stays_on_its_line(flow: Any) -> None:
    assert "a?b?c" in str(UnreadableError(flow.cache, "a\nb\x00c"))
