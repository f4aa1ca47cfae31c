"""Running again when files change."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from taskproc_cli import watch as module
from taskproc_cli.problems import UsageError
from taskproc_cli.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STUDY = """
from helper import add
from taskproc import Const, InputFile, Requires, Task

class Main(Task):
    more: Requires[InputFile]

    def __init__(self, text: InputFile = "in.txt"):
        self.text = text
        self.more = Const(InputFile("more.txt"))

    def run_task(self):
        return add(self.text.read_text() + self.more.read_text())
"""

WAITING = """
from taskproc import InputFile, Task
import helper

class Main(Task):
    _task_depends_on = ["depends.txt"]

    def __init__(self, text: InputFile = "x.txt"):
        self.text = text

    def run_task(self):
        open("HERE/go").read()
        return self.text.read_text()
"""


def helper(added: str) -> str:
    return f"def add(text):\n    return text + {added!r}\n"


@pytest.fixture
def study(executable: Path, tmp_path: Path) -> Iterator[Any]:
    """The program with `--watch`, and its folder."""
    for name, text in {"study.py": STUDY, "helper.py": helper("+1"), "in.txt": "a", "more.txt": ""}.items():
        (tmp_path / name).write_text(text)
    words = [executable, "run", "study.py", "--watch", "-q", "-x", "serial"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        yield process
        process.kill()


def touch(path: Path) -> None:
    """Change a file now, by a clock that is finer than that of files."""
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def until_watching(process: Any) -> str:
    """What the program says on stderr before it waits."""
    said = ""
    for line in process.stderr:
        if line == "watching 4 files; Ctrl-C ends it\n":
            return said
        said += line
    raise AssertionError(said)


def test_a_changed_file_begins_the_run_again_until_ctrl_c(study: Any, tmp_path: Path) -> None:
    assert study.stdout.readline() == "a+1\n"
    until_watching(study)
    (tmp_path / "helper.py").write_text(helper("+2"))
    assert study.stdout.readline() == "a+2\n"
    assert until_watching(study) == "helper.py changed\n"
    (tmp_path / "in.txt").write_text("b")
    assert study.stdout.readline() == "b+2\n"
    until_watching(study)
    (tmp_path / "more.txt").write_text("c")
    assert study.stdout.readline() == "bc+2\n"
    until_watching(study)
    (tmp_path / "helper.py").write_text("def add(")
    assert "study.py cannot be loaded: '(' was never closed (helper.py, line 1)\n" in until_watching(study)
    (tmp_path / "helper.py").write_text(helper("+3"))
    assert study.stdout.readline() == "bc+3\n"
    until_watching(study)
    study.send_signal(signal.SIGINT)
    assert study.wait() == 130


def put_older(path: Path) -> None:
    """Put another file in the place of one, as `mv` and `rsync -t` do: what they bring is as old as it was."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, (1, 1))
    other.replace(path)


@pytest.mark.parametrize("change", [touch, put_older])
def test_what_changed_while_it_ran_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], None]
) -> None:
    watch = Watch()
    (tmp_path / "x.json").write_text("{}")
    watch.begin([None], f"@{tmp_path / 'x.json'}")
    change(tmp_path / "x.json")
    watch.wait()
    assert capsys.readouterr().err.endswith("x.json changed\n")


def test_one_of_the_same_size_and_time_counts_since_it_began_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, other, folder = tmp_path / "x.json", tmp_path / "other", tmp_path / "folder"
    for each in (path, other):
        each.write_text("{}")
        os.utime(each, (1, 1))
    folder.mkdir()
    monkeypatch.setenv(module._AGAIN, f"{path}\n{folder}")
    watch = Watch()
    other.replace(path)
    (folder / "made").touch()  # as a task may
    watch.begin([folder], f"@{path}")
    watch.wait()
    assert capsys.readouterr().err.endswith("x.json changed\n")


@pytest.mark.parametrize("name", ["x.txt", "helper.py", "depends.txt"])
def test_so_does_one_that_a_task_reads_or_imports(executable: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "x.txt").write_text("1")
    (tmp_path / "depends.txt").touch()
    (tmp_path / "helper.py").touch()
    (tmp_path / "taskfile.py").write_text(WAITING.replace("HERE", str(tmp_path)))
    os.mkfifo(tmp_path / "go")
    words = [executable, "run", "--watch", "-x", "serial"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        with open(tmp_path / "go", "w"):  # it has begun to read that
            put_older(tmp_path / name)
        assert process.stdout.readline() == "1\n"
        assert f"{name} changed\n" in process.stderr
        process.kill()


def test_after_an_error_what_the_run_before_depended_on_is_watched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone.py").write_text("")
    monkeypatch.setenv(module._AGAIN, str(tmp_path / "gone.py"))
    watch = Watch()
    assert watch.on
    assert module._AGAIN not in os.environ  # tasks and workers need not know
    watch.error = ValueError()
    touch(tmp_path / "gone.py")
    watch.wait()
    assert capsys.readouterr().err.endswith("gone.py changed\n")


def test_stdin_cannot_be_watched() -> None:
    with pytest.raises(UsageError, match="name a file, --kwargs @FILE"):
        Watch().begin([], "-")
