"""What the names in code lead to, and what values refer to: the links between the nodes of definitions."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from taskproc.canonical import Unencodable, canonical, digest
from taskproc.imports import beside, importable, imported_names, is_blinding, is_importing, meant_modules
from taskproc.inputfile import Contents, input_files
from taskproc.members import LOOKS, function_in, is_untracked, registered_in, tells_itself
from taskproc.origin import (
    absolute_name,
    arrived,
    compiled_file,
    home,
    is_function,
    is_plumbing,
    is_user_code,
    is_user_file,
    public_name,
    reference,
    source_file,
)
from taskproc.reach import ANY, OF_MODULES, Chain, reach
from taskproc.reached import Node, file_node, shown
from taskproc.reduction import is_made_by_library
from taskproc.requires import Slot
from taskproc.source import Sources, Text
from taskproc.taskfile import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from taskproc.canonical import Canonical
    from taskproc.reach import Reach

_EVALUATORS = frozenset({"query", "eval", "evaluate", "sql"})
"""Functions of libraries (pandas, numexpr, duckdb) that evaluate a text, in which they look up the caller's names."""
_NAME = re.compile(r"[^\W\d]\w*")
_ASSERTING = re.compile(rb"\bassert\b|__debug__")


class Links:
    """Makes the nodes of what code reaches, and the links between them. Task classes derive from `base`.

    New nodes are pending until they are looked at.
    """

    def __init__(self, base: type) -> None:
        self.sources = Sources()
        self.contents = Contents(lambda _: None)
        self._base = base
        self._nodes: dict[object, Node] = {}
        self._pending: list[Node] = []
        self._files: dict[tuple[Path, str], dict[str, Node]] = {}

    def _node(self, target: type | FunctionType | ModuleType) -> Node:
        """The node of a class, function or module, to be looked at if it is new."""
        known = self._nodes.get(id(target))
        if known is not None:
            return known
        if isinstance(target, ModuleType):
            node = Node(f"{public_name(target.__name__)}:", target, path=source_file(target))
        else:
            node = Node(reference(target), target)
        self._nodes[id(target)] = node
        self._pending.append(node)
        return node

    def _count_text(self, node: Node, text: Text, namespace: Mapping[str, Any]) -> None:
        """Count a definition by its text, and by what it reads as it is made."""
        content = text.content if __debug__ or not _ASSERTING.search(text.content) else b"-O " + text.content
        node.digest, node.text = digest(content), text.text
        node.unseen |= not text.seen
        if text.shell is not None:
            self._link_code(node, text.shell, namespace, {})

    def _link_code(self, node: Node, code: CodeType, namespace: Mapping[str, Any], closure: Mapping[str, Any]) -> None:
        found = reach(code)
        home_name = str(namespace.get("__name__", "__main__"))
        node.words |= found.members | found.strings | ({ANY} if found.computes else set())
        for chain in (*found.globals, *self._named_in_texts(found, namespace)):
            root, *rest = chain
            is_seen = root in namespace and (root not in OF_MODULES or root == "__file__")  # which leads to files
            if is_seen and not is_blinding(chain, namespace) and not is_importing(chain, namespace):
                name = f"{public_name(home_name)}:{root}"
                self._link(node, ".".join(chain), namespace[root], tuple(rest), name, namespace)
        for chain in found.cells:
            if chain[0] in closure:
                name = f"{node.name}.{chain[0]}"
                self._link(node, ".".join(chain), closure[chain[0]], chain[1:], name, namespace)
        self._link_imports(node, found, str(namespace.get("__package__") or ""))
        modules, folder = meant_modules(found, namespace), beside(found, namespace)  # last: this may import some
        if modules is not None:
            self._go_blind(node, modules)
        if folder is not None:
            node.unseen = True
            node.edges |= self._files_in(folder)

    def _named_in_texts(self, found: Reach, namespace: Mapping[str, object]) -> list[Chain]:
        """The names that code reads from its module by texts that a library evaluates.

        These are all names in its own texts and in those that the module's names hold. Of other texts in the file, only
        names that are marked as such count (`@LIMIT`).
        """
        if _EVALUATORS.isdisjoint(found.members):
            return []
        held = [value for root, *_ in found.globals if isinstance(value := namespace.get(root), str)]
        names = {name for text in (*found.strings, *held) for name in _NAME.findall(text)}
        file = self.sources.file(path_of(str(namespace.get("__name__", "__main__"))))
        return [(name,) for name in sorted(names if file is None else names | file.variables)]

    def _link_imports(self, node: Node, found: Reach, package: str) -> None:
        words, seen = frozenset(found.words) | found.strings, set[int]()
        for imported in found.imports:
            level, wanted, names = imported
            path = absolute_name(level, wanted, package)
            try:
                for label, module, name in imported_names(path, names, found.handed_on(imported), words, seen):
                    self._link(node, label, module, (name,) if name else (), "")
            except ImportError:
                node.unseen = True

    def _link(  # noqa: C901, PLR0912  one place where a name's meaning is decided
        self,
        node: Node,
        label: str,
        value: Any,
        rest: Chain,
        name: str,
        namespace: Mapping[str, Any] | None = None,
    ) -> None:
        """Link what a name leads to: a value, or what is read from that by the names in `rest`."""
        value = arrived(value)
        while isinstance(value, ModuleType) and is_user_code(value):
            if not rest or rest[0] not in vars(value):
                self._go_blind(node, [value])
                return
            namespace = vars(value)
            name = f"{public_name(value.__name__)}:{rest[0]}"
            value, rest = arrived(namespace[rest[0]]), rest[1:]
        if is_function(value):  # whatever it is called here
            node.words |= LOOKS & {value.__name__}
        if is_untracked(value) or is_untracked(value.__class__) or is_plumbing(value):
            return
        if file := compiled_file(value):
            node.unseen = True
            node.edges[f"{label}: file"] = file_node(Path(file), home(value), self.contents)
        if namespace:
            node.bound[label] = str(namespace.get("__name__")), name, value
        if isinstance(value, type) and issubclass(value, self._base):
            if rest and rest[0][:2] != "__":
                self._link_metaclass(node, value)
                self._link_member(node, label, value, rest)
            elif name.endswith(".__class__"):
                node.edges[label] = self._node(value)
            else:
                node.held[value] = None
        elif isinstance(value, type) and is_user_code(value):
            self._link_definition(node, label, value)
        elif is_function(value) and is_user_code(value):
            self._link_definition(node, label, value)
            if rest and rest[0] in vars(value):
                self._link(node, label + ":", vars(value)[rest[0]], rest[1:], f"{name}.{rest[0]}")
        else:
            node.edges[label] = self._constant(value, name, namespace)

    def _link_definition(self, node: Node, label: str, value: type | FunctionType) -> None:
        if is_user_code(value) and not is_untracked(value):
            node.edges[label] = self._node(value)

    def _link_metaclass(self, node: Node, cls: type) -> None:
        """Link the metaclass of a class, which may give it any member."""
        self._link_definition(node, f"metaclass of {reference(cls)}", type(cls))

    def _link_member(self, node: Node, label: str, cls: type, rest: Chain) -> None:
        """Link what is read from a Task class: no task is made there, so only that member counts."""
        for owner in cls.__mro__:
            if rest[0] not in vars(owner):
                continue
            value, name = vars(owner)[rest[0]], f"{reference(owner)}.{rest[0]}"
            if issubclass(self._base, owner) or isinstance(value, Slot):
                return
            if isinstance(value, classmethod):
                node.held[cls] = None
            node.bound[label] = owner.__module__, name, value
            self._link(node, label, function_in(value) or value, rest[1:], name)
            label += " above"  # that of the next base, which `super` may read

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
            self._count_statements(node, namespace, str(problem))
        else:
            node.digest = digest(encoded.data)
            node.text = f"{name.rpartition(':')[2]} = {shown(value)}"
            self._link_refs(node, name, encoded)
            if isinstance(value, type) and (registered := registered_in(value)):
                self._absorb(node, ".register()", registered)
            if any(map(tells_itself, encoded.refs)) or is_made_by_library(value):
                self._count_statements(node, namespace, "")
        return node

    def _count_statements(self, node: Node, namespace: Mapping[str, Any] | None, problem: str) -> None:
        """Count a value by the statements that define it, what they reach, and those parts that can be encoded."""
        module = sys.modules.get(str((namespace or {}).get("__name__")))
        others = [name for name, value in list((namespace or {}).items()) if value is node.target]
        names = dict.fromkeys((node.name.rpartition(":")[2], *others))
        text = self.sources.statements(module, *names)
        node.path = source_file(module)
        self._count_text(node, text, namespace or {})
        node.text = node.text or problem
        for maker in self.sources.makers(module, *names):
            self._link(node, f"made by {maker}", getattr(module, maker, None), (), maker)
        encoded = _partly(node.target)
        if encoded is None:
            node.unseen = True
            if not text.seen and module is not None:
                self._go_blind(node, [module])
        else:
            node.unseen = False
            node.digest = digest(node.digest, encoded.data)
            self._link_refs(node, node.name, encoded)

    def _absorb(self, node: Node, label: str, value: object, text: str = "") -> None:
        """Count a value as part of what a definition says; what can't be encoded counts by the definition's text."""
        try:
            encoded: Canonical | None = canonical(value)
        except Unencodable:
            encoded = _partly(value)
        if encoded is not None:
            node.digest = digest(node.digest, label.encode(), encoded.data)
            node.text += f"\n# {text or f'{label} = {shown(value)}'}"  # the source tells it only where it is a literal
            self._link_refs(node, label, encoded)

    def _link_refs(self, node: Node, label: str, encoded: Canonical) -> None:
        node.inputs.update(input_files(encoded.own))
        if encoded.modules:
            self._go_blind(node, encoded.modules)
        for number, ref in enumerate(sorted(encoded.refs, key=reference)):
            if isinstance(ref, type) and issubclass(ref, self._base):
                node.held[ref] = None
            elif ref is not node.target:
                self._link_definition(node, f"{label} {number}", ref)

    def _go_blind(self, node: Node, modules: Iterable[ModuleType]) -> None:
        """Count whole modules where code may reach anything in them; of a package, all its files."""
        node.unseen = True
        for module in modules:
            name = public_name(module.__name__)
            node.edges[f"module {name}"] = self._node(module)
            folders: Iterable[str] = vars(module).get("__path__", ())
            for folder in filter(is_user_file, folders):
                node.edges |= self._files_in(Path(folder), name)

    def _files_in(self, folder: Path, package: str = "") -> dict[str, Node]:
        """The nodes of all that can be imported from a folder, which may be a package's, by their labels."""
        place = folder, package
        if place not in self._files:
            before, of = (f"{package}:", f" of {package}") if package else ("", "")
            paths = sorted(folder.rglob("*.py") if package else importable(folder))
            inner = {path.relative_to(folder).as_posix(): path for path in paths}
            self._files[place] = {
                f"file {name}{of}": file_node(path, before + name, self.contents) for name, path in inner.items()
            }
        return self._files[place]


def _partly(value: object) -> Canonical | None:
    """What can be encoded of a value that can't be as a whole."""
    try:
        return canonical(value, partial=True)
    except Unencodable:
        return None
