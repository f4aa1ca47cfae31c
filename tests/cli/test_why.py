"""`taskproc why`, seen from outside."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

HELPERS = "def normalize(x):\n    return x - 1\n\nRATE = 3\n"
STUDY = """\
from taskproc import Requires, Task

import helpers


class Low(Task):
    def __init__(self, x: int = 1):
        self.x = x

    def run_task(self) -> int:
        return helpers.normalize(self.x)


class Main(Task):
    low: Requires[int]

    def __init__(self):
        self.low = Low()
        self.scale = 2

    def run_task(self) -> int:
        return self.low * self.scale
"""


@pytest.fixture
def study(cli: Command, tmp_path: Path) -> Path:
    (tmp_path / "helpers.py").write_text(HELPERS)
    path = tmp_path / "study.py"
    path.write_text(STUDY)
    assert cli("why", "study.py").stdout.startswith("Main(): would run: never ran\n  Low(x=1) would run: never ran\n")
    assert not (tmp_path / ".taskproc").exists()
    assert cli("run", "-x", "serial", "study.py").returncode == 0
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_up_to_date_says_when_where_and_how_long(study: Path, cli: Command) -> None:
    first, made = cli("why", study).stdout.splitlines()
    assert first == "Main(): up to date"
    assert re.fullmatch(r"  its result was made \d{4}-\d\d-\d\d \d\d:\d\d:\d\d in 0\.\d s by .+:\d+", made)


def test_an_edited_helper_is_shown_as_a_diff(study: Path, cli: Command) -> None:
    edit(study.with_name("helpers.py"), "x - 1", "x - 2")
    low = cli("why", study, "Low")
    assert low.stdout.startswith("Low(x=1): would run: code of helpers:normalize changed\n")
    for line in (
        "--- helpers:normalize (then)",
        "+++ helpers:normalize (now)",
        "-    return x - 1",
        "+    return x - 2",
    ):
        assert f"\n  {line}\n" in low.stdout
    main = cli("why", study)
    assert main.stdout.splitlines()[:2] == [
        "Main(): may run, if 1 task that it needs, and will run, come out different",
        "  Low(x=1) would run: code of helpers:normalize changed",
    ]
    assert "    +    return x - 2\n" in main.stdout
    instance = cli("why", study, "Low#0")
    assert instance.stdout.startswith("Low(x=1)#0: would run: code of helpers:normalize changed\n")
    assert "+    return x - 2" in instance.stdout
    edit(study, "class Main", "class Other")  # of which none is meant where no task is named
    assert cli("why", study, "Low#0").stdout.startswith("Low#0: recorded; code of helpers:normalize changed\n")
    assert {low.returncode, main.returncode, instance.returncode} == {0}


def test_tasks_that_would_look_alike_are_told_apart(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "alike.py").write_text(
        "from taskproc import Future, Requires, RequiresList, Task\n"
        "class Low(Task):\n    def __init__(self, x: int): self.x = x\n    def run_task(self): return self.x\n"
        "class Mid(Task):\n    low: Requires[int]\n    def __init__(self, low: Future[int]): self.low = low\n"
        "    def run_task(self): raise ValueError(self.low)\n"
        "class Main(Task):\n    mids: RequiresList[int]\n"
        "    def __init__(self): self.mids = [Mid(Low(1)), Mid(Low(2))]\n    def run_task(self): return 0\n"
    )
    cli("run", "-x", "serial", "alike.py", "-k")
    assert cli("why", "alike.py").stdout.splitlines()[1:3] == [
        "  Mid(low=Low(…))#0 would run: failed last time: ValueError: 1",
        "  Mid(low=Low(…))#1 would run: failed last time: ValueError: 2",
    ]


def test_a_value_that_was_made_anew_meanwhile_is_named(study: Path, cli: Command) -> None:
    edit(study.with_name("helpers.py"), "x - 1", "x - 2")
    cli("run", "-x", "serial", study, "Low")
    lines = cli("why", study).stdout.splitlines()
    assert lines[0] == "Main(): would run: upstream Low(x=1) changed"
    assert lines[1].startswith("  Low(x=1) has another value since it was made ")


def test_a_failure_is_told(program: Command, cli: Command) -> None:
    cli("run", "-x", "serial", "Fail")
    done = program("why", "Fail")
    assert done.stdout.startswith("Fail(n=1): would run: failed last time: ValueError: told to fail with 1\n")
    assert "  it failed (ValueError: told to fail with 1) when it ran " in done.stdout
    assert done.returncode == 0


def test_what_can_t_be_seen_is_told(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "blind.py").write_text(
        "from taskproc import Task\n\nclass Main(Task):\n    def run_task(self):\n        return eval('1')\n"
    )
    cli("run", "-x", "serial", "blind.py")
    assert "  blind:Main could not be read in full: " in cli("why", "blind.py").stdout


def test_an_instance_whose_class_is_gone_is_told_of(study: Path, cli: Command) -> None:
    edit(study, "class Low", "class Lower")
    edit(study, "self.low = Low()", "self.low = Lower()")
    done = cli("why", study, "study.Low#0")
    assert done.stdout.startswith("study.Low#0: recorded; its arguments are not known here\n")
    assert f"would refuse this: there is no task 'study.Low' in {study}; its tasks are Lower, Main" in done.stderr


def test_an_instance_whose_taskfile_cannot_be_loaded_is_told_of(study: Path, cli: Command) -> None:
    edit(study.with_name("helpers.py"), "def ", "<<<<<<< HEAD\ndef ")
    done = cli("why", study, "Low#0")
    assert done.stdout.startswith("Low#0: recorded; ")
    assert f"warning: taskproc run would refuse this: {study} cannot be loaded: invalid syntax" in done.stderr


def test_a_changed_default_is_shown_before_and_after(cli: Command, study: Path) -> None:
    edit(study, "x: int = 1", "x: int = 4")
    shown = cli("why", "study.py", "Low").stdout
    assert shown.startswith("Low(x=4): would run: never ran\n")
    assert "with other arguments, was made" in shown
    assert "-    def __init__(self, x=1):\n  +    def __init__(self, x=4):\n" in shown
