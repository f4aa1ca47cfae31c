"""Names that were bound, at run time, to something else than their module's file says."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import TYPE_CHECKING

from taskproc.canonical import Unencodable, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.normal import Definition
    from taskproc.parsed import SourceFile


def _literals(place: ast.Module | Definition, name: str) -> Iterator[object]:
    """The literals that a module or class binds a name to at its top level."""
    for node in place.body if isinstance(place, (ast.Module, ast.ClassDef)) else ():
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            with suppress(ValueError, TypeError, MemoryError, RecursionError):
                yield ast.literal_eval(value)


def says_otherwise(file: SourceFile, path: str, qualname: str, value: object) -> bool:
    """Whether a file says something else of what goes by a qualified name in its module than this value.

    It says so by binding the name once, to a literal or to a function without decorators.
    """
    owner, _, last = qualname.rpartition(".")
    defined = file.nodes.get(qualname, [])
    only = defined[0] if len(defined) == 1 else None
    if isinstance(only, (ast.FunctionDef, ast.AsyncFunctionDef)) and not only.decorator_list:
        function = getattr(value, "__func__", value)  # `__new__` becomes a static method by itself
        code = getattr(function, "__code__", None)
        return code is None or (code.co_filename, code.co_qualname) != (path, qualname)
    places = file.nodes.get(owner, []) if owner else [file.tree]
    bound = [literal for place in places for literal in _literals(place, last)]
    is_made = hasattr(type(value), "__get__")  # of a literal, as the fields of named tuples are
    return len(bound) == 1 and not is_made and not _is_equal(bound[0], value)


def _is_equal(literal: object, value: object) -> bool:
    try:
        return canonical(literal).data == canonical(value).data
    except Unencodable:
        return False
