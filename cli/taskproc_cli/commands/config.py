"""`taskproc config`: each setting, its value, and where that comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskproc_cli.run_options import READERS
from taskproc_cli.settings import SETTINGS, Settings, variable
from taskproc_cli.target import cache_path, check_taskfile, parse_taskfile, suggestion
from taskproc_cli.views import terminal
from taskproc_cli.views.result import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc_cli.target import Target


def config(taskfile: str = "") -> None:
    """Show each setting, its value, and where that comes from.

    A setting is an option of `run` that need not be typed each time: --rate-limit beats the variable
    TASKPROC_RATE_LIMIT, which beats rate-limit in [tool.taskproc] of the pyproject.toml nearest above the taskfile.

    For example: taskproc config taskfile.py
    """
    target = parse_taskfile(taskfile)
    if taskfile and target.taskfile:
        check_taskfile(target.taskfile)
    settings = Settings(target.folder)
    write_lines(_table([*_places(target, settings), *_settings(target, settings)]))
    for name in sorted(os.environ):
        if name.startswith("TASKPROC_") and name not in map(variable, SETTINGS):
            terminal.say(f"{name} means nothing to taskproc{suggestion(name, map(variable, SETTINGS))}")


def _places(target: Target, settings: Settings) -> Iterator[tuple[str, str, str]]:
    yield "taskfile", "", str(target.taskfile or target.module or "")
    yield "pyproject.toml", "", str(settings.pyproject or "")


def _settings(target: Target, settings: Settings) -> Iterator[tuple[str, str, str]]:
    """The settings: name, origin, and value; of one that names tasks, a row for each name.

    Raises:
        UsageError: a value is none that the option takes.
    """
    from taskproc.cpus import cpus
    from taskproc.options import Options

    defaults = {"cache": f"{cache_path(target, None)}", "workers": f"{cpus()}", "executor": f"{Options().executor}"}
    for name, option in SETTINGS.items():
        layers = settings.layers(name)
        if not layers:
            yield name, "default", defaults.get(name, "" if option.value else "false")
        named: set[str] = set()
        for layer in layers if option.many else layers[:1]:
            for text in layer.texts:
                if refusing := READERS.get(name.replace("-", "_")):
                    refusing(text, layer.origin)
                if not option.many or text.partition("=")[0] not in named:
                    yield name, layer.origin if layer.origin == variable(name) else "pyproject.toml", text
                named.add(text.partition("=")[0])


def _table(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, origin, value in rows:
        yield f"{name:<{first}}  {origin:<{second}}  {value or '-'}"
