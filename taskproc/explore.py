"""The graph of the user's definitions: which reaches which, and by what name."""

from __future__ import annotations

import builtins
import re
import reprlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from taskproc.canonical import Unencodable, canonical, digest
from taskproc.members import attributes_of, function_in, functions_of, is_untracked
from taskproc.origin import absolute_name, imported, is_user_code, module_name, reference, source_file
from taskproc.reach import OF_MODULES, Chain, is_blinding, reach
from taskproc.reduction import contents
from taskproc.source import Sources, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 4, 400, 400
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _REPR.maxfrozenset = 50


@dataclass(slots=True, eq=False)
class Node:
    """A definition. `digest` is of what it says itself; `edges` are what it reaches, by the name it has there."""

    name: str
    target: object  # held, since nodes are known by its id
    digest: bytes = b""
    text: str = ""
    path: str = ""
    unseen: bool = False
    kind: str = "code"  # or constant, file
    edges: dict[str, Node] = field(default_factory=dict[str, "Node"])


class Explorer:
    """Builds the graph, looking at each definition once. Task classes derive from `base`."""

    def __init__(self, base: type) -> None:
        self.sources = Sources()
        self._base = base
        self._nodes: dict[object, Node] = {}
        self._pending: list[Node] = []

    def explore(self, target: type | FunctionType) -> Node:
        """The node of a class or function, with all that can be reached from it."""
        root = self._node(target)
        while self._pending:
            node = self._pending.pop()
            try:
                self._look(node)
            except Exception:  # noqa: BLE001  the user's objects may do anything when looked at
                node.unseen = True
        return root

    def _look(self, node: Node) -> None:
        if isinstance(node.target, type):
            self._look_at_class(node, node.target)
        elif isinstance(node.target, FunctionType):
            self._look_at_function(node, node.target)
        elif isinstance(node.target, ModuleType):
            self._say(node, self.sources.module(node.target), vars(node.target))

    def _node(self, target: type | FunctionType | ModuleType) -> Node:
        """The node of a class, function or module, to be looked at if it is new."""
        known = self._nodes.get(id(target))
        if known is not None:
            return known
        if isinstance(target, ModuleType):
            node = Node(f"{module_name(target.__name__)}:", target, path=source_file(target))
        else:
            node = Node(reference(target), target)
        self._nodes[id(target)] = node
        self._pending.append(node)
        return node

    def _say(self, node: Node, text: Text, namespace: Mapping[str, Any]) -> None:
        node.digest, node.text = digest(text.content), text.text
        node.unseen |= not text.seen
        if text.shell is not None:
            self._link_code(node, text.shell, namespace, {})

    def _look_at_function(self, node: Node, function: FunctionType) -> None:
        node.path = function.__code__.co_filename
        self._say(node, self.sources.function(function.__code__), function.__globals__)
        self._link_function(node, "", function)

    def _link_function(self, node: Node, label: str, function: FunctionType) -> None:
        """Link what a function reads by name, what its closure holds, and its defaults."""
        closure = dict(zip(function.__code__.co_freevars, map(contents, function.__closure__ or ()), strict=True))
        self._link_code(node, function.__code__, function.__globals__, closure)
        if function.__defaults__ or function.__kwdefaults__:
            self._absorb(node, f"{label}()", (function.__defaults__, function.__kwdefaults__))
        if "__wrapped__" in function.__dict__:
            self._link(node, f"{label}.__wrapped__", function.__dict__["__wrapped__"], (), node.name)

    def _look_at_class(self, node: Node, cls: type) -> None:
        module = sys.modules.get(cls.__module__)
        own: dict[str, FunctionType] = {}
        for name, function in functions_of(cls):
            if function.__code__.co_qualname == f"{cls.__qualname__}.{function.__code__.co_name}":
                own[name] = function
            else:
                self._link(node, f".{name}", function, (), f"{node.name}.{name}")
        codes = [function.__code__ for function in own.values()]
        node.path = codes[0].co_filename if codes else source_file(module)
        self._say(node, self.sources.class_(cls, codes), vars(module or builtins))
        for name, function in own.items():
            self._link_function(node, name, function)
        for name, value in attributes_of(cls):
            self._absorb(node, f".{name}", value)
        for number, base in enumerate(cls.__mro__[1:]):
            if not issubclass(self._base, base):
                self._link_definition(node, f"base {number}", base)
        self._link_definition(node, "metaclass", type(cls))
        self._widen(node, getattr(cls, "_task_depends_on", ()))

    def _widen(self, node: Node, more: Any) -> None:
        """Link what a class says it depends on besides: functions, classes, modules, and paths of files."""
        folder = Path(node.path).parent
        things: Iterable[Any] = more if type(more) in {list, tuple} else (more,)
        for number, thing in enumerate(things):
            label = f"depends on {number}"
            if isinstance(thing, (str, Path)):
                node.edges[label] = self._file(folder / thing, str(thing))
            elif isinstance(thing, ModuleType):
                node.edges[label] = self._node(thing)
            else:
                self._link(node, label, thing, (), f"{node.name}._task_depends_on[{number}]")

    def _file(self, path: Path, name: str) -> Node:
        node = Node(name, path, kind="file")
        try:
            inner = sorted(entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else [path]
            parts = [(entry.relative_to(path).as_posix().encode(), entry.read_bytes()) for entry in inner]
            node.digest = digest(*(digest(*part) for part in parts))
        except OSError as problem:
            node.digest, node.text, node.unseen = digest(b"unreadable"), problem.strerror or "", True
        return node

    def _link_code(self, node: Node, code: CodeType, namespace: Mapping[str, Any], closure: Mapping[str, Any]) -> None:
        found = reach(code)
        home_name = str(namespace.get("__name__", "__main__"))
        for chain in found.globals:
            root, *rest = chain
            if is_blinding(chain, namespace):
                self._go_blind(node, (home_name, *found.words))
            elif root in namespace and root not in OF_MODULES:
                name = f"{module_name(home_name)}:{root}"
                self._link(node, ".".join(chain), namespace[root], tuple(rest), name, namespace)
        for chain in found.cells:
            if chain[0] in closure:
                self._link(node, ".".join(chain), closure[chain[0]], chain[1:], f"{node.name}.{chain[0]}")
        for level, wanted, names in found.imports:
            path = absolute_name(level, wanted, str(namespace.get("__package__") or ""))
            self._link_import(node, path, names, tuple(found.words))

    def _link(  # noqa: C901  one place where a name's meaning is decided
        self, node: Node, label: str, value: Any, rest: Chain, name: str, namespace: Mapping[str, Any] | None = None
    ) -> None:
        while isinstance(value, ModuleType):
            if not is_user_code(value):
                return
            if not rest or rest[0] not in vars(value):
                node.unseen = True
                node.edges[label] = self._node(value)
                return
            namespace = vars(value)
            name = f"{module_name(value.__name__)}:{rest[0]}"
            value, rest = namespace[rest[0]], rest[1:]
        if is_untracked(value):
            return
        if isinstance(value, type):
            if rest and issubclass(value, self._base):
                self._link_member(node, label, value, rest)
            elif not issubclass(value, self._base):
                self._link_definition(node, label, value)
            elif name.endswith(".__class__"):
                node.edges[label] = self._node(value)
        elif isinstance(value, FunctionType) and is_user_code(value):
            self._link_definition(node, label, value)
            if rest and rest[0] in vars(value):
                self._link(node, label + ":", vars(value)[rest[0]], rest[1:], f"{name}.{rest[0]}")
        else:
            constant = self._constant(value, name, namespace)
            if constant is not None:
                node.edges[label] = constant

    def _link_definition(self, node: Node, label: str, value: type | FunctionType) -> None:
        if is_user_code(value) and not is_untracked(value):
            node.edges[label] = self._node(value)

    def _link_member(self, node: Node, label: str, cls: type, rest: Chain) -> None:
        """Link what is read from a Task class: no task is made there, so only that member counts."""
        for owner in cls.__mro__:
            if issubclass(self._base, owner):
                return
            if rest[0] in vars(owner):
                value = vars(owner)[rest[0]]
                function = function_in(value)
                self._link(node, label, function or value, rest[1:], f"{reference(owner)}.{rest[0]}")
                return

    def _constant(self, value: Any, name: str, namespace: Mapping[str, Any] | None) -> Node | None:
        """The node of a value that is no definition; None for what is the library's alone."""
        key = (id(value), name)
        known = self._nodes.get(key)
        if known is not None:
            return known
        node = Node(name, value, kind="constant")
        try:
            encoded = canonical(value)
        except Unencodable as problem:
            self._state(node, namespace, str(problem))
        else:
            if not encoded.refs and isinstance(value, (FunctionType, BuiltinFunctionType)):
                return None
            node.digest = digest(encoded.data)
            node.text = f"{name.rpartition(':')[2]} = {_repr(value)}"
            self._link_refs(node, name, encoded.refs)
        self._nodes[key] = node
        return node

    def _state(self, node: Node, namespace: Mapping[str, Any] | None, problem: str) -> None:
        """Let what can't be encoded count by the statements that define it, and what they reach."""
        module = sys.modules.get(str((namespace or {}).get("__name__")))
        text = self.sources.statements(module, node.name.rpartition(":")[2])
        node.path = source_file(module)
        self._nodes[id(node.target), node.name] = node  # what it reaches may name it again
        self._say(node, text, namespace or {})
        if not text.seen:
            node.text = problem

    def _absorb(self, node: Node, label: str, value: object) -> None:
        """Count a value as what a definition says itself; one that can't be encoded counts by the text alone."""
        try:
            encoded = canonical(value)
        except Unencodable:
            return
        node.digest = digest(node.digest, label.encode(), encoded.data)
        node.text += f"\n# {label} = {_repr(value)}"  # that it says so tells the text only where it is a literal
        self._link_refs(node, label, encoded.refs)

    def _link_refs(self, node: Node, label: str, refs: tuple[type | FunctionType, ...]) -> None:
        for number, ref in enumerate(sorted(refs, key=reference)):
            if ref is not node.target and not (isinstance(ref, type) and issubclass(ref, self._base)):
                self._link_definition(node, f"{label} {number}", ref)

    def _link_import(self, node: Node, path: str, names: Chain, words: Chain) -> None:
        """Link what is imported inside a function: the names asked for, or those that it may read from the module."""
        steps = path.split(".")
        try:
            if not names:
                for length in range(1, len(steps) + 1):
                    self._link_words(node, imported(".".join(steps[:length])), words)
                return
            module = imported(path)
            for name in names if module is not None else ():
                if name == "*":
                    self._link_words(node, module, words)
                elif isinstance(vars(module).get(name, module), ModuleType):
                    self._link_words(node, imported(f"{path}.{name}"), words)
                else:
                    self._link(node, f"{path}.{name}", module, (name,), "")
        except ImportError:
            node.unseen = True

    def _link_words(self, node: Node, module: ModuleType | None, words: Chain) -> None:
        """Link what code may read, by the words in it, from a module that it holds under a name of its own."""
        pending = [] if module is None else [module]
        for held in pending:
            for word in words:
                value = vars(held).get(word)
                if isinstance(value, ModuleType):
                    if value not in pending and is_user_code(value):
                        pending.append(value)
                elif word in vars(held) and word not in OF_MODULES:
                    self._link(node, f"{module_name(held.__name__)}.{word}", held, (word,), "")

    def _go_blind(self, node: Node, words: Chain) -> None:
        """Count whole modules where code may reach anything: all that it has the names of."""
        node.unseen = True
        for name in words:
            module = sys.modules.get(name)
            if module is not None and is_user_code(module):
                node.edges[f"module {module_name(name)}"] = self._node(module)


def _repr(value: object) -> str:
    try:
        return re.sub(r" at 0x[0-9a-f]+", "", _REPR.repr(value))
    except Exception as problem:  # noqa: BLE001  the user's own `__repr__`
        return f"<{type(value).__qualname__}: {problem}>"
