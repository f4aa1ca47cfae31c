"""Task classes where they run: loaded by value or by reference, and never other code than was asked for.

A worker of ours serves one run. One of an executor that the user keeps serves many, whose code and projects differ:
there all that was loaded is forgotten once a file has another text, or another project's module has the name.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from operator import attrgetter
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from taskproc import imported, taskfile
from taskproc.context import loading
from taskproc.filedigest import digest_if_there
from taskproc.origin import resolve, source_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable

    from taskproc.batch import ClassRef, CodeFile, Uses
    from taskproc.fingerprint import Fingerprinter
    from taskproc.value import References

A = TypeVar("A")
T = TypeVar("T")

_classes: dict[ClassRef, type[Any]] = {}
_fingerprinters: dict[type[Any], Fingerprinter] = {}
_verified: set[CodeFile] = set()
_checked: dict[type[Any], imported.Newest] = {}  # with what had been imported by then
_agreed: dict[Uses, imported.Newest] = {}
_one_at_a_time = threading.Lock()


class Known:
    """What class a reference means in this process, for as long as this object is there."""

    def __init__(self, ref: ClassRef, cls: type[Any]) -> None:
        self.ref = ref
        self.cls = cls


_known: WeakValueDictionary[ClassRef, Known] = WeakValueDictionary()


class RefusedError(Exception):
    """The code that is here is not what was asked for, or runs a graph that would load it again."""


def know(ref: ClassRef, cls: type[Any]) -> Known:
    """Tell what class a reference means in this process, so that a worker in it takes that very class.

    The run keeps what it gets for as long as it lasts, no longer: a class by value holds what it reads of a notebook.
    """
    _classes.pop(ref, None)
    known = _known.get(ref)
    if known is None or known.cls is not cls:
        _known[ref] = known = Known(ref, cls)
    return known


def read_anew() -> None:
    """Forget what was read of code: a run begins in this process, and may be of other code than the last."""
    _fingerprinters.clear()
    _verified.clear()
    _checked.clear()
    _agreed.clear()


def load_class(ref: ClassRef) -> type[Any]:
    """The class that a reference means.

    Raises:
        RefusedError: its code changed since the reference was made.
        BaseException: whatever importing the user's code raises.
    """
    cls = _classes.get(ref)
    if cls is None and (known := _known.get(ref)) is not None:
        cls = known.cls
    if cls is None:
        cls = loaded(_unpickle_class if ref.blob else _import_class, ref)
        if ref.blob:
            _refuse_other(cls, ref, [*filter(imported.is_other, ref.sources)])
        _classes[ref] = cls
    if ref.blob:
        _publish(cls)
    return cls


def refuse_other_code(ref: ClassRef, cls: type[Any], uses: Iterable[Uses]) -> None:
    """Check that a class, and code which a task's attributes and values refer to, is what it is where they come from.

    What was imported since it was checked last may not be what that reaches.

    Raises:
        RefusedError: It is not.
    """
    if _checked.get(cls) != imported.newest():
        _refuse_other(cls, ref, [*filter(imported.is_other, ref.sources)])
        _checked[cls] = imported.newest()
    for use in uses:
        if _agreed.get(use) == imported.newest():
            continue
        found = loaded(lambda names: [resolve(name) for name in names], use.names)
        changed = [*filter(imported.is_other, dict.fromkeys((*ref.sources, *use.files)))]
        known = [target for target in found if target is not None]
        if changed and (len(known) < len(found) or _fingerprinter(cls).refs(known) != use.code):
            raise RefusedError(_changed(changed[0]))
        _agreed[use] = imported.newest()


def _changed(file: CodeFile) -> str:
    """What to say of a file that is not what is loaded, or was."""
    if other := imported.in_place_of(file):
        return f"a worker imports {other} in place of {file.path}: leave the folder of that on sys.path, or rename one"
    what, advice = "it was edited", "start the program again"
    if file.rebound:
        what = f"its {file.rebound} was set, or modified"
        advice = "give the value as an argument or, if that makes no difference, mark its class as @untracked"
    return f"taskfile changed during the run: {file.path} is not what was loaded for it ({what}); {advice}"


def _publish(cls: type[Any]) -> None:
    """Let what came by value with a class be found in `__main__`, where its own code and pickles look for it."""
    main = vars(sys.modules["__main__"])
    for function in [part for base in cls.__mro__ for part in vars(base).values() if isinstance(part, FunctionType)]:
        if function.__module__ == "__main__" and function.__globals__ is not main:
            main.update({base.__qualname__: base for base in cls.__mro__ if base.__module__ == "__main__"})
            main.update({name: thing for name, thing in function.__globals__.items() if not name.startswith("__")})
            _show_script(main)
            break


def _show_script(main: dict[str, Any]) -> None:
    """Have processes that a task starts by `multiprocessing` import the script, unless it would run the graph again."""
    path = taskfile.file_of("__main__")
    if path is None or main.get("__file__") == str(path):
        return
    with suppress(OSError):  # it is not there, in a container
        if b"__main__" in path.read_bytes():  # in a guard
            name = taskfile.module_name(path)[0]
            main.update(__file__=str(path), __spec__=ModuleSpec(name, None) if "." in name else None)


def loaded(load: Callable[[A], T], what: A) -> T:
    """What `load` makes of something, while no graph can be run: that would load the same again, without end.

    Raises:
        BaseException: whatever importing the user's code raises.
    """
    token = loading.set(True)
    newest = imported.newest()
    try:
        return load(what)
    finally:
        loading.reset(token)
        imported.note_since(newest)


def code_of(cls: type[Any], refs: References) -> bytes:
    """The digests of the code of each of the classes and functions that a value of the task refers to."""
    with _one_at_a_time:
        return _fingerprinter(cls).each(refs)


def _import_module(ref: ClassRef) -> ModuleType:
    if ref.root:
        taskfile.put_first(ref.root)
        return taskfile.load(Path(ref.path), ref.root)
    return taskfile.load_as(ref.module, Path(ref.path))


def _unpickle_class(ref: ClassRef) -> type[Any]:
    try:
        cls: type[Any] = pickle.loads(ref.blob)
    except ModuleNotFoundError:  # its own module has to be imported first
        if not ref.path:
            raise
        _import_module(ref)
        cls = pickle.loads(ref.blob)
    return cls


def _import_class(ref: ClassRef) -> type[Any]:
    cls: type[Any] = attrgetter(ref.qualname)(_import_module(ref))
    changed = [file for file in ref.sources if file not in _verified and not _is_same(file)]
    _refuse_other(cls, ref, changed)
    _verified.update(set(ref.sources).difference(changed))  # a file that has changed may matter to another class
    return cls


def _is_same(file: CodeFile) -> bool:
    return digest_if_there(file.path) == file.digest and not imported.is_other(file)


def _refuse_other(cls: type[Any], ref: ClassRef, changed: list[CodeFile]) -> None:
    """Refuse a class whose code differs here; a file may have changed without touching what the class reaches."""
    if changed and _fingerprinter(cls).of(cls).running != ref.code:
        raise RefusedError(_changed(max(changed, key=lambda file: file.digest is None)))


def _fingerprinter(cls: type[Any]) -> Fingerprinter:
    from taskproc.fingerprint import Fingerprinter, task_base

    base = task_base(cls)
    if base not in _fingerprinters:
        _fingerprinters[base] = Fingerprinter(base)
    return _fingerprinters[base]


class _Kept:
    """How many batches use the modules of a process that is kept for more than one run."""

    def __init__(self) -> None:
        self.users = 0
        self.is_forked = False
        self.entrance = threading.Lock()
        self.change = threading.Condition()

    def count(self, change: int) -> None:
        with self.change:
            self.users += change
            self.change.notify_all()

    def fork(self) -> None:
        """Begin anew in a process that has just been forked: it has what its parent had loaded."""
        vars(self).update(vars(_Kept()), is_forked=True)


_kept = _Kept()
os.register_at_fork(after_in_child=_kept.fork)


@contextmanager
def held(refs: Collection[ClassRef]) -> Generator[None]:
    """Keep what is loaded for a batch's classes while it runs, in a process that may have served other runs.

    What was loaded of other code is forgotten before, once no batch uses it: an import within a function of a task must
    find what the task itself was loaded with.
    """
    with _kept.entrance:
        if _kept.is_forked:
            _kept.is_forked = False
            imported.note(list(sys.modules))
        if not all(map(_is_current, refs)):
            with _kept.change:
                _kept.change.wait_for(lambda: not _kept.users)
            _forget()
        _kept.count(1)
    try:
        yield
    finally:
        _kept.count(-1)


def _is_current(ref: ClassRef) -> bool:
    """Whether what is loaded here lets a class be what is asked for; if it is loaded already, it is noted as that."""
    if ref in _classes or ref in _known:
        return True
    if ref.root:
        taskfile.put_first(ref.root)
    if not imported.are_stale():
        return True
    module = sys.modules.get(ref.module)
    if ref.blob or module is None or (ref.path and source_file(module) != ref.path):
        return False
    try:  # a file may have changed without touching what the class reaches
        cls: type[Any] = attrgetter(ref.qualname)(module)
        if _fingerprinter(cls).of(cls).running != ref.code:
            return False
    except (AttributeError, StopIteration):
        return False
    _classes[ref] = cls
    return True


def _forget() -> None:
    """Unload what is the user's."""
    imported.unload()
    for known in (_known, _classes, _fingerprinters, _verified, _checked, _agreed):
        known.clear()
