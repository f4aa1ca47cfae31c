"""What a command about a task is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


@pytest.mark.parametrize("command", ["show", "why", "log", "accept", "clear --yes"])
def test_a_recorded_instance_takes_no_parameters(cli: Command, refused: Refused, command: str) -> None:
    cli("run", "-x", "serial", "Echo")
    for words, named in {"--split-ratio 1": "--split-ratio", """--kwargs {"text":"y"}""": "--kwargs"}.items():
        said = refused(*command.split(), "Echo#0", *words.split())
        assert said == f"Echo#0 is one recorded instance, whatever its parameters: leave {named} out"
    assert "1 result looked at" in cli("doctor").stdout


def test_a_class_of_another_file_is_meant_only_where_it_is_imported(
    cli: Command, refused: Refused, tmp_path: Path
) -> None:
    cli("run", "-x", "serial", "Talk")
    other = tmp_path / "other.py"
    for text in ("", "class Talk: pass", "raise ValueError"):
        other.write_text(text)
        said = refused("clear", "--yes", "other.py", "Talk")
        assert said == "there is no task 'Talk', and nothing is recorded of one; did you mean 'taskfile.Talk'?"
    assert "nothing is recorded of one" in refused("log", "nowhere:Talk#0")
    assert cli("clear", "-n", "other.py", "taskfile.Talk").stdout.startswith("would remove 1 result")
    other.write_text("from taskfile import Talk\nraise ValueError('nothing is imported for this')")
    assert cli("clear", "--yes", "other.py", "Talk").stderr.startswith("removed 1 result")
