"""The command that runs one task again in this terminal, under pdb: how this program is called, and that task meant."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Any

from taskproc.errors import RequestError
from taskproc.presentation import to_json
from taskproc.taskfile import file_of
from taskproc_cli.classes import task_classes
from taskproc_cli.parameters import parameters_of
from taskproc_cli.settings import Settings
from taskproc_cli.target import Target, cache_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from taskproc.graph import Node
    from taskproc_cli.parameters import Parameters


def program() -> list[str]:
    """The words that call this program, wherever it is installed."""
    own, found = os.path.join(os.path.dirname(sys.executable), "taskproc"), shutil.which("taskproc")
    if os.path.exists(own):
        return ["taskproc"] if found and os.path.samefile(found, own) else [os.path.join(os.curdir, _near(own))]
    return ["taskproc"] if found else [sys.executable, "-m", "taskproc_cli"]


def script() -> list[str]:
    """The words that call the script that runs: as a file, or as the module that `python -m` was told."""
    found = shutil.which("python")
    is_ours = found and os.path.dirname(found) == os.path.dirname(sys.executable)  # it may be a link, as in venvs
    python = "python" if is_ours else sys.executable
    spec = sys.modules["__main__"].__spec__
    return [python, sys.argv[0]] if spec is None else [python, "-m", spec.name]


def debug_command(node: Node) -> str | None:
    """`taskproc run -i FILE TASK --PARAMETER VALUE`; None where no words mean the task, as with a task for argument."""
    file = file_of(node.cls.__module__)
    if file is None or task_classes(sys.modules[node.cls.__module__]).get(node.short) is not node.cls:
        return None
    sys.set_int_max_str_digits(0)  # an argument may be a long number
    parameters = parameters_of(node.cls)
    arguments: list[str] = []
    rest: dict[str, Any] = {}
    for name, value in node.parameters.named(node.values).items():
        choices = _choices(parameters, name, to_json(value))
        chosen = next((words for words, values in choices if _means(node, parameters, name, values)), None)
        if chosen is None:
            return None
        if isinstance(chosen, dict):
            rest |= chosen
        else:
            arguments += chosen
    if rest:
        arguments += ["--kwargs", json.dumps(rest, ensure_ascii=False)]
    return shlex.join([*program(), "run", "-i", *_cache(node, file), _near(file), node.short, *arguments])


def _choices(
    parameters: Parameters, name: str, value: Any
) -> Iterator[tuple[list[str] | dict[str, Any], dict[str, Any]]]:
    """How an argument may be typed, the shortest first (as words, or in `--kwargs`), and what comes of it."""
    yield [], {}
    texts = [value] if isinstance(value, str) else []
    for text in (*texts, json.dumps(value, ensure_ascii=False)):
        parameter = parameters.find(name)
        assert parameter is not None  # it has an argument
        try:
            values = parameters.values({name: [text]})
        except RequestError:  # it stands for no value, or the parameter takes tasks alone
            continue
        if parameter.shape.flag and isinstance(value, bool):
            yield [parameter.option if value else f"--no-{parameter.option[2:]}"], values
        elif name != "help":
            yield [parameter.option, text], values
    yield {name: value}, {name: value}


def _means(node: Node, parameters: Parameters, name: str, values: dict[str, Any]) -> bool:
    """Whether a task is still the same if one of its arguments is given in another way, or not at all."""
    others = {each: value for each, value in node.parameters.named(node.values).items() if each != name}
    try:
        args, kwargs = parameters.arranged(others | values)
        return node.parameters.key(node.parameters.bind(args, kwargs))[0] == node.key
    except Exception:  # noqa: BLE001  a validator of the user's may raise anything
        return False


def _cache(node: Node, file: Path) -> list[str]:
    """The options that lead to a task's cache, unless the command would find it anyway."""
    target = Target(file, None, None, None)
    setting = Settings(target.folder).standing_in(()).get("cache")
    found = cache_path(target, setting.texts[0] if setting else None)
    words = [] if found.resolve() == node.cache.resolve() else ["--cache", _near(node.cache)]
    return [*words, *(["--trust-cache"] if node.trust else [])]


def _near(path: Path | str) -> str:
    """A path from here, if it lies below this folder."""
    near = os.path.relpath(path)
    return str(path) if near.startswith(os.pardir) else near
