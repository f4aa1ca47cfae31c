"""The source of live definitions: found, checked against the code that is loaded, and normalized.

Text counts only where it compiles to the live code; else the bytecode does. Each file is read and parsed once.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from taskproc.canonical import digest
from taskproc.filedigest import digest_if_there
from taskproc.normal import counted, deeply, normal_code, normal_text, shell
from taskproc.origin import source_file
from taskproc.parsed import SourceFile, first_line, touches
from taskproc.rebound import says_otherwise
from taskproc.snapshot import was_set

if TYPE_CHECKING:
    from types import CodeType, FunctionType, ModuleType

    from taskproc.normal import Definition

_TEXT = "_taskproc_text"  # the attribute of a node that has its `Text`
_KEPT = 1 << 19  # bytes of parsed source files that are kept, which take some 40 times as much


class Text(NamedTuple):
    """What a definition says: `content` is what counts, `text` is for people, `shell` runs when it is made.

    `seen` is false where the source could not be had, and `content` is the bytecode.
    """

    content: bytes
    text: str
    shell: CodeType | None = None
    seen: bool = True


class Sources:
    """The source files that were read; errors in reading make a definition unseen, and never raise.

    Attributes:
        rebound: By file, the first name that was found to be bound to something else than the file says.
    """

    def __init__(self) -> None:
        self.rebound: dict[str, str] = {}
        self._files: dict[str, SourceFile | None] = {}
        self._compared: set[tuple[str, str, int]] = set()
        self._digests: dict[str, bytes] = {}

    def digest(self, path: str) -> bytes:
        """The digest of a file's bytes as they were first read, empty where it is no file, or can't be parsed."""
        file = self._files.get(path)
        if file is not None:
            return file.digest
        if path not in self._files and path not in self._digests:
            self._digests[path] = digest_if_there(path)
        return self._digests.get(path, b"")

    def file(self, path: str) -> SourceFile | None:
        """A source file, or a notebook's cell by its name; None where there is none, or none that parses."""
        if path not in self._files:
            try:
                self._files[path] = _read(path)
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                self._files[path] = None
        return self._files[path]

    def function(self, code: CodeType) -> Text:
        """The text of a function, from its live code."""
        node = self._match(code)
        if node is None:
            return Text(normal_code(code), _listing(code), seen=False)
        return self._text(node)

    def placed(self, function: FunctionType, path: str, qualname: str) -> CodeType:
        """A function's code, with the file and the qualified name where it belongs, if that file says the same there.

        What reloads parts of a module, as IPython's autoreload does, compiles them under other names.
        """
        code = function.__code__
        if (code.co_filename, code.co_qualname) == (path, qualname) or code.co_name != qualname.rpartition(".")[2]:
            return code
        file, placed = self.file(path), code.replace(co_filename=path, co_qualname=qualname)
        return placed if file is not None and file.fitting(placed) else code

    def class_(self, cls: type, methods: list[CodeType]) -> Text:
        """The text of a class, given the code of the functions in it that its body defines."""
        path = methods[0].co_filename if methods else source_file(sys.modules.get(cls.__module__))
        file = self.file(path) if path else None
        nodes = [] if file is None else [n for n in file.nodes.get(cls.__qualname__, ()) if isinstance(n, ast.ClassDef)]
        fitting = [node for node in nodes if all(self._lies_in(node, code) for code in methods)]
        if fitting:
            texts = [self._text(node) for node in fitting]
            text = texts[0] if len(texts) == 1 else _joined(texts)
            return text._replace(content=text.content + self._which(methods))
        names = sorted(methods, key=lambda code: code.co_qualname)
        return Text(b"".join(map(normal_code, names)), "\n".join(map(_listing, names)), seen=not methods)

    def _which(self, methods: list[CodeType]) -> bytes:
        """Which of the methods that the text of a class has are there: one may be defined by conditions, or deleted."""
        names = sorted({code.co_qualname for code in methods})
        several = [code for code in methods if len(self._nodes(code)) > 1]
        return b"\0".join([*map(str.encode, names), *sorted(self.function(code).content for code in several)])

    def _nodes(self, code: CodeType) -> list[Definition]:
        file = self.file(code.co_filename)
        return [] if file is None else file.nodes.get(code.co_qualname, [])

    def module(self, module: ModuleType) -> Text:
        """The text of a whole module."""
        file = self.file(source_file(module))
        if file is None:
            return Text(b"", "", seen=False)
        return self._text(file.tree, file.code)

    def statements(self, module: ModuleType | None, *names: str) -> Text:
        """The statements of a module that bind one of some global names, or touch it."""
        file = self.file(source_file(module))
        body = [] if file is None else file.tree.body
        nodes = [node for node in body if any(touches(node, name) for name in names)]
        return _joined([self._text(node) for node in nodes])

    def makers(self, module: ModuleType | None, *names: str) -> list[str]:
        """The functions that a module calls as it is imported which may do something with one of some global names."""
        file = self.file(source_file(module))
        makers = {} if file is None else file.makers
        return sorted(made for made, said in makers.items() if not said.isdisjoint(names))

    def compare(self, module: str, name: str, value: object) -> None:
        """Note the file of a module if a name in it, `module:Class.NAME`, is bound to something else than it says.

        Each value is compared once, and must live as long as this object, since it is known by its id.
        """
        if (question := (module, name, id(value))) in self._compared:
            return
        self._compared.add(question)
        path, qualname = source_file(sys.modules.get(module)), name.rpartition(":")[2]
        file = self.file(path) if path else None
        if file is not None and (was_set(path, qualname, value) or says_otherwise(file, path, qualname, value)):
            self.rebound.setdefault(path, qualname)

    def doubt(self, module: str, name: str) -> None:
        """Note the file of a module as one that may not say all that a name stands for."""
        if path := source_file(sys.modules.get(module)):
            self.rebound.setdefault(path, name)

    def _match(self, code: CodeType) -> Definition | None:
        file = self.file(code.co_filename)
        if file is None:
            return None
        return min(file.fitting(code), key=lambda node: abs(first_line(node) - code.co_firstlineno), default=None)

    def _lies_in(self, node: ast.ClassDef, code: CodeType) -> bool:
        file = self.file(code.co_filename)
        end = node.end_lineno or 0
        return file is not None and any(node.lineno <= inner.lineno <= end for inner in file.fitting(code))

    def _text(self, node: ast.AST, code: CodeType | None = None) -> Text:
        known: Text | None = vars(node).get(_TEXT)
        if known is None:
            text = deeply(normal_text, node)
            content = deeply(partial(counted, text=text), node)
            known = vars(node)[_TEXT] = Text(content, text, code or deeply(shell, node))
        return known


