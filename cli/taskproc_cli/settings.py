"""Options that stay: what the environment and pyproject.toml say of an option that the command line does not give.

Each long option of `run` that says how tasks run, and not what is asked for this once, is a setting under its own name:
an option `--rate-limit` beats `TASKPROC_RATE_LIMIT`, that beats `rate-limit` in `[tool.taskproc]`, that the default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from taskproc.errors import RequestError
from taskproc_cli.grammar import COMMANDS, HELP, Option
from taskproc_cli.shapes import read_bool
from taskproc_cli.target import expanded, suggestion
from taskproc_cli.words import FALSE, TRUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ONCE = frozenset({"dry-run", "force", "force-all", "interactive", "sweep", "format", "watch", "kwargs"})
"""Options that ask for one run: nobody wants them for all."""

SETTINGS = {
    name: option
    for option in COMMANDS["run"].options
    if option is not HELP and (name := option.names[0].removeprefix("--")) not in ONCE
}
"""The option that each setting stands for, by the setting's name."""


YIELDS = {"executor_args": "executor", "quiet": "verbose", "verbose": "quiet"}
"""Settings that mean nothing where something stronger says the other: the arguments of an executor are that one's."""


class Setting(NamedTuple):
    """What one source says of an option: the texts, as they would be typed, and where it is said."""

    texts: tuple[str, ...]
    origin: str


class Settings:
    """What the environment and the pyproject.toml nearest above a folder say.

    Attributes:
        pyproject: That file, if there is one.

    Raises:
        RequestError: one of them can't be understood.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        above = (each / "pyproject.toml" for each in (folder, *folder.parents))
        self.pyproject = next((path for path in above if path.is_file()), None)
        table = _table(self.pyproject) if self.pyproject else {}
        self._layers: dict[str, list[Setting]] = {}
        for name, option in SETTINGS.items():
            found: list[Setting] = []
            if text := environ.get(variable(name)):
                found.append(Setting(_from_text(option, text, variable(name)), variable(name)))
            if name in table:
                assert self.pyproject is not None
                origin = f"{name} in {self.pyproject}"
                if texts := _from_toml(option, table[name], origin, self.pyproject.parent):
                    found.append(Setting(texts, origin))
            self._layers[name] = found

    def layers(self, name: str) -> list[Setting]:
        """What is said of an option, by its setting's name, the strongest source first."""
        return self._layers[name]

    def standing_in(self, given: Mapping[str, Sequence[str]]) -> dict[str, Setting]:
        """The settings that stand in for options which are not given and may not be repeated, by names in the program.

        One does not where something stronger says the option that it `YIELDS` to.
        """
        found = {
            name.replace("-", "_"): layers[0]
            for name, layers in self._layers.items()
            if layers and not SETTINGS[name].many and name.replace("-", "_") not in given
        }
        weaker = [name for name, other in YIELDS.items() if name in found and _is_stronger(other, name, given, found)]
        return {name: each for name, each in found.items() if name not in weaker}


def variable(name: str) -> str:
    """The variable of the environment that holds a setting."""
    return f"TASKPROC_{name.replace('-', '_').upper()}"


def _is_stronger(other: str, name: str, given: Mapping[str, Sequence[str]], found: Mapping[str, Setting]) -> bool:
    """Whether something stronger than what stands for the option `name` says the `other`, and not that it is off."""
    if other in given:
        return given[other][-1] != FALSE
    said = found.get(other)
    return said is not None and said.texts != (FALSE,) and _is_variable(said) and not _is_variable(found[name])


def _is_variable(setting: Setting) -> bool:
    return setting.origin.startswith("TASKPROC_")


def _table(pyproject: Path) -> dict[str, Any]:
    """`[tool.taskproc]`, all of whose keys are settings."""
    import tomllib

    try:
        tool: Any = tomllib.loads(pyproject.read_text("utf-8-sig")).get("tool", {})
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no TOML, or no UTF-8
        raise RequestError(f"{pyproject} cannot be read: {error}") from error
    table: Any = tool.get("taskproc", {}) if isinstance(tool, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(table, dict):
        raise RequestError(f"{pyproject} must hold a table [tool.taskproc]")
    for name in cast("dict[str, Any]", table):
        if name not in SETTINGS:
            hint = suggestion(name.replace("_", "-"), SETTINGS) or f"; the settings are {', '.join(SETTINGS)}"
            raise RequestError(f"{pyproject}: [tool.taskproc] has no setting {name!r}{hint}")
    return cast("dict[str, Any]", table)


def _from_text(option: Option, text: str, origin: str) -> tuple[str, ...]:
    """What a variable of the environment says; of an option that may be repeated, the words of a shell line."""
    if option.many:
        import shlex

        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            raise RequestError(f"{origin}: {text!r} is not a shell line ({error})") from None
    if not option.value:
        try:
            return (TRUE if read_bool(text) else FALSE,)
        except ValueError as error:
            raise RequestError(f"{origin}: {error}") from None
    return (str(Path.cwd() / expanded(text, origin)),) if option.value == "DIR" else (text,)


def _from_toml(option: Option, value: Any, origin: str, folder: Path) -> tuple[str, ...]:
    """What a TOML value says; an empty text says nothing."""
    if not option.value:
        if isinstance(value, bool):
            return (TRUE if value else FALSE,)
        raise RequestError(f"{origin} must be true or false")
    if option.many or option.value == "JSON":
        return _from_table(option, value, origin)
    if option.value == "N":
        if type(value) is int:
            return (str(value),)
        raise RequestError(f"{origin} must be a whole number")
    if not isinstance(value, str):
        raise RequestError(f"{origin} must be text in quotes")
    if option.value == "DIR" and value:
        return (str(folder / expanded(value, origin)),)
    return (value,) if value else ()


def _from_table(option: Option, value: Any, origin: str) -> tuple[str, ...]:
    """What a TOML table says: an entry for each name, or one JSON object."""
    if not isinstance(value, dict):
        example = {"JSON": "NAME = 'VALUE'", "NAME=CMD": "NAME = 'CMD'"}.get(option.value, "NAME = 1")
        raise RequestError(f"{origin} must be a table, such as {{ {example} }}")
    table = cast("dict[str, Any]", value)
    if option.value == "JSON":
        import json

        return (json.dumps(table, default=str),)
    if option.value == "NAME=CMD" and not all(isinstance(entry, str) for entry in table.values()):
        raise RequestError(f"{origin} must hold text in quotes, such as {{ NAME = 'CMD' }}")
    return tuple(f"{name}={entry}" for name, entry in table.items())
