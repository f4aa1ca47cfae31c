"""Slots: the descriptors by which a task declares what it needs.

In `__init__` a slot reads as the future that was assigned, in `run_task` as its value. Both lie in the instance's
`__dict__` under the slot's name: a definition holds futures there, the copy that runs holds values.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar, cast, get_args, get_origin, overload

from taskproc.errors import DefinitionError
from taskproc.future import FutureBase

if TYPE_CHECKING:
    from taskproc.future import Future

T = TypeVar("T")
K = TypeVar("K")

NOT_A_FUTURE = "every entry must be a future; wrap a known value in Const(...)"


class Slot:
    """What the three kinds of slot share."""

    takes: ClassVar[str]
    """What to assign to it, in words."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __delete__(self, obj: Any) -> None:
        self._refuse_running(obj)
        self._read(obj)
        del obj.__dict__[self.name]

    def _refuse_running(self, obj: Any) -> None:
        if getattr(obj, "_task_place", None) is not None:
            message = (
                f"{type(obj).__qualname__}.{self.name} is a slot, and read-only in run_task:"
                " give the new value another name"
            )
            raise AttributeError(message)

    def _read(self, obj: object) -> Any:
        try:
            return obj.__dict__[self.name]
        except KeyError:
            message = f"{type(obj).__qualname__}.{self.name} was read before a future was assigned to it in __init__"
            raise AttributeError(message) from None

    def _read_many(self, obj: Any) -> Any:
        """What a slot of several values reads as: of a task that is defined, a copy, since it can't be modified."""
        found = self._read(obj)
        return found if obj._task_node is None else found.copy()

    def refuse(self, obj: object, value: object, hint: str) -> DefinitionError:
        """The error that tells what the slot of a task cannot take, and what to do."""
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return DefinitionError(f"slot {type(obj).__qualname__}.{self.name} cannot take {shown}: {hint}")

    def futures(self, assigned: Any) -> Iterable[object]:
        """What was assigned, in order: futures, unless it was modified later."""
        raise NotImplementedError

    def places(self, assigned: Any) -> Iterable[object]:
        """Where each of them is: an index, a key, or None for a single value."""
        raise NotImplementedError

    def layout(self, assigned: Any) -> int | tuple[object, ...] | None:
        """How the values go together again: see `taskproc.batch.SlotValue`."""
        raise NotImplementedError


class Requires(Slot, Generic[T]):
    """One upstream value: a future when assigned in `__init__`, a `T` when read in `run_task`.

    Example:
        >>> class Double(Task):
        ...     number: Requires[int]
        ...     def __init__(self, number: Future[int]):
        ...         self.number = number
        ...     def run_task(self) -> int:
        ...         return 2 * self.number
    """

    takes = "a future (a task, an item, a Const)"

    @overload
    def __get__(self, obj: None, owner: Any = ...) -> Requires[T]: ...
    @overload
    def __get__(self, obj: object, owner: Any = ...) -> T: ...
    def __get__(self, obj: object | None, owner: Any = None) -> Requires[T] | T:
        return self if obj is None else cast("T", self._read(obj))

    def __set__(self, obj: Any, value: Future[T]) -> None:
        self._refuse_running(obj)
        if not isinstance(value, FutureBase):
            raise self.refuse(obj, value, slot_for(value) or hint(value, "wrap a known value in Const(...)"))
        obj.__dict__[self.name] = value

    def futures(self, assigned: Any) -> tuple[object]:
        return (assigned,)

    def places(self, assigned: Any) -> tuple[None]:  # noqa: ARG002  there is but one
        return (None,)

    def layout(self, assigned: Any) -> None:  # noqa: ARG002  the layout of a single value says nothing
        return None


class RequiresList(Slot, Generic[T]):
    """A list of upstream values: a list of futures when assigned, a `list[T]` when read in `run_task`.

    Example:
        >>> class Total(Task):
        ...     parts: RequiresList[int]
        ...     def __init__(self) -> None:
        ...         self.parts = [Choose(10, i) for i in range(11)]
        ...     def run_task(self) -> int:
        ...         return sum(self.parts)
    """

    takes = "a list of futures (tasks, items, Consts)"

    @overload
    def __get__(self, obj: None, owner: Any = ...) -> RequiresList[T]: ...
    @overload
    def __get__(self, obj: object, owner: Any = ...) -> list[T]: ...
    def __get__(self, obj: object | None, owner: Any = None) -> RequiresList[T] | list[T]:
        return self if obj is None else cast("list[T]", self._read_many(obj))

    def __set__(self, obj: Any, value: Sequence[Future[T]]) -> None:
        self._refuse_running(obj)
        if not isinstance(value, (list, tuple)):
            raise self.refuse(obj, value, slot_for(value) or hint(value, "assign a list of futures"))
        for entry in value:
            if not isinstance(entry, FutureBase):
                raise self.refuse(obj, entry, hint(entry, NOT_A_FUTURE))
        obj.__dict__[self.name] = list(value)

    def futures(self, assigned: list[object]) -> list[object]:
        return assigned

    def places(self, assigned: list[object]) -> range:
        return range(len(assigned))

    def layout(self, assigned: Any) -> int:
        return len(assigned)


