from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskproc.errors import CacheError
from taskproc.files import (
    DATA,
    RESULT,
    STDERR,
    STDOUT,
    attempt_folder,
    check_manifest,
    folder_name,
    remove_attempt,
    remove_attempts,
    restored_manifest,
    take_manifest,
    task_bytes,
)
from taskproc.kept import view
from taskproc.leftovers import remove_everything, task_ids_on_disk
from taskproc.record import FileEntry

FIRST, SECOND = "0123456789abcdef", "fedcba9876543210"


def make_attempt(cache: Path, attempt: str = FIRST, task_id: int = 3) -> Path:
    folder = attempt_folder(cache, "study.Train", task_id, attempt)
    (folder / DATA / "deep").mkdir(parents=True)
    (folder / RESULT).write_bytes(b"value")
    (folder / STDOUT).write_text("hello")
    (folder / STDERR).write_text("")
    (folder / DATA / "model.bin").write_bytes(b"weights")
    (folder / DATA / "deep" / "odd\nname").write_bytes(b"")
    (folder / DATA / "link").symlink_to("/etc")
    return folder


def test_manifest_has_everything_but_the_logs_in_order_and_follows_no_link(tmp_path: Path) -> None:
    entries = take_manifest(make_attempt(tmp_path))
    paths = ["data", "data/deep", "data/deep/odd\nname", "data/link", "data/model.bin", RESULT]
    assert [entry.path for entry in entries] == paths
    assert [entry.size for entry in entries] == [-1, -1, 0, 4, 7, 5]
    assert all(len(entry.digest) == 16 for entry in entries if entry.size >= 0)


def test_manifest_tells_contents_apart_and_equal_contents_alike(tmp_path: Path) -> None:
    first, second = make_attempt(tmp_path, FIRST), make_attempt(tmp_path, SECOND)

    def digests(folder: Path) -> list[bytes]:
        return [entry.digest for entry in take_manifest(folder)]

    assert digests(first) == digests(second)
    (second / DATA / "model.bin").write_bytes(b"Weights")
    assert digests(first) != digests(second)


def test_the_executable_bit_counts_but_not_that_of_a_value(tmp_path: Path) -> None:
    folder = make_attempt(tmp_path)
    before = take_manifest(folder)
    (folder / RESULT).chmod(0o755)  # as all files are on some file systems
    (folder / DATA / "deep").chmod(0o700)
    assert restored_manifest(folder, before) == before
    model = folder / DATA / "model.bin"
    model.chmod(0o755)
    after = take_manifest(folder)
    assert [old.path for old, new in zip(before, after, strict=True) if old != new] == ["data/model.bin"]
    assert restored_manifest(folder, before) is None
    model.chmod(0o644)
    assert take_manifest(folder) == before


def test_known_digests_are_not_computed_again(tmp_path: Path) -> None:
    folder = make_attempt(tmp_path)
    known = {entry.path: entry.digest for entry in take_manifest(folder, {RESULT: b"k" * 16})}
    assert known[RESULT] == b"k" * 16


def test_manifest_of_a_pipe_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [entry.path for entry in take_manifest(tmp_path)] == ["pipe"]


def test_check_tells_what_differs(tmp_path: Path) -> None:
    folder = make_attempt(tmp_path)
    entries = take_manifest(folder)
    model = folder / DATA / "model.bin"
    assert check_manifest(folder, entries) is None
    (folder / STDOUT).unlink()
    assert check_manifest(folder, entries) is None
    times = model.stat()
    model.write_bytes(b"weightz")
    os.utime(model, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert check_manifest(folder, entries) == "data/model.bin was changed"
    model.unlink()
    assert check_manifest(folder, entries) == "data/model.bin is missing"
    assert check_manifest(folder, [FileEntry("a" * 300, 0, 0, b"")]) == f"{'a' * 300} can't be read"
    model.mkdir()
    assert check_manifest(folder, entries) == "data/model.bin was replaced"


@given(st.text(max_size=300))
def test_any_name_gives_one_safe_folder(name: str) -> None:
    folder = folder_name(name)
    assert folder == folder_name(name)
    assert "/" not in folder
    assert folder[0] not in ".-" or folder.startswith("-")
    assert 0 < len(os.fsencode(folder)) <= 200


@pytest.mark.parametrize("name", ["cache.db", "CACHEDIR.TAG", "a/b", "", ".hidden.Task", "x" * 201, "\udc80"])
def test_names_a_file_system_could_stumble_over_are_replaced(name: str) -> None:
    assert folder_name(name) != name


def test_plain_names_stay() -> None:
    assert folder_name("pkg.study-2.f.<locals>.Outer.Ünner") == "pkg.study-2.f.<locals>.Outer.Ünner"


def test_names_on_disk_are_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    attempt = attempt_folder(tmp_path, name := "数.Größe", 3, FIRST)
    (attempt / DATA).mkdir(parents=True)
    (attempt / DATA / "é…😀").touch()
    (attempt / DATA / os.fsdecode(b"\xff")).touch()
    look = (
        "from pathlib import Path\n"
        "from taskproc.files import *\n"
        "from taskproc.leftovers import remove_everything\n"
        "cache = Path('.')\n"
        f"attempt = attempt_folder(cache, {name!a}, 3, '{FIRST}')\n"
        "entries = take_manifest(attempt)\n"
        "print(ascii([entry.path for entry in entries]), check_manifest(attempt, entries))\n"
        "remove_everything(cache)"
    )
    ascii_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=tmp_path, env=os.environ | ascii_locale, capture_output=True, check=True
    )
    entries = ascii(["data", "data/é…😀", "data/\udcff"])
    assert done.stdout.decode() == f"{entries} None\n"
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("what", [DATA, STDOUT, STDERR])
def test_view_is_always_the_same_path_and_shows_the_recorded_attempt(tmp_path: Path, what: str) -> None:
    empty = view(tmp_path, "study.Train", 3, "", what)  # type: ignore[arg-type]
    assert empty == tmp_path / "study.Train" / "3" / what
    assert empty.is_dir() == (what == DATA)
    for attempt in (FIRST, SECOND):
        folder = make_attempt(tmp_path, attempt)
        assert view(tmp_path, "study.Train", 3, attempt, what) == empty  # type: ignore[arg-type]
        assert empty.resolve() == (folder / what).resolve()


