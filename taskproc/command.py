"""The prefix command of a task: which of those given it is, and the line with the values of this task."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from taskproc import template
from taskproc.batch import PrefixCommand
from taskproc.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from taskproc.graph import Node
    from taskproc.options import Options

LATER = frozenset({"log", "python", "task_id"})
"""What a command may name in braces that is known only when it runs."""


class Choice(NamedTuple):
    """A prefix command as it is given, empty for none, and what gives it: `channel gpu, prefix in pyproject.toml`."""

    line: str
    origin: str


_NONE = Choice("", "")

_BLANK_END = re.compile(r"(?<!\\)\s+\Z")
"""Blanks and newlines, such as a text in triple quotes has at its end: the worker's words would begin a line of their
own. A newline that is escaped continues the line by itself."""


def choose(node: Node, options: Options) -> Choice:
    """The command that a task runs under: the caller's beats those of `options.settings`, these the class's own.

    Within each of them the task's name comes first, then its channels in their order.
    """
    if options.prefixes or options.settings:
        for origin, prefixes in (("", options.prefixes), *options.settings.items()):
            for name in (node.name, *node.channels):
                if name in prefixes:
                    about = f"channel {name}" if name in node.channels else f"name {node.short}"
                    return Choice(prefixes[name], f"{about}, {origin}" if origin else about)
    prefix = node.prefix
    return Choice(prefix, f"_task_prefix_command of {node.short}") if prefix else _NONE


def command_for(node: Node, options: Options) -> PrefixCommand | None:
    """The command that a task runs under; what it names of limits, and `LATER`, still stands in braces."""
    if not (node.prefix or options.prefixes or options.settings):
        return None
    line = _BLANK_END.sub("", choose(node, options).line)
    if not line:
        return None
    if "{" in line:
        line = template.fill(line, {name: shlex.quote(text) for name, text in _values(node).items()})
    return PrefixCommand(line, shlex.quote(str(node.resources["python"])) if "python" in node.resources else "")


def refuse_unknown(nodes: Iterable[Node], options: Options) -> None:
    """Refuse commands that name in braces what their task does not have.

    Raises:
        RequestError: One does.
    """
    for node in nodes:
        line = choose(node, options).line
        if "{" not in line:
            continue
        known = {*_values(node), *LATER, *(node.channels.keys() & options.limits.keys())}
        for name in sorted(template.names(line) - known):
            raise RequestError(
                f"the prefix command {line!r} of {node.short} names {{{name}}}{_advice(name, node, known)}"
            )


def _values(node: Node) -> Mapping[str, str]:
    own = {name: str(value) for name, value in node.resources.items() if name not in {"python", "task_id"}}
    return {"cpus": f"{node.channels.get('cpus', 1)}", **own, "task_name": node.name}


def _advice(name: str, node: Node, known: set[str]) -> str:
    if name in node.channels:
        return f", but the channel has no numbers without a rate limit: give it one, as --rate-limit {name}=N does"
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {{{near[0]}}}?" if near else f"it has {', '.join(sorted(known))}"
    return f", which is not among its _task_resources: {hint} ({{{{{name}}}}} stands for the text itself)"
