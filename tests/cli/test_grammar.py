"""What the grammar says is what the program does."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from taskproc_cli import app
from taskproc_cli.commands.completion import SCRIPTS
from taskproc_cli.grammar import COMMANDS, HELP, SHELLS, Option
from taskproc_cli.options import CACHE, KWARGS, TRUST, TaskCommand

REQUESTS = {CACHE, KWARGS, TRUST}
"""Options that the request takes."""

KINDS = {(False, False): {"bool"}, (True, False): {"str", "str | None"}, (True, True): {"list[str] | None"}}
"""How a parameter is annotated, by whether its option takes a value, and whether it may be repeated."""


REQUEST = {"task", "cache"}
"""The kinds of words that make a request."""


def taken(option: Option) -> str:
    return option.names[0].removeprefix("--").replace("-", "_")


def parameters_of(name: str) -> dict[str, Any]:
    function = app.load_command(name).callback
    assert function is not None
    return {each.name: each.annotation for each in inspect.signature(function).parameters.values()}


def test_the_kinds_of_command_are_those_of_commands_about_tasks() -> None:
    assert app.KINDS.keys() == {name for name, command in COMMANDS.items() if command.words in REQUEST}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_its_help_says(name: str) -> None:
    command = app.load_command(name)
    assert (command.help or "").partition("\n")[0] == COMMANDS[name].about
    assert isinstance(command, TaskCommand) == (COMMANDS[name].words in REQUEST)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_function_takes_each_option_and_nothing_else(name: str) -> None:
    command, parameters = COMMANDS[name], parameters_of(name)
    assert command.options[-1] is HELP
    options = {taken(option): option for option in command.options[:-1] if taken(option) not in REQUESTS}
    word = "request" if command.words in REQUEST else command.words
    assert parameters.keys() - {"dry_run" if name == "dry-run" else ""} == {word, *options}
    for each, option in options.items():
        assert parameters[each] in KINDS[bool(option.value), option.many]


def test_every_option_has_a_long_spelling() -> None:
    assert all(option.names[0].startswith("--") for command in COMMANDS.values() for option in command.options)


def test_help_is_described_as_typer_describes_it(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app.main(["config", "--help"])
    assert HELP.about in capfd.readouterr().out


def test_shells_are_those_with_a_script() -> None:
    assert list(SHELLS) == list(SCRIPTS)
