"""`taskproc status`, `taskproc clear --stale` and `taskproc accept`, seen from outside."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]

STUDY = """\
from taskproc import Requires, RequiresList, Task

import extra


class Low(Task):
    def __init__(self, x: int):
        self.x = x

    def run_task(self) -> int:
        return 10 // self.x


class Main(Task):
    lows: RequiresList[int]

    def __init__(self, xs: list[int] = [1, 2, 3]):
        self.lows = [Low(x) for x in xs]

    def run_task(self) -> int:
        return sum(self.lows)


class Old(Task):
    def run_task(self) -> str:
        return "old"
"""

EXTRA = "from taskproc import Task\n\nclass Extra(Task):\n    def run_task(self) -> int:\n        return 1\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "extra.py").write_text(EXTRA)
    path = tmp_path / "study.py"
    path.write_text(STUDY)
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def shown(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert (done.returncode, done.stderr) == (0, "")
    return re.sub(r"\d+\.\d s|\d+ bytes", "_", done.stdout).splitlines()


# status


def test_a_graph_is_told_class_by_class(study: Path, program: Command, cli: Command, tmp_path: Path) -> None:
    assert shown(program("status", study, "Main")) == [
        "Low: 3 tasks, 0 up to date, 3 to run, of unknown duration, _ kept",
        "Main: 1 task, 0 up to date, 1 to run, of unknown duration, _ kept",
        "4 tasks would run, 0 up to date",
    ]
    assert not (tmp_path / ".taskproc").exists()
    cli("run", "-x", "serial", study, "Low", "--x", "2")
    cli("run", "-x", "serial", study, "Low", "--x", "0")
    assert shown(cli("status", study, "Main", "--xs", "[0, 2]"))[0] == (
        "Low: 2 tasks, 1 up to date, 1 to run, 1 failed last time, about _ of work, _ kept"
    )
    cli("run", "-x", "serial", study, "Main")
    assert shown(cli("status", study, "Main"))[-1] == "0 tasks would run, 4 up to date"


def test_reasons_come_before_what_follows(study: Path, cli: Command) -> None:
    cli("run", "-x", "serial", study, "Main")
    edit(study, "10 //", "100 //")
    assert shown(cli("status", study, "Main")) == [
        "Low: 3 tasks, 0 up to date, 3 to run, about _ of work, _ kept",
        "Main: 1 task, 0 up to date, 1 may run, about _ of work, _ kept",
        "1 reason, and 1 task follows:",
        "       3  code of Low changed",
        "3 tasks would run, 1 may run, 0 up to date",
    ]
    assert shown(cli("dry-run", study, "Main")) == [
        "1 reason, and 1 task follows:",
        "       3  code of Low changed",
        "Low: 3 of 3 tasks",
        "       3  code of Low changed",
        "Main: 1 of 1 task",
        "       1  may run, if what it reads of Low changes",
        "3 tasks would run, 1 may run, 0 up to date",
    ]


def test_a_task_that_runs_now_is_told(cli: Command, executable: Path, tmp_path: Path) -> None:
    assert cli("list").returncode == 0
    with subprocess.Popen([executable, "run", "Wait"], cwd=tmp_path, stderr=subprocess.DEVNULL) as running:
        try:
            until((tmp_path / "waiting").exists, running)
            assert "1 running now" in cli("status", "Wait").stdout
            assert "1 running now" in cli("status").stdout
            assert cli("why", "Wait").stdout.startswith("Wait(): running now\n")
        finally:
            running.terminate()
    assert "running now" not in cli("status", "Wait").stdout


def test_the_whole_cache_is_told_and_what_cannot_be_used(study: Path, cli: Command) -> None:
    for words in (("Main",), ("Old",), ("Low", "--x", "0")):
        cli("run", "-x", "serial", study, *words)
    cli("run", "-x", "serial", "extra.py", "Extra")
    (study.parent / "other.py").write_text(EXTRA)
    cli("run", "-x", "serial", "other.py", "Extra")
    (study.parent / "other.py").write_text("")
    edit(study, "class Old", "class New")
    edit(study.with_name("extra.py"), "class Extra", "class Extras")
    lines = shown(cli("status", study))
    assert lines[:5] == [
        "extra.Extra: 1 result, _ kept",
        "other.Extra: 1 result, _ kept",
        "study.Low: 3 results, 1 failed last time, _ kept",
        "study.Main: 1 result, _ kept",
        "study.Old: 1 result, _ kept",
    ]
    assert [line.partition(":")[0] for line in lines[6:8]] == [
        "extra.Extra is no longer defined",
        "study.Old is no longer defined",
    ]
    assert lines[8] == f"`taskproc clear --stale {study.name}` removes what can't be used"
    cli("run", "-x", "serial", study, "Main", "--cache", "c")
    edit(study, "class Main", "class Mains")
    assert f"`taskproc clear --stale {study.name} --cache c`" in cli("status", study, "--cache", "c").stdout


# clear --stale


def test_only_what_cannot_be_used_is_removed(study: Path, cli: Command, refused: Refused) -> None:
    cli("run", "-x", "serial", study, "Main")
    cli("run", "-x", "serial", study, "Old")
    assert "there is nothing to remove" in cli("clear", study, "--stale").stderr
    edit(study, "class Old", "class New")
    assert cli("clear", study, "--stale", "-n").stdout.startswith("would remove 1 result of study.Old, ")
    assert cli("clear", study, "--stale", stdin="n\n").returncode == 1
    done = cli("clear", study, "--stale", stdin="y\n")
    assert done.stderr.startswith("remove 1 result of study.Old, ")
    assert [line.partition(":")[0] for line in cli("status", study).stdout.splitlines()[:-1]] == [
        *("study.Low", "study.Main", "study.Old")
    ]
    assert "study.Old: 0 results" in cli("status", study).stdout
    assert cli("run", "-x", "serial", study, "Main", "-v").stderr.count(" ran in") == 0
    assert "name no task" in refused("clear", study, "Old", "--stale")


# accept


def test_what_runs_all_the_same_is_told_by_whoever_accepts(cli: Command, tmp_path: Path) -> None:
    path = tmp_path / "held.py"
    path.write_text("""
