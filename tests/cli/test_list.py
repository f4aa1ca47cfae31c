"""`taskproc list`, seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_signatures_and_docstrings_are_listed(cli: Command, tmp_path: Path) -> None:
    done = cli("list")
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "Choose(n: int, k: int)"
    assert lines[0].endswith("  Compute the binomial coefficient.")
    assert "Options(a: int, *rest: int, **others: Any)" in lines
    assert "Outer.Inner()" in lines
    assert lines[1].startswith("Echo(text: str = 'x', flag: bool = False, ")
    assert lines[2] == "    Give back what it is given."
    assert cli("list", "taskfile.py").stdout == cli("list", "./taskfile.py").stdout == done.stdout
    assert not (tmp_path / ".taskproc").exists()


def test_a_taskfile_without_tasks_has_an_empty_list(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    done = cli("list", "empty.py")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"there is no task in {tmp_path / 'empty.py'}\n"


def test_what_is_no_taskfile_is_refused(refused: Refused) -> None:
    assert "'Choose' is no taskfile" in refused("list", "Choose")
    assert "takes no more words" in refused("list", "taskfile.py", "Choose")
    assert "does not exist" in refused("list", "no.py")
