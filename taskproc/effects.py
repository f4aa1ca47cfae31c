"""What the statements of a module do to libraries as it is imported: which of them set something, and of what."""

from __future__ import annotations

import ast
import builtins
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from taskproc.normal import Function

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Names: TypeAlias = dict[str, list[str]]
"""What names mean by imports, dotted (`decimal.getcontext`); under `*` the modules of which all is imported."""

_ALL = "*"
RUNNING = frozenset({"run_graph", "cli"})
"""What runs tasks."""

_SETTERS = frozenset({"setattr", "delattr"})
_BUILTINS = frozenset(vars(builtins))

# Output, and where modules lie, change no result.
_HARMLESS = ("logging", "sys.path", "sys.stdout", "sys.stderr", "sys.excepthook", "typing", "taskproc")

# What is called there acts on files and processes, and sets nothing.
_ON_FILES = ("makedirs", "mkdir", "remove", "removedirs", "rename", "replace", "rmdir", "symlink", "unlink")
_ACTING = ("pathlib", "shutil", "subprocess", *(f"os.{name}" for name in _ON_FILES))


class Touch(NamedTuple):
    """A call, or an assignment to an attribute or item: the name at the root of what it is done to, and the rest."""

    chain: tuple[str, ...]
    is_call: bool


class Effect(NamedTuple):
    """A statement that may set something of a library.

    `touched` are the dotted names of what it does something to, `module:name` where a name may be of a module of which
    all is imported, and `:name` where no import tells it: in a notebook another cell may. `called` are the module's
    names at the roots of what it calls.
    """

    node: ast.stmt
    touched: tuple[str, ...]
    called: tuple[str, ...]


class Effects:
    """What the statements at the top level of a module may set of libraries."""

    def __init__(self, body: list[ast.stmt]) -> None:
        self._body = body

    @cached_property
    def names(self) -> Names:
        """What the module's names mean by its imports."""
        names: Names = {}
        for node in _simple(self._body):
            _note(names, node, only_read=True)
        return names

    @cached_property
    def statements(self) -> list[Effect]:
        """Those that may set something of a library, in their order."""
        found: list[Effect] = []
        results: set[str] = set()
        for node in self._body:
            touches = [] if is_main(node) else [*_touches(_simple([node]), results)]
            touched = _meant(touches, self.names) if touches else ()
            called = tuple({touch.chain[0]: None for touch in touches if touch.is_call})
            if touched or called:
                found.append(Effect(node, touched, called))
        return found

    def meant(self, name: str) -> list[str]:
        """What a name of the module may mean by its imports, as `Effect.touched`."""
        return _dotted((name,), self.names)

    def within(self, definition: ast.AST) -> tuple[str, ...]:
        """What a function or class of the module may set of libraries when it is called, as `Effect.touched`."""
        inner = [node for node in ast.walk(definition) if isinstance(node, ast.stmt)]
        names = {**self.names}
        for node in inner:
            _note(names, node, only_read=False)
        return _meant(_touches(inner, set()), names)


def is_main(node: ast.stmt) -> bool:
    """Whether a statement runs only where the module is the script."""
    return isinstance(node, ast.If) and any(part.id == "__name__" for part in _names(node.test))


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Name))


def _simple(body: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """The statements that run with some, in blocks too; of definitions they themselves."""
    for node in body:
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, Function | ast.ClassDef):
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from _simple(getattr(node, name, ()))


def _note(names: Names, node: ast.stmt, *, only_read: bool) -> None:
    """Note what a statement lets names mean: an import, or another name for what is read of an imported one."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            names.setdefault(alias.asname or top, []).append(alias.name if alias.asname else top)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            inner = module if alias.name == _ALL else f"{module}{'.' if node.module else ''}{alias.name}"
            names.setdefault(alias.asname or alias.name, []).append(inner)
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        chain = _chain(node.value, through_calls=not only_read)
        if chain and chain[0] in names:
            names.setdefault(node.targets[0].id, []).extend(_dotted(chain, names))


def _touches(nodes: Iterable[ast.stmt], results: set[str]) -> Iterator[Touch]:
    """What some statements do something to; what is done with `results` of a run of tasks changes none."""
    for node in nodes:
        if isinstance(node, Function | ast.ClassDef):
            chains = map(_chain, node.decorator_list)
            yield from (Touch(chain, is_call=False) for chain in chains if any("regist" in name for name in chain))
            continue
        if isinstance(node, ast.Assign | ast.Expr) and _is_of_run(node, results):
            results |= {part.id for part in _names(node) if isinstance(part.ctx, ast.Store)}
        else:
            yield from (touch for touch in _done(node) if touch.chain)


def _is_of_run(node: ast.stmt, results: set[str]) -> bool:
    attributes = (part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute))
    return not RUNNING.isdisjoint(attributes) or any(part.id in results for part in _names(node))


def _done(node: ast.stmt) -> Iterator[Touch]:
    """What a statement that is no block does something to."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(part, ast.Attribute | ast.Subscript):
                yield Touch(_chain(part), is_call=False)
    if isinstance(node, ast.Expr) or (isinstance(node, ast.Assign) and _is_unnamed(node)):
        for call in _calls(node.value):
            function = _chain(call.func)
            if _BUILTINS.isdisjoint(function[:1]):
                yield Touch(function, is_call=True)
            elif _SETTERS.isdisjoint(function):
                continue
            # What a call changes besides is its first argument: `patch.object(json, "dumps", mine)`.
            yield from (Touch(_chain(argument), is_call=False) for argument in call.args[:1])


def _is_unnamed(node: ast.Assign) -> bool:
    return all(isinstance(part, ast.Name) and part.id == "_" for part in node.targets)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The outermost calls in an expression."""
    if isinstance(node, ast.Call):
        yield node
    else:
        for part in ast.iter_child_nodes(node):
            yield from _calls(part)


def _chain(node: ast.AST, *, through_calls: bool = True) -> tuple[str, ...]:
    """The name at the root of an expression and the attributes read from there; empty where there is none."""
    names: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript | ast.Await):
            node = node.value
        elif isinstance(node, ast.Call) and through_calls:
            node = node.func
        else:
            return ()
    return (node.id, *reversed(names))


def _dotted(chain: tuple[str, ...], names: Names) -> list[str]:
    root, *rest = chain
    if root in names:
        return [".".join((meant, *rest)) for meant in names[root]]
    return [] if root in _BUILTINS else [f"{module}:{root}" for module in ("", *names.get(_ALL, ()))]


def _meant(touches: Iterable[Touch], names: Names) -> tuple[str, ...]:
    """The dotted names of what is done something to, where that may change a result."""
    return tuple(
        {
            dotted: None
            for chain, is_call in touches
            for dotted in _dotted(chain, names)
            if not f"{dotted}.".startswith(tuple(f"{place}." for place in (*_HARMLESS, *(_ACTING if is_call else ()))))
        }
    )
