"""The graph of tasks: nodes, edges, and their order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from taskproc.arguments import parameters_of
from taskproc.canonical import canonical, digest
from taskproc.errors import GraphError
from taskproc.future import Const
from taskproc.origin import is_inner_function, reference
from taskproc.record import WIDTH
from taskproc.requires import slots_of
from taskproc.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from types import FunctionType

    from taskproc.arguments import Parameters, Values
    from taskproc.cache import Cache
    from taskproc.inputfile import InputFile
    from taskproc.record import Key


class Edge(NamedTuple):
    """One value that a task needs: `slot` and `at` (index, key, None) say where it goes, `item` which part is taken."""

    slot: str
    at: object
    source: Node | Const[Any]
    item: tuple[object, ...]


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """One task as the engine sees it.

    Attributes:
        key: What identifies it.
        cls: Its class, opaque to the engine but for the name.
        name: Its `task_name`.
        serial: Grows with each task defined, so that every task's is above those of its upstreams.
        values: Its arguments, in the order of the signature.
        upstreams: What it needs, in the order of slots and positions.
        paths: Which item of each one's value is taken; empty where all are needed whole.
        sources: The tasks among the upstreams, each as often as it is needed.
        refs: The user's classes and functions that its arguments and constants refer to.
        files: The input files in its arguments and constants.
        home: The cache that it is defined in.
        task: The instance itself.
        kin: Tells tasks of one key apart whose class, or what their arguments hold, is another of the same name.
    """

    key: Key
    cls: type
    name: str
    serial: int
    values: Values
    upstreams: tuple[Node | Const[Any], ...]
    paths: tuple[tuple[object, ...], ...]
    sources: tuple[Node, ...]
    refs: tuple[type | FunctionType, ...]
    files: tuple[InputFile, ...]
    home: Cache
    task: Any
    kin: int

    @property
    def cache(self) -> Path:
        """The folder of its cache."""
        return self.home.path

    @property
    def parameters(self) -> Parameters:
        """What its class takes."""
        return parameters_of(self.cls)

    @property
    def state(self) -> dict[str, Any]:
        """What `__init__` left in the instance: its attributes and, under the slots' names, its futures."""
        state: dict[str, Any] = self.task.__dict__
        return state

    @property
    def channels(self) -> Mapping[str, int]:
        """The names besides its own by which limits and prefix commands mean it, and how much of each it takes."""
        channel: Any = self.task._task_channel
        if isinstance(channel, str):
            return {channel: 1}
        weights: Mapping[str, int] = channel if hasattr(channel, "keys") else dict.fromkeys(channel, 1)
        return weights

    @property
    def prefix(self) -> str:
        """The command that it asks to run under, empty for none."""
        prefix: str = self.task._task_prefix_command
        return prefix

    @property
    def resources(self) -> Mapping[str, object]:
        """What prefix commands may name in braces."""
        resources: Mapping[str, object] = self.task._task_resources
        return resources

    @property
    def level(self) -> int:
        """The most effort at compressing its result, 0-9."""
        level: int = self.task._task_compress_level
        return level

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The upstreams with their places in the slots."""
        state = self.state
        slots = slots_of(self.cls).items()
        places = ((name, at) for name, slot in slots for at in slot.places(state[name]))
        needs = zip(places, self.upstreams, self.paths or repeat(()), strict=False)
        return tuple(Edge(*place, upstream, path) for place, upstream, path in needs)

    @property
    def short(self) -> str:
        """The class's qualified name."""
        return self.cls.__qualname__

    @property
    def label(self) -> str:
        """The task for people: `Choose(n=6, k=3)`."""
        return f"{self.short}({self.parameters.show(self.values)})"

    @property
    def attributes(self) -> dict[str, Any]:
        """What `__init__` left besides slots and settings."""
        slots = slots_of(self.cls)
        return {k: value for k, value in self.task.__dict__.items() if k not in slots and k[:6] != "_task_"}

    @property
    def own(self) -> dict[str, Any]:
        """The same with settings: what the copy that runs has of its own."""
        slots = slots_of(self.cls)
        held = self.task.__dict__.items()
        return {k: value for k, value in held if k not in slots and (k[:6] != "_task_" or k in SETTINGS)}

    @property
    def overrides(self) -> list[str]:
        """The names of those attributes of which the class has others."""
        return [name for name in self.attributes if hasattr(self.cls, name)]

    def __repr__(self) -> str:
        return self.label


def packed_sources(node: Node) -> bytes:
    """The keys of a node's upstreams, a Const's being the digest of its value."""
    return b"".join([one.digest if isinstance(one, Const) else one.key for one in node.upstreams])


