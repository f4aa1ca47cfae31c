"""One encoding of values to bytes, by which everything that is compared by value is compared.

It is typed and injective (up to collisions of a 128-bit hash): values that differ in type, content or order give other
bytes. Equal ones give equal bytes, whatever the Python version, hash seed or machine, and whether they share parts.

    None, bool, int, float, complex, str, bytes, tuple, list, dict     as in version 2 of the marshal format;
                                                                       any NaN is the quiet positive one
    set, frozenset          `<`, `>`, count, the elements' encodings in their order as bytes
    class, function         `@`, the string `module:qualname`; a further one of that name: `~`, (name, number)
    class made by a library `&`, as above, an encoding of what is inside: no name leads to it
    other known types       `:`, the type's reference, an encoding of what makes the value up
    types with the method   `!`, an encoding of what its `__taskproc_canonical__()` returns, or of its data; bytes
                            are that encoding already
    all others              `*`, an encoding of what the pickle protocol reduces it to
    buffers                 `%`, the digest of the memory
    a part met before       `^`, its number in order of meeting: only in values that contain themselves
    what can't be encoded   `?`, the type's reference: in a partial encoding, and in a class made by a library
    what is above 64 bytes  `#`, the digest of the encoding: so deep sharing costs no more than what is shared

An attribute that is marked as `AddedLater` and has its default is left out.
Counts and numbers are little-endian and 32 bits wide. Every encoding ends by itself, so encodings can be joined.
"""

from __future__ import annotations

from marshal import dumps
from pickle import PickleBuffer
from struct import pack
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from taskproc.added import added_later
from taskproc.encoding import Canonical, Unencodable
from taskproc.flat import FLAT, digest, flat, short
from taskproc.origin import is_user_code, public_name, reference
from taskproc.reduction import KNOWN, inside, is_made_by_library, is_plain, known_name, reduce

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Canonical", "Unencodable", "canonical", "digest", "flat"]

_NOTHING = dumps(None, 2)
_CONTAINERS = frozenset({tuple, list, dict, set, frozenset})


def canonical(value: object, *, plain: bool = False, partial: bool = False, travels: bool = False) -> Canonical:
    """Encode a value.

    Args:
        value: What to encode; anything that the pickle protocol can take apart.
        plain: Only data with an evident meaning, as a task's arguments are, is allowed.
        partial: What can't be encoded of what the user's objects and plain containers hold counts by its type.
        travels: A copy of it is used elsewhere: what a process shares counts by its state, with which the copy goes on.

    Raises:
        Unencodable: The value, or a part of it, can't be encoded.
    """
    data = flat(value)
    return deep(value, plain=plain, partial=partial, travels=travels) if data is None else Canonical(data, ())


def deep(value: object, *, plain: bool = False, partial: bool = False, travels: bool = False) -> Canonical:
    """Encode a value that is not `flat`."""
    encoder = _Encoder(plain=plain, partial=partial, travels=travels)
    try:
        try:
            data = encoder.nested(value) if type(value) in FLAT else encoder.encode(value)
        except _CycleError:
            if plain:
                message = "it contains itself"
                raise Unencodable(message) from None
            encoder = _Encoder(plain=plain, partial=partial, travels=travels, numbered=True)
            data = encoder.encode(value)
    except RecursionError:
        message = "it is nested too deeply"
        raise Unencodable(message) from None
    return Canonical(data, tuple(encoder.refs.values()), tuple(encoder.modules.values()), tuple(encoder.own))


class _CycleError(Exception):
    """A value contains itself."""


class _Encoder:
    """Encodes one value.

    A part is looked up by identity only for the work it saves, unless the value contains itself (`numbered`): then a
    part met before is written as its number, since nothing else bounds the work.
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
        self._within: set[int] = set()  # the classes that libraries made of which what is inside is encoded

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
        """Encode a value that has no word of its own and is not flat."""
        if isinstance(value, type) or (isinstance(value, FunctionType) and is_user_code(value)):
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
            raise _CycleError
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
        except Unencodable as problem:  # which nobody has given as a value
            message = f"{_name(kind)} cannot be taken apart: {problem}"
            raise Unencodable(message) from None
        arguments = b"".join([pack("<I", len(made.arguments)), *map(self._part, made.arguments)])
        return b"".join((b"*", maker, arguments, self._attributes(made.attributes, later), self._items(made.content)))

    def _maker(self, maker: Any) -> bytes:
        """Encode what makes an instance: any function, also where a function is no data by itself."""
        by_name = not self._plain or isinstance(maker, (type, FunctionType))
        return self._part(maker) if by_name else self._encode_apart(maker, plain=False)

    def _part(self, value: Any) -> bytes:
        """Encode what an instance is made with, which may be a class also where a class is no data by itself."""
        return self._refer(value) if isinstance(value, (type, FunctionType)) else self.encode(value)

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
        """Encode what is in a class that a library made, which no code tells; nothing where it is met in itself.

        That says the same wherever the class is met, be it in one of its instances that it holds.
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
        apart = _Encoder(plain=False, partial=True, travels=self._travels)
        try:
            data = apart._members(made)
        except _CycleError:
            apart = _Encoder(plain=False, partial=True, travels=self._travels, numbered=True)
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
        apart = _Encoder(plain=plain, partial=self._partial, travels=self._travels)
        try:
            data = apart.encode(value)
        except _CycleError:
            message = "a set whose element contains it has no order"
            raise Unencodable(message) from None
        self._join(apart)
        return data

    def _join(self, apart: _Encoder) -> None:
        self.refs.update(apart.refs)
        self.modules.update(apart.modules)
        self.own += apart.own


def _name(kind: type) -> str:
    return f"{'an' if kind.__qualname__[0] in 'AEIOUaeiou' else 'a'} {kind.__qualname__}"
