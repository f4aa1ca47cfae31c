"""The text and the bytecode of definitions without what does not count: comments, layout, docstrings, annotations."""

from __future__ import annotations

import ast
import sys
import threading
from marshal import dumps
from opcode import hasconst
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

A = TypeVar("A")
T = TypeVar("T")

_NEW_LOCALS = 0x2
_KINDS = 0xFFF  # the flags of a code object that tell its kind, not the `__future__` it was compiled in
_HAS_DOCSTRING = 0x4000000
_DEEP = 100_000  # calls: some for each level that Python compiles
_descent = threading.RLock()  # all threads have one limit, which the last one to leave would else put back wrongly
_EXTENDED = 256  # constants: an instruction names one of these by a single byte

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def deeply(function: Callable[[A], T], code: A) -> T:
    """Call a function that descends into code; once more, with room for it, where that nests deep.

    As a sum of some hundred terms does, which a program has written.
    """
    try:
        return function(code)
    except RecursionError:
        with _descent:
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(max(limit, _DEEP))
            try:
                return function(code)
            finally:
                sys.setrecursionlimit(limit)


def normal_text(tree: ast.AST) -> str:
    """The text of a definition, a statement or a module without what does not count; the tree is changed."""
    _Normalizer().visit(tree)
    try:
        return ast.unparse(tree)
    except ValueError:  # Python 3.11 can't write all f-strings, as with a non-breaking space in a text inside
        return ast.unparse(_taken_apart(tree))


def counted(tree: ast.AST, text: str) -> bytes:
    """What counts of a tree with a normal text: all of that, but f-strings are taken apart.

    Pythons write them in other quotes, and some write them so that they say something else, or nothing.
    """
    if "f'" in text or 'f"' in text:
        text = ast.unparse(_taken_apart(tree))
    return text.encode("utf-8", "surrogatepass")


def _taken_apart(part: Any) -> Any:
    """A copy of a tree in which f-strings and t-strings are what is no code: `f!((x, -1), 'm')` of `f'{x}m'`."""
    if isinstance(part, list):
        return [_taken_apart(inside) for inside in part]  # pyright: ignore[reportUnknownVariableType]
    kind = type(part).__name__  # there are t-strings from Python 3.14 on
    if kind in {"JoinedStr", "TemplateStr"}:
        values = [each for each in part.values if not (isinstance(each, ast.Constant) and each.value == "")]
        return ast.Call(ast.Name("f!" if kind == "JoinedStr" else "t!"), _taken_apart(values), [])
    if kind in {"FormattedValue", "Interpolation"}:
        how = [ast.Constant(part.conversion), *([part.format_spec] if part.format_spec else [])]
        said = [ast.Constant(part.str)] if kind == "Interpolation" else []
        return ast.Tuple(_taken_apart([part.value, *how, *said]), ast.Load())
    if isinstance(part, ast.AST):
        return _like(part, **{name: _taken_apart(inside) for name, inside in ast.iter_fields(part)})
    return part


def normal_code(code: CodeType) -> bytes:
    """The bytecode of a code object and those inside it, without where it was written."""
    constants = [normal_code(part) if isinstance(part, CodeType) else _normal_constant(part) for part in code.co_consts]
    instructions = code.co_code
    if _is_documented(code) and not _uses_first_constant(instructions):
        constants[0] = None
        if sys.version_info >= (3, 14) and len(constants) < _EXTENDED:  # none stands there without a docstring
            del constants[0]
            instructions = _from_second_constant(instructions)
    parts: tuple[Any, ...] = (
        code.co_name,
        instructions,
        constants,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _KINDS),
        code.co_exceptiontable,
    )
    return dumps(parts, 2)


def _is_documented(code: CodeType) -> bool:
    """Whether the first constant is a docstring; before Python 3.14, None stands there in a function that has none."""
    if sys.version_info >= (3, 14):
        return bool(code.co_flags & _HAS_DOCSTRING)
    is_function = code.co_flags & _NEW_LOCALS and not code.co_name.startswith("<")
    return bool(is_function) and isinstance(code.co_consts[0], str)


