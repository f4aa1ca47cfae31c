"""Task classes where they run: loaded by value or by reference, and never other code than was asked for."""

from __future__ import annotations

import importlib
import pickle
import sys
import threading
from operator import attrgetter
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc import taskfile
from taskproc.canonical import digest
from taskproc.context import loading

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskproc.batch import ClassRef
    from taskproc.fingerprint import Fingerprinter
    from taskproc.value import References

A = TypeVar("A")
T = TypeVar("T")

_classes: dict[ClassRef, type[Any]] = {}
_fingerprinters: dict[type[Any], Fingerprinter] = {}
_verified: set[tuple[str, bytes]] = set()
_one_at_a_time = threading.Lock()


class RefusedError(Exception):
    """The code that is here is not what was asked for, or runs a graph that would load it again."""


def know(ref: ClassRef, cls: type[Any]) -> None:
    """Tell what class a reference means in this process, so that a worker in it takes that very class."""
    _classes[ref] = cls


def read_anew() -> None:
    """Forget what was read of code: a run begins in this process, and may be of other code than the last."""
    _fingerprinters.clear()
    _verified.clear()


def load_class(ref: ClassRef) -> type[Any]:
    """The class that a reference means.

    Raises:
        RefusedError: its code changed since the reference was made.
        BaseException: whatever importing the user's code raises.
    """
    cls = _classes.get(ref)
    if cls is None:
        cls = _classes[ref] = loaded(pickle.loads, ref.blob) if ref.blob else loaded(_import_class, ref)
    if ref.blob:
        _publish(cls)
    return cls


def _publish(cls: type[Any]) -> None:
    """Let what came by value with a class be found in `__main__`, where its own code and pickles look for it."""
    main = vars(sys.modules["__main__"])
    for function in [part for base in cls.__mro__ for part in vars(base).values() if isinstance(part, FunctionType)]:
        if function.__module__ == "__main__" and function.__globals__ is not main:
            main.update({name: thing for name, thing in function.__globals__.items() if not name.startswith("__")})
            break


def loaded(load: Callable[[A], T], what: A) -> T:
    """What `load` makes of something, while no graph can be run: it would load the same again, without end.

    Raises:
        BaseException: whatever importing the user's code raises.
    """
    token = loading.set(True)
    try:
        return load(what)
    finally:
        loading.reset(token)


def code_of(cls: type[Any], refs: References) -> bytes:
    """The digest of the code of classes and functions that a value of the task refers to."""
    with _one_at_a_time:
        return _fingerprinter(cls).refs(refs)


def _import_class(ref: ClassRef) -> type[Any]:
    if ref.root:
        taskfile.put_first(ref.root)
    module = taskfile.load(Path(ref.path)) if ref.path else importlib.import_module(ref.module)
    cls: type[Any] = attrgetter(ref.qualname)(module)
    changed = [source for source in ref.sources if source not in _verified and not _is_unchanged(*source)]
    # A file may have changed without touching what the class reaches.
    if changed and _fingerprinter(cls).of(cls).digest != ref.code:
        raise RefusedError(f"taskfile changed during the run: {changed[0][0]}")
    _verified.update(ref.sources)
    return cls


def _is_unchanged(path: str, expected: bytes) -> bool:
    try:
        return digest(Path(path).read_bytes()) == expected
    except OSError:
        return False


def _fingerprinter(cls: type[Any]) -> Fingerprinter:
    base = next(base for base in reversed(cls.__mro__) if "_task_revive" in vars(base))  # the class Task itself
    if base not in _fingerprinters:
        from taskproc.fingerprint import Fingerprinter

        _fingerprinters[base] = Fingerprinter(base)
    return _fingerprinters[base]