from dataclasses import dataclass
from taskproc import Requires, Task
@dataclass(frozen=True)
class Config:
    rate: int = 1
class Low(Task):
    def __init__(self, config: Config = Config()): self.config = config
    def run_task(self): return self.config.rate
class Main(Task):
    low: Requires[int]
    def __init__(self): self.low = Low()
    def run_task(self): return self.low
""")
    cli("run", "-x", "serial", path)
    edit(path, "    rate: int = 1\n", "    rate: int = 1\n    def told(self): return self.rate\n")
    assert cli("accept", path, "Low").stderr.splitlines()[1:] == [
        "1 of them will run all the same: argument or attribute changed"
    ]
    assert "argument or attribute changed" in cli("run", "-n", path).stdout


def test_a_change_is_accepted_and_a_person_is_named(study: Path, cli: Command) -> None:
    cli("run", "-x", "serial", study, "Main")
    assert "there is no result of study.Low" in cli("accept", study, "Low").stderr
    edit(study, "10 // self.x", "self.x and 10 // self.x")
    dry = cli("accept", study, "Low", "-n")
    assert dry.stdout.startswith("would accept 3 results of study.Low for the present code\n  --- study:Low (then)\n")
    assert "3 tasks would run" in cli("dry-run", study, "Main").stdout
    assert cli("accept", study, "Low", "--x", "2").stderr == "accepted 1 result of study.Low for the present code\n"
    assert cli("accept", study, "Low#0").returncode == 0
    assert cli("dry-run", study, "Main").stdout.splitlines()[-1] == "1 task would run, 1 may run, 2 up to date"
    assert cli("accept", study, "Low").stderr == "accepted 1 result of study.Low for the present code\n"
    assert cli("dry-run", study, "Main").stdout == "0 tasks would run, 4 up to date\n"
    why = cli("why", study, "Low", "--x", "2").stdout
    assert re.search(r"\n  accepted for other code than made it by \S+@\S+, \d{4}-\d\d-\d\d ", why)
    assert "accepted" in cli("why", study, "Low#0").stdout
    cli("run", "-x", "serial", study, "Low", "--x", "2", "-f")
    assert "accepted" not in cli("why", study, "Low", "--x", "2").stdout


def test_what_was_accepted_runs_when_the_code_changes_again(study: Path, cli: Command) -> None:
    cli("run", "-x", "serial", study, "Main")
    edit(study, "10 // self.x", "100 // self.x")
    cli("accept", study, "Low")
    assert cli("run", "-x", "serial", study, "Main").stdout == "18\n"
    edit(study, "100 // self.x", "10 // self.x")
    assert "3 tasks would run" in cli("dry-run", study, "Main").stdout


def test_nothing_but_code_is_accepted(study: Path, program: Command, cli: Command) -> None:
    assert program("accept", study, "Main").returncode == 0
    cli("run", "-x", "serial", study, "Low", "--x", "0")
    assert "there is no result" in cli("accept", study, "Low").stderr


# run --explain


def test_a_run_says_first_what_a_dry_run_says(study: Path, cli: Command) -> None:
    cli("run", "-x", "serial", study, "Main")
    edit(study, "10 //", "100 //")
    planned = cli("dry-run", study, "Main").stdout
    done = cli("run", "-x", "serial", study, "Main", "--explain")
    assert done.stderr.startswith(planned)
    assert done.stdout == "183\n"


# A file as a parameter


def test_an_input_file_is_given_by_its_path(cli: Command, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(
        "from taskproc import InputFile, Task\n\n\nclass Main(Task):\n    def __init__(self, text: InputFile):\n"
        "        self.text = text\n\n    def run_task(self):\n        return self.text.read_text()\n"
    )
    (tmp_path / "words.txt").write_text("one")
    assert cli("run", "-x", "serial", "words.py", "Main", "--text", "words.txt").stdout == "one\n"
    (tmp_path / "words.txt").write_text("two")
    assert "argument or attribute changed" in cli("dry-run", "words.py", "Main", "--text", "words.txt").stdout
    assert cli("run", "-x", "serial", "words.py", "Main", "--text", "words.txt").stdout == "two\n"
    assert "there is no file or folder 'none.txt'" in refused("run", "words.py", "Main", "--text", "none.txt")
