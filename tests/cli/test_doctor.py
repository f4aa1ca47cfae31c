"""`taskproc doctor` takes the options that it can use, and no others."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_options_stand_before_or_behind_the_taskfile(program: Command) -> None:
    done = program("doctor", "--cache", "c", "taskfile.py", "--repair")
    assert (done.returncode, done.stdout.startswith("there is no cache in ")) == (0, True)


def test_parameters_of_tasks_mean_nothing_to_it(refused: Refused) -> None:
    assert refused("doctor", "--kwargs", "{}") == "there is no option --kwargs here; taskproc run has it"
    assert refused("doctor", "--repar") == "there is no option --repar; did you mean --repair?"


def test_what_it_proposes_finds_the_cache(cli: Command, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "a c").mkdir()
    (tmp_path / "a c" / "cache.db").write_text("junk")
    _, proposed, _ = refused("status", "--cache", "a c").split("`")
    assert proposed == f"taskproc doctor --repair --cache '{tmp_path / 'a c'}'"
    assert "; taskproc doctor --repair taskfile.py --cache 'a c' mends" in cli("doctor", "-o", "a c").stdout
    assert cli(*shlex.split(proposed)[1:]).stdout.startswith("the database: file is not a database; mended\n")
    assert cli("doctor", "--cache", "a c").returncode == 0
