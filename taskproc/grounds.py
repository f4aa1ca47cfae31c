"""What decisions rest on: what each task would be made from now, and how that differs from what was."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from taskproc.batch import Uses
from taskproc.canonical import Unencodable, canonical, digest, flat
from taskproc.changes import Change, changes
from taskproc.errors import RequestError
from taskproc.future import Const, FutureBase
from taskproc.graph import packed_sources, shape
from taskproc.inputfile import input_files
from taskproc.origin import reference, resolve
from taskproc.record import WIDTH, Inputs, Stamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FunctionType

    from taskproc.changes import History
    from taskproc.fingerprint import Fingerprint, Fingerprinter
    from taskproc.graph import Graph, Node
    from taskproc.inputfile import Contents, InputFile
    from taskproc.record import Key, Output

UNKNOWN = Stamp(b"\0" * WIDTH)
"""Stands in packed stamps for one that is not known before its task has run."""

_MOST = 1000  # values of attributes that are remembered at a time


class _Value(NamedTuple):
    """An attribute's value, which is held since it is known by its id, and what a task's digest takes from it."""

    value: object
    data: bytes
    refs: tuple[type | FunctionType, ...] = ()
    held: frozenset[type] = frozenset()
    paths: tuple[InputFile, ...] = ()


def _meanwhile(path: InputFile) -> bytes:
    """What stands for the attributes of a task while which this file changed: it equals those of no task."""
    return digest(b"changed meanwhile", os.fsencode(path))


class Grounds:
    """What decisions rest on besides rows and stamps.

    Args:
        graph: What is to be decided.
        codes: Reads the code that is loaded.
        forced: The tasks that run whatever is recorded.
        trust_code: Take the recorded code for the present one.
        history: Reads the code that was.
        contents: Reads input files.
    """

    def __init__(
        self,
        graph: Graph,
        codes: Fingerprinter,
        forced: frozenset[Key],
        history: History,
        contents: Contents,
        *,
        trust_code: bool,
    ) -> None:
        self.graph = graph
        self.codes = codes
        self.forced = forced
        self.history = history
        self.contents = contents
        self.trust_code = trust_code
        self._codes: dict[type, Fingerprint] = {}
        self._files: dict[Key, tuple[InputFile, ...]] = {}
        self._known: dict[Key, Inputs] = {}
        self._refs: dict[Key, tuple[type | FunctionType, ...]] = {}
        self._used: dict[tuple[type | FunctionType, ...], Uses] = {}
        self._read: dict[tuple[type, frozenset[type]], tuple[bytes, tuple[InputFile, ...]]] = {}
        self._values: dict[int, _Value] = {}

    def code(self, cls: type) -> Fingerprint:
        """The code of a class, as it is at the first look.

        Raises:
            RequestError: A file that it says it depends on is not there.
        """
        if cls not in self._codes:
            found = self.codes.of(cls)
            missing = next((path for path in found.watched if not os.path.exists(path)), None)
            if missing is not None:
                message = f"{cls.__qualname__}._task_depends_on: there is no file or folder {missing!r}"
                raise RequestError(message)
            self._codes[cls] = found
        return self._codes[cls]

    def look_anew(self) -> None:
        """Forget the values of attributes: one that several tasks share may have been modified meanwhile."""
        self._values.clear()

    def look_at(self, node: Node) -> Inputs:
        """What a task is made from, but for the stamps: as it is at the first look, until the task has run."""
        known = self._known.get(node.key)
        if known is None:
            parts, refs, files = self._left(node)
            attributes = digest(*parts, *map(self.contents.digest, files))
            known = Inputs(self.code(node.cls).digest, attributes, shape(node), packed_sources(node), b"")
            self._known[node.key] = known
            if refs:
                self._refs[node.key] = refs
            if files:
                self._files[node.key] = files
        return known

    def inputs(self, node: Node, outputs: Mapping[Key, Output]) -> Inputs:
        """What a task would be made from now, with `UNKNOWN` where an upstream has no output yet."""
        known = self.look_at(node)
        if not node.upstreams:
            return known
        packed = [
            one.digest if isinstance(one, Const) else outputs[one.key].stamp if one.key in outputs else UNKNOWN
            for one in node.upstreams
        ]
        return Inputs(*known[:-1], b"".join(packed))

    def _left(self, node: Node) -> tuple[list[bytes], tuple[type | FunctionType, ...], tuple[InputFile, ...]]:
        """What a task's attributes come to: all that their digest is taken of but the contents of files.

        With it come the classes and functions that they and arguments refer to, whose code is in it, and these files,
        which are those in attributes, arguments and constants of the code. What cannot be encoded is never equal, so
        that its task runs again.
        """
        attributes = node.attributes
        refs, paths = node.refs, [*node.files, *self.code(node.cls).inputs]
        data = flat(attributes)
        parts = [data or b"each"]
        if data is None:
            try:
                values = [*map(self._look_into, attributes.values())]
            except Unencodable:
                return [os.urandom(WIDTH)], (), ()
            for name, value in zip(attributes, values, strict=True):
                parts += (name.encode(), value.data)
            refs = tuple(dict.fromkeys([*refs, *(ref for value in values for ref in value.refs)]))
            paths += (path for value in values for path in value.paths)
            read, more = self._read_of_tasks(node.cls, frozenset(kind for value in values for kind in value.held))
            parts.append(read)
            paths += more
        if refs:
            parts.append(self.codes.refs(refs))
            paths += (path for ref in refs for path in self.codes.of(ref).inputs)
        return parts, refs, input_files(paths) if paths else ()

    def _look_into(self, value: object) -> _Value:
        data = flat(value)
        if data is not None:
            return _Value(value, data)
        known = self._values.get(id(value))
        if known is None:
            data, refs, _, own = canonical(value, travels=True)
            futures = frozenset({type(one) for one in own if isinstance(one, FutureBase)})
            known = _Value(value, data, refs, futures, input_files(own))
            if len(self._values) >= _MOST:
                self._values.clear()
            self._values[id(value)] = known
        return known

    def _read_of_tasks(self, cls: type, held: frozenset[type]) -> tuple[bytes, tuple[InputFile, ...]]:
        """What code of a class reads from the classes of tasks that are `held` in attributes, as `members` has it."""
        if (cls, held) not in self._read:
            self._read[cls, held] = self.codes.members(cls, held) if held else (b"", ())
        return self._read[cls, held]

    def changed_files(self, node: Node, old: Inputs) -> tuple[str, ...]:
        """The input files by whose contents alone a task's attributes differ from what they were, if that is known."""
        for path in self._files.get(node.key, ()):
            if old.attributes == _meanwhile(path):
                return (f"{path} while it ran",)
        before, now = self.contents.digest_before, self.contents.digest
        parts, _, files = self._left(node)
        if digest(*parts, *map(before, files)) != old.attributes:
            return ()
        return tuple([str(path) for path in files if before(path) != now(path)])

    def uses(self, node: Node, outputs: Mapping[Key, Output]) -> tuple[Uses, ...]:
        """The code that a task's attributes, arguments and constants refer to, and the values that are there for it.

        What travels whole with them is left out: a worker can't import another one.
        """
        found = [self._uses(self._refs[node.key])] if node.key in self._refs else []
        for source in node.sources:
            output = outputs.get(source.key)
            if output is not None and output.refs:
                found.append(self._uses_of(output))
        return tuple([one for one in dict.fromkeys(found) if one.names]) if found else ()

    def _uses(self, refs: tuple[type | FunctionType, ...]) -> Uses:
        if refs not in self._used:
            imported = [ref for ref in refs if not self.codes.travels(ref)]
            files = dict.fromkeys(file for ref in imported for file in self.codes.of(ref).files)
            self._used[refs] = Uses(tuple(map(reference, imported)), self.codes.refs(imported), tuple(files))
        return self._used[refs]

    def _uses_of(self, output: Output) -> Uses:
        found = [*map(resolve, output.refs)]
        refs = tuple([ref for ref in found if ref is not None])
        return self._uses(refs) if len(refs) == len(found) else Uses(output.refs, output.refs_code)

    def inputs_used(self, node: Node, outputs: Mapping[Key, Output]) -> Inputs:
        """What a task that has run was made from: if a file that counts changed meanwhile, that can't be told."""
        inputs = self.inputs(node, outputs)
        del self._known[node.key]
        self._refs.pop(node.key, None)
        for path in self._files.get(node.key, ()):
            if not self.contents.is_unchanged(path):
                return inputs._replace(attributes=_meanwhile(path))
        if not self.code(node.cls).watched or self.codes.is_unchanged(node.cls):
            return inputs
        return inputs._replace(attributes=os.urandom(WIDTH))

    def code_changes(self, node: Node, old: bytes) -> list[Change]:
        """How a task's code differs from what had this digest, as far as that is known."""
        then = self.history(old)
        return [] if then is None else changes(then, self.codes.of(node.cls).parts)

    def value_changes(self, output: Output) -> list[Change] | None:
        """How the code of the user's classes in a recorded value differs from what it was; None if it does not."""
        if not output.refs or self.trust_code:
            return None
        found = [resolve(name) for name in output.refs]
        known = [target for target in found if target is not None]
        if len(known) == len(found) and self.codes.refs(known) == output.refs_code:
            return None
        then = self.history(output.refs_code)
        return [] if then is None else changes(then, self.codes.parts(known))
