"""Errors as people meet them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskproc.errors import CacheError, FailedTaskError, GraphError, NoResultError, TaskprocError
from taskproc.failure import users_traceback
from taskproc_cli.problems import (
    AnsweredNoError,
    Signalled,
    UsageError,
    UserCodeError,
    one_line,
    sentence,
    status_of,
    users_code,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), 2),
        (GraphError("x"), 2),
        (CacheError("x"), 2),
        (UserCodeError("x"), 2),
        (OSError("x"), 2),
        (FailedTaskError("A()", "x"), 1),
        (ExceptionGroup("x", [FailedTaskError("A()", "x")]), 1),
        (NoResultError("x"), 1),
        (AnsweredNoError("x"), 1),
        (KeyboardInterrupt(), 130),
        (Signalled(signal.SIGTERM), 143),
        (Signalled(signal.SIGHUP), 129),
    ],
)
def test_each_error_has_its_exit_status(error: BaseException, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("there is no such thing"), "there is no such thing"),
        (AnsweredNoError("x"), ""),
        (OSError(28, "No space left on device", "/disk/file"), "No space left on device: /disk/file"),
        (MemoryError(), "there is too little memory for this (nowhere; see `ulimit -v`); what is finished is kept"),
        (
            ImportError("x.so: failed to map segment from shared object"),
            "there is too little memory for this (nowhere; see `ulimit -v`); what is finished is kept",
        ),
        (
            ImportError("no z"),
            "taskproc can't be loaded (ImportError: no z): was its installation, or Python's, moved or replaced?",
        ),
        (KeyError("x"), "this is a bug of taskproc, please report it: KeyError: 'x' (nowhere)"),
    ],
)
def test_each_error_has_its_sentence(error: BaseException, said: str) -> None:
    assert sentence(error) == said


def test_a_file_that_hides_a_standard_module_is_named(program: Command, tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("X = 1\n")
    done = program("run", "Choose", "--n", "1", "--k", "1")
    assert done.returncode == 2
    assert f"{tmp_path / 'queue.py'} hides the module of the standard library that has its name" in done.stderr
    assert "bug" not in done.stderr


def test_an_exception_that_cannot_tell_itself_has_a_name() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert "SilentError" in one_line(SilentError())
    assert "\n" not in one_line(ValueError("two\nlines"))


def test_the_notes_of_an_exception_do_not_hide_it() -> None:
    error = ValueError("bad")
    error.add_note("a note")
    assert one_line(error) == "ValueError: bad"


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), SyntaxError("x")])
def test_what_the_user_s_code_raises_is_the_user_s(error: BaseException) -> None:
    with pytest.raises(UserCodeError, match=r"^making it: ") as caught, users_code("making it"):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FailedTaskError("Up()", "ValueError: bad", details="Traceback"), r"Up\(\) failed: ValueError: bad"),
        (NoResultError("Up() has no result"), r"Up\(\) has no result"),
        (NoResultError(), "NoResultError"),
    ],
)
def test_a_task_that_the_user_s_code_runs_or_reads_is_its_own_affair(error: TaskprocError, told: str) -> None:
    with pytest.raises(UserCodeError, match=f"^making it: {told}$") as caught, users_code("making it"):
        raise error
    assert (caught.value.__cause__, status_of(caught.value)) == (error, 2)
    with pytest.raises(type(error)) as same, users_code("making it", passing=(type(error),)):
        raise error
    assert same.value is error


@pytest.mark.parametrize("error", [UsageError("x"), KeyboardInterrupt()])
def test_our_sentences_and_interrupts_pass_through_the_user_s_code(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, users_code("making it"):
        raise error
    assert caught.value is error


def test_a_traceback_has_the_user_s_frames_and_causes_alone() -> None:
    def load() -> None:
        from importlib import import_module

        try:
            import_module("nowhere_at_all")
        except ImportError as error:
            raise ValueError("told so") from error

    with pytest.raises(UserCodeError) as caught, users_code("loading"):
        load()
    assert caught.value.__cause__ is not None
    text = users_traceback(caught.value.__cause__)
    assert "No module named 'nowhere_at_all'" in text
    assert "in load" in text
    assert text.endswith("ValueError: told so\n")
    assert "taskproc_cli/problems.py" not in text
    assert "importlib/" not in text
    assert "<frozen" not in text


def test_a_sentence_of_ours_says_which_line_of_the_user_s_it_came_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, place in ((tmp_path / "here.py", "here.py:3"), (Path("/elsewhere/x.py"), "/elsewhere/x.py:3")):
        code = compile("\n\nraise UsageError('no')", path, "exec")
        with pytest.raises(UsageError) as caught, users_code("loading"), users_code("making"):
            exec(code, {"UsageError": UsageError})
        assert sentence(caught.value) == f"no ({place})"


def test_what_the_user_s_code_prints_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with users_code("loading"):
        print("loaded")
    assert capsys.readouterr() == ("", "loaded\n")


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    with pytest.raises(FileNotFoundError) as caught:
        Path.cwd()
    assert sentence(caught.value) == "the working folder is not there any more: go to another one"


@pytest.mark.parametrize("words", ["run taskfile.py -f -i <&-", "log taskfile.py >&-", "run taskfile.py -f <&- >&-"])
def test_a_stream_that_is_closed_is_no_bug(cli: Command, tmp_path: Path, words: str) -> None:
    text = "from taskproc import Task\nclass Main(Task):\n    def run_task(self): print('said')\n"
    (tmp_path / "taskfile.py").write_text(text)
    assert cli("run", "-x", "serial").returncode == 0
    line = f'exec "$0" -m taskproc_cli {words}'
    done = subprocess.run(["sh", "-c", line, sys.executable], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "bug" in done.stderr) == (0, False), done.stderr
