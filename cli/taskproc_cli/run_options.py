"""The options of `run`, from the texts that were given for them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc_cli.problems import UsageError
from taskproc_cli.shapes import read_json_object
from taskproc_cli.target import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from taskproc.graph import Graph

T = TypeVar("T")

EXECUTORS = ("process", "thread", "serial")


def workers(text: str) -> int:
    """How many tasks run at a time."""
    return _count("--workers", text)


def executor(text: str) -> str:
    """What runs the tasks: a word, or what stands before and after the first colon."""
    before, colon, after = text.partition(":")
    if text not in EXECUTORS and not (before and colon and after):
        hint = suggestion(text, EXECUTORS) or "; say process, thread, serial, dask:ADDRESS, or package.module:factory"
        raise UsageError(f"--executor: there is no executor {text!r}{hint}")
    return text


def executor_args(text: str) -> dict[str, Any]:
    """The arguments of the executor's factory."""
    try:
        return read_json_object(text)
    except ValueError as error:
        raise UsageError(f"--executor-args: {error}") from None


def limits(texts: Iterable[str], graph: Graph) -> dict[str, int]:
    """How many tasks run at a time, by channel or `task_name`."""
    return _by_name("--rate-limit", "NAME=N", texts, graph, _count)


def prefixes(texts: Iterable[str], graph: Graph) -> dict[str, str]:
    """The commands to run tasks under, by channel or `task_name`."""
    return _by_name("--prefix", "NAME=CMD", texts, graph, _shell_line)


def _count(option: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"{option}: {text!r} is not a whole number from 1")
    return number


def _shell_line(option: str, text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is not a shell line ({error})") from None
    return text


def _by_name(option: str, form: str, texts: Iterable[str], graph: Graph, read: Callable[[str, str], T]) -> dict[str, T]:
    """Read `NAME=...` entries; NAME is a channel, a qualified name or a `task_name` of the graph."""
    known = _names(graph) if texts else {}
    found: dict[str, T] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{option}: {text!r} is not of the form {form}")
        if name not in known:
            hint = suggestion(name, known) or f"; it has {', '.join(known)}"
            raise UsageError(f"{option}: nothing in the graph has the channel or the name {name!r}{hint}")
        found[known[name]] = read(option, value)
    return found


def _names(graph: Graph) -> dict[str, str]:
    """What tasks of a graph can be called: their `task_name`, their qualified name for it, and their channels."""
    known = {node.short: node.name for node in graph.nodes}
    known |= {node.name: node.name for node in graph.nodes}
    return known | {channel: channel for node in graph.nodes for channel in node.channels}
