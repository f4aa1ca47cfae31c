"""What a code object reaches by name, read from its bytecode: exact where the language decides at compile time."""

from __future__ import annotations

import opcode
import sys
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from taskproc.members import LISTING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

Chain = tuple[str, ...]
"""A name and the attributes read from it at once: `helpers.table.get` is `("helpers", "table", "get")`."""

Import = tuple[int, str, Chain]
"""The level, the module and the names in an import statement."""

_IMPORTERS = frozenset({"import_module", "__import__", "run_module", "resolve_name"})
_LOADERS = frozenset({"exec_module"})
_DYNAMIC = _IMPORTERS | _LOADERS | {"runpy"}
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
        "__warningregistry__",
    }
)
"""Globals that Python gives to modules: they tell where each lies, not what it does."""

_READERS = frozenset({"__dict__", "__getattribute__", "getmembers", "attrgetter", "methodcaller"})
_READING = frozenset({("vars",), ("dir",)})
ANY = "*"
"""Stands among the words of code for all names, if it reads attributes by names that are made while it runs."""


def _numbers(*names: str) -> frozenset[int]:
    """The numbers of those of some operations that this Python has."""
    return frozenset(opcode.opmap[name] for name in names if name in opcode.opmap)


_GLOBAL = opcode.opmap["LOAD_GLOBAL"]
_NAMES = _numbers("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_CELLS = _numbers("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
_ATTRIBUTES = _numbers("LOAD_ATTR", "LOAD_METHOD")
_ATTRIBUTE_SHIFT = 1 if sys.version_info >= (3, 12) else 0
_SUPER, _SUPER_SHIFT = opcode.opmap.get("LOAD_SUPER_ATTR"), 2  # since Python 3.12
_TOLD = 2  # flag of one whose class is told: `super(Train, self).run_task`
_CONSTANT = opcode.opmap["LOAD_CONST"]
_SMALL_INT = opcode.opmap.get("LOAD_SMALL_INT")
_TEXTS = _numbers("LOAD_CONST", "RETURN_CONST")
_CONSTANTS = _numbers("LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON_CONSTANT")
_LOADS = frozenset(number for name, number in opcode.opmap.items() if name.startswith("LOAD_"))
_CALLS = frozenset(number for name, number in opcode.opmap.items() if name.startswith(("CALL", "PRECALL")))
_IMPORT_SHIFT = 2 if sys.version_info >= (3, 15) else 0
_IMPORT, _FROM = opcode.opmap["IMPORT_NAME"], opcode.opmap["IMPORT_FROM"]
_STORES_BY_NAME = _numbers("STORE_NAME", "STORE_GLOBAL")
_STORES = _numbers("STORE_FAST", "STORE_DEREF")
_BINDING = _numbers("POP_TOP", "SWAP") | _STORES | _STORES_BY_NAME
"""What follows an import, and binds names."""
_LOCALS = _numbers("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_FAST_AND_CLEAR")
_PAIRS = {  # since Python 3.13, with two locals of 4 bits each
    opcode.opmap[f"{first}_{second}"]: (opcode.opmap[first], opcode.opmap[second])
    for first in ("LOAD_FAST", "LOAD_FAST_BORROW", "STORE_FAST")
    for second in ("LOAD_FAST", "LOAD_FAST_BORROW", "STORE_FAST")
    if f"{first}_{second}" in opcode.opmap
}
_HARMLESS = _ATTRIBUTES | {
    number for name, number in opcode.opmap.items() if name.startswith("POP_JUMP") or name in {"TO_BOOL", "STORE_ATTR"}
}
"""What may follow a local that holds a module, without handing that on."""
_NEW_LOCALS = 0x2
_EXTENDED = opcode.opmap["EXTENDED_ARG"]
_CACHE = opcode.opmap["CACHE"]


@dataclass(slots=True, eq=False)
class Reach:
    """Names that code reads, in the order met.

    `locals` are those of functions that import. `imports` are import statements, with the names that each binds here
    and what these are in the module, empty for itself. `words` are all names in the code, `strings` its texts, and
    `members` the attributes that it reads, of which it `computes` the names of some; `imports_any` tells that it
    imports modules by names, or files, that are no texts in it.
    """

    globals: dict[Chain, None] = field(default_factory=dict[Chain, None])
    cells: dict[Chain, None] = field(default_factory=dict[Chain, None])
    locals: dict[Chain, None] = field(default_factory=dict[Chain, None])
    imports: dict[Import, dict[str, str]] = field(default_factory=dict[Import, dict[str, str]])
    words: dict[str, None] = field(default_factory=dict[str, None])
    strings: set[str] = field(default_factory=set[str])
    members: set[str] = field(default_factory=set[str])
    computes: bool = False
    imports_any: bool = False

    @property
    def is_dynamic(self) -> bool:
        """Whether modules may be imported by names that are made while it runs."""
        return not _DYNAMIC.isdisjoint((*self.words, *self.strings))

    def handed_on(self, imported: Import) -> set[str]:
        """What of an import is read in another way than for an attribute, as it is called in the module."""
        bound = self.imports[imported].items()
        return {name for here, name in bound if (here,) in self.locals or (here,) in self.cells}


def reach(code: CodeType) -> Reach:
    """Collect what a code object and those inside it read by name."""
    found = Reach()
    pending = [code]
    while pending:
        inner = pending.pop()
        found.words.update(dict.fromkeys(inner.co_names))
        pending += [constant for constant in inner.co_consts if isinstance(constant, CodeType)]
        _scan(inner, found)
        if _IMPORT in inner.co_code:
            _scan_imports(inner, found)
    found.computes |= not (_READERS.isdisjoint(found.words) and _READING.isdisjoint(found.globals))
    found.imports_any |= not _LOADERS.isdisjoint(found.words)
    found.members |= {LISTING} if ("vars",) in found.globals else set()
    return found


def imports(code: CodeType) -> dict[Import, dict[str, str]]:
    """What a code object imports itself, as in a `Reach`."""
    found = Reach()
    _scan_imports(code, found)
    return found.imports


def _scan(code: CodeType, found: Reach) -> None:
    """Note what is read by name, and calls that are given a name which is no text of the code."""
    read: _Read | None = None
    asked, imports, older, old = False, False, (0, 0), (0, 0)
    instructions = [*_instructions(code)]
    for at, (operation, argument) in enumerate(instructions):
        if operation in _CELLS and _reads_of_super(instructions[at + 2 : at + 3]):
            continue  # the class that it is written in: before Python 3.12 nothing reads that
        if operation in _CALLS:
            # Of two arguments the last one is the name; of three the one before, if the last is loaded at once.
            of_three = argument == 3 and old[0] in _LOADS and _is_text(code, *older)
            is_named = of_three or (argument == 2 and _is_text(code, *old))
            found.computes |= asked and not is_named
            found.imports_any |= imports and not (_is_text(code, *old) or (argument == 2 and _is_text(code, *older)))
            asked = imports = False
        if _is_text(code, operation, argument):
            found.strings.add(code.co_consts[argument])
        name = _name(code, operation, argument)
        asked |= name == "getattr" and operation == _GLOBAL
        imports |= name in _IMPORTERS or (name == "run_path" and "runpy" in code.co_names)
        older, old = old, (operation, argument)
        if operation in _ATTRIBUTES or operation == _SUPER:
            found.members.add(name)
            if read is not None:
                read = _Read(read.kind, (*read.chain, name))
            continue
        if read is not None:
            read.kind[read.chain] = None
        read = _read(found, operation, name)


def _scan_imports(code: CodeType, found: Reach) -> None:
    """Note what is imported, by what names, and how locals are read."""
    before: tuple[Any, Any] = (0, None)  # the two constants loaded last: an import's level and names
    last, bound, name = "", None, ""
    for operation, argument in _instructions(code):
        if last and operation not in _HARMLESS:
            found.locals[last,] = None
        last = _local(code, argument) if operation in _LOCALS else ""
        if operation in _CONSTANTS:
            before = before[1], _constant(code, operation, argument)
        if operation == _IMPORT:
            path = code.co_names[argument >> _IMPORT_SHIFT]
            bound = found.imports.setdefault((before[0], path, before[1] or ()), {})
            name = ""
        elif operation == _FROM:
            name = code.co_names[argument]
        elif bound is None or operation not in _BINDING:
            bound = None
        elif operation in _STORES:
            bound[_local(code, argument)] = name
        elif operation in _STORES_BY_NAME:
            bound[code.co_names[argument]] = name
            if code.co_flags & _NEW_LOCALS:  # a global that a function sets: others may do anything with it
                found.locals[code.co_names[argument],] = None


def _reads_of_super(instructions: list[tuple[int, int]]) -> bool:
    """Whether one of some operations reads an attribute of `super()`."""
    return any(operation == _SUPER and not argument & _TOLD for operation, argument in instructions)


def _constant(code: CodeType, operation: int, argument: int) -> object:
    """The constant that an operation loads; of those that all code has in common, imports use only None."""
    if operation == _CONSTANT:
        return code.co_consts[argument]
    return argument if operation == _SMALL_INT else None


def _local(code: CodeType, argument: int) -> str:
    return str(code._varname_from_oparg(argument))  # type: ignore[attr-defined]


def _is_text(code: CodeType, operation: int, argument: int) -> bool:
    return operation in _TEXTS and isinstance(code.co_consts[argument], str)


class _Read(NamedTuple):
    """A name that is being read: where it is noted, with the attributes so far."""

    kind: dict[Chain, None]
    chain: Chain


def _name(code: CodeType, operation: int, argument: int) -> str:
    """The name that an operation reads, empty for none."""
    if operation == _GLOBAL:
        return code.co_names[argument >> 1]
    if operation in _NAMES:
        return code.co_names[argument]
    if operation in _CELLS or operation in _LOCALS:
        return _local(code, argument)
    if operation == _SUPER:
        return code.co_names[argument >> _SUPER_SHIFT]
    return code.co_names[argument >> _ATTRIBUTE_SHIFT] if operation in _ATTRIBUTES else ""


def _read(found: Reach, operation: int, name: str) -> _Read | None:
    """What an operation begins to read by name, if it does."""
    if operation == _GLOBAL or operation in _NAMES:
        return _Read(found.globals, (name,))
    return _Read(found.cells, (name,)) if operation in _CELLS else None


def _instructions(code: CodeType) -> Iterator[tuple[int, int]]:
    """The operations in bytecode with their arguments, those of two as two. The last one never reads a name."""
    raw, extended = code.co_code, 0
    for at in range(0, len(raw), 2):
        operation, argument = raw[at], raw[at + 1] | extended
        extended = argument << 8 if operation == _EXTENDED else 0
        if operation in _PAIRS:
            first, second = _PAIRS[operation]
            yield first, argument >> 4
            yield second, argument & 15
        elif operation not in (_CACHE, _EXTENDED):
            yield operation, argument


def members_read(cls: type, words: Collection[str]) -> Iterable[str]:
    """The members of a class that code with these words may read."""
    members = {name for owner in cls.__mro__ for name in vars(owner)}
    named = members.intersection(words)
    return named | members - {"run_task"} if ANY in words else named  # which only taskproc calls
