"""The graph of the user's definitions: which reaches which, and by what name."""

from __future__ import annotations

import builtins
import sys
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from taskproc.imports import names_of_libraries
from taskproc.links import Links
from taskproc.members import attributes_of, functions_of, registered_in
from taskproc.origin import home, is_user_code, public_name, reference, source_file
from taskproc.reach import ANY, OF_MODULES, members_read
from taskproc.reached import file_node, shown_defaults
from taskproc.reduction import contents

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping

    from taskproc.reached import Node
    from taskproc.source import Text


@contextmanager
def _apart(node: Node, namespace: Mapping[str, Any]) -> Generator[None]:
    """Tell what a definition reaches when it runs, which the block links, from what it names as it is made.

    The latter is linked already. It is not reached by `__init__` alone; and of a script, workers are not sent it unless
    the block links it too, for more than `__init__`.
    """
    made, bound = node.edges, node.bound
    node.edges, node.bound = {}, {}  # in which the block's labels can be told, also those that are linked already
    try:
        yield
    finally:
        if namespace.get("__name__") == "__main__":
            sent = node.edges.keys() - node.making
            node.unsent = {label for label in made.keys() - sent if label[:1] != "."}  # members are sent
        node.making -= made.keys() | bound.keys()
        node.edges, node.bound = {**made, **node.edges}, {**bound, **node.bound}


class Explorer(Links):
    """Builds the graph, looking at each definition once."""

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
            self._count_text(node, self.sources.module(node.target), vars(node.target))

    def _look_at_function(self, node: Node, function: FunctionType) -> None:
        code = self.sources.placed(function, source_file(sys.modules.get(home(function))), function.__qualname__)
        node.path = code.co_filename
        self._count_text(node, self.sources.function(code), function.__globals__)
        with _apart(node, function.__globals__):
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
        codes: list[CodeType] = []
        for name, function in functions_of(cls):
            member = name.partition(":")[0]
            node.bound[f"{name}()"] = cls.__module__, f"{node.name}.{member}", vars(cls)[member]
            code = self.sources.placed(function, source_file(module), f"{cls.__qualname__}.{member}")
            if code.co_qualname == f"{cls.__qualname__}.{member}":
                own[name] = function
                codes.append(code)
            else:
                self._link(node, f".{name}", function, (), f"{node.name}.{name}")
        node.path = codes[0].co_filename if codes else source_file(module)
        self._count_text(node, self._class_text(cls, codes, node), vars(module or builtins))
        with _apart(node, vars(module or builtins)):
            self._link_members(node, cls, own)
        for number, base in enumerate(cls.__mro__[1:]):
            if not issubclass(self._base, base):
                self._link_definition(node, f"base {number}", base)
        self._link_definition(node, "metaclass", type(cls))
        self._widen(node, cls)

    def _link_members(self, node: Node, cls: type, own: dict[str, FunctionType]) -> None:
        """Link what a class's functions reach, and what its other members hold."""
        init = own.pop("__init__", None) if issubclass(cls, self._base) else None
        for name, function in own.items():
            self._link_function(node, name, function)
        if init is not None:
            self._link_init(node, init)
        for name, value in sorted(attributes_of(cls), key=itemgetter(0)):  # a class that was sent has lost their order
            self._absorb(node, f".{name}", value)
            node.bound[f".{name}"] = cls.__module__, f"{node.name}.{name}", value
        if names := registered_in(cls):
            self._absorb(node, ".register()", names)
            self.sources.doubt(cls.__module__, f"{cls.__qualname__}.register()")  # workers may have loaded fewer

    def _link_init(self, node: Node, init: FunctionType) -> None:
        """Link what `__init__` reaches, and mark what no other function does; `Node` tells what of it is left out."""
        others = {*node.edges, *node.bound}
        held, words, inputs = {**node.held}, {*node.words}, {*node.inputs}
        self._link_function(node, "__init__", init)
        node.held, node.words, node.inputs = held, words, inputs
        node.making = {*node.edges, *node.bound} - others

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
        label = reference(cls)
        self._link_metaclass(node, cls)
        for word in members_read(cls, words):
            if not word.startswith(("__", "_task_")):
                self._link_member(node, f"{label}.{word}", cls, (word,))
        self._look_at_all()

    def read_names(self, node: Node, module: ModuleType, words: Collection[str]) -> None:
        """Link what a module's names hold, as far as code that has the module may read them by some words.

        The module's text counts already. What it has from libraries is left out, and so are all names of a notebook.
        """
        shell = self.sources.module(module).shell
        foreign = OF_MODULES if shell is None else OF_MODULES | names_of_libraries(shell)
        namespace = vars(module) if module.__name__ != "__main__" or source_file(module) else {}
        for name, value in list(namespace.items()):
            is_read = name in words or (ANY in words and not isinstance(value, ModuleType))
            if is_read and name not in foreign and (is_user_code(value) or not isinstance(value, ModuleType)):
                label = f"{public_name(module.__name__)}:{name}"
                self._link(node, label, value, (), label, namespace)
        self._look_at_all()
