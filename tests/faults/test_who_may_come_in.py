"""Caches that others can write are refused, links are not followed out of a cache, and nothing foreign is removed."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache
from taskproc.errors import CacheError

TASKS = """
class Part(Task):
    def __init__(self, text: str = 'x'):
        self.text = text
    def run_task(self) -> str:
        print(self.text)
        (self.task_directory / 'file').write_text(self.text)
        return self.text * 10_000

class Prefixed(Part):
    _task_prefix_command = 'env X=1'
"""


def test_a_cache_that_everybody_can_write_is_refused(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    flow.run("Part()")
    everything = ("run", "status", "why", "show", "log", "timeline", "clear", "doctor")
    for path, commands in ((flow.cache, everything), (flow.cache / "cache.db", ("run",))):
        path.chmod(path.stat().st_mode | 0o002)
        for command in commands:
            words = [command, flow.path, *([] if command in {"clear", "doctor"} else ["Part"]), "--cache", flow.cache]
            done = taskproc(*words, check=False)
            assert (done.returncode, "--trust-cache" in done.stderr) == (2, True), command
            assert taskproc(*words, "--trust-cache", *(["--dry-run"] if command == "clear" else [])).returncode == 0
        with pytest.raises(CacheError, match="everybody can write"):
            flow.run("Part()")
        with Cache(flow.cache, trust=True):
            assert flow.module.Part().run_graph()[1].executed == {}
        path.chmod(path.stat().st_mode & ~0o002)


def test_the_command_to_debug_a_task_trusts_the_cache_too(flow: Any, taskproc: Any) -> None:
    flow.write("""
        class Main(Task):
            def run_task(self) -> None:
                raise ValueError
    """)
    flow.cache.mkdir()
    flow.cache.chmod(0o777)
    done = taskproc("run", flow.path, "--cache", flow.cache, "--trust-cache", check=False)
    (command,) = re.findall(r"^ *debug +(.*)$", done.stderr, re.MULTILINE)
    assert "--trust-cache" in command.split()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_cache_of_another_user_is_refused(flow: Any) -> None:
    flow.write(TASKS)
    flow.run("Part()")
    os.chown(flow.cache / "cache.db", 12345, -1)
    with pytest.raises(CacheError, match="belongs to another user"):
        flow.run("Part()")


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_new_folders_have_no_more_rights_than_the_umask_gives(flow: Any, mask: int) -> None:
    flow.write(TASKS)
    before = os.umask(mask)
    try:
        flow.run("Part()", executor="process")
    finally:
        os.umask(before)
    made = [flow.cache, *(path for path in flow.cache.rglob("*") if not path.is_symlink())]
    assert [path for path in made if path.stat().st_mode & mask] == []


@pytest.mark.parametrize("executor", ["process", "serial"])
@pytest.mark.parametrize("depth", [0, 1])
def test_a_planted_link_is_not_followed(flow: Any, executor: str, depth: int) -> None:
    flow.write(TASKS)
    flow.run("Part()")
    outside = flow.folder / "outside"
    (outside / "0").mkdir(parents=True)
    (outside / "0" / "0123456789abcdef").mkdir()
    place = next(path for path in flow.cache.iterdir() if path.name.endswith(".Part"))
    place = place / "0" if depth else place
    place.rename(flow.folder / "moved")
    place.symlink_to(outside)
    with pytest.raises(CacheError, match="behind a link"):
        flow.run("Part()", executor=executor, force="all")
    with Cache(flow.cache):
        flow.module.Part.clear_all_tasks()
    assert [str(path.relative_to(outside)) for path in sorted(outside.rglob("*"))] == ["0", "0/0123456789abcdef"]


@pytest.mark.parametrize("name", ["cache.db", "cache.db-journal", ".runs"])
def test_a_cache_whose_parts_lie_behind_links_is_refused(flow: Any, name: str) -> None:
    flow.write(TASKS)
    flow.run("Part()")
    elsewhere = flow.folder / "elsewhere"
    (flow.cache / name).rename(elsewhere)
    (flow.cache / name).symlink_to(elsewhere)
    with pytest.raises(CacheError, match=f"{re.escape(name)} in it is a link"):
        flow.run("Part()", force="all")
    assert elsewhere.is_file() or list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", ["cache.db", "cache.db-journal", ".runs"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, Path.touch])
def test_a_cache_whose_parts_are_no_files_or_folders_is_refused(
    flow: Any, taskproc: Any, name: str, make: Callable[[Path], None]
) -> None:
    flow.write(TASKS)
    flow.run("Part()")
    is_right = make is (os.mkdir if name == ".runs" else Path.touch)
    (flow.cache / name).rmdir() if name == ".runs" else (flow.cache / name).unlink()
    make(flow.cache / name)
    done = taskproc("status", flow.path, "--cache", flow.cache, check=False)
    assert ("refused" in done.stderr) != is_right
    assert is_right or (done.returncode, f"remove {flow.cache / name}" in done.stderr) == (2, True)


def test_a_cache_whose_runs_may_not_be_looked_at_is_told_in_a_sentence(flow: Any, monkeypatch: Any) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / ".runs"))

    flow.write(TASKS)
    monkeypatch.setattr("taskproc.admission.out_of_reach", refuse)
    with pytest.raises(CacheError, match=r"Permission denied: .*/\.runs\): check its rights"):
        flow.run("Part()")


def test_clear_removes_only_what_was_made_here(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    flow.run("Part()")
    own = next(path for path in flow.cache.iterdir() if path.name.endswith(".Part"))
    foreign = [flow.cache / "mine.txt", own / "mine.txt", own / "0" / "mine.txt", flow.cache / "x.Y" / "0" / "mine.txt"]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    taskproc("clear", flow.path, "--cache", flow.cache, "--yes")
    (flow.cache / "cache.db").write_bytes(b"junk" * 5000)
    taskproc("clear", flow.path, "--cache", flow.cache, "--yes")
    assert [path.read_text() for path in foreign] == ["mine"] * 4
    assert [path for path in flow.cache.rglob("*") if len(path.name) == 16] == []


def test_no_shell_sees_an_argument(flow: Any, tmp_path: Path) -> None:
    flow.write(TASKS)
    text = '\'; touch hacked; "$(touch hacked)" `touch hacked` \\'
    assert flow.run(f"Prefixed({text!r})", executor="process").value == text * 10_000
    odd = flow.folder / "od'd $(touch hacked) cache"
    flow.cache = odd
    assert flow.run(f"Prefixed({text!r})", executor="process").value == text * 10_000
    assert list(tmp_path.rglob("hacked")) == []
    assert not Path("hacked").exists()
