"""`taskproc log`, seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_both_streams_are_shown_or_one(cli: Command) -> None:
    cli("run", "Talk")
    assert cli("log", "Talk").stdout == "said on stdout\nsaid on stderr\n"
    assert cli("log", "Talk", "--stream", "stderr").stdout == "said on stderr\n"


def test_an_instance_is_shown_without_its_taskfile(cli: Command, tmp_path: Path) -> None:
    cli("run", "Fail", "--n", "5")
    cli("run", "Fail", "--n", "6")
    (tmp_path / "taskfile.py").write_text("this is no Python\n")
    done = cli("log", "Fail#1")
    assert (done.stdout, done.stderr) == ("before the end\n", "")
    assert cli("log", "taskfile.Fail#0").stdout == "before the end\n"


def test_parameters_name_an_instance(cli: Command) -> None:
    cli("run", "Fail", "--n", "5")
    assert cli("log", "Fail", "--n", "5").stdout == "before the end\n"


def test_a_task_that_printed_nothing_has_an_empty_log(cli: Command) -> None:
    cli("run", "Outer.Inner")
    done = cli("log", "Outer.Inner")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Outer.Inner() printed nothing\n")


def test_what_is_not_recorded_is_refused(refused: Refused) -> None:
    assert "nothing is recorded of Talk()" in refused("log", "Talk")
    assert "nothing is recorded of Talk#3" in refused("log", "Talk#3")
    assert "did you mean 'Talk'?" in refused("log", "Tlk#3")
    assert "did you mean 'stderr'?" in refused("log", "Talk", "--stream", "sterr")
