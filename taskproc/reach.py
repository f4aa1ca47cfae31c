"""What a code object reaches by name, read from its bytecode: exact where the language decides at compile time."""

from __future__ import annotations

import importlib
import opcode
import sys
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

Chain = tuple[str, ...]
"""A name and the attributes read from it at once: `helpers.table.get` is `("helpers", "table", "get")`."""

_BLINDING = frozenset({"eval", "exec", "globals", "__import__"})
_IMPORTERS = frozenset({"import_module", "__import__", "run_module", "run_path"})
OF_MODULES = frozenset(
    {
        "__name__",
        "__file__",
        "__doc__",
        "__package__",
        "__loader__",
        "__spec__",
        "__path__",
        "__cached__",
        "__annotations__",
        "__builtins__",
    }
)
"""Globals that every module has: they tell where it lies, not what it does."""

_READERS = frozenset({"__dict__", "__getattribute__", "getmembers", "attrgetter", "methodcaller"})
_READING = frozenset({("vars",), ("dir",)})
ANY = "*"
"""Stands among the words of code for all names, if it reads attributes by names that are made while it runs."""

_GLOBAL = opcode.opmap["LOAD_GLOBAL"]
_NAMES = {opcode.opmap[name] for name in ("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS") if name in opcode.opmap}
_CELLS = {
    opcode.opmap[name] for name in ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF") if name in opcode.opmap
}
_ATTRIBUTES = {opcode.opmap[name] for name in ("LOAD_ATTR", "LOAD_METHOD") if name in opcode.opmap}
_METHOD = opcode.opmap.get("LOAD_METHOD")
_ATTRIBUTE_SHIFT = 1 if sys.version_info >= (3, 12) else 0
_CONSTANT = opcode.opmap["LOAD_CONST"]
_SMALL_INT = opcode.opmap.get("LOAD_SMALL_INT")
_LOADS = frozenset(number for name, number in opcode.opmap.items() if name.startswith("LOAD_"))
_CALLS = frozenset(number for name, number in opcode.opmap.items() if name.startswith(("CALL", "PRECALL")))
_IMPORT = opcode.opmap["IMPORT_NAME"]
_EXTENDED = opcode.opmap["EXTENDED_ARG"]
_CACHE = opcode.opmap["CACHE"]


@dataclass(slots=True)
class Reach:
    """Names that code reads, in the order met.

    `globals` and `cells` tell of each name whether it is only called. `imports` are (level, module, names) as in an
    import statement, `words` all names in the code, `strings` its texts, and `members` the attributes that it reads, of
    which it `computes` the names of some.
    """

    globals: dict[Chain, bool] = field(default_factory=dict[Chain, bool])
    cells: dict[Chain, bool] = field(default_factory=dict[Chain, bool])
    imports: dict[tuple[int, str, Chain], None] = field(default_factory=dict[tuple[int, str, Chain], None])
    words: dict[str, None] = field(default_factory=dict[str, None])
    strings: set[str] = field(default_factory=set[str])
    members: set[str] = field(default_factory=set[str])
    computes: bool = False

    @property
    def is_dynamic(self) -> bool:
        """Whether modules may be imported by names that are made while it runs."""
        return not _IMPORTERS.isdisjoint((*self.words, *self.strings))


def reach(code: CodeType) -> Reach:
    """Collect what a code object and those inside it read by name."""
    found = Reach()
    pending = [code]
    while pending:
        inner = pending.pop()
        found.words.update(dict.fromkeys(inner.co_names))
        for constant in inner.co_consts:
            if isinstance(constant, CodeType):
                pending.append(constant)
            elif isinstance(constant, str):
                found.strings.add(constant)
        _scan(inner, found)
    found.computes |= not (_READERS.isdisjoint(found.words) and _READING.isdisjoint(found.globals))
    return found


def _scan(code: CodeType, found: Reach) -> None:
    read: _Read | None = None
    before: tuple[Any, Any] = (0, None)  # the two constants loaded last: an import's level and names
    asked, older, old = False, (0, 0), (0, 0)
    for operation, argument in _instructions(code.co_code):
        if operation in _CALLS:
            # Of two arguments the last one is the name; of three the one before, if the last is loaded at once.
            of_three = argument == 3 and old[0] in _LOADS and _is_text(code, *older)
            is_named = of_three or (argument == 2 and _is_text(code, *old))
            found.computes |= asked and not is_named
            asked = False
        asked |= operation == _GLOBAL and code.co_names[argument >> 1] == "getattr"
        older, old = old, (operation, argument)
        if operation in _ATTRIBUTES:
            name = code.co_names[argument >> _ATTRIBUTE_SHIFT]
            found.members.add(name)
            if read is not None:
                called = operation == _METHOD or bool(_ATTRIBUTE_SHIFT and argument & 1)
                read = _Read(read.kind, (*read.chain, name), called)
            continue
        if read is not None:
            read.kind[read.chain] = read.called and read.kind.get(read.chain, True)
        read = _read(code, found, operation, argument)
        if operation == _CONSTANT:
            before = before[1], code.co_consts[argument]
        elif operation == _SMALL_INT:
            before = before[1], argument
        elif operation == _IMPORT:
            level, wanted = before
            found.imports[level, code.co_names[argument], wanted or ()] = None


def _is_text(code: CodeType, operation: int, argument: int) -> bool:
    return operation == _CONSTANT and isinstance(code.co_consts[argument], str)


class _Read(NamedTuple):
    """A name that is being read: where it is noted, with the attributes so far, and whether that is called at once."""

    kind: dict[Chain, bool]
    chain: Chain
    called: bool


def _read(code: CodeType, found: Reach, operation: int, argument: int) -> _Read | None:
    """What an operation reads by name, if it does."""
    if operation == _GLOBAL:
        return _Read(found.globals, (code.co_names[argument >> 1],), bool(argument & 1))
    if operation in _NAMES:
        return _Read(found.globals, (code.co_names[argument],), called=False)
    if operation in _CELLS:
        name = str(code._varname_from_oparg(argument))  # type: ignore[attr-defined]
        return _Read(found.cells, (name,), called=False)
    return None


def _instructions(raw: bytes) -> Iterator[tuple[int, int]]:
    """The operations in bytecode with their arguments. The last one never reads a name."""
    extended = 0
    for at in range(0, len(raw), 2):
        operation, argument = raw[at], raw[at + 1] | extended
        extended = argument << 8 if operation == _EXTENDED else 0
        if operation not in (_CACHE, _EXTENDED):
            yield operation, argument


def members_read(cls: type, words: Collection[str]) -> Iterable[str]:
    """The names by which code with these words may read members of a class."""
    every = {name for owner in cls.__mro__ for name in vars(owner)} - {"run_task"}  # which only we call
    return {*words, *every} if ANY in words else words


def is_blinding(chain: Chain, namespace: Mapping[str, Any]) -> bool:
    """Whether what is read by that name can reach any definition, in a way that names do not tell."""
    root, member = chain[0], chain[1:2]
    if root not in namespace:
        return root in _BLINDING
    value = namespace[root]
    if value is importlib or value is sys:
        return member in {("import_module",), ("modules",)}
    return value is importlib.import_module
