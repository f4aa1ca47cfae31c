"""What the completer knows of the command line is what the command line is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.core import TyperArgument, TyperOption

from taskproc_cli import app
from taskproc_cli.commands.completion import SCRIPTS
from taskproc_cli.grammar import COMMANDS, HELP, SHELLS, Option
from taskproc_cli.options import TaskCommand

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERY = [(name, option) for name, command in COMMANDS.items() for option in command.options if option is not HELP]


def spelled(options: Iterable[Option]) -> set[tuple[str, ...]]:
    return {tuple(sorted(option.names)) for option in options}


def options_of(name: str) -> dict[tuple[str, ...], TyperOption]:
    shown = [each for each in app.load_command(name).params if isinstance(each, TyperOption) and not each.hidden]
    return {tuple(sorted([*each.opts, *each.secondary_opts])): each for each in shown}


def test_the_commands_are_those_of_the_program() -> None:
    assert list(COMMANDS) == list(app.COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_words_and_options(name: str) -> None:
    command = app.load_command(name)
    assert (command.help or "").startswith(COMMANDS[name].about[:-1])
    assert isinstance(command, TaskCommand) == (COMMANDS[name].words == "task")
    assert any(isinstance(each, TyperArgument) for each in command.params) == (COMMANDS[name].words != "task")
    assert set(options_of(name)) == spelled(COMMANDS[name].options) - spelled([HELP])


@pytest.mark.parametrize(("name", "option"), EVERY, ids=[f"{name} {option.names[0]}" for name, option in EVERY])
def test_an_option_takes_what_the_program_s_takes(name: str, option: Option) -> None:
    real = options_of(name)[tuple(sorted(option.names))]
    assert option.value == ("" if real.is_flag else real.metavar)
    assert option.many == real.multiple
    assert (real.help or "").startswith(option.about[:-1])
    assert option.names[0].startswith("--")


def test_shells_are_those_with_a_script() -> None:
    assert list(SHELLS) == list(SCRIPTS)
