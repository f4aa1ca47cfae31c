"""The graph of the user's definitions: which reaches which, and by what name."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from taskproc.canonical import Unencodable, canonical, digest
from taskproc.imports import imported_names, named_modules
from taskproc.inputfile import Contents
from taskproc.members import attributes_of, function_in, functions_of, is_made_by_call, is_untracked, tells_itself
from taskproc.origin import absolute_name, home, is_plumbing, is_user_code, module_name, reference, source_file
from taskproc.reach import ANY, OF_MODULES, Chain, is_blinding, members_read, reach
from taskproc.reached import Node, file_node, shown, shown_defaults
from taskproc.reduction import contents
from taskproc.requires import Slot
from taskproc.source import Sources, Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Explorer:
    """Builds the graph, looking at each definition once. Task classes derive from `base`."""

    def __init__(self, base: type) -> None:
        self.sources = Sources()
        self.contents = Contents(lambda _: None)
        self._base = base
        self._nodes: dict[object, Node] = {}
        self._pending: list[Node] = []

    def explore(self, target: type | FunctionType) -> Node:
        """The node of a class or function, with all that can be reached from it."""
        root = self._node(target)
        self._look_at_all()
        return root

    def _look_at_all(self) -> None:
        while self._pending:
            node = self._pending.pop()
            try:
                self._look(node)
            except Exception:  # noqa: BLE001  the user's objects may do anything when looked at
                module = sys.modules.get(home(node.target))
                self._go_blind(node, [] if module is None or module is node.target else [module])

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
        if text := shown_defaults(function):
            self._absorb(node, f"{label}()", (function.__defaults__, function.__kwdefaults__), text)
        if "__wrapped__" in function.__dict__:
            self._link(node, f"{label}.__wrapped__", function.__dict__["__wrapped__"], (), node.name)

    def _look_at_class(self, node: Node, cls: type) -> None:
        module = sys.modules.get(cls.__module__)
        own: dict[str, FunctionType] = {}
        for name, function in functions_of(cls):
            member = name.partition(":")[0]
            node.bound[f"{name}()"] = cls.__module__, f"{node.name}.{member}", vars(cls)[member]
            if function.__code__.co_qualname == f"{cls.__qualname__}.{member}":
                own[name] = function
            else:
                self._link(node, f".{name}", function, (), f"{node.name}.{name}")
        codes = [function.__code__ for function in own.values()]
        node.path = codes[0].co_filename if codes else source_file(module)
        self._say(node, self._class_text(cls, codes, node), vars(module or builtins))
        making = own.pop("__init__", None) if issubclass(cls, self._base) else None
        for name, function in own.items():
            self._link_function(node, name, function)
        if making is not None:
            held, words, before = {**node.held}, {*node.words}, {*node.edges, *node.bound}
            self._link_function(node, "__init__", making)
            node.held, node.words, node.making = held, words, {*node.edges, *node.bound} - before
        for name, value in attributes_of(cls):
            self._absorb(node, f".{name}", value)
            node.bound[f".{name}"] = cls.__module__, f"{node.name}.{name}", value
        for number, base in enumerate(cls.__mro__[1:]):
            if not issubclass(self._base, base):
                self._link_definition(node, f"base {number}", base)
        self._link_definition(node, "metaclass", type(cls))
        self._widen(node, getattr(cls, "_task_depends_on", ()))

    def _class_text(self, cls: type, methods: list[CodeType], node: Node) -> Text:
        """The text of a class, or else of the statements that make it (`Enum("Level", "LOW HIGH")`)."""
        text = self.sources.class_(cls, methods)
        module = sys.modules.get(cls.__module__)
        if text.content or module is None or "[" in cls.__qualname__:  # a generic one with its parameters
            return text
        text = self.sources.statements(module, cls.__qualname__)
        if not text.seen:
            self._go_blind(node, [module])
        return text

    def _widen(self, node: Node, more: Any) -> None:
        """Link what a class says it depends on besides: functions, classes, modules, and paths of files."""
        things: Iterable[Any] = more if type(more) in {list, tuple} else (more,)
        for number, thing in enumerate(things):
            label = f"depends on {number}"
            if isinstance(thing, (str, Path)):
                node.edges[label] = file_node(Path(node.path).parent / thing, str(thing), self.contents)
            elif isinstance(thing, ModuleType):
                node.edges[label] = self._node(thing)
            else:
                self._link(node, label, thing, (), f"{node.name}._task_depends_on[{number}]")

    def _link_code(self, node: Node, code: CodeType, namespace: Mapping[str, Any], closure: Mapping[str, Any]) -> None:
        found = reach(code)
        home_name = str(namespace.get("__name__", "__main__"))
        words = (*found.words, *sorted(found.strings))
        node.words |= found.members | found.strings | ({ANY} if found.computes else set())
        if found.is_dynamic:
            self._go_blind(node, named_modules(sorted(found.strings)))
        elif any(is_blinding(chain, namespace) for chain in found.globals):
            self._go_blind(node, named_modules(word for word in (home_name, *words) if word in sys.modules))
        for chain, called in found.globals.items():
            root, *rest = chain
            if root in namespace and root not in OF_MODULES and not is_blinding(chain, namespace):
                name = f"{module_name(home_name)}:{root}"
                self._link(node, ".".join(chain), namespace[root], tuple(rest), name, namespace, called=called)
        for chain, called in found.cells.items():
            if chain[0] in closure:
                name = f"{node.name}.{chain[0]}"
                self._link(node, ".".join(chain), closure[chain[0]], chain[1:], name, namespace, called=called)
        for level, wanted, names in found.imports:
            path = absolute_name(level, wanted, str(namespace.get("__package__") or ""))
            self._link_import(node, path, names, words)

    def _link(  # noqa: C901  one place where a name's meaning is decided
        self,
        node: Node,
        label: str,
        value: Any,
        rest: Chain,
        name: str,
        namespace: Mapping[str, Any] | None = None,
        *,
        called: bool = False,
    ) -> None:
        while isinstance(value, ModuleType) and is_user_code(value):
            if not rest or rest[0] not in vars(value):
                node.unseen = True
                node.edges[label] = self._node(value)
                return
            namespace = vars(value)
            name = f"{module_name(value.__name__)}:{rest[0]}"
            value, rest = namespace[rest[0]], rest[1:]
        if is_untracked(value) or is_untracked(value.__class__) or is_plumbing(value):
            return
        if namespace:
            node.bound[label] = str(namespace.get("__name__")), name, value
        if isinstance(value, type) and issubclass(value, self._base):
            if rest and rest[0][:2] != "__":
                self._link_member(node, label, value, rest)
            elif name.endswith(".__class__"):
                node.edges[label] = self._node(value)
            elif rest or not called:
                node.held[value] = None
        elif isinstance(value, type) and is_user_code(value):
            self._link_definition(node, label, value)
        elif isinstance(value, FunctionType) and is_user_code(value):
            self._link_definition(node, label, value)
            if rest and rest[0] in vars(value):
                self._link(node, label + ":", vars(value)[rest[0]], rest[1:], f"{name}.{rest[0]}")
        else:
            node.edges[label] = self._constant(value, name, namespace)

    def _link_definition(self, node: Node, label: str, value: type | FunctionType) -> None:
        if is_user_code(value) and not is_untracked(value):
            node.edges[label] = self._node(value)

    def _link_member(self, node: Node, label: str, cls: type, rest: Chain) -> None:
        """Link what is read from a Task class: no task is made there, so only that member counts."""
        for owner in cls.__mro__:
            if issubclass(self._base, owner):
                return
            if rest[0] in vars(owner):
                value, name = vars(owner)[rest[0]], f"{reference(owner)}.{rest[0]}"
                if isinstance(value, Slot):
                    return
                if isinstance(value, classmethod):
                    node.held[cls] = None
                node.bound[label] = owner.__module__, name, value
                self._link(node, label, function_in(value) or value, rest[1:], name)
                return

    def read_members(self, node: Node, cls: type, words: Collection[str]) -> None:
        """Link those members of a Task class that code may read by some words."""
        for word in members_read(cls, words):
            if not word.startswith(("__", "_task_")):
                self._link_member(node, f"{reference(cls)}.{word}", cls, (word,))
        self._look_at_all()

    def _constant(self, value: Any, name: str, namespace: Mapping[str, Any] | None) -> Node:
        """The node of a value that is no definition of the user's."""
        key = (id(value), name)
        known = self._nodes.get(key)
        if known is not None:
            return known
        node = Node(name, value, kind="constant")
        self._nodes[key] = node  # what it reaches may name it again
        try:
            encoded = canonical(value)
        except Unencodable as problem:
            self._state(node, namespace, str(problem))
        else:
            node.digest = digest(encoded.data)
            node.text = f"{name.rpartition(':')[2]} = {shown(value)}"
            self._link_refs(node, name, encoded.refs)
            if any(map(tells_itself, encoded.refs)) or is_made_by_call(value):
                self._state(node, namespace, "")
        return node

    def _state(self, node: Node, namespace: Mapping[str, Any] | None, problem: str) -> None:
        """Let what can't be encoded count by the statements that define it, what they reach, and what can be of it."""
        module = sys.modules.get(str((namespace or {}).get("__name__")))
        text = self.sources.statements(module, node.name.rpartition(":")[2])
        node.path = source_file(module)
        self._say(node, text, namespace or {})
        node.text = node.text or problem
        try:
            encoded = canonical(node.target, partial=True)
        except Unencodable:
            if not text.seen and module is not None:
                self._go_blind(node, [module])
        else:
            node.unseen = False
            node.digest = digest(node.digest, encoded.data)
            self._link_refs(node, node.name, encoded.refs)

    def _absorb(self, node: Node, label: str, value: object, text: str = "") -> None:
        """Count a value as what a definition says itself; one that can't be encoded counts by the text alone."""
        try:
            encoded = canonical(value)
        except Unencodable:
            return
        node.digest = digest(node.digest, label.encode(), encoded.data)
        node.text += f"\n# {text or f'{label} = {shown(value)}'}"  # the source tells it only where it is a literal
        self._link_refs(node, label, encoded.refs)

    def _link_refs(self, node: Node, label: str, refs: tuple[type | FunctionType, ...]) -> None:
        for number, ref in enumerate(sorted(refs, key=reference)):
            if isinstance(ref, type) and issubclass(ref, self._base):
                node.held[ref] = None
            elif ref is not node.target:
                self._link_definition(node, f"{label} {number}", ref)

    def _link_import(self, node: Node, path: str, names: Chain, words: Chain) -> None:
        try:
            for label, module, name in imported_names(path, names, words):
                self._link(node, label, module, (name,), "")
        except ImportError:
            node.unseen = True

    def _go_blind(self, node: Node, modules: Iterable[ModuleType]) -> None:
        """Count whole modules where code may reach anything in them; of a package, all its files."""
        node.unseen = True
        for module in modules:
            name = module_name(module.__name__)
            node.edges[f"module {name}"] = self._node(module)
            for folder in getattr(module, "__path__", ()):
                for path in sorted(Path(folder).rglob("*.py")):
                    inner = path.relative_to(folder).as_posix()
                    node.edges[f"file {inner} of {name}"] = file_node(path, f"{name}:{inner}", self.contents)