class RequiresDict(Slot, Generic[K, T]):
    """A dict of upstream values: a dict of futures when assigned, a `dict[K, T]` when read in `run_task`.

    Example:
        >>> class Summary(Task):
        ...     scores: RequiresDict[str, float]
        ...     def __init__(self, scores: dict[str, Future[float]]):
        ...         self.scores = scores
    """

    takes = "a dict of futures (tasks, items, Consts)"

    @overload
    def __get__(self, obj: None, owner: Any = ...) -> RequiresDict[K, T]: ...
    @overload
    def __get__(self, obj: object, owner: Any = ...) -> dict[K, T]: ...
    def __get__(self, obj: object | None, owner: Any = None) -> RequiresDict[K, T] | dict[K, T]:
        return self if obj is None else cast("dict[K, T]", self._read_many(obj))

    def __set__(self, obj: Any, value: Mapping[K, Future[T]]) -> None:
        self._refuse_running(obj)
        if not isinstance(cast("object", value), Mapping):
            raise self.refuse(obj, value, slot_for(value) or hint(value, "assign a dict of futures"))
        for entry in value.values():
            if not isinstance(entry, FutureBase):
                raise self.refuse(obj, entry, hint(entry, NOT_A_FUTURE))
        obj.__dict__[self.name] = dict(value)

    def futures(self, assigned: dict[object, object]) -> Iterable[object]:
        return assigned.values()

    def places(self, assigned: dict[object, object]) -> Iterable[object]:
        return assigned

    def layout(self, assigned: Any) -> tuple[object, ...]:
        return tuple(assigned)


def hint(value: object, otherwise: str) -> str:
    """What to do with a value that is no future: where it is a class of them, make one."""
    if isinstance(value, type) and issubclass(value, FutureBase):
        return f"that is the class; call it, {value.__qualname__}(...)"
    if holds_future(value):
        return "the futures in it are nested too deeply; put them into one list (RequiresList) or dict (RequiresDict)"
    return otherwise


def holds_future(value: Any, levels: int = 9) -> bool:
    """Whether there is a future in lists and dicts, down to some levels."""
    if isinstance(value, (dict, list, tuple)) and levels:
        entries = cast("Iterable[object]", value.values() if isinstance(value, dict) else value)
        return any(holds_future(entry, levels - 1) for entry in entries)
    return isinstance(value, FutureBase)


_BY_NAME: dict[str, type[Slot]] = {kind.__name__: kind for kind in (Requires, RequiresList, RequiresDict)}
"""The kinds of slot, for annotations whose module cannot be asked."""


def slot_for(value: Any) -> str:
    """Which kind of slot to declare for a value, as advice; empty where there is no future in it."""
    kind = kind_for(value)
    if kind is None:
        return ""
    return f"declare it as {kind.__name__} to take {'a single future' if kind is Requires else 'several futures'}"


def kind_for(value: Any) -> type[Slot] | None:
    """The kind of slot that takes a future, or a list or dict with a future in it."""
    kind = value.__class__
    if issubclass(kind, FutureBase):
        return Requires
    if issubclass(kind, Mapping):
        return RequiresDict if any(isinstance(entry, FutureBase) for entry in value.values()) else None
    if issubclass(kind, (list, tuple)):
        return RequiresList if any(isinstance(entry, FutureBase) for entry in value) else None
    return None


def install(cls: type, plain_bases: Sequence[type]) -> None:
    """Give a class the slots that its annotations declare, and those of its bases that are not tasks themselves.

    Raises:
        DefinitionError: a slot is given a value there.
    """
    for owner in (cls, *plain_bases):
        for name, annotation in annotations_of(owner).items():
            kind = _kind(annotation, owner)
            if kind is None or isinstance(cls.__dict__.get(name), Slot):
                continue
            if name in owner.__dict__ and not isinstance(owner.__dict__[name], Slot):
                message = f"slot {cls.__qualname__}.{name} has a value in the class: assign a future to it in __init__"
                raise DefinitionError(message)
            setattr(cls, name, kind(name))


@functools.cache
def slots_of(cls: type) -> dict[str, Slot]:
    """The slots of a class by name, those of its bases first."""
    found: dict[str, Slot] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Slot):
                found[name] = value
            elif name in found:
                del found[name]
    return found


def annotations_of(owner: Any) -> Mapping[str, Any]:
    """The annotations of a function or of a class itself, as they stand there where they can't be evaluated."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(owner, format=annotationlib.Format.FORWARDREF)
    if isinstance(owner, type):
        return cast("Mapping[str, Any]", owner.__dict__.get("__annotations__", {}))  # noqa: RUF063  at a tenth of its cost
    return cast("Mapping[str, Any]", getattr(owner, "__annotations__", {}))


def _kind(annotation: Any, owner: type) -> type[Slot] | None:
    """The kind of slot that an annotation declares, whether it is an object or the text of one."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", None)
    if text is not None:
        head, _, inner = text.partition("[")
        names = head.strip().strip("'\"").split(".")
        annotation = vars(sys.modules[owner.__module__]).get(names[0]) if owner.__module__ in sys.modules else None
        for name in names[1:]:
            annotation = getattr(annotation, name, None)
        if annotation is None:
            annotation = _BY_NAME.get(names[-1])
        if annotation is Annotated:
            return _kind(inner.partition(",")[0], owner)
    kind: Any = get_origin(annotation) or annotation
    if kind is Annotated and annotation is not kind:
        return _kind(get_args(annotation)[0], owner)
    with suppress(Exception):  # a `type X = ...` statement: what it says is any expression, and may raise anything
        return _kind(kind.__value__, owner)
    return kind if isinstance(kind, type) and issubclass(kind, Slot) and kind is not Slot else None
