"""What code reaches: the user's definitions, constants and files, as nodes of a graph."""

from __future__ import annotations

import os
import re
import reprlib
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING

from taskproc.libraries import shared_name

if TYPE_CHECKING:
    from pathlib import Path
    from types import FunctionType

    from taskproc.inputfile import Contents, InputFile


class _Repr(reprlib.Repr):
    """Shows no environment, which has secrets in it, wherever in a value it is."""

    def repr_instance(self, x: object, level: int) -> str:
        """Called for what is no number, text or container."""
        try:
            told = repr(x)
        except Exception:  # noqa: BLE001  the user's own `__repr__`
            return super().repr_instance(x, level)
        told = told.replace(repr(os.environ), shared_name(os.environ)) if "environ(" in told else told
        return super().repr_instance(_Told(told), level)


class _Told(str):
    """A text whose repr is the text itself."""

    __slots__ = ()
    __repr__ = str.__str__


_REPR = _Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 4, 400, 400
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _REPR.maxfrozenset = 50


@dataclass(slots=True, eq=False)
class Node:
    """A definition, a constant or a file.

    Attributes:
        digest: Of what it says itself.
        unseen: Whether not all that it reaches could be seen.
        edges: What it reaches, by the name it has there.
        held: Task classes that its code refers to. Those that only `__init__` refers to are left out: what it reads of
            them is part of the task that it makes.
        words: The names by which its code may read members of those.
        making: The labels, in `edges` and `bound`, of what only `__init__` reaches.
        unsent: The labels of what only class bodies and decorators of a script name: workers get what was made of it.
        inputs: The input files in its constants, attributes and defaults, but for those of `__init__`.
        bound: What it reaches by names that may be bound anew, by label (`.name`: an attribute): module, name, object.
    """

    name: str
    target: object  # held, since nodes are known by its id
    digest: bytes = b""
    text: str = ""
    path: str = ""
    unseen: bool = False
    kind: str = "code"  # or constant, file
    edges: dict[str, Node] = field(default_factory=dict[str, "Node"])
    held: dict[type, None] = field(default_factory=dict[type, None])
    words: set[str] = field(default_factory=set[str])
    making: set[str] = field(default_factory=set[str])
    unsent: set[str] = field(default_factory=set[str])
    inputs: set[InputFile] = field(default_factory=set["InputFile"])
    bound: dict[str, tuple[str, str, object]] = field(default_factory=dict[str, tuple[str, str, object]])
    _steps: dict[tuple[bool, bool], list[tuple[str, Node]]] = field(
        default_factory=dict[tuple[bool, bool], list[tuple[str, "Node"]]]
    )

    def steps(self, *, making: bool, sent: bool) -> list[tuple[str, Node]]:
        """What it reaches, in the order of labels; to be asked once it was looked at, since then that does not change.

        Without `making`, what only `__init__` reaches is left out; with `sent`, what workers are not sent of a script.
        """
        which = making or not self.making, sent and bool(self.unsent)
        if which not in self._steps:
            left_out = (set[str]() if which[0] else self.making) | (self.unsent if which[1] else set[str]())
            self._steps[which] = [step for step in sorted(self.edges.items()) if step[0] not in left_out]
        return self._steps[which]


def file_node(path: Path, name: str, contents: Contents) -> Node:
    """The node of a file, or of all files in a folder, by what is in them."""
    node = Node(name, path, contents.digest(path), kind="file")
    if not path.exists():
        node.text, node.unseen = "not there", True
    return node


def shown(value: object) -> str:
    """A value for people: at most some hundred characters, without addresses and places of libraries."""
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if name := shared_name(value):  # an environment has secrets in it
        return name
    try:
        return re.sub(r" at 0x[0-9a-f]+", "", _REPR.repr(value))
    except Exception as problem:  # noqa: BLE001  the user's own `__repr__`
        return f"<{type(value).__qualname__}: {problem}>"


def shown_defaults(function: FunctionType) -> str:
    """The defaults of a function's parameters for people; empty where there is none."""
    code, values = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(values) : code.co_argcount]
    defaults = {**dict(zip(names, values, strict=False)), **(function.__kwdefaults__ or {})}
    told = ", ".join(f"{name}={shown(value)}" for name, value in defaults.items())
    return told and f"defaults of {function.__name__}: {told}"