def _joined(texts: list[Text]) -> Text:
    content, text = b"\n".join(part.content for part in texts), "\n".join(part.text for part in texts)
    codes = tuple(part.shell for part in texts if part.shell is not None)
    code = _NOTHING.replace(co_consts=(*_NOTHING.co_consts, *codes))
    return Text(content, text, code, seen=bool(texts))


_NOTHING = compile("", "<definition>", "exec")


class _Parsed(threading.local):
    """The files that this thread parsed last, since one run after another needs the same ones."""

    def __init__(self) -> None:
        self._files: dict[str, SourceFile] = {}
        self._room = _KEPT

    def file(self, path: str, source: bytes) -> SourceFile:
        read = digest(source)
        known = self._files.get(path)
        if known is None or known.digest != read:
            known = SourceFile.parse(source, path, read)
            self._room -= len(source)
            if self._room < 0:
                self._files.clear()
                self._room = _KEPT
            self._files[path] = known
        return known


_parsed = _Parsed()


def _read(path: str) -> SourceFile | None:
    if os.path.isfile(path):
        return _parsed.file(path, Path(path).read_bytes())
    lines = linecache.getlines(path)
    return SourceFile.parse("".join(lines), path, b"") if lines else None


def _listing(code: CodeType) -> str:
    return f"{code.co_qualname}: bytecode {digest(normal_code(code)).hex()}"