def unpacked(packed: bytes) -> list[bytes]:
    """The keys, stamps or other digests in a sequence like that of `packed_sources`."""
    return [packed[at : at + WIDTH] for at in range(0, len(packed), WIDTH)]


_NO_SLOTS = digest(canonical(((), ())).data)
_shapes: dict[tuple[object, ...], bytes] = {}


def shape(node: Node) -> bytes:
    """The digest of a node's slots, of how their values go together, and of the item paths."""
    slots = slots_of(node.cls)
    if not slots:
        return _NO_SLOTS
    state = node.task.__dict__
    layouts = tuple([(name, slot.layout(state[name])) for name, slot in slots.items()])
    known = _shapes.get(layouts) if not node.paths else None
    if known is None:
        known = digest(canonical((layouts, node.paths)).data)
        if not node.paths and not any(isinstance(layout, tuple) for _, layout in layouts):
            _shapes[layouts] = known
    return known


class Graph(NamedTuple):
    """The requested tasks, `roots`, and all that they need, upstreams first."""

    roots: tuple[Node, ...]
    nodes: tuple[Node, ...]

    @property
    def root(self) -> Node:
        """The first requested task."""
        return self.roots[0]

    @property
    def label(self) -> str:
        """The requested tasks for people: `Choose(n=6, k=3)`, `Choose(n=6, k=3) and 4 more`."""
        return self.root.label + (f" and {len(self.roots) - 1} more" if len(self.roots) > 1 else "")

    def dependents(self) -> Mapping[Key, Sequence[Node]]:
        """Who needs each task that is needed at all, each reader once per slot position."""
        found: dict[Key, list[Node]] = {}
        for node in self.nodes:
            alone = [node]  # one list for all that nobody else needs, as the summands of a sum
            for source in node.sources:
                known = found.get(source.key)
                if known is None:
                    found[source.key] = alone
                elif len(known) == 1:
                    found[source.key] = [*known, node]
                else:
                    known.append(node)
        return found


def build_graph(*roots: Node) -> Graph:
    """All that some tasks need, checked to stand together.

    A task is defined after its upstreams, so the order of definition is an order of the graph, and there is no cycle.

    Raises:
        GraphError: its tasks are of two caches, or what they are, or hold, is of one name, but not the same.
    """
    root = roots[0]
    seen: dict[Key, Node] = {}
    classes = {root.name: root.cls}
    constants: dict[bytes, int] = {}
    found: list[Sequence[Node]] = [roots]
    while found:
        for source in found.pop():
            known = seen.get(source.key)
            if known is source:
                continue
            _check_home(root, source)
            if classes.setdefault(source.name, source.cls) is not source.cls:
                raise _two(root, f"tasks of two classes named {source.name}")
            if source.refs:
                _check_constants(root, source, constants)
            if known is None:
                seen[source.key] = source
                found.append(source.sources)
            elif known.kin != source.kin:
                raise _two(
                    root, f"two tasks {source.label}, whose arguments are of different classes or functions of one name"
                )
    return Graph(roots, tuple(sorted(seen.values(), key=lambda node: node.serial)))


def _check_home(root: Node, node: Node) -> None:
    if node.home is not root.home and node.cache != root.cache:
        message = f"{root.label} is in the cache {root.cache}, but needs {node.label} of {node.cache}: use one"
        raise GraphError(message)


def _check_constants(root: Node, node: Node, known: dict[bytes, int]) -> None:
    """Refuse constants of one digest, as one would be taken for the other, that are not of the same classes."""
    for constant in node.upstreams:
        if isinstance(constant, Const):
            data, refs, *_ = constant.__taskproc_canonical__()
            if known.setdefault(data, kin := kin_of(named(refs))) != kin:
                raise _two(root, f"two {constant!r}, which are of different classes or functions of one name")


def _two(root: Node, what: str) -> GraphError:
    return GraphError(f"{root.label} needs {what}: rename one, or define all anew")


def named(refs: Iterable[type | FunctionType]) -> list[tuple[object, object]]:
    """The names of classes and functions in an encoding and which they are, but for those whose contents are in it."""
    return [(reference(ref), id(ref)) for ref in refs if not is_inner_function(ref)]


def kin_of(named: Sequence[tuple[object, object]]) -> int:
    """What tells apart things of one encoding, from the names in it and what these stand for; 0 where it has none.

    The order counts only where one name stands for two: it may be that of a set.
    """
    pairs = frozenset(named)
    is_clear = len({name for name, _ in pairs}) == len(pairs)
    return hash(pairs if is_clear else tuple(named)) if pairs else 0


def by_name(nodes: Iterable[Node]) -> dict[str, list[Key]]:
    """The keys of tasks by their `task_name`."""
    found: dict[str, list[Key]] = {}
    for node in nodes:
        found.setdefault(node.name, []).append(node.key)
    return found
