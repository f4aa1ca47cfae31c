from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskproc.cache import Cache
from taskproc.checkup import replace_store
from taskproc.database import FILE, JOURNAL, Database
from taskproc.errors import CacheError
from taskproc.files import DATA, RESULT, attempt_folder, folder_name
from taskproc.kept import view
from taskproc.locks import RUNS
from taskproc.record import Failure, Inputs, Key, Made, Output, Record, Row, Stamp
from taskproc.store import Store, UnreadableError, open_store
from taskproc.trouble import NoSpaceError

NAME = "study.Train"
FIRST, SECOND, THIRD = "0123456789abcdef", "fedcba9876543210", "00000000ffffffff"
INPUTS = Inputs(b"c" * 16, b"a" * 16, b"s" * 16, b"u" * 16, b"t" * 16)
MADE = Made(1.7e9, 0.001, "host:12345")


def key(number: int) -> Key:
    return Key(number.to_bytes(16, "big"))


def good(task_id: int, attempt: str = "", value: bytes = b"value") -> Row:
    return Row(task_id, good=Record(INPUTS, Output(value[:1] * 16, Stamp(b"p" * 16), b"", b"", value, attempt), MADE))


def failed(row: Row, attempt: str) -> Row:
    return Row(row.task_id, good=row.good, failure=Failure(INPUTS, "ValueError", "", b"", attempt, MADE))


def record(store: Store, *rows: Row) -> set[Key]:
    """Record rows, each for the key of its id, in a run of its own."""
    return record_as(store, {key(row.task_id): row for row in rows})


def record_as(store: Store, rows: dict[Key, Row]) -> set[Key]:
    with store.begin_run() as journal:
        lease = journal.lease({NAME: rows})
        journal.lease({NAME: lease.changed})
        return journal.commit([(NAME, owner, row) for owner, row in rows.items()])


def fill(cache: Path, count: int) -> None:
    """A cache of `count` recorded tasks."""
    with open_store(Cache(cache)) as store:
        store.allocate({NAME: [key(n) for n in range(count)]})
        assert record(store, *(good(n) for n in range(count))) == set()


def leave_attempt(cache: Path, task_id: int, attempt: str) -> Path:
    folder = attempt_folder(cache, NAME, task_id, attempt)
    (folder / DATA).mkdir(parents=True)
    (folder / RESULT).write_bytes(b"value")
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(cache: Path) -> Iterator[Store]:
    with open_store(Cache(cache)) as opened:
        yield opened


# Ids and rows


def test_ids_are_given_once_and_for_good(cache: Path) -> None:
    with open_store(Cache(cache)) as store:
        assert store.allocate({NAME: [key(7), key(8), key(7)], "study.Load": [key(9)]}) == {
            key(7): 0,
            key(8): 1,
            key(9): 0,
        }
        assert store.allocate({NAME: [key(6), key(8)]}).items() >= {key(6): 2, key(8): 1}.items()
    with open_store(Cache(cache)) as store:
        assert store.read({NAME: [key(6), key(1)]}).rows == {key(6): Row(2)}
        assert store.find(NAME, 1) == (key(8), Row(1))
        assert store.find(NAME, 3) is None
        assert store.names() == ["study.Load", NAME]


def test_classes_whose_folders_may_be_one_share_no_id(cache: Path) -> None:
    names = "study.Train", "study.train", "STUDY.Train"
    with open_store(Cache(cache)) as store:
        ids = [store.allocate({name: [key(n)]})[key(n)] for n, name in enumerate([*names, *names])]
        ids += [
            store.allocate({name: [key(n) for n in range(start, start + 5000)]})[key(start)]
            for name, start in [(names[0], 100), (names[1], 9000)]
        ]
        both = store.allocate({"study.Load": [key(50)], "study.LOAD": [key(51)]})
        assert ids == [0, 1, 2, 3, 4, 5, 6, 5006]
        assert {both[key(50)], both[key(51)]} == {0, 1}
    with open_store(Cache(cache)) as store:
        assert {found: row.task_id for found, row in store.read_all(names[1]).rows.items() if row.task_id < 9} == {
            key(1): 1,
            key(4): 4,
        }
        assert len(store.read_all(names[1]).rows) == 5002
        assert store.find(names[1], 0) is store.find(names[1], 5005) is None
        assert store.find(names[1], 5007) == (key(9001), Row(5007))


