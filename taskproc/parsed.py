"""One source file, parsed: what is defined in it, and what its statements do with names."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import CodeType
from typing import TYPE_CHECKING, Any

from taskproc.normal import Definition, Function, deeply, normal_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOP_LEVEL_AWAIT = 0x2000
_MARKED = re.compile(r"@([^\W\d]\w*)")


@dataclass(eq=False)
class SourceFile:
    """One file, or one cell of a notebook, parsed and compiled. `digest` is of its bytes, empty where it is no file."""

    digest: bytes
    tree: ast.Module
    code: CodeType
    nodes: dict[str, list[Definition]] = field(default_factory=dict[str, list[Definition]])
    codes: dict[str, list[CodeType]] = field(default_factory=dict[str, list[CodeType]])
    known: dict[str, dict[bytes, list[Definition]]] = field(default_factory=dict[str, dict[bytes, list[Definition]]])

    @classmethod
    def parse(cls, source: bytes | str, path: str, digest: bytes) -> SourceFile:
        """Parse and compile, and list what is defined by qualified name."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: ast.Module = deeply(partial(ast.parse, filename=path), source)
            code = deeply(partial(compile, filename=path, mode="exec", flags=_TOP_LEVEL_AWAIT, dont_inherit=True), tree)
        file = cls(digest, tree, code)
        for name, node in deeply(lambda body: [*_definitions(body, "")], tree.body):
            file.nodes.setdefault(name, []).append(node)
        for inner in _inner(code):
            file.codes.setdefault(inner.co_qualname, []).append(inner)
        return file

    def fitting(self, code: CodeType) -> list[Definition]:
        """The definitions by the name of some live code that compile to the same."""
        name = code.co_qualname
        if name not in self.known:
            found: dict[bytes, list[Definition]] = {}
            for node, compiled in self._pairs(name):
                found.setdefault(normal_code(compiled), []).append(node)
            self.known[name] = found
        return self.known[name].get(normal_code(code), [])

    def _pairs(self, qualname: str) -> Iterator[tuple[Definition, CodeType]]:
        """The definitions of a function by that name, each with the code that it compiles to."""
        is_lambda = qualname.endswith("<lambda>")
        by_line = self._lambdas if is_lambda else _by_line(self.nodes.get(qualname, ()))
        for code in self.codes.get(qualname, ()):
            for node in by_line.get(code.co_firstlineno, ()):
                if not isinstance(node, ast.Lambda) or _is_body_of(code, node):
                    yield node, code

    @cached_property
    def makers(self) -> dict[str, set[str]]:
        """The functions that the module calls as it is imported, with the names in them, and in what they call."""
        functions = {node.name: node for node in self.tree.body if isinstance(node, Function)}
        named = {name: _names(node) for name, node in functions.items()}
        running = [
            node for node in self.tree.body if not isinstance(node, Function | ast.ClassDef) and not _is_main(node)
        ]
        found: dict[str, set[str]] = {}
        for name in {name for node in running for name in _called(node)} & functions.keys():
            reached = [name]
            for inner in reached:
                reached += [other for other in named[inner] & functions.keys() if other not in reached]
            found[name] = set[str]().union(*(named[inner] for inner in reached))
        return found

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names that texts in it mark as variables, in the way of pandas: `a > @LIMIT`."""
        texts = [node.value for node in ast.walk(self.tree) if isinstance(node, ast.Constant)]
        return frozenset(name for text in texts if isinstance(text, str) for name in _MARKED.findall(text))

    @cached_property
    def _lambdas(self) -> dict[int, list[Definition]]:
        return _by_line(node for node in ast.walk(self.tree) if isinstance(node, ast.Lambda))


def _definitions(body: list[Any], prefix: str) -> Iterator[tuple[str, Definition]]:
    """The classes and functions in some statements, with their qualified names, at any depth."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, node
            yield from _definitions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, Function):
            yield prefix + node.name, node
            yield from _definitions(node.body, f"{prefix}{node.name}.<locals>.")
        else:
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from _definitions(getattr(node, name, []), prefix)


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner(constant)


def _by_line(nodes: Iterable[Definition]) -> dict[int, list[Definition]]:
    found: dict[int, list[Definition]] = {}
    for node in nodes:
        found.setdefault(first_line(node), []).append(node)
    return found


def first_line(node: Definition) -> int:
    """The line in which a definition begins, its decorators included."""
    decorators = getattr(node, "decorator_list", None)
    return int(decorators[0].lineno if decorators else node.lineno)


def _is_body_of(code: CodeType, node: ast.Lambda) -> bool:
    """Whether a lambda compiles to a code object: what it computes last is its body."""
    places = [place for place in code.co_positions() if place[2:] != (0, 0)]  # (0, 0): no place in the source
    if not places:  # as of one that returns a constant, on Python 3.12
        alone = compile(ast.Expression(node), "<lambda>", "eval", dont_inherit=True)
        return normal_code(next(_inner(alone))) == normal_code(code)
    body = node.body
    place = (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset)
    return places[-1:] == [place]


def touches(node: ast.stmt, name: str) -> bool:
    """Whether a statement of a module binds a name, or does something with it when the module is imported."""
    if isinstance(node, Function | ast.ClassDef):
        return node.name == name or any(_mentions(decorator, name) for decorator in node.decorator_list)
    return not _is_main(node) and _mentions(node, name)


def _is_main(node: ast.stmt) -> bool:
    """Whether a statement runs only where the module is the script."""
    return isinstance(node, ast.If) and _mentions(node.test, "__name__")


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _called(node: ast.AST) -> set[str]:
    calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return {function.id for function in calls if isinstance(function, ast.Name)}


def _mentions(node: ast.AST, name: str) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id == name:
            return True
        if isinstance(part, ast.alias) and name in (part.asname, part.name):
            return True
    return False