def test_view_of_an_attempt_that_left_nothing_of_the_kind_is_empty(tmp_path: Path) -> None:
    assert list(view(tmp_path, "study.Train", 3, FIRST, DATA).iterdir()) == []
    assert view(tmp_path, "study.Train", 3, FIRST, STDOUT).read_text() == ""


def test_view_survives_moving_the_cache(tmp_path: Path) -> None:
    make_attempt(tmp_path / "old")
    view(tmp_path / "old", "study.Train", 3, FIRST, DATA)
    (tmp_path / "old").rename(tmp_path / "new")
    assert (tmp_path / "new/study.Train/3/data/model.bin").read_bytes() == b"weights"


def test_view_replaces_nothing_that_is_not_a_link_of_ours(tmp_path: Path) -> None:
    folder = make_attempt(tmp_path).parent
    (folder / DATA).mkdir()
    with pytest.raises(CacheError, match="something else is there"):
        view(tmp_path, "study.Train", 3, FIRST, DATA)


def test_view_does_not_write_through_a_planted_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "study.Train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CacheError, match="behind a link"):
        view(tmp_path / "cache", "study.Train", 3, "", DATA)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_removal_keeps_what_is_named_and_mends_links(tmp_path: Path) -> None:
    make_attempt(tmp_path, FIRST)
    kept = make_attempt(tmp_path, SECOND)
    view(tmp_path, "study.Train", 3, FIRST, DATA)
    view(tmp_path, "study.Train", 3, SECOND, STDOUT)
    assert remove_attempts(tmp_path, "study.Train", 3, {SECOND})
    assert sorted(os.listdir(kept.parent)) == [SECOND, STDOUT]
    assert task_ids_on_disk(tmp_path, "study.Train") == [3]


def test_removal_of_all_leaves_no_folder(tmp_path: Path) -> None:
    folder = make_attempt(tmp_path).parent
    view(tmp_path, "study.Train", 3, "", DATA)
    assert task_bytes(tmp_path, "study.Train", 3) >= len("value" + "hello" + "weights")
    remove_attempts(tmp_path, "study.Train", 3)
    assert not folder.parent.exists()
    remove_attempts(tmp_path, "study.Train", 3)
    assert task_ids_on_disk(tmp_path, "study.Train") == []


def test_removal_leaves_what_it_did_not_make(tmp_path: Path) -> None:
    folder = make_attempt(tmp_path).parent
    for mine in ("notes.txt", "data"):
        (folder / mine).write_text("mine")
    (folder / "0123").mkdir()
    remove_attempts(tmp_path, "study.Train", 3)
    assert sorted(os.listdir(folder)) == ["0123", "data", "notes.txt"]


@pytest.mark.parametrize("planted", ["study.Train", "study.Train/3", f"study.Train/3/{FIRST}"])
def test_removal_follows_no_planted_link(tmp_path: Path, planted: str) -> None:
    outside = tmp_path / "outside"
    make_attempt(outside)
    link = tmp_path / "cache" / planted
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / planted)
    remove_attempts(tmp_path / "cache", "study.Train", 3)
    remove_everything(tmp_path / "cache")
    assert (outside / "study.Train/3" / FIRST / RESULT).read_bytes() == b"value"


def test_folders_that_a_task_has_left_read_only_are_removed(unprivileged: Path) -> None:
    for attempt in (FIRST, SECOND):
        data = make_attempt(unprivileged, attempt) / DATA
        (data / "up").symlink_to("../../../..")
        (data / "deep").chmod(0o000)
        data.chmod(0o500)
        data.parent.chmod(0o500)
    remove_attempt(attempt_folder(unprivileged, "study.Train", 3, FIRST))
    assert task_ids_on_disk(unprivileged, "study.Train") == [3]
    assert os.listdir(unprivileged / "study.Train" / "3") == [SECOND]
    before = unprivileged.stat().st_mode
    assert remove_attempts(unprivileged, "study.Train", 3)
    assert os.listdir(unprivileged) == []
    assert unprivileged.stat().st_mode == before


def test_no_folder_elsewhere_is_made_writable(unprivileged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link may take the place of a folder at any moment, as long as a process of the task is left."""
    elsewhere = unprivileged / "elsewhere"
    elsewhere.mkdir(mode=0o555)
    data = make_attempt(unprivileged) / DATA

    def removed_by_its_task(item: str, **_: object) -> None:
        data.parent.rename(unprivileged / item)
        data.parent.symlink_to("../../elsewhere")

    monkeypatch.setattr(shutil, "rmtree", removed_by_its_task)
    assert not remove_attempts(unprivileged, "study.Train", 3)
    assert elsewhere.stat().st_mode & 0o777 == 0o555


def test_what_cannot_be_removed_now_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = attempt_folder(tmp_path, "study.Train", 3, FIRST)
    folder.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *args, **kwargs: None)
        assert not remove_attempts(tmp_path, "study.Train", 3)
    assert remove_attempts(tmp_path, "study.Train", 3)
    assert not folder.exists()
    assert remove_attempts(tmp_path, "study.Train", 3)
