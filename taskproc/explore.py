"""The graph of the user's definitions: which reaches which, and by what name."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from taskproc.canonical import digest
from taskproc.effects import RUNNING
from taskproc.imports import library_of, names_of_libraries, package_of
from taskproc.links import Links
from taskproc.members import attributes_of, functions_of, registered_in
from taskproc.origin import home, is_user_code, module_name, reference, source_file
from taskproc.reach import ANY, OF_MODULES, members_read
from taskproc.reached import Node, file_node, shown_defaults, walk
from taskproc.reduction import contents

if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from taskproc.source import Text


class Explorer(Links):
    """Builds the graph, looking at each definition once."""

    def __init__(self, base: type) -> None:
        super().__init__(base)
        self._effects: dict[str, list[tuple[ast.stmt, set[str]]]] = {}  # by path: statements, and what they set
        self._settings: dict[tuple[str, str], Node] = {}

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
        attributes = {**vars(function)}
        if "__wrapped__" in attributes:
            self._link(node, f"{label}.__wrapped__", attributes.pop("__wrapped__"), (), node.name)
        if attributes:
            self._absorb(node, f"{label}.__dict__", attributes)

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
            held, words, inputs = {**node.held}, {*node.words}, {*node.inputs}
            before = {*node.edges, *node.bound}
            self._link_function(node, "__init__", making)
            node.held, node.words, node.inputs = held, words, inputs
            node.making = {*node.edges, *node.bound} - before
        for name, value in attributes_of(cls):
            self._absorb(node, f".{name}", value)
            node.bound[f".{name}"] = cls.__module__, f"{node.name}.{name}", value
        if names := registered_in(cls):
            self._absorb(node, ".register()", names)
            self.sources.doubt(cls.__module__, f"{cls.__qualname__}.register()")  # workers may have loaded fewer
        for number, base in enumerate(cls.__mro__[1:]):
            if not issubclass(self._base, base):
                self._link_definition(node, f"base {number}", base)
        self._link_definition(node, "metaclass", type(cls))
        self._widen(node, cls)

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

    def _widen(self, node: Node, cls: type) -> None:
        """Link what a class says it depends on besides: functions, classes, modules, and paths of files."""
        more: Any = getattr(cls, "_task_depends_on", ())
        things: Iterable[Any] = more if issubclass(more.__class__, (list, tuple)) else (more,)
        saying = next((base for base in cls.__mro__ if "_task_depends_on" in vars(base)), cls)
        path = node.path if saying is cls else source_file(sys.modules.get(saying.__module__))
        for number, thing in enumerate(things):
            label = f"depends on {number}"
            if isinstance(thing, (str, Path)):
                node.edges[label] = file_node(Path(path).parent / thing, str(thing), self.contents)
            elif isinstance(thing, ModuleType):
                node.edges[label] = self._node(thing)
            else:
                self._link(node, label, thing, (), f"{node.name}._task_depends_on[{number}]")

    def read_members(self, node: Node, cls: type, words: Collection[str]) -> None:
        """Link those members of a Task class that code may read by some words."""
        for word in members_read(cls, words):
            if not word.startswith(("__", "_task_")):
                self._link_member(node, f"{reference(cls)}.{word}", cls, (word,))
        self._look_at_all()

    def read_names(self, node: Node, module: ModuleType, words: Collection[str]) -> None:
        """Link what a module's names hold that code which has the module may read by some words.

        Its text counts as a whole already. What libraries gave it does not, nor all that a notebook holds.
        """
        shell = self.sources.module(module).shell
        foreign = OF_MODULES if shell is None else OF_MODULES | names_of_libraries(shell)
        namespace = vars(module) if module.__name__ != "__main__" or source_file(module) else {}
        for name, value in list(namespace.items()):
            is_read = name in words or (ANY in words and not isinstance(value, ModuleType))
            if is_read and name not in foreign and (is_user_code(value) or not isinstance(value, ModuleType)):
                label = f"{module_name(module.__name__)}:{name}"
                self._link(node, label, value, (), label, namespace)
        self._look_at_all()

    def read_settings(self, node: Node, nodes: Collection[Node]) -> None:
        """Link the statements in the modules of some code that set something of the libraries which that code uses."""
        modules = {path: names for path, names in _namespaces(nodes).items() if self._setting(path, names)}
        used = {library for each in nodes if modules and each.kind != "settings" for library in self._used_by(each)}
        for path, namespace in modules.items():
            found = {library for _, libraries in self._setting(path, namespace) for library in libraries}
            for library in sorted(found & used):
                made = self._settings_of(library, path, namespace)
                node.edges[f"{made.name} {made.digest.hex()}"] = made

    def _used_by(self, node: Node) -> Iterator[str]:
        """The libraries of which code uses something, by their top-level packages."""
        yield from (library_of(name, "") for name in node.imported)
        things = [edge.target for edge in node.edges.values() if edge.kind == "constant"]
        for module, name, thing in node.bound.values():
            things.append(thing)
            effects = self.sources.effects(source_file(sys.modules.get(module)))
            for dotted in effects.meant(name.rpartition(":")[2]) if effects else ():
                yield library_of(dotted, module)
        yield from map(package_of, things)

    def _setting(self, path: str, namespace: Mapping[str, Any]) -> list[tuple[ast.stmt, set[str]]]:
        """The statements of a module that set something of libraries, and of which."""
        if path not in self._effects:
            effects, self._effects[path] = self.sources.effects(path), []
            home_name = str(namespace.get("__name__"))
            for effect in effects.statements if effects else ():
                libraries = {library_of(dotted, home_name) for dotted in effect.touched}
                if any(name in namespace and not package_of(namespace[name]) for name in effect.called):
                    libraries |= self._set_by(self._statements("", path, namespace, [effect.node]))
                if libraries := libraries - {""}:
                    self._effects[path].append((effect.node, libraries))
        return self._effects[path]

    def _set_by(self, node: Node) -> set[str]:
        """The libraries of which the functions and classes that a statement reaches may set something."""
        reached = [*walk([node])]
        if any(word in RUNNING for each in reached for word in each.words):  # it uses tasks, and sets nothing for them
            return set()
        named = [(each.target, dotted) for each in reached for dotted in self.sources.within(each.target)]
        return {library_of(dotted, home(target)) for target, dotted in named}

    def _settings_of(self, library: str, path: str, namespace: Mapping[str, Any]) -> Node:
        if (library, path) not in self._settings:
            statements = [node for node, libraries in self._setting(path, namespace) if library in libraries]
            self._settings[library, path] = self._statements(library, path, namespace, statements)
        return self._settings[library, path]

    def _statements(self, library: str, path: str, namespace: Mapping[str, Any], nodes: list[ast.stmt]) -> Node:
        """The node of some statements of a module, with what they reach."""
        module = module_name(str(namespace.get("__name__", "__main__")))
        made = Node(f"settings of {library} in {module}", nodes, path=path, kind="settings")
        try:
            self._say(made, self.sources.text(nodes), namespace)
            for name in (getattr(node, "name", "") for node in nodes):
                if name in namespace:
                    self._link(made, name, namespace[name], (), f"{module}:{name}", namespace)
        except Exception:  # noqa: BLE001  the user's objects may do anything when looked at
            made.unseen = True
        self._name_libraries(made, path)
        made.bound.clear()  # they ran when the module was loaded: what is set since is not for them
        self._look_at_all()
        return made

    def _name_libraries(self, node: Node, path: str) -> None:
        """Let what statements take from libraries count by its name: the value of `random.seed` has a state."""
        effects = self.sources.effects(path)
        for label, (module, name, _) in node.bound.items():
            root = label.partition(".")[0]
            is_own = label in node.edges and name.endswith(f":{root}")
            meant = effects.meant(root) if effects and is_own else []
            if any(library_of(dotted, module) for dotted in meant):
                del node.edges[label]
                node.digest = digest(node.digest, *(dotted.encode() for dotted in meant))


def _namespaces(nodes: Iterable[Node]) -> dict[str, Mapping[str, Any]]:
    """The names of the modules of some code, by the paths of their files."""
    found: dict[str, Mapping[str, Any]] = {}
    modules: dict[str, None] = {}
    for node in nodes:
        modules.update((module, None) for module, _, _ in node.bound.values())
        if isinstance(node.target, FunctionType):
            found.setdefault(node.path, node.target.__globals__)
        elif isinstance(node.target, type) and node.target.__module__ in sys.modules:
            found.setdefault(node.path, vars(sys.modules[node.target.__module__]))
    for name in modules:
        module = sys.modules.get(name)
        if module is not None:
            found.setdefault(source_file(module), vars(module))
    return found