def _uses_first_constant(instructions: bytes) -> bool:
    """Whether the docstring is used as a value too; the answer may be wrong where there are `_EXTENDED` constants."""
    return any(number == 0 and code in hasconst for code, number in _pairs(instructions))


def _from_second_constant(instructions: bytes) -> bytes:
    """Bytecode in which constants are numbered as if there were no first one; of fewer than `_EXTENDED` of them."""
    return bytes(byte for code, number in _pairs(instructions) for byte in (code, number - (code in hasconst)))


def _pairs(instructions: bytes) -> Iterator[tuple[int, int]]:
    """What each instruction does, and with which number."""
    return zip(instructions[::2], instructions[1::2], strict=True)


def _normal_constant(constant: Any) -> Any:
    kind: type[Any] = type(constant)  # pyright: ignore[reportUnknownVariableType]
    if kind is frozenset:
        return ("frozenset", sorted(dumps(_normal_constant(item), 2) for item in constant))
    if kind is tuple:
        return tuple(map(_normal_constant, constant))
    if kind is slice:
        return ("slice", constant.start, constant.stop, constant.step)
    return constant


def shell(node: ast.AST) -> CodeType | None:
    """Code of what a definition does when it is made: decorators, bases, defaults, a class's statements.

    Bodies are left out, but for those that are decorated: what stands by that name need not be a function.
    """
    if isinstance(node, Function):
        made: ast.stmt = _emptied(node)
    elif isinstance(node, ast.ClassDef):
        body: list[ast.stmt] = [_emptied(part) if isinstance(part, Function) else part for part in node.body]
        made = _like(node, body=body)
    elif isinstance(node, ast.stmt):
        made = node
    else:
        return None
    return compile(ast.Module([made], []), "<definition>", "exec", dont_inherit=True)


def _emptied(node: Function) -> Any:
    if node.decorator_list:
        return node
    return _like(node, body=[_nothing(node)])


def _nothing(node: ast.AST) -> ast.Pass:
    """What stands for a statement that does not count: it is left out, or is all that a body has."""
    return ast.copy_location(ast.Pass(), node)


def _like(node: Any, **changed: object) -> Any:
    fields = {name: getattr(node, name, None) for name in node._fields}
    return ast.copy_location(type(node)(**{**fields, **changed}), node)


class _Normalizer(ast.NodeTransformer):
    """Takes out what does not count. Only statements are visited, but for lambdas, which hold none."""

    def __init__(self) -> None:
        self._in_function = False

    def visit_FunctionDef(self, node: Function) -> ast.AST:
        if not node.decorator_list:
            node.returns = None
            arguments = node.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                argument.annotation = None
            for starred in (arguments.vararg, arguments.kwarg):
                if starred is not None:
                    starred.annotation = None
        outside, self._in_function = self._in_function, True
        self.generic_visit(node)
        self._in_function = outside
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outside, self._in_function = self._in_function, False
        self.generic_visit(node)
        node.body = _in_order(node.body)
        self._in_function = outside
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return _nothing(node) if is_text else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return _nothing(node) if all(map(self._is_setting, node.targets)) else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return _nothing(node) if self._is_setting(node.target) else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if self._is_setting(node.target):
            return _nothing(node)
        if not self._in_function:
            return node
        if node.value is None:
            return _nothing(node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def _is_setting(self, target: ast.expr) -> bool:
        if isinstance(target, ast.Tuple):
            return all(map(self._is_setting, target.elts))
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            return target.value.id == "self" and target.attr in SETTINGS
        return isinstance(target, ast.Name) and target.id in SETTINGS and not self._in_function

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case):
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                parts = getattr(node, name, None)
                if parts:
                    visited = [self.visit(part) for part in parts]
                    kept = [part for part in visited if not isinstance(part, ast.Pass)]
                    setattr(node, name, kept or visited[:1])
        return node


def _in_order(body: list[ast.stmt]) -> list[ast.stmt]:
    """A class's body, its methods last and by name where their order has no meaning: undecorated, each name once."""
    names = [part.name for part in body if isinstance(part, Function | ast.ClassDef)]
    methods = [
        part for part in body if isinstance(part, Function) and not part.decorator_list and names.count(part.name) == 1
    ]
    others = [part for part in body if part not in methods]
    return others + sorted(methods, key=lambda method: method.name)
