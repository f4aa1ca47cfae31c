"""What code a class or function amounts to: its own text, and all of the user's code that it reaches by name.

The user's definitions are the nodes of a graph, and every name through which one reaches another labels an edge: a
global, an attribute of a module, a closure's variable, a base, what a constant or default refers to. A fingerprint is a
digest of what can be reached from one node, walked in the order of labels. So it does not know in which file, or where
in it, a definition stands; and a name that now means another definition is a change.

A Task class that is only named, to be instantiated, is no part, for it has a fingerprint of its own; a member read from
it is. What can't be seen is marked so, and stands for as much as may be meant.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from struct import pack
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from taskproc.asloaded import is_as_loaded, note
from taskproc.batch import CodeFile
from taskproc.canonical import digest
from taskproc.inputfile import input_files
from taskproc.members import LOOKS, is_untracked, looked_at, subclasses_of
from taskproc.origin import home, is_user_code, public_name, reference, resolve, user_modules
from taskproc.reached import Node
from taskproc.record import WIDTH
from taskproc.taskfile import path_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from types import FunctionType

    from taskproc.inputfile import InputFile


T = TypeVar("T")


def untracked(definition: T) -> T:
    """Exempt a helper (a function, or a class and its instances) from what counts as code of the tasks that use it.

    Example:
        >>> @untracked
        ... def report(message: str) -> None:
        ...     print(message)
    """
    definition.__taskproc_untracked__ = True  # type: ignore[attr-defined]
    return definition


class CodePart(NamedTuple):
    """One definition that counts: `module:qualname`, the digest of what it says itself, and its text for people.

    `unseen` tells that not all it reaches could be seen; `kind` is `code`, `constant`, or `file` (`name` is its path).
    """

    name: str
    digest: bytes
    text: str
    unseen: bool
    kind: str = "code"


@dataclass(eq=False)
class Fingerprint:
    """All code that a definition amounts to.

    `running` is the digest of what counts when a task runs: without what `__init__` alone reaches, which workers don't
    call, and of a script without what only makes its definitions, which workers are sent. `files` are the source files
    read for it and those of all loaded modules, since a constant does not tell where it is from. `watched` are the
    paths that it depends on besides. `inputs` are the input files that constants, attributes and defaults of what is
    read when a task runs hold: their contents count as those of a task's attributes do.
    """

    digest: bytes
    running: bytes
    files: tuple[CodeFile, ...]
    watched: tuple[str, ...]
    inputs: tuple[InputFile, ...]
    _nodes: Collection[Node]

    @cached_property
    def parts(self) -> tuple[CodePart, ...]:
        """The parts of the code, sorted by name."""
        parts: list[CodePart] = []
        same: Counter[str] = Counter()
        for node in sorted(self._nodes, key=lambda node: (node.name, node.digest)):
            same[node.name] += 1
            name = f"{node.name}#{same[node.name]}" if same[node.name] > 1 else node.name
            parts.append(CodePart(name, node.digest, node.text, node.unseen, node.kind))
        return tuple(parts)


def task_base(cls: type[Any]) -> type[Any]:
    """The class `Task` itself, of which the engine knows only what derives from it."""
    return next(base for base in reversed(cls.__mro__) if "_task_revive" in vars(base))


class Fingerprinter:
    """Takes fingerprints, reading each file once. Make one per run, since code may change between runs.

    Args:
        task_base: The class from which all tasks derive; neither it nor its bases count.
    """

    def __init__(self, task_base: type) -> None:
        from taskproc.explore import Explorer

        self._base = task_base
        self._explorer = Explorer(task_base)
        self._known: dict[Node, Fingerprint] = {}
        self._loaded: set[str] = set()
        self._modules = 0
        self._files: dict[tuple[str, bytes], CodeFile] = {}
        self._said: dict[tuple[bool, bool, frozenset[str]], dict[Node, bytes]] = {}
        self._traveling: dict[object, bool] = {}

    def of(self, target: type | FunctionType) -> Fingerprint:
        """The fingerprint of a class or function. What can't be read is marked unseen, and never raises."""
        root = self._explorer.explore(target)
        if root not in self._known:
            self._known[root] = self._take(root)
        return self._known[root]

    def members(self, target: type, held: Iterable[type]) -> tuple[bytes, tuple[InputFile, ...]]:
        """The digest (empty for nothing) and input files of what a class may read from classes of tasks it holds."""
        words = _words(_walk([self._explorer.explore(target)], making=False))
        read = Node("", None)
        for cls in held:
            if issubclass(cls, self._base):
                self._explorer.read_members(read, cls, words)
        return self._digest_of(_walk([read])) if read.edges else b"", _inputs_of(_walk([read], making=False))

    def is_unchanged(self, target: type) -> bool:
        """Whether the files that a class says it depends on are as they were when its fingerprint was taken."""
        return all(self._explorer.contents.is_unchanged(Path(path)) for path in self.of(target).watched)

    def refs(self, refs: Iterable[type | FunctionType]) -> bytes:
        """The digest of the code that some classes and functions amount to, empty for none."""
        return _joint([(reference(ref), self.of(ref).digest) for ref in sorted(refs, key=reference)])

    def each(self, refs: Iterable[type | FunctionType]) -> bytes:
        """The digests of the code of each of some classes and functions, joined in the order of their names."""
        return b"".join([self.of(ref).digest for ref in sorted(refs, key=reference)])

    def travels(self, ref: type | FunctionType) -> bool:
        """Whether all that a class or function amounts to is of `__main__`, and goes to workers with what refers to it.

        They import nothing for it.
        """
        if ref.__module__ != "__main__":
            return False
        if ref not in self._traveling:
            own = {"", path_of("__main__")}
            self._traveling[ref] = all(
                (not node.path or not node.unseen)  # a class of a notebook has no file to be read in
                and node.path in own
                and not isinstance(node.target, ModuleType)
                and all(module == "__main__" for module, _, _ in node.bound.values())
                for node in _walk([self._explorer.explore(ref)], sent=True)
            )
        return self._traveling[ref]

    def made(self, refs: Sequence[str], told: bytes) -> tuple[tuple[str, ...], bytes]:
        """What a new value refers to, and the digest of that code; a worker has `told` what `each` gives for it.

        For what is in `__main__`, the digest is taken here: a worker has not all that the bodies of classes name. What
        no name leads to there, as what a call has made, is left out: it changes with what the task reaches.
        """
        main = public_name("__main__")
        pairs: list[tuple[str, bytes]] = []
        for i, name in enumerate(refs):
            if name.partition(":")[0] != main:
                pairs.append((name, told[WIDTH * i : WIDTH * (i + 1)]))
            elif (target := resolve(name)) is not None:
                pairs.append((name, self.of(target).digest))
        return tuple([name for name, _ in pairs]), _joint(pairs)

    def parts(self, refs: Iterable[type | FunctionType]) -> tuple[CodePart, ...]:
        """The parts of the code of some classes and functions, each once."""
        return tuple({part.name: part for ref in refs for part in self.of(ref).parts}.values())

    def _take(self, root: Node) -> Fingerprint:
        members = self._read_from_held(root)
        roots = (root, members) if members.edges else (root,)
        nodes, running = _walk(roots), _walk(roots, making=False, sent=True)
        self._compare(running)
        return Fingerprint(
            self._digest_of(nodes),
            self._digest_of(running, making=False, sent=True),
            self._files_of({node.path for node in nodes}),
            tuple(str(node.target) for node in nodes if node.kind == "file"),
            _inputs_of(_walk(roots, making=False)) if any(node.inputs for node in nodes) else (),
            nodes.keys() - {members},
        )

    def _digest_of(self, numbers: Mapping[Node, int], *, making: bool = True, sent: bool = False) -> bytes:
        """The digest of what definitions say, how they reach others, and what is `looked_at` if one of them looks.

        Their numbers are those of a walk with the same `making` and `sent`.
        """
        looks = LOOKS & _words(numbers)
        said = self._said.setdefault((making, sent, looks), {})
        reached: list[int] = []
        for node in numbers:
            steps = node.steps(making=making, sent=sent)
            reached += [numbers[to] for _, to in steps]
            if node not in said:
                beside = b"" if sent and home(node.target) == "__main__" else looked_at(node.target, looks)
                said[node] = digest(node.digest + beside, *[label.encode() for label, _ in steps])
        return digest(*[said[node] for node in numbers], pack(f"<{len(reached)}I", *reached))

    def _compare(self, nodes: Iterable[Node]) -> None:
        """Compare what is read when a task runs with what its files say; an attribute only if some code names it."""
        words = _words(nodes)
        for node in nodes:
            for label, (module, name, thing) in node.bound.items():
                if label not in node.making and (label[:1] != "." or label[1:] in words):
                    self._explorer.sources.compare(module, name, thing)

    def _files_of(self, paths: set[str]) -> tuple[CodeFile, ...]:
        if len(sys.modules) != self._modules:
            self._modules = len(sys.modules)
            self._loaded = {note(module) for module in user_modules().values()}
        read = [(path, self._explorer.sources.digest(path)) for path in sorted(paths | self._loaded)]
        return tuple([self._file(path, content) for path, content in read if content])

    def _file(self, path: str, content: bytes) -> CodeFile:
        rebound = self._explorer.sources.rebound.get(path)
        if rebound is not None:
            return CodeFile(path, None, rebound)
        if (path, content) not in self._files:
            self._files[path, content] = CodeFile(path, content if is_as_loaded(path) else None)
        return self._files[path, content]

    def _read_from_held(self, root: Node) -> Node:
        """What the code that runs may read from Task classes and modules that it holds, to call or hand on.

        What is read may hold more of them, so they are gathered until there are no more.
        """
        before, members = None, Node("", None)
        while before is None or len(before.edges) < len(members.edges):
            before, members = members, Node("", None)
            nodes = _walk((root, before), making=False)
            words = _words(nodes)
            held = {cls: None for node in nodes for cls in node.held}
            if "__subclasses__" in words:
                held |= self._read_derived(members, held, nodes)
            for cls in held:
                self._explorer.read_members(members, cls, words)
            for module in [node.target for node in nodes if isinstance(node.target, ModuleType)]:
                if is_user_code(module):
                    self._explorer.read_names(members, module, words)
        return members

    def _read_derived(self, members: Node, held: Iterable[type], nodes: Iterable[Node]) -> dict[type, None]:
        """Count the classes that derive from what code holds or reaches; gives those that are Task classes."""
        bases = [*held, *(node.target for node in nodes if isinstance(node.target, type))]
        for base in bases:  # workers may have loaded fewer
            self._explorer.sources.doubt(base.__module__, f"{base.__qualname__}.__subclasses__()")
        derived = {cls: None for base in bases for cls in subclasses_of(base)}
        order = sorted(derived, key=lambda cls: public_name(cls.__module__))  # whichever was imported first
        members.digest = digest(*(reference(cls).encode() for cls in order))
        for cls in derived:
            if not issubclass(cls, self._base) and not is_untracked(cls):
                members.edges[f"derived {reference(cls)}"] = self._explorer.explore(cls)
        return {cls: None for cls in derived if issubclass(cls, self._base)}


def _walk(roots: Iterable[Node], *, making: bool = True, sent: bool = False) -> dict[Node, int]:
    """All that can be reached, numbered in an order that depends on labels alone; the rest is as in `Node.steps`."""
    order = list(roots)
    numbers = {node: number for number, node in enumerate(order)}
    for node in order:
        for _, reached in node.steps(making=making, sent=sent):
            if reached not in numbers:
                numbers[reached] = len(order)
                order.append(reached)
    return numbers


def _words(nodes: Iterable[Node]) -> set[str]:
    return set[str]().union(*[node.words for node in nodes])


def _inputs_of(nodes: Iterable[Node]) -> tuple[InputFile, ...]:
    return input_files(one for node in nodes for one in node.inputs)


def _joint(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    """The digest of named digests, empty for none."""
    parts = [part for name, own in pairs for part in (name.encode(), own)]
    return digest(*parts) if parts else b""
