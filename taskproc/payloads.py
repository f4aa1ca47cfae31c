"""Turning a task into what a worker needs to run it."""

from __future__ import annotations

import builtins
import os
import pickle
import sys
from importlib import import_module
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, NoReturn

from taskproc.batch import Batch, ClassRef, Payload, SlotValue, Stored
from taskproc.bytecode import PYTHON
from taskproc.copies import sent
from taskproc.errors import CacheError, NoResultError
from taskproc.files import RESULT, attempt_folder, folder_name
from taskproc.filesystem import real
from taskproc.flat import SCALARS
from taskproc.future import Const
from taskproc.loading import know, read_anew
from taskproc.origin import member
from taskproc.pickling import UnkeepableError, explained, pickled, pickled_code
from taskproc.presentation import packed_json
from taskproc.requires import slots_of
from taskproc.taskfile import file_of, module_name, requested

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from taskproc.batch import Source, State, Steps
    from taskproc.fingerprint import Fingerprint
    from taskproc.graph import Node
    from taskproc.grounds import Grounds
    from taskproc.loading import Known
    from taskproc.record import Key, Output


class Packer:
    """Makes payloads for one run.

    Args:
        roots: The requested tasks; the output of one that is requested alone is sent as it happens.
        grounds: Tell from which files each class was read, and what code is used besides.
        ids: Each task's id.
        outputs: Each settled task's output; grows while the run goes on.
    """

    def __init__(
        self, roots: Sequence[Node], grounds: Grounds, ids: Mapping[Key, int], outputs: Mapping[Key, Output]
    ) -> None:
        self._echoed = roots[0] if len(roots) == 1 else None
        self._first = [roots[0].cls] if _importable(roots[0].cls) else []
        self._grounds = grounds
        self._ids = ids
        self._outputs = outputs
        self._cwd = os.getcwd()  # of the caller: a task of this process may be somewhere else
        self._classes: dict[type, Known] = {}
        self._folders: dict[str, tuple[str, bool]] = {}
        self._consts: dict[bytes, bytes] = {}
        read_anew()

    def folder(self, node: Node, attempt: str) -> str:
        """The folder of an attempt."""
        if node.name not in self._folders:
            base = _own(f"{node.cache}/{folder_name(node.name)}")
            self._folders[node.name] = base, os.path.exists(base)
        base, was_there = self._folders[node.name]
        folder = f"{base}/{self._ids[node.key]}"
        return f"{_own(folder) if was_there else folder}/{attempt}"

    def batch(self, nodes: Sequence[Node], attempts: Sequence[str]) -> tuple[Batch, frozenset[Key]]:
        """A batch of tasks in topological order, and those of them whose results later ones read.

        The requested module comes first, then the requested task's class: their imports may set what others rely on.
        """
        modules = _requested()
        classes: dict[type, int] = dict.fromkeys(self._first, len(modules))
        within: dict[Key, int] = {}
        read: set[Key] = set()
        payloads: list[Payload] = []
        for node, attempt in zip(nodes, attempts, strict=True):
            cls = classes.setdefault(node.cls, len(modules) + len(classes))
            payloads.append(self._payload(node, cls, attempt, within))
            read.update([source.key for source in node.sources if source.key in within])
            within[node.key] = len(within)
        refs = (*modules, *[self.class_ref(cls) for cls in classes])
        batch = Batch(int(attempts[0], 16), refs, tuple(payloads), tuple(sys.path), self._cwd)
        return batch, frozenset(read)

    def _payload(self, node: Node, cls: int, attempt: str, within: Mapping[Key, int]) -> Payload:
        """One task to run; `within` has the positions of the tasks before it in its batch."""
        args = {name: packed_json(value) for name, value in node.parameters.named(node.values).items()}
        slots: list[SlotValue] = []
        needs = zip(node.upstreams, node.paths or repeat(()), strict=False)
        for name, slot in slots_of(node.cls).items():
            layout = slot.layout(node.state[name])
            count = 1 if layout is None else layout if isinstance(layout, int) else len(layout)
            taken = islice(needs, count)
            sources = tuple([(self._source(upstream, within), path and _steps(name, path)) for upstream, path in taken])
            slots.append(SlotValue(name, _steps(name, layout) if isinstance(layout, tuple) else layout, sources))
        state = _state(node.own, args, node.key.hex())
        folder, task_id = self.folder(node, attempt), self._ids[node.key]
        uses = self._grounds.uses(node, self._outputs)
        return Payload(cls, state, folder, task_id, node.level, node is self._echoed, uses, tuple(slots))

    def _source(self, source: Node | Const[Any], within: Mapping[Key, int]) -> Source:
        if isinstance(source, Const):
            if source.digest not in self._consts:
                self._consts[source.digest] = pickled(source.value)
            return self._consts[source.digest]
        if source.key in within:
            return within[source.key]
        return source_of(source, self._ids[source.key], self._outputs[source.key])

    def class_ref(self, cls: type) -> ClassRef:
        """How workers get a class: by reference if they can import the very same, else by value."""
        if cls not in self._classes:
            ref = (_by_reference if _importable(cls) else _by_value)(cls, self._grounds.codes.of(cls))
            self._classes[cls] = know(ref, cls)  # threads of this process run this very class
        return self._classes[cls].ref