def test_ids_given_by_others_meanwhile_are_not_given_again(cache: Path) -> None:
    with open_store(Cache(cache)) as one, open_store(Cache(cache)) as other:
        one.allocate({NAME: [key(1)]})
        assert other.allocate({NAME: [key(2), key(1)]}).items() >= {key(2): 1, key(1): 0}.items()
        assert one.allocate({NAME: [key(3), key(2)]}).items() >= {key(3): 2, key(2): 1}.items()


def test_rows_come_back_in_another_process_life(cache: Path) -> None:
    fill(cache, 600)
    with open_store(Cache(cache), write=False) as store:
        assert store.read_all(NAME).rows == {key(n): good(n) for n in range(600)}
        assert store.find(NAME, 599) == (key(599), good(599))
        assert store.read({NAME: [key(5)], "other": [key(5)]}).damaged == set()


# Who may come in


def test_a_new_cache_is_marked_and_the_umask_counts(cache: Path) -> None:
    old = os.umask(0)
    try:
        fill(cache, 1)
    finally:
        os.umask(old)
    assert cache.stat().st_mode & 0o002 == 0
    assert (cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (cache / ".gitignore").read_text() == "*\n"
    fill(cache, 1)


def test_a_folder_that_holds_something_is_not_marked(cache: Path) -> None:
    cache.mkdir()
    (cache / "mine.txt").write_text("")
    fill(cache, 1)
    assert not (cache / ".gitignore").exists()


def test_a_folder_that_the_finder_has_shown_is_marked_as_a_cache_too(cache: Path) -> None:
    cache.mkdir()
    (cache / ".DS_Store").touch()
    with open_store(Cache(cache)):
        assert (cache / "CACHEDIR.TAG").exists()
        assert (cache / ".gitignore").exists()


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("spot", ["", FILE])
def test_what_everybody_can_write_is_refused_unless_trusted(cache: Path, spot: str, write: bool) -> None:
    fill(cache, 1)
    (cache / spot).chmod(0o777)
    with pytest.raises(CacheError, match=r"chmod o-w .*--trust-cache"):
        open_store(Cache(cache), write=write)
    with open_store(Cache(cache, trust=True), write=write) as store:
        assert store.find(NAME, 0)


def test_what_belongs_to_another_is_refused_unless_trusted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(cache, 1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(CacheError, match="belongs to another user"):
        open_store(Cache(cache))
    with open_store(Cache(cache, trust=True)) as store:
        assert store.find(NAME, 0)


@pytest.mark.parametrize("write", [True, False])
def test_links_that_go_in_circles_are_no_cache(tmp_path: Path, write: bool) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    with pytest.raises(CacheError, match="can't be used"):
        open_store(Cache(tmp_path / "one"), write=write)


def test_a_file_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (True, False):
        with pytest.raises(CacheError, match="is not a folder"):
            open_store(Cache(tmp_path / "file"), write=write)


def test_another_format_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskproc.index.FORMAT", 0)
    fill(cache, 1)
    monkeypatch.undo()
    with pytest.raises(CacheError, match="in format 0"):
        open_store(Cache(cache))


# Looking leaves no trace


def test_looking_at_a_missing_cache_makes_nothing(cache: Path) -> None:
    with open_store(Cache(cache), write=False) as store:
        assert store.read({NAME: [key(1)]}).rows == {}
        assert store.names() == []
        assert store.measure() == (0, 0, 0, 0)
    assert not cache.exists()


def test_looking_changes_nothing(cache: Path) -> None:
    fill(cache, 300)
    before = snapshot(cache)
    with open_store(Cache(cache), write=False) as store:
        assert len(store.read({NAME: [key(n) for n in range(300)]}).rows) == 300
        assert store.measure()[0] == 300
    assert snapshot(cache) == before


@pytest.mark.parametrize("rounds", [4, pytest.param(300, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_a_database_is_made_whole_however_many_make_it(tmp_path: Path, rounds: int) -> None:
    meeting = Barrier(6)

    def begin(number: int) -> None:
        for place in range(rounds):
            meeting.wait(60)
            with open_store(Cache(tmp_path / str(place)), write=number % 3 > 0) as store:
                if number % 3:
                    store.allocate({NAME: [key(number)]})
                assert set(store.read({NAME: [key(number)]}).rows) == ({key(number)} if number % 3 else set())

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(begin, number) for number in range(6)]:
            done.result()
    for place in range(rounds):
        with open_store(Cache(tmp_path / str(place)), write=False) as store:
            assert [row.task_id for row in store.read_all(NAME).rows.values()] == [0, 1, 2, 3]
        assert list((tmp_path / str(place) / RUNS).iterdir()) == []


def test_a_run_killed_while_it_made_the_database_has_left_none(cache: Path) -> None:
    program = f"""
import os
from taskproc import Cache, database
from taskproc.store import open_store
database._link = lambda *_: os._exit(9)
with open_store(Cache({str(cache)!r})) as store:
    store.allocate({{"study.Train": [b"k" * 16]}})
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert not (cache / FILE).exists()
    fill(cache, 1)
    with open_store(Cache(cache)) as store:
        store.sweep()
    assert list((cache / RUNS).iterdir()) == []


def test_a_database_that_was_lost_is_not_made_anew(cache: Path) -> None:
    fill(cache, 1)
    with open_store(Cache(cache)) as store:
        (cache / FILE).unlink()
        with pytest.raises(CacheError, match="removed or replaced"):
            store.clear()
    fill(cache, 1)
    with open_store(Cache(cache)) as store:
        store.allocate({NAME: [key(0)]})
        store.allocate({NAME: [key(1)]})
        (cache / FILE).unlink()
        with pytest.raises(CacheError, match="removed or replaced"):
            store.allocate({NAME: [key(2)]})
    assert not (cache / FILE).exists()


def test_a_name_of_a_cache_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE", str(tmp_path / "elsewhere"))
    fill(tmp_path / "$ELSEWHERE", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["$ELSEWHERE"]
    with open_store(Cache(tmp_path / "$ELSEWHERE"), write=False) as store:
        assert store.names() == [NAME]


def interrupt_transaction(cache: Path) -> None:
    """Leave the cache as a run does that is killed while it commits."""
    database, journal = (cache / FILE).read_bytes(), b""
    connection = sqlite3.connect(cache / FILE, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE Cache SET value = zeroblob(length(value))")
    journal = (cache / JOURNAL).read_bytes()
    torn = (cache / FILE).read_bytes()
    connection.execute("ROLLBACK")
    connection.close()
    assert torn != database
    (cache / FILE).write_bytes(torn)
    (cache / JOURNAL).write_bytes(journal)


def test_a_transaction_cut_by_a_kill_is_seen_through_and_then_undone(cache: Path) -> None:
    fill(cache, 2000)
    interrupt_transaction(cache)
    before = snapshot(cache)
    with open_store(Cache(cache), write=False) as store:
        assert store.read_all(NAME).rows == {key(n): good(n) for n in range(2000)}
    assert snapshot(cache) == before
    with open_store(Cache(cache)) as store:
        assert store.read_all(NAME).rows == {key(n): good(n) for n in range(2000)}


def test_a_transaction_that_an_interrupt_keeps_from_its_end_is_undone_before_the_next(cache: Path) -> None:
    fill(cache, 1)
    with closing(Database(cache, write=True, first={})) as database:
        unended = database.transaction()
        unended.__enter__()
        database.set(b"lost", b"value")
        with database.transaction():
            database.set(b"kept", b"value")
            del unended  # its generator ends now
            assert database.get(b"kept") == b"value"
        with database.transaction():
            database.set(b"later", b"value")
    with closing(Database(cache, write=False, first={})) as database:
        assert [database.get(entry) for entry in (b"lost", b"kept", b"later")] == [None, b"value", b"value"]


def test_a_journal_whose_database_was_lost_is_not_applied_to_the_next(cache: Path) -> None:
    fill(cache, 300)
    killed = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that it writes to the file before its end
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE Cache SET value = zeroblob(20000)")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed, cache / FILE], check=False)
    assert any((cache / JOURNAL).read_bytes()[:8])
    (cache / FILE).unlink()
    fill(cache, 1)
    with open_store(Cache(cache)) as store:
        store.check()
        assert store.read_all(NAME).rows == {key(0): good(0)}


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE", "DEFERRED"])
def test_signals_are_heard_while_another_program_holds_the_database(cache: Path, lock: str) -> None:
    fill(cache, 1)
    with (
        closing(sqlite3.connect(cache / FILE, isolation_level=None)) as other,
        open_store(Cache(cache)) as store,
    ):
        record(store, good(0))  # so that all is loaded
        other.execute(f"BEGIN {lock}")  # keeps readers, writers, or the end of a writer's transaction waiting
        other.execute("SELECT * FROM Cache").fetchone()
        before = signal.signal(signal.SIGALRM, lambda *_: other.execute("ROLLBACK"))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            store.read_all(NAME) if lock == "EXCLUSIVE" else record(store, good(0))
        finally:
            signal.signal(signal.SIGALRM, before)
        assert not other.in_transaction
        assert store.read_all(NAME).rows == {key(0): good(0)}


# Clear and sweep


def test_clear_leaves_ids_and_a_mark(store: Store, cache: Path) -> None:
    store.allocate({NAME: [key(n) for n in range(4)]})
    record(store, good(0, FIRST), good(1), failed(Row(2), SECOND))
    folders = leave_attempt(cache, 0, FIRST), leave_attempt(cache, 2, SECOND)
    shown = view(cache, NAME, 0, FIRST, "data")
    results, failures, unfinished, size = store.measure()
    assert (results, failures, unfinished) == (2, 1, 0)
    assert size >= 3 * len(b"value")
    assert store.measure({NAME: [key(1)]}) == (1, 0, 0, 5)
    store.clear({NAME: [key(0), key(3)]})
    assert store.read_all(NAME).rows == {
        key(0): Row(0, cleared=True), key(1): good(1), key(2): failed(Row(2), SECOND), key(3): Row(3)
    }  # fmt: skip
    assert not shown.parent.exists()
    assert not folders[0].exists()
    assert folders[1].exists()
    store.clear_names([NAME])
    assert store.measure() == (0, 0, 0, 0)
    assert not (cache / NAME).exists()
    assert store.allocate({NAME: [key(3), key(9)]}).items() >= {key(3): 3, key(9): 4}.items()


def test_clear_of_everything_removes_attempts_that_no_row_names(store: Store, cache: Path) -> None:
    store.allocate({NAME: [key(0)]})
    leave_attempt(cache, 0, THIRD)
    store.clear()
    assert not (cache / NAME).exists()
    assert store.names() == [NAME]


def test_what_a_lost_database_has_left_is_measured_and_cleared(store: Store, cache: Path) -> None:
    store.allocate({"Odd name": [key(0)], "study.train": [key(1)]})
    kept = [leave_attempt(cache, 0, FIRST).parent, cache / folder_name("Odd name"), cache / "study.train"]
    for folder in kept[1:]:  # of the first, and of the last if case is ignored, no row names attempts
        (folder / "0" / SECOND).mkdir(parents=True)
    assert store.strays() == {}
    stray = attempt_folder(cache, "study.Lost", 4, FIRST)
    stray.mkdir(parents=True)
    (stray / RESULT).write_bytes(b"12345")
    (stray.parent / "mine.txt").write_text("not an attempt's")
    assert store.strays() == {"study.Lost": {4}}
    leave_attempt(cache, 9, FIRST)  # of an id that an older database had not given
    store.allocate({NAME: [key(2)]})
    assert store.strays() == {"study.Lost": {4}, NAME: {9}}
    assert store.measure() == (0, 0, 0, 10)
    with open_store(Cache(cache)) as other, other.begin_run():
        store.clear()
        assert stray.exists()
    store.sweep()
    assert store.measure() == (0, 0, 0, 0)
    assert os.listdir(stray.parent) == ["mine.txt"]


def test_superseded_attempts_go_when_no_run_is_alive(cache: Path) -> None:
    with open_store(Cache(cache)) as store, open_store(Cache(cache)) as other:
        store.allocate({NAME: [key(0)]})
        old, new = leave_attempt(cache, 0, FIRST), leave_attempt(cache, 0, SECOND)
        record(store, good(0, FIRST))
        with other.begin_run():
            record(store, good(0, SECOND))
            store.sweep()
            assert old.exists()
        store.sweep()
        assert not old.exists()
        assert new.exists()


def test_a_failure_keeps_the_last_good_attempt(store: Store, cache: Path) -> None:
    store.allocate({NAME: [key(0)]})
    kept, gone = leave_attempt(cache, 0, FIRST), leave_attempt(cache, 0, SECOND)
    record(store, good(0, FIRST))
    record(store, failed(good(0, FIRST), SECOND))
    store.sweep()
    assert kept.exists()
    assert gone.exists()
    record(store, good(0, FIRST))
    store.sweep()
    assert kept.exists()
    assert not gone.exists()


# Damage


def spoil(cache: Path, entry: bytes) -> None:
    connection = sqlite3.connect(cache / FILE, isolation_level=None)
    done = connection.execute("UPDATE Cache SET value = CAST(x'00ff' || value AS BLOB) WHERE key = ?", (entry,))
    assert done.rowcount == 1
    connection.close()


def test_a_damaged_page_damages_its_rows_alone(cache: Path) -> None:
    fill(cache, 300)
    spoil(cache, b"rows:study.Train:00000000")
    with open_store(Cache(cache)) as store:
        found = store.read({NAME: [key(0), key(299)]})
        assert found.rows == {key(0): Row(0), key(299): good(299)}
        assert found.damaged == {key(0)}
        record(store, good(0))
        assert store.read({NAME: [key(0), key(1)]}).damaged == {key(1)}
        assert store.measure() == (300, 0, 0, 45 * 5)
        store.clear()
        assert store.read({NAME: [key(1)]}).rows == {key(1): Row(1, cleared=True)}


@pytest.mark.parametrize("entry", [b"format", b"generation", b"leases"])
def test_damage_to_what_all_rests_on_is_one_sentence(cache: Path, entry: bytes) -> None:
    fill(cache, 1)
    with open_store(Cache(cache)) as store, store.begin_run() as journal:
        spoil(cache, entry)
        with pytest.raises(UnreadableError, match=r"`taskproc doctor --repair --cache .*` saves what it can"):
            journal.lease({NAME: [key(0)]}) if entry != b"format" else open_store(Cache(cache))


def test_an_unreadable_database_is_replaced_under_a_new_epoch(cache: Path) -> None:
    fill(cache, 10)
    leave_attempt(cache, 0, FIRST)
    (cache / "mine.txt").write_text("")
    (cache / FILE).write_bytes(b"junk" * 1000)
    (cache / JOURNAL).write_bytes(b"junk" * 1000)
    with pytest.raises(UnreadableError):
        open_store(Cache(cache))
    replace_store(Cache(cache))
    with open_store(Cache(cache)) as store:
        assert store.names() == []
        assert len(store.epoch) == 16
    fill(cache, 10)
    assert sorted(os.listdir(cache)) == [".gitignore", ".runs", "CACHEDIR.TAG", FILE, JOURNAL, "mine.txt"]


def test_nothing_is_replaced_under_a_live_run(cache: Path) -> None:
    with open_store(Cache(cache)) as store, store.begin_run(), pytest.raises(CacheError, match="in use by a run"):
        replace_store(Cache(cache))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_the_file_gives_a_wrong_row_or_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    cache = tmp_path_factory.mktemp("damage")
    (cache / FILE).write_bytes(whole_database(tmp_path_factory))
    content = bytearray((cache / FILE).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 4096))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    (cache / FILE).write_bytes(content)
    keys = [key(n) for n in range(300)]
    with said_in_a_sentence(), open_store(Cache(cache), write=data.draw(st.booleans())) as store:
        for owner, row in store.read({NAME: keys}).rows.items():
            assert row in (good(int.from_bytes(owner, "big")), Row(row.task_id))
    with said_in_a_sentence(), open_store(Cache(cache)) as store:
        ids = store.allocate({NAME: keys})
        record_as(store, {owner: good(ids[owner]) for owner in keys})
        store.clear()


@contextmanager
def said_in_a_sentence() -> Iterator[None]:
    """Either it works, or one sentence says why not."""
    try:
        yield
    except CacheError as error:
        if "\n" in str(error):
            raise


_WHOLE: list[bytes] = []


def whole_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if not _WHOLE:
        cache = tmp_path_factory.mktemp("whole")
        fill(cache, 300)
        _WHOLE.append((cache / FILE).read_bytes())
    return _WHOLE[0]


# Trouble


def test_a_full_disk_is_one_sentence_and_undoes_the_transaction(cache: Path) -> None:
    fill(cache, 10)
    with open_store(Cache(cache)) as store:
        store.allocate({NAME: [key(n) for n in range(20)]})
        limit = store._index.entries._writer
        pages_now = limit._sql("PRAGMA page_count").fetchone()[0]
        limit._sql(f"PRAGMA max_page_count = {pages_now}")
        with pytest.raises(CacheError, match="no space is left"):
            record(store, *(good(n, value=b"x" * 100_000) for n in range(20)))
        assert store.read({NAME: [key(0), key(15)]}).rows == {key(0): good(0), key(15): Row(15)}
        record(store, good(15))
        assert store.read({NAME: [key(15)]}).rows == {key(15): good(15)}


def test_no_run_begins_while_a_full_disk_is_cleared(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: object, _ids: object) -> None:
        monkeypatch.undo()
        monkeypatch.setattr("taskproc.files.remove_attempts", remove)
        raise NoSpaceError(cache)

    def remove(*_: object) -> None:
        with closing(sqlite3.connect(cache / FILE, timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            removed.append(True)

    removed: list[bool] = []
    fill(cache, 2)
    monkeypatch.setattr(Store, "_forget", refuse)
    with open_store(Cache(cache)) as store:
        store.clear({NAME: [key(0), key(1)]})
        assert removed == [True, True]
        assert store.measure() == (0, 0, 0, 0)


def test_a_database_that_another_program_holds_is_not_replaced_by_what_can_be_read_meanwhile(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache, 10)
    monkeypatch.setattr("taskproc.trouble.PATIENCE", 0)
    with closing(sqlite3.connect(cache / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CacheError, match="another program has held the database"):
            replace_store(Cache(cache), save=True)
    replace_store(Cache(cache), save=True)
    with open_store(Cache(cache)) as store:
        assert len(store.read_all(NAME).rows) == 10


def test_an_error_of_the_caller_undoes_the_transaction_and_is_his(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store._index.transaction():
        raise ZeroDivisionError(store._index.next_generation())
    assert store._index.generation() == 0


# Costs


def count_statements(store: Store) -> list[str]:
    statements: list[str] = []
    for connection in (store._index.entries._reader, store._index.entries._writer._con):
        connection.set_trace_callback(statements.append)
    return statements


def test_a_commit_costs_by_its_rows_and_not_by_what_is_there(cache: Path) -> None:
    def statements(present: int) -> int:
        with open_store(Cache(cache / str(present))) as store:
            store.allocate({NAME: [key(n) for n in range(present + 256)]})
            record(store, *(good(n) for n in range(present)))
            with store.begin_run(store.read({}).generation) as journal:
                new = range(present, present + 256)
                journal.lease({NAME: [key(present)]})
                seen = count_statements(store)
                journal.lease({NAME: [key(n) for n in new]})
                journal.commit([(NAME, key(n), good(n)) for n in new])
                return len(seen)

    cache.mkdir()
    few = statements(256)
    assert few == statements(256 * 20)
    assert few < 40


def test_a_hundred_thousand_tasks_take_few_files_and_bytes(cache: Path) -> None:
    count = 20_000
    with open_store(Cache(cache)) as store:
        store.allocate({NAME: [key(n) for n in range(count)]})
        record(store, *(good(n, value=b"v" * 20) for n in range(count)))
    sizes = [path.stat().st_size for path in cache.rglob("*") if path.is_file()]
    assert len(sizes) <= 10
    assert sum(sizes) / count < 300


def test_the_database_is_opened_while_others_commit(cache: Path) -> None:
    def commit() -> None:
        for _ in range(20):
            database = Database(cache, write=True, first={})
            with database.transaction():
                database.set(b"entry", bytes(100_000))
            database.close()

    cache.mkdir(exist_ok=True)
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(commit) for _ in range(6)]:
            done.result()


def test_opening_a_database_costs_no_transaction(tmp_path: Path) -> None:
    def transactions() -> int:
        return int.from_bytes((tmp_path / FILE).read_bytes()[24:28], "big")  # SQLite counts them in its header

    fill(tmp_path, 1)
    before = transactions()
    with open_store(Cache(tmp_path)) as store:
        store.allocate({NAME: [key(1)]})
    assert transactions() == before + 1
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT value FROM Settings WHERE key = 'sqlite_synchronous'").fetchall() == [(1,)]
