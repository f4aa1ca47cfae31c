from __future__ import annotations

import os
from pathlib import Path

from taskproc.cache import Cache
from taskproc.checkup import check_up
from taskproc.files import DATA, EMPTY, RESULT, STDOUT
from taskproc.leftovers import classes_on_disk, is_left, remove_everything, task_ids_on_disk
from taskproc.store import open_store

ATTEMPT, SCRATCH = "0123456789abcdef", "0123456789f00001"


def make(cache: Path, *files: str) -> None:
    for file in files:
        (cache / file).parent.mkdir(parents=True, exist_ok=True)
        (cache / file).write_text("mine")


def users(cache: Path) -> list[str]:
    """What looks as much as can be like something that taskproc has made, but is not."""
    make(cache, f"data/2024/{ATTEMPT}/blob", f"data/2024/{ATTEMPT}/{STDOUT}", f"other/0/{SCRATCH}/notes", "mine/file")
    make(cache, f"digits/007/{ATTEMPT}/{RESULT}", "digits/20260101120000123456789/1/a", "hidden/0/.empty/a")
    (cache / "empty" / "1" / ATTEMPT).mkdir(parents=True)
    (cache / "links" / "1").mkdir(parents=True)
    (cache / "links" / "1" / "data").symlink_to("nowhere")
    make(cache.parent, f"outside/0/{ATTEMPT}/{RESULT}")
    (cache / "links" / "0").symlink_to(cache.parent / "outside" / "0")
    (cache / "linked").symlink_to(cache.parent / "outside")
    (cache / "links" / "2").mkdir()
    (cache / "links" / "2" / ATTEMPT).symlink_to(cache.parent / "outside" / "0" / ATTEMPT)
    return everything(cache)


def everything(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.parent.rglob("*") if cache in path.parents) + sorted(
        str(path) for path in (cache.parent / "outside").rglob("*")
    )


def test_only_what_holds_what_taskproc_makes_is_taken_for_its_own(tmp_path: Path) -> None:
    make(
        tmp_path,
        f"a.A/0/{ATTEMPT}/{RESULT}",
        f"a.A/1/{SCRATCH}/batch",
        f"a.A/1/{SCRATCH}/script",
        f"a.A/2/{EMPTY}/{DATA}",
    )
    make(
        tmp_path,
        f"a.A/3/{ATTEMPT}/{DATA}/deep/file",
        f"a.A/4/{ATTEMPT}/{DATA}/file",
        f"a.A/4/{ATTEMPT}/more",
        "a.A/٣/x",
    )
    assert classes_on_disk(tmp_path) == ["a.A"]
    assert sorted(task_ids_on_disk(tmp_path, "a.A")) == [0, 1, 2, 3, 4]
    assert [is_left(tmp_path, "a.A", task_id) for task_id in range(6)] == [True, True, True, True, False, False]
    remove_everything(tmp_path)
    assert sorted(os.listdir(tmp_path / "a.A")) == ["4", "٣"]


def test_nothing_of_a_users_is_measured_or_removed(tmp_path: Path) -> None:
    before = users(cache := tmp_path / "cache")
    with open_store(Cache(cache)) as store:
        assert store.measure() == (0, 0, 0, 0)
        assert store.strays() == {}
        store.clear()
    assert check_up(Cache(cache), repair=True) == (0, ())
    remove_everything(cache)
    assert [path for path in everything(cache) if not path.startswith((".runs", "cache.db"))] == before
