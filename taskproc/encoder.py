"""The encoder behind `taskproc.canonical`, where the format stands: from a value to its bytes and what it refers to."""

from __future__ import annotations

from marshal import dumps
from pickle import PickleBuffer
from struct import pack
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from xxhash import xxh3_128_digest

from taskproc.added import added_later
from taskproc.flat import FLAT, flat, short
from taskproc.origin import is_function, is_user_code, public_name, reference
from taskproc.reduction import KNOWN, inside, is_made_by_library, is_plain, known_name, reduce

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import FunctionType

_NOTHING = dumps(None, 2)
_CONTAINERS = frozenset({tuple, list, dict, set, frozenset})


class Canonical(NamedTuple):
    """A value's encoding, and the user's classes and functions that it refers to, each once, in the order met.

    Modules of the user's are in a partial encoding only. `own` are the objects in it that say by themselves what they
    are, as futures and input files do; what these hold is not among them.
    """

    data: bytes
    refs: tuple[type | FunctionType, ...]
    modules: tuple[ModuleType, ...] = ()
    own: tuple[object, ...] = ()


class Unencodable(TypeError):  # noqa: N818  says what the value is
    """A value has no canonical encoding. `path` leads to the part at fault, like `[2].layers`, `reason` tells why."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return f"{self.reason} (at {self.path})" if self.path else self.reason

    def under(self, step: str) -> Unencodable:
        """The same, seen from one level further up."""
        return Unencodable(self.reason, step + self.path)


class CycleError(Exception):
    """A value contains itself."""


class Encoder:
    """Encodes one value.

    Parts are remembered by identity only to save work, unless the value contains itself (`numbered`): then a part met
    before is written as its number, since the encoding would have no end.
    """

    __slots__ = (
        *("_active", "_in_users", "_memo", "_named", "_numbered", "_partial", "_plain", "_travels", "_within"),
        *("modules", "own", "refs"),
    )

    def __init__(self, *, plain: bool, partial: bool, travels: bool, numbered: bool = False) -> None:
        self.refs: dict[int, type | FunctionType] = {}
        self.modules: dict[int, ModuleType] = {}
        self.own: list[object] = []
        self._plain = plain
        self._partial = partial
        self._travels = travels
        self._in_users = False  # whether what is encoded is held by an object of the user's, or a plain container
        self._numbered = numbered
        self._named: dict[str, list[int]] = {}
        self._memo: dict[int, tuple[object, bytes]] = {}  # holds the part too, whose id could else be used again
        self._active: set[int] = set()
        self._within: set[int] = set()  # classes made by libraries whose inside is being encoded

    def encode(self, value: Any) -> bytes:
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
        own: Any = getattr(kind, "__taskproc_canonical__", None) if kind not in FLAT else None
        if own is not None:
            told = own(value)
            if told.__class__ is bytes:
                self.own.append(value)
                return b"!" + told
            return self._own(value, told)
        data = flat(value)
        return self.nested(value) if data is None else data

    def nested(self, value: Any) -> bytes:
        """Encode a value that is not flat, and does not say itself how it is encoded."""
        if isinstance(value, type) or (is_function(value) and is_user_code(value)):
            if self._plain:
                message = f"{'a class' if isinstance(value, type) else 'a function'} is not plain data"
                raise Unencodable(message)
            return self._refer(value)
        if self._partial and isinstance(value, ModuleType) and is_user_code(value):
            self.modules[id(value)] = value
            return b"@" + dumps(f"{public_name(value.__name__)}:", 2)
        key = id(value)
        known = self._memo.get(key)
        if known is not None:
            return known[1]
        if self._numbered:
            self._memo[key] = value, b"^" + pack("<I", len(self._memo))
            return short(self._partly(value) if self._partial else self._compose(value))
        if key in self._active:
            raise CycleError
        self._active.add(key)
        try:
            data = short(self._partly(value) if self._partial else self._compose(value))
        finally:
            self._active.discard(key)
        self._memo[key] = value, data
        return data

    def _partly(self, value: Any) -> bytes:
        """Encode a value, or its type where it is held by one of the user's and can't be encoded."""
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
        outside, self._in_users = self._in_users, kind in _CONTAINERS or is_user_code(kind)
        try:
            return self._compose(value)
        except Unencodable:
            if not outside:
                raise
            return b"?" + dumps(reference(kind), 2)
        finally:
            self._in_users = outside

    def _compose(self, value: Any) -> bytes:
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind is tuple or kind is list:
            return (b"(" if kind is tuple else b"[") + self._items(value)
        if kind is dict:
            return b"{" + self._pairs(value)
        if kind is set or kind is frozenset:
            return (b"<" if kind is set else b">") + self._elements(value)
        if kind is PickleBuffer:
            return b"%" + xxh3_128_digest(value.raw())
        name = known_name(kind)
        fields = KNOWN.get(name)
        if fields is not None:
            return b":" + dumps(name, 2) + self.encode(fields(value))
        return self._instance(value)

    def _own(self, value: object, told: object) -> bytes:
        if isinstance(told, Canonical):
            self.refs.update((id(ref), ref) for ref in told.refs)
            told = told.data
        met = len(self.own)
        data = b"!" + self.encode(told)
        self.own[met:] = [value]
        return data

    def _instance(self, value: Any) -> bytes:
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
        if self._plain and not is_plain(kind):
            message = f"{_name(kind)} is not plain data"
            raise Unencodable(message)
        try:
            made, later = reduce(value, by_name=self._plain, travels=self._travels), added_later(value.__class__)
        except RecursionError:
            raise
        except Exception as problem:
            message = f"{_name(kind)} cannot be taken apart: {problem}"
            raise Unencodable(message) from problem
        try:
            maker = dumps(made.maker, 2) if isinstance(made.maker, str) else self._maker(made.maker)
        except Unencodable as problem:  # whose path leads to no part of the value
            message = f"{_name(kind)} cannot be taken apart: {problem}"
            raise Unencodable(message) from None
        arguments = b"".join([pack("<I", len(made.arguments)), *map(self._part, made.arguments)])
        return b"".join((b"*", maker, arguments, self._attributes(made.attributes, later), self._items(made.content)))

    def _maker(self, maker: Any) -> bytes:
        """Encode what makes an instance: any function, also where a function is no data by itself."""
        by_name = not self._plain or isinstance(maker, type) or is_function(maker)
        return self._part(maker) if by_name else self._encode_apart(maker, plain=False)

    def _part(self, value: Any) -> bytes:
        """Encode what an instance is made with, which may be a class also where a class is no data by itself."""
        return self._refer(value) if isinstance(value, type) or is_function(value) else self.encode(value)

    def _refer(self, thing: type | FunctionType) -> bytes:
        name = reference(thing)
        same = self._named.setdefault(name, [])
        if id(thing) not in same:
            same.append(id(thing))
            if is_user_code(thing):
                self.refs[id(thing)] = thing
        number = same.index(id(thing))
        data = b"~" + dumps((name, number), 2) if number else b"@" + dumps(name, 2)
        is_made = id(thing) not in self.refs and is_made_by_library(thing)
        return b"&" + data + self._inside(thing) if is_made else data

    def _inside(self, made: Any) -> bytes:
        """Encode what is in a class that a library made, since no code tells that; nothing where it is met in itself.

        So the encoding is the same wherever the class is met, even in one of its own instances that it holds.
        """
        key = id(made)
        if key in self._within:
            return _NOTHING
        known = self._memo.get(key)
        if known is None:
            data = self._members(made) if self._within else self._members_apart(made)
            known = self._memo[key] = made, data
        return known[1]

    def _members(self, made: Any) -> bytes:
        active, self._active = self._active, set()
        self._within.add(id(made))
        try:
            return self.encode(inside(made))
        finally:
            self._within.discard(id(made))
            self._active = active

    def _members_apart(self, made: Any) -> bytes:
        """Encode what is in a class by itself; what can't be encoded of it counts by its type."""
        apart = Encoder(plain=False, partial=True, travels=self._travels)
        try:
            data = apart._members(made)
        except CycleError:
            apart = Encoder(plain=False, partial=True, travels=self._travels, numbered=True)
            data = apart._members(made)
        self._join(apart)
        return data

    def _items(self, items: Sequence[object]) -> bytes:
        parts = [pack("<I", len(items))]
        try:
            parts += map(self.encode, items)
        except Unencodable as problem:  # its length tells where
            raise problem.under(f"[{len(parts) - 1}]") from None
        return b"".join(parts)

    def _pairs(self, pairs: dict[Any, object]) -> bytes:
        parts: list[bytes] = []
        for key, value in pairs.items():
            try:
                parts += (self.encode(key), self.encode(value))
            except Unencodable as problem:
                raise problem.under(f"[{key!r}]") from None
        return b"".join((*parts, b"0"))

    def _attributes(self, attributes: Mapping[str, object], later: Mapping[str, object]) -> bytes:
        """Encode attributes, without those that were added later and have their default."""
        parts: list[bytes] = []
        for name, value in attributes.items():
            try:
                data = self.encode(value)
                if name not in later or data != self.encode(later[name]):
                    parts += (dumps(name, 2), data)
            except Unencodable as problem:
                raise problem.under(f".{name}") from None
        return b"".join((pack("<I", len(parts) // 2), *parts))

    def _elements(self, elements: Iterable[object]) -> bytes:
        if self._numbered:  # in an order that is by chance
            parts = sorted(self._encode_apart(element, plain=self._plain) for element in elements)
        else:
            parts = sorted(map(self.encode, elements))
        return pack("<I", len(parts)) + b"".join(parts)

    def _encode_apart(self, value: object, *, plain: bool) -> bytes:
        """Encode a value by itself, as if nothing had been met before."""
        apart = Encoder(plain=plain, partial=self._partial, travels=self._travels)
        try:
            data = apart.encode(value)
        except CycleError:
            message = "a set whose element contains it has no order"
            raise Unencodable(message) from None
        self._join(apart)
        return data

    def _join(self, apart: Encoder) -> None:
        self.refs.update(apart.refs)
        self.modules.update(apart.modules)
        self.own += apart.own


def _name(kind: type) -> str:
    return f"{'an' if kind.__qualname__[0] in 'AEIOUaeiou' else 'a'} {kind.__qualname__}"
