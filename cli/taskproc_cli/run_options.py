"""The options of `run`, from the texts that were given for them."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc.graph import build_graph
from taskproc.options import Options
from taskproc_cli.problems import UsageError
from taskproc_cli.settings import Setting
from taskproc_cli.shapes import read_json_object
from taskproc_cli.streams import printing_to_stderr
from taskproc_cli.target import suggestion
from taskproc_cli.views import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from taskproc.graph import Graph, Node
    from taskproc_cli.request import Request
    from taskproc_cli.settings import Settings

T = TypeVar("T")

OURS = ("process", "thread", "serial")
EXECUTORS = (*OURS, "dask")


def executor(text: str, option: str) -> str:
    """What runs the tasks: a word, or what stands before and after the first colon.

    `option` is what to call that in errors, here and below.
    """
    before, colon, after = text.partition(":")
    if text not in EXECUTORS and not (before and colon and after):
        hint = (
            suggestion(text, EXECUTORS)
            or "; say process, thread, serial, dask, dask:ADDRESS, or package.module:factory"
        )
        raise UsageError(f"{option}: there is no executor {text!r}{hint}")
    return text


def executor_args(text: str, option: str) -> dict[str, Any]:
    """The arguments of the executor's factory."""
    try:
        return read_json_object(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def number(text: str, option: str, least: int = 1) -> int:
    """A whole number."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise UsageError(f"{option}: {text!r} is not a whole number from {least}")
    return value


def rate_limit(text: str, option: str) -> tuple[str, int]:
    """How many tasks of a channel or class run at a time."""
    name, value = _entry(text, option, "NAME=N")
    return name, number(value, f"{option} {name}")


def prefix(text: str, option: str) -> tuple[str, str]:
    """The command put before the workers of a channel or class."""
    name, value = _entry(text, option, "NAME=CMD")
    try:
        shlex.split(value)
    except ValueError as error:
        raise UsageError(f"{option} {name}: {value!r} is not a shell line ({error})") from None
    return name, value


LETTERS = {"workers": "j", "executor": "x"}
"""Those of the options that may have been meant for a parameter."""

READERS: dict[str, Callable[[str, str], Any]] = {
    "workers": number,
    "executor": executor,
    "executor_args": executor_args,
    "result_grace": partial(number, least=0),
    "rate_limit": rate_limit,
    "prefix": prefix,
}
"""What makes a value of the text of an option, or refuses it, by the option's name in the program."""


def read(request: Request, **texts: str | None) -> dict[str, Any]:
    """What the texts of some options say, by their names in the program; those that are not given are left out."""
    return {name: _read(name, text, request) for name, text in texts.items() if text is not None}


def _read(name: str, text: str, request: Request) -> Any:
    option = request.called(name)
    try:
        return READERS[name](text, option)
    except UsageError as error:
        letter = LETTERS.get(name, "")
        if name not in request.origins and letter and request.parameters.find(letter):
            raise UsageError(f"{error}; the parameter {letter} is given as --{letter} {shlex.quote(text)}") from None
        raise


def refuse_executor(options: Options) -> None:
    """Refuse an executor that is not there, without starting it, whether or not there is anything to run.

    Raises:
        RequestError: It is not there, or takes no arguments.
    """
    assert isinstance(options.executor, str)  # it was typed
    if options.interactive or (options.executor in OURS and not options.executor_args):
        return
    from taskproc.executors import maker

    with printing_to_stderr():  # a factory's module may print
        maker(options.executor, options.slots, options.executor_args)


def usual(request: Request, node: Node) -> Options:
    """How a task runs where the command line says nothing of that, as far as a plan is concerned.

    Settings that a run would refuse are only warned of.
    """
    try:
        said = for_names((), (), request.settings, [node])
    except UsageError as error:
        terminal.warn_of_refusal(error)
        said = {}
    return Options(**said)


def for_names(
    limits: Sequence[str], prefixes: Sequence[str], settings: Settings, roots: Sequence[Node]
) -> dict[str, Any]:
    """What is said of some tasks by channel or `task_name`: the fields of `taskproc.options.Options` for it."""
    layers = {"rate-limit": settings.layers("rate-limit"), "prefix": settings.layers("prefix")}
    if not (limits or prefixes or any(layers.values())):
        return {}
    names = _names(build_graph(*roots))
    found: dict[str, int] = {}
    for layer in reversed(layers["rate-limit"]):
        found |= _by_name(layer, names, rate_limit)
    return {
        "limits": found | _by_name(Setting(tuple(limits), "--rate-limit"), names, rate_limit),
        "prefixes": _by_name(Setting(tuple(prefixes), "--prefix"), names, prefix),
        "settings": {layer.origin: _by_name(layer, names, prefix) for layer in layers["prefix"]},
    }


def _entry(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{option}: {text!r} is not of the form {form}")
    return name, value


def _by_name(
    layer: Setting, known: Mapping[str, Sequence[str]], read: Callable[[str, str], tuple[str, T]]
) -> dict[str, T]:
    """Read the `NAME=...` entries of one source.

    A setting is made for many graphs: what it names and this graph lacks is left out. The command line is for this one.
    """
    found: dict[str, T] = {}
    for text in layer.texts:
        name, value = read(text, layer.origin)
        if name in known:
            meant, *others = known[name]
            if others:
                which = " or ".join((meant, *others))
                raise UsageError(f"{layer.origin}: several classes of the graph are called {name!r}; say {which}")
            found[meant] = value
        elif layer.origin.startswith("--"):
            hint = suggestion(name, known) or f"; it has {', '.join(known)}"
            raise UsageError(f"{layer.origin}: nothing in the graph has the channel or the name {name!r}{hint}")
    return found


def _names(graph: Graph) -> dict[str, list[str]]:
    """What tasks of a graph can be called, and which names that means to the engine.

    Those themselves, a `task_name` or a channel, come first; a class may also be called by its qualified name alone.
    """
    short: dict[str, set[str]] = {}
    for node in graph.nodes:
        short.setdefault(node.short, set()).add(node.name)
    exact = {name: [name] for node in graph.nodes for name in (node.name, *node.channels)}
    return {name: sorted(meant) for name, meant in short.items()} | exact
