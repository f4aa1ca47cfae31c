"""Copies of tasks: references to them, and those that run. A copy has no node; its place tells what it knows."""

from __future__ import annotations

import pickle
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskproc.graph import Node

C = TypeVar("C")

sent: ContextVar[str] = ContextVar("taskproc_sent", default="")
"""The key, in hexadecimal, of the task whose attributes are being pickled: they may lead back to it."""

_revived: ContextVar[Any] = ContextVar("taskproc_revived")


def itself() -> Any:
    """The copy whose attributes are being read: what those that lead back to their task lead to."""
    return _revived.get()


def _read_for(copy: object, attributes: bytes) -> Any:
    """The pickled attributes of a task that was `sent`, for its copy."""
    token = _revived.set(copy)
    try:
        return pickle.loads(attributes)
    finally:
        _revived.reset(token)


class Place(NamedTuple):
    """What a copy knows of its task: arguments as (packed) JSON, key in hexadecimal and, if it runs, attempt and id."""

    args: dict[str, Any]
    key: str
    folder: str = ""
    task_id: int = 0


def copy_of(cls: type[C], state: Mapping[str, Any] | bytes, place: Place) -> C:
    """A copy, made from the task's attributes (pickled, if they may lead back to it) and the values of its slots."""
    copy = cls.__new__(cls)
    object.__setattr__(copy, "_task_node", None)
    object.__setattr__(copy, "_task_place", place)
    vars(copy).update(_read_for(copy, state) if isinstance(state, bytes) else state)
    return copy


def carried(task: Any, place: Place) -> tuple[Any, ...]:
    """How a copy is pickled: with its attributes and the values of its slots, or what its own `__getstate__` gives."""
    tells = any("__getstate__" in vars(base) for base in type(task).__mro__[:-1])
    held: Any = task.__getstate__() if tells else task.__dict__
    if type(held) is tuple:  # as that of `object` tells attributes and slots
        held = tuple(map(_own, cast("tuple[object, ...]", held)))
    return copy_of, (type(task), {}, place), _own(held)


def referred(task: Any, place: Place) -> tuple[Any, ...]:
    """How a task is pickled as a reference, without its attributes: what its class has is not taken for them."""
    node: Node | None = task._task_node
    names = (
        [name for name, value in task.__dict__.items() if value.__class__ is Absent] if node is None else node.overrides
    )
    return (reference_to, (type(task), tuple(names), place)) if names else (copy_of, (type(task), {}, place))


def reference_to(cls: type[C], names: tuple[str, ...], place: Place) -> C:
    """A reference to a task, whose attributes of these names are not what its class has."""
    reference = copy_of(cls, {}, place)
    vars(reference).update({name: Absent(f"{reference!r} is only a reference here, without {name}") for name in names})
    return reference


class Absent:
    """Stands in a reference for an attribute of the task; whatever is done with it is an error."""

    def __init__(self, what: str) -> None:
        self.__dict__["what"] = what

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError(f"{self.__dict__['what']}; declare what a task needs as a slot (Requires)")

    __getattr__ = __setattr__ = __call__ = __reduce_ex__ = __repr__ = __str__ = __format__ = __hash__ = _refuse
    __bool__ = __int__ = __float__ = __index__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __abs__ = __enter__ = _refuse
    __add__ = __sub__ = __mul__ = __matmul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rmatmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _refuse


def _own(held: Any) -> Any:
    """What a task's state holds without what is taskproc's."""
    if not isinstance(held, dict):
        return held
    members = cast("dict[object, Any]", held)
    return {name: value for name, value in members.items() if str(name)[:6] != "_task_"}


def kept_in(folder: str, what: str) -> Path:
    """A file or folder in the folder of a copy that runs, made if it is not there."""
    path = Path(folder, what)
    if path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    else:
        path.mkdir(parents=True, exist_ok=True)
    return path


def node_of(task: Any, what: str) -> Node:
    """The node of a task that is defined.

    Raises:
        RuntimeError: it is still in its `__init__`, or it is a copy.
    """
    node: Node | None = task._task_node
    if node is not None:
        return node
    name = type(task).__qualname__
    if task._task_place is None:
        message = f"{name}: {what} is not available while __init__ runs: it is once the task is made"
    elif not task._task_place.folder:
        message = f"{task!r} is only a reference here, without {what}; declare what a task needs as a slot (Requires)"
    else:
        message = f"{name}: {what} cannot be used inside run_task; declare what the task needs as a slot (Requires)"
    raise RuntimeError(message)
