"""The command that runs one task again in this terminal, under pdb: the words that call this program for it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Any

from taskproc.errors import RequestError
from taskproc.presentation import to_json
from taskproc.taskfile import file_of, path_of
from taskproc_cli.classes import task_classes
from taskproc_cli.grammar import COMMANDS
from taskproc_cli.parameter_options import MARK, parameter_options, read_parameters
from taskproc_cli.parameters import parameters_of
from taskproc_cli.settings import Settings
from taskproc_cli.target import Target, cache_path
from taskproc_cli.words import TRUE, Spelling, spellings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from taskproc.cache import Cache
    from taskproc.graph import Node
    from taskproc_cli.parameter import Parameter
    from taskproc_cli.parameters import Parameters

_TOO_LONG = 1 << 17
"""Bytes of a word that Linux passes on to no program."""


def program() -> list[str]:
    """The words that call this program, wherever it is installed."""
    own, found = os.path.join(os.path.dirname(sys.executable), "taskproc"), shutil.which("taskproc")
    if os.path.exists(own):
        return ["taskproc"] if found and os.path.samefile(found, own) else [os.path.join(os.curdir, _near(own))]
    return ["taskproc"] if found else [sys.executable, "-m", "taskproc"]


def script() -> list[str]:
    """The words that call the script that runs: as a file, or as the module that `python -m` was told."""
    found = shutil.which("python")
    is_ours = found and os.path.dirname(found) == os.path.dirname(sys.executable)  # it may be a link, as in venvs
    python = "python" if is_ours else sys.executable
    spec = sys.modules["__main__"].__spec__
    if spec is None or spec.origin != path_of("__main__"):  # that of what runs the script, as cProfile does
        return [python, sys.argv[0]]
    return [python, "-m", spec.name]


def debug_command(node: Node) -> str | None:
    """`taskproc run -i FILE TASK --PARAMETER VALUE`; None where no words mean the task, as with a task for argument.

    None too where a word would be too long, or the module is in an archive or bytecode alone, which is no taskfile.
    """
    file = file_of(node.cls.__module__)
    if file is None or file.suffix != ".py" or not file.is_file():
        return None
    if task_classes(sys.modules[node.cls.__module__]).get(node.short) is not node.cls:
        return None
    sys.set_int_max_str_digits(0)  # an argument may be a long number
    parameters = parameters_of(node.cls)
    known = _spellings(parameters)
    arguments: list[str] = []
    rest: dict[str, Any] = {}
    for name, value in node.parameters.named(node.values).items():
        given = to_json(value)
        choices = _choices(parameters.called(name), given)
        said = (words for words in choices if all(map(str.isprintable, words)))  # else JSON says it on one line
        chosen = next(
            (words for words in said if _means(node, parameters, name, _read(parameters, words, known))), None
        )
        if chosen is not None:
            arguments += chosen
        elif _means(node, parameters, name, {name: given}):
            rest[name] = given
        else:
            return None
    if rest:
        text = json.dumps(rest, ensure_ascii=False)
        arguments += ["--kwargs", text if text.isprintable() else json.dumps(rest)]
    if any(len(os.fsencode(word)) >= _TOO_LONG for word in arguments):
        return None
    cache = _cache(node.home, Target(file))
    return shlex.join([*program(), "run", "-i", *cache, _near(file), node.short, *arguments])


def same_place(command: str, target: Target, cache: Cache, task: str = "") -> str:
    """Another command of this program about the same taskfile and cache, and perhaps a task there."""
    file = [shlex.quote(_near(target.taskfile))] if target.taskfile else []
    meant = [f"{target.module}:{task}"] if target.module else [*file, task] if task else file
    return " ".join(["taskproc", command, *meant, *map(shlex.quote, _cache(cache, target))])


def _choices(parameter: Parameter, value: Any) -> Iterator[list[str]]:
    """How an argument may be typed, the shortest first; not all of these need mean it."""
    yield []
    if isinstance(value, bool):
        yield [parameter.option if value else f"--no-{parameter.option[2:]}"]
    texts = [value] if isinstance(value, str) else []
    for text in (*texts, json.dumps(value, ensure_ascii=False)):
        yield [parameter.option, text]


def _spellings(parameters: Parameters) -> dict[str, Spelling]:
    """The options that `run` has for a task: its own, which have the names of `**kwargs` first, and the parameters."""
    own = {
        name: Spelling(name, None if each.value else TRUE) for each in COMMANDS["run"].options for name in each.names
    }
    return own | spellings(parameter_options(parameters)) | {"--help": own["--help"]}


def _read(parameters: Parameters, words: list[str], known: dict[str, Spelling]) -> dict[str, Any] | None:
    """The values that words stand for, None if they are refused or not about parameters alone."""
    try:
        given = read_parameters(words, dict(known), parameters).given
        if not all(name.endswith(MARK) for name in given):
            return None
        return parameters.values({name.removesuffix(MARK): texts for name, texts in given.items()})
    except RequestError:
        return None


def _means(node: Node, parameters: Parameters, name: str, values: dict[str, Any] | None) -> bool:
    """Whether a task is still the same if one of its arguments is given in another way, or not at all."""
    if values is None:
        return False
    others = {each: value for each, value in node.parameters.named(node.values).items() if each != name}
    try:
        args, kwargs = parameters.arranged(others | values)
        return node.parameters.key(node.parameters.bind(args, kwargs))[0] == node.key
    except Exception:  # noqa: BLE001  a validator of the user's may raise anything
        return False


def _cache(cache: Cache, target: Target) -> list[str]:
    """The options that lead to a cache, unless a command about this target would find it anyway."""
    setting = Settings(target.folder).standing_in({}).get("cache")
    found = cache_path(target, setting.texts[0] if setting else None)
    words = [] if found.resolve() == cache.path.resolve() else ["--cache", _near(cache.path)]
    return [*words, *(["--trust-cache"] if cache.trust else [])]


def _near(path: Path | str) -> str:
    """A path from here, if it lies below this folder."""
    near = os.path.relpath(path)
    return str(path) if near.startswith(os.pardir) else near