def _requested() -> list[ClassRef]:
    """The module that the user asked for, as if its name were a class in it."""
    return [ClassRef(name, "__name__", *_file_and_root(name)) for name in requested if name in sys.modules]


def _file_and_root(module: str) -> tuple[str, str]:
    """The file of a module, and the folder to be put on `sys.path` for it: none where it is not called as its file.

    Nor is there one for what Python finds by name only, in an archive or as bytecode alone. The folder is spelled as it
    is here, with the links that lead to the file: a constant may hold `__file__`.
    """
    file = file_of(module)
    if file is None:
        return "", ""
    name, root = module_name(file)
    if name != module or file.suffix != ".py" or not root.is_dir():
        return str(file), ""
    place, tail = str(file.absolute().with_suffix("")).removesuffix("/__init__"), f"/{name.replace('.', '/')}"
    return str(file), place.removesuffix(tail) or os.sep if place.endswith(tail) else str(root)


def _own(folder: str) -> str:
    """The folder, unless somebody has put a link in its place."""
    if os.path.islink(folder):
        raise CacheError(f"{folder} lies behind a link that taskproc did not make: remove the link")
    return folder


def source_of(node: Node, task_id: int, output: Output) -> bytes | Stored:
    """Where a task's recorded value is."""
    return recorded_source(node.cache, node.name, node.key, task_id, output)


def recorded_source(cache: Path, name: str, key: Key, task_id: int, output: Output) -> bytes | Stored:
    """Where the recorded value of a task is, which need not be defined.

    Raises:
        NoResultError: It holds the bytecode of another Python, which must not be run.
    """
    if output.python not in {"", PYTHON}:
        message = f"the result of {name}#{task_id} holds code of Python {output.python}, and this is {PYTHON}"
        raise NoResultError(message)
    if output.inline is not None:
        return output.inline
    file = next(entry for entry in output.files if entry.path == RESULT)
    return Stored(str(attempt_folder(cache, name, task_id, output.attempt) / RESULT), file.digest, key)


def _state(attributes: dict[str, Any], args: dict[str, Any], key: str) -> State:
    """The state of a task; where it cannot travel, what fails the task with the reason as soon as it is to run."""
    if SCALARS.issuperset(map(type, attributes.values())):
        return attributes, args, key
    token = sent.set(key)
    try:
        return pickled(attributes), args, key
    except Exception as problem:  # noqa: BLE001  a user's own `__reduce__` may raise anything
        name, value, why = next(_unpicklable(attributes), ("", attributes, problem))
        return pickle.dumps(_Refusal(str(explained(value, why, f"attribute {name}")))), args, key
    finally:
        sent.reset(token)


def _steps(slot: str, steps: tuple[object, ...]) -> Steps:
    """Keys or an item path of a slot, to be read once the classes are there that they may be of."""
    if SCALARS.issuperset(map(type, steps)):
        return steps
    try:
        return pickled(steps)
    except Exception as problem:  # noqa: BLE001  a user's own `__reduce__` may raise anything
        return pickle.dumps(_Refusal(str(explained(steps, problem, f"slot {slot}"))))


def _unpicklable(attributes: dict[str, Any]) -> Iterator[tuple[str, Any, Exception]]:
    for name, value in attributes.items():
        try:
            pickled(value)
        except Exception as why:  # noqa: BLE001
            yield name, value, why


class _Refusal:
    """Raises the error when it is unpickled."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return (_refuse, (self._reason,))


def _refuse(reason: str) -> NoReturn:
    raise UnkeepableError(reason)


def _importable(cls: type) -> bool:
    if cls.__module__ == "__main__" or "<locals>" in cls.__qualname__ or file_of(cls.__module__) is None:
        return False
    return member(sys.modules.get(cls.__module__), cls.__qualname__) is cls


def _by_reference(cls: type, fingerprint: Fingerprint) -> ClassRef:
    place = _file_and_root(cls.__module__)
    return ClassRef(cls.__module__, cls.__qualname__, *place, fingerprint.files, fingerprint.running)


def _by_value(cls: type, fingerprint: Fingerprint) -> ClassRef:
    module = sys.modules.get(cls.__module__)
    if module not in {None, builtins} and file_of(cls.__module__) is None:
        cloudpickle: Any = import_module("cloudpickle")
        cloudpickle.register_pickle_by_value(module)  # one made by hand: no worker can import it
    try:
        blob = pickled_code(cls)
    except Exception as problem:  # noqa: BLE001  what a class closes over may raise anything
        why = f"{explained(cls, problem, 'class')}; a class at the top of a file that is imported need not be"
        blob = pickle.dumps(_Refusal(why))
    path, root = _file_and_root(cls.__module__) if cls.__module__ != "__main__" else ("", "")
    if root and real(root) in map(real, sys.path):
        path = root = ""  # what it refers to is found by name
    return ClassRef(cls.__module__, cls.__qualname__, path, root, fingerprint.files, fingerprint.running, blob)
