"""What a command about a task is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


@pytest.mark.parametrize("command", ["show", "why", "log", "accept", "clear --yes"])
def test_a_recorded_instance_takes_no_parameters(cli: Command, refused: Refused, command: str) -> None:
    cli("run", "-x", "serial", "Echo")
    for words, named in {"--split-ratio 1": "--split-ratio", """--kwargs {"text":"y"}""": "--kwargs"}.items():
        said = refused(*command.split(), "Echo#0", *words.split())
        assert said == f"Echo#0 is one recorded instance, whatever its parameters: leave {named} out"
    assert "1 result looked at" in cli("doctor").stdout
