"""What a taskfile says of its tasks, read from its syntax tree: nothing is imported, nothing of it runs.

A class is a task if it derives from `Task`, through other classes of the file too, or defines `run_task` (its base may
come from elsewhere). `_ast` is the interpreter's own half of `ast`, whose import would cost more than reading the file.
"""

from __future__ import annotations

import _ast

_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST
_DEPTH = 20  # of bases and aliases that name each other; deeper is a cycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


class Parameter:
    """One parameter of a task, as an option.

    Attributes:
        name: As written in `__init__`; of a field of one, behind that and a dot.
        about: Its annotation and default as written, `int = 3`.
        values: The texts it can take; empty where they are open.
        flag: Whether it is a boolean, `--name` or `--no-name`.
        many: Whether it may be repeated.
    """

    __slots__ = ("about", "flag", "many", "name", "values")

    def __init__(self, name: str, about: str, shape: Shape) -> None:
        self.name = name
        self.about = about
        self.flag = shape.boolean and not (shape.values or shape.other)
        self.values = tuple(dict.fromkeys([*shape.values, *(("true", "false") if shape.boolean else ())]))
        self.many = shape.many


class Shape:
    """What an annotation admits, as far as a completer cares; filled in by `Outline`."""

    __slots__ = ("boolean", "classes", "future", "many", "other", "values")

    def __init__(self) -> None:
        self.values: list[str] = []
        self.classes: list[str] = []  # those of the file whose fields it has
        self.boolean = self.many = self.future = self.other = False


