"""Futures: values that will be known when the graph has run."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    NoReturn,
    Protocol,
    TypeGuard,
    TypeVar,
    overload,
    runtime_checkable,
)

from taskproc.canonical import Canonical, canonical, digest
from taskproc.errors import DefinitionError
from taskproc.fixed import Fixed, own_copy
from taskproc.origin import is_inner_function

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from types import FunctionType

T = TypeVar("T")
K = TypeVar("K")
T_co = TypeVar("T_co", covariant=True)

if TYPE_CHECKING:
    from abc import ABCMeta as _FutureType
else:

    class _FutureType(type(Protocol)):
        """Has `isinstance` know futures by our own classes, not by their having a `run_task`."""

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, FutureBase)


@runtime_checkable
class Future(Protocol[T_co], metaclass=_FutureType):
    """What a slot accepts and a task passes on: a task, an item of one, or a `Const`.

    For type checkers, `Future[int]` is anything whose `run_task` returns an int; they know no items of it: take those
    from the task itself. When a program runs, only our own classes are futures, and `isinstance(x, Future)` tells.

    Example:
        >>> class Double(Task):
        ...     number: Requires[int]
        ...     def __init__(self, number: Future[int]):
        ...         self.number = number
    """

    def run_task(self) -> T_co: ...


class _Indexed(Protocol[T_co]):
    """Lists, arrays, strings: whatever takes a number in brackets."""

    def __getitem__(self, key: int, /) -> T_co: ...


class _Columned(Protocol[T_co]):
    """Data frames, arrays with fields: whatever takes a name in brackets."""

    def __getitem__(self, key: str, /) -> T_co: ...


class FutureBase(Fixed):
    """All that is a future when a program runs."""

    __slots__ = ()

    if TYPE_CHECKING:

        def run_task(self) -> Any: ...

    @overload
    def __getitem__(self: Future[tuple[T, *tuple[Any, ...]]], key: Literal[0], /) -> Item[T]: ...
    @overload
    def __getitem__(self: Future[tuple[Any, T, *tuple[Any, ...]]], key: Literal[1], /) -> Item[T]: ...
    @overload
    def __getitem__(self: Future[tuple[Any, Any, T, *tuple[Any, ...]]], key: Literal[2], /) -> Item[T]: ...
    @overload
    def __getitem__(self: Future[MutableMapping[K, T]], key: K, /) -> Item[T]: ...
    @overload  # a TypedDict, which is no MutableMapping, and whose items have several types
    def __getitem__(self: Future[Mapping[K, Any]], key: K, /) -> Item[Any]: ...
    @overload
    def __getitem__(self: Future[_Indexed[T]], key: int, /) -> Item[T]: ...
    @overload
    def __getitem__(self: Future[_Columned[T]], key: str, /) -> Item[T]: ...
    def __getitem__(self, key: Any, /) -> Item[Any]:
        """The future of an item of this one's value, at any depth.

        Example:
            >>> class Scores(Task):
            ...     def run_task(self) -> dict[str, list[float]]:
            ...         return {"train": [0.9, 0.8], "test": [0.7]}
            >>> Scores()["train"][0]
            Scores()['train'][0]
        """
        return Item(self, key)

    if TYPE_CHECKING:
        __iter__: None  # so checkers refuse what raises
        __contains__: None
    else:

        def __iter__(self) -> NoReturn:
            message = (
                f"{self!r} is a future: its value cannot be iterated over before it has run; use it as a task's slot"
            )
            raise TypeError(message)

        def __contains__(self, item: object) -> NoReturn:
            message = f"{self!r} is a future: its value cannot be searched before it has run; use it as a task's slot"
            raise TypeError(message)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """A parameter annotated with a future takes that kind of future as it is (called by pydantic)."""
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(cls, cls_repr="Future" if cls is FutureBase else cls.__qualname__)


if not TYPE_CHECKING:
    # Not a member of the protocol, for a class that has only `run_task` is a future to type checkers.
    Future.__get_pydantic_core_schema__ = classmethod(
        lambda _, source, handler: FutureBase.__get_pydantic_core_schema__(source, handler)
    )


class Item(FutureBase, Generic[T_co]):
    """The future of `source[path[0]][path[1]]…`, made by subscription."""

    __slots__ = ("path", "source")

    source: FutureBase
    path: tuple[object, ...]

    def __init__(self, source: FutureBase, key: object) -> None:
        if isinstance(key, FutureBase):
            message = f"{source!r}[{key!r}]: a future cannot be a key, for its value is not known before it has run"
            raise DefinitionError(message)
        if isinstance(source, Item):
            self.source, self.path = source.source, (*source.path, key)
        else:
            self.source, self.path = source, (key,)

    if TYPE_CHECKING:

        def run_task(self) -> T_co: ...

    def __taskproc_canonical__(self) -> object:
        return ("item", self.source, self.path)

    def __repr__(self) -> str:
        return f"{self.source!r}{''.join(f'[{key!r}]' for key in self.path)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_item, (self.source, self.path))


def origin_of(future: FutureBase) -> tuple[FutureBase, tuple[object, ...]]:
    """The task or `Const` that a future comes from, and the item path in its value."""
    return (future.source, future.path) if isinstance(future, Item) else (future, ())


def _item(source: FutureBase, path: tuple[object, ...]) -> Item[Any]:
    """Restore a pickled item."""
    item: Item[Any] = Item(source, path[0])
    for key in path[1:]:
        item = Item(item, key)
    return item


class Const(FutureBase, Generic[T_co]):
    """The future of a value that is known already.

    The value is copied, so that modifying the original later changes nothing. Tasks in it are references, and not run.

    Raises:
        DefinitionError: it is a future itself.

    Example:
        >>> class Double(Task):
        ...     number: Requires[int]
        ...     def __init__(self, number: Future[int] = Const(1)):
        ...         self.number = number
        ...     def run_task(self) -> int:
        ...         return 2 * self.number
        >>> Double(Const(21)).run_graph()[0]
        42
    """

    __slots__ = ("_canonical", "value")

    value: T_co
    _canonical: Canonical | None

    def __init__(self, value: T_co, /) -> None:
        if isinstance(value, FutureBase):
            message = f"Const({value!r}): {value!r} is a future already, and is run where it is assigned as it is"
            raise DefinitionError(message)
        self.value = own_copy(value)
        self._canonical = None

    if TYPE_CHECKING:

        def run_task(self) -> T_co: ...

    @property
    def digest(self) -> bytes:
        """The digest of the value: a Const's key and its stamp."""
        return self.__taskproc_canonical__().data

    def __taskproc_canonical__(self) -> Canonical:
        """The digest as an encoding; the code of what the value refers to is no part of it."""
        if self._canonical is None:
            encoded = canonical(self.value)
            data = digest(b"const", encoded.data, *_contents(encoded.refs))
            self._canonical = Canonical(data, encoded.refs, own=encoded.own)
        return self._canonical

    def __repr__(self) -> str:
        return f"Const({self.value!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Const, (self.value,))


def _contents(refs: tuple[type | FunctionType, ...]) -> list[bytes]:
    """What tells functions of one name apart: code, defaults and closures of lambdas and inner functions."""
    found: dict[int, bytes] = {}
    queue = [ref for ref in refs if is_inner_function(ref)]
    for ref in queue:
        if id(ref) not in found and not isinstance(ref, type):
            from taskproc.normal import normal_code
            from taskproc.reduction import contents

            closure = tuple(map(contents, ref.__closure__ or ()))
            inner = canonical((normal_code(ref.__code__), ref.__defaults__, ref.__kwdefaults__, closure))
            found[id(ref)] = inner.data
            queue.extend(inner.refs)
    return list(found.values())


def is_const(value: object) -> TypeGuard[Const[Any]]:
    """Whether a value is a `Const`, whatever it holds."""
    return isinstance(value, Const)
