"""`taskproc doctor` takes the options that it can use, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_options_stand_before_or_behind_the_taskfile(program: Command) -> None:
    done = program("doctor", "--cache", "c", "taskfile.py", "--repair")
    assert (done.returncode, done.stdout.startswith("there is no cache in ")) == (0, True)


def test_parameters_of_tasks_mean_nothing_to_it(refused: Refused) -> None:
    assert refused("doctor", "--kwargs", "{}") == "there is no option --kwargs here; taskproc run has it"
    assert refused("doctor", "--repar") == "there is no option --repar; did you mean --repair?"