class Outline:
    """The classes and names that a taskfile defines.

    Attributes:
        tasks: Qualified name of each task (`Outer.Inner`), with the first line of its docstring.
    """

    def __init__(self, source: bytes) -> None:
        """Read a taskfile's text; raises SyntaxError or ValueError where Python would."""
        self._lines = _utf8(source).splitlines()
        self._classes: dict[str, _ast.ClassDef] = {}
        self._aliases: dict[str, _ast.expr] = {}
        self._imports: list[tuple[_ast.ImportFrom, _ast.alias]] = []
        self._roots: set[str] = {"Task"}
        tree: Any = compile(source, "<taskfile>", "exec", _ONLY_AST, dont_inherit=True)
        self._collect(tree.body, "")
        self.tasks = {name: _first_line(found) for name, found in self._classes.items() if self._is_task(name)}

    def _collect(self, body: Iterable[_ast.stmt], scope: str) -> None:
        for statement in body:
            if isinstance(statement, _ast.ClassDef):
                name = scope + statement.name
                self._classes[name] = statement
                self._collect(statement.body, f"{name}.")
            elif isinstance(statement, _ast.ImportFrom):
                self._imports += [(statement, alias) for alias in statement.names]
                if statement.module == "taskproc":
                    self._roots |= {each.asname for each in statement.names if each.name == "Task" and each.asname}
            elif isinstance(statement, _ast.Assign):
                names = [target.id for target in statement.targets if isinstance(target, _ast.Name)]
                self._aliases |= {scope + name: statement.value for name in names}
            elif isinstance(statement, (_ast.If, _ast.Try, _ast.With)):
                for part in ("body", "orelse", "finalbody"):
                    self._collect(getattr(statement, part, ()), scope)

    def imports(self, module: str, name: str, package: str) -> bool:
        """Whether the file, of this package, imports what has this name in a module, from there or a package above."""
        return any(
            alias.name in {name, "*"}
            and alias.asname in {None, name}
            and f"{module}.".startswith(_source(statement, package))
            for statement, alias in self._imports
        )

    def _bases(self, name: str) -> Iterator[str]:
        """Names of a class's bases: of this file where they are known, else as written."""
        for base in self._classes[name].bases:
            written = _dotted(base.value if isinstance(base, _ast.Subscript) else base)
            yield self._resolve(written, name.rpartition(".")[0])

    def _resolve(self, written: str, scope: str) -> str:
        """A name met in the body of class `scope`: of a class nested there, else as written."""
        nested = f"{scope}.{written}"
        return nested if nested in self._classes else written

    def _lineage(self, name: str, depth: int = _DEPTH) -> Iterator[str]:
        """A class and those that it derives from within the file, each before its bases."""
        yield name
        for base in self._bases(name) if depth else ():
            if base in self._classes:
                yield from self._lineage(base, depth - 1)

    def _functions(self, cls: str, name: str) -> Iterator[_ast.FunctionDef]:
        """The functions of this name in the bodies of a class and those that it derives from, its own first."""
        for part in (part for each in self._lineage(cls) for part in self._classes[each].body):
            if isinstance(part, _ast.FunctionDef) and part.name == name:
                yield part

    def _is_task(self, name: str) -> bool:
        if any(self._functions(name, "run_task")):
            return True
        foreign = (base for cls in self._lineage(name) for base in self._bases(cls) if base not in self._classes)
        return any(base in self._roots or base.endswith(".Task") for base in foreign)

    def parameters(self, task: str) -> list[Parameter]:
        """The parameters of a task's `__init__`, its own or inherited within the file, that a command line can give."""
        init = next(self._functions(task, "__init__"), None)
        if init is None:
            return []
        spec = init.args
        asked = [*[*spec.posonlyargs, *spec.args][1:], *spec.kwonlyargs]  # all but `self`
        defaults = reversed([*spec.defaults, *spec.kw_defaults])  # the last parameters have them
        default_of = dict(zip([arg.arg for arg in reversed(asked)], defaults, strict=False))
        found: list[Parameter] = []
        for arg in asked:
            found += self._parameter(arg.arg, arg.annotation, default_of.get(arg.arg), task, ())
        return found

    def _parameter(
        self, name: str, annotation: _ast.expr | None, default: _ast.expr | None, within: str, above: tuple[str, ...]
    ) -> Iterator[Parameter]:
        """A parameter that can be given, then its fields; `above` are the classes that it is a field within."""
        shape = Shape()
        if annotation is not None:
            self._shape(annotation, within, shape, _DEPTH)
        if shape.future and not (shape.boolean or shape.other or shape.values):
            return
        about = self._text(annotation, quoted=True) + (f" = {self._text(default)}" if default is not None else "")
        yield Parameter(name, about.strip(), shape)
        for cls in shape.classes:
            for field, target in self._fields(cls, _DEPTH) if cls not in above else ():
                yield from self._parameter(f"{name}.{target}", field.annotation, field.value, cls, (*above, cls))

    def _fields(self, name: str, depth: int) -> Iterator[tuple[_ast.AnnAssign, str]]:
        """The annotated fields of a class, those of its bases first."""
        for base in self._bases(name):
            if base in self._classes and depth:
                yield from self._fields(base, depth - 1)
        for part in self._classes[name].body:
            if isinstance(part, _ast.AnnAssign) and isinstance(part.target, _ast.Name):
                yield part, part.target.id

    def _shape(self, node: _ast.expr, within: str, shape: Shape, depth: int) -> None:
        """Add to `shape` what an annotation, met in class `within`, admits."""
        if not depth:
            return
        if isinstance(node, _ast.Constant) and isinstance(node.value, str):
            node = _expression(node.value) or node
        if isinstance(node, _ast.BinOp):
            self._shape(node.left, within, shape, depth - 1)
            self._shape(node.right, within, shape, depth - 1)
        elif isinstance(node, _ast.Subscript):
            self._generic(node, within, shape, depth - 1)
        else:
            self._named(_dotted(node), within, shape, depth - 1)

    def _generic(self, node: _ast.Subscript, within: str, shape: Shape, depth: int) -> None:
        head = _dotted(node.value).rpartition(".")[2]
        inner = node.slice.elts if isinstance(node.slice, _ast.Tuple) else [node.slice]
        if head == "Literal":
            shape.values += [str(part.value) for part in inner if isinstance(part, _ast.Constant)]
        elif head in {"Future", "Const"}:
            shape.future = True
        elif head in {"Annotated", "Optional", "Union"}:
            for part in inner[:1] if head == "Annotated" else inner:
                self._shape(part, within, shape, depth)
        elif head in {"list", "List", "set", "Set", "frozenset", "Sequence", "Iterable"}:
            items = Shape()
            for part in inner[:1]:
                self._shape(part, within, items, depth)
            shape.many = shape.other = True
            shape.values += [*items.values, *(("true", "false") if items.boolean else ())]
        else:
            shape.other = True

    def _named(self, name: str, within: str, shape: Shape, depth: int) -> None:
        found = self._resolve(name, within)
        if name == "bool":
            shape.boolean = True
        elif found in self.tasks or name.rpartition(".")[2] in {"Future", "Const"}:
            shape.future = True
        elif found in self._classes and any("Enum" in base for base in self._bases(found)):
            members = (part for part in self._classes[found].body if isinstance(part, _ast.Assign))
            shape.values += map(_enum_text, members)
        elif found in self._classes:
            shape.classes.append(found)
            shape.other = True
        elif name in self._aliases:
            self._shape(self._aliases[name], within, shape, depth)
        elif name:
            shape.other = True

    def channels(self) -> list[str]:
        """The channels that the file's classes name in `_task_channel`, in the order of the file."""
        found: dict[str, None] = {}
        for task in self.tasks:
            for node in _walk(self._classes[task].body):
                if not isinstance(node, (_ast.Assign, _ast.AnnAssign)):
                    continue
                targets = node.targets if isinstance(node, _ast.Assign) else [node.target]
                if any(_dotted(target).rpartition(".")[2] == "_task_channel" for target in targets):
                    constants = [part.value for part in _walk(node.value) if isinstance(part, _ast.Constant)]
                    found.update((value, None) for value in constants if isinstance(value, str))
        return list(found)

    def _text(self, node: _ast.expr | None, *, quoted: bool = False) -> str:
        """A piece of the file as written, if it stands on one line; of an annotation in quotes what is in them."""
        if node is None:
            return ""
        if isinstance(node, _ast.Constant) and isinstance(node.value, str) and quoted:
            return node.value
        if node.lineno != node.end_lineno:
            return "..."
        return self._lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode(errors="replace")


