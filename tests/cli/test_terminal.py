"""What is written to a terminal does it no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskproc_cli.views.terminal import still

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

RUDE = r"""
from taskproc import Requires, Task

class Rude(Task):
    def run_task(self) -> None:
        raise ValueError("\x1b[2J\x1b]0;title\x07\x9b2J\x08\x1b[31msaid\x1b[0m\rover\nmore \x1b")

class Main(Task):
    rude: Requires[None]
    def __init__(self):
        self.rude = Rude()
    def run_task(self) -> None: ...

class Broken(Task):
    def __init__(self):
        raise ValueError("\x1b[2Jsaid\nmore \x1b")
"""


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("10%\t\x1b[1;31mred\x1b[0m\nend", "10%\t\x1b[1;31mred\x1b[0m\nend"),
        ("\x1b[2Ja\x1b[3Ab\x07\x1b]0;title\x07c\x1bcd\x9b2J", "abcd"),
        ("open \x1b]0;title\nnext \x1b[\nlast\x1b", "open ]0;title\nnext [\nlast"),
        ("one\rtwo", "onetwo"),
    ],
)
def test_what_moves_the_cursor_is_taken_out_and_no_more(text: str, left: str) -> None:
    assert still(text) == left


def test_no_screen_shows_the_control_characters_of_a_failure(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "taskfile.py").write_text(RUDE)
    failing = (
        "run",
        "run -v -x serial",
        "run -n",
        "run --explain -x serial",
        "graph",
        "why Rude",
        "show Rude",
        "show Rude#0",
        "run Broken -x serial",
    )
    for words in failing:
        done = cli(*words.split())
        shown = done.stdout + done.stderr
        assert "said" in shown, words
        assert not set(shown.replace("\x1b[31m", "").replace("\x1b[0m", "")) & set("\x1b\x9b\x07\x08\r"), words