def _source(statement: _ast.ImportFrom, package: str) -> str:
    """The dotted name, with a dot at its end, of what a file of this package imports from."""
    above = package.split(".")[: 1 - statement.level or None] if statement.level else []
    return "".join(f"{part}." for part in [*above, statement.module] if part)


def read_outline(path: str) -> Outline | None:
    """The outline of a taskfile, or None where there is none to read."""
    try:
        with open(path, "rb") as file:
            return Outline(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _utf8(source: bytes) -> bytes:
    """A taskfile's text as UTF-8, whose bytes the places in a syntax tree count."""
    head = b"".join(source.split(b"\n", 2)[:2]).lower()
    if b"coding" not in head or b"utf-8" in head:
        return source
    import tokenize

    return source.decode(tokenize.detect_encoding(iter(source.splitlines(keepends=True)).__next__)[0]).encode()


def _first_line(node: _ast.ClassDef) -> str:
    first = node.body[0]
    if isinstance(first, _ast.Expr) and isinstance(first.value, _ast.Constant) and isinstance(first.value.value, str):
        return first.value.value.strip().partition("\n")[0].strip()
    return ""


def _enum_text(member: _ast.Assign) -> str:
    """What people type for a member of an enum: its value where that is text, else its name."""
    value = member.value.value if isinstance(member.value, _ast.Constant) else None
    return value if isinstance(value, str) else _dotted(member.targets[0])


def _dotted(node: _ast.AST) -> str:
    """`a.b.c` of a name or a chain of attributes, else an empty text."""
    if isinstance(node, _ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, _ast.Name) else ""


def _expression(text: str) -> _ast.expr | None:
    try:
        tree: Any = compile(text, "<annotation>", "eval", _ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    found: _ast.expr = tree.body
    return found


def _walk(value: Any) -> Iterator[_ast.AST]:
    """All nodes at and below a node, or those of a list, in the order of the file."""
    if isinstance(value, _ast.AST):
        yield value
        for field in value._fields:
            yield from _walk(getattr(value, field, None))
    elif isinstance(value, list):
        for part in value:  # pyright: ignore[reportUnknownVariableType]  nodes, names, or None
            yield from _walk(part)
