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

from taskproc.encoder import Canonical, CycleError, Encoder, Unencodable
from taskproc.flat import FLAT, digest, flat

__all__ = ["Canonical", "Unencodable", "canonical", "digest", "flat"]


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
    encoder = Encoder(plain=plain, partial=partial, travels=travels)
    try:
        try:
            data = encoder.nested(value) if type(value) in FLAT else encoder.encode(value)
        except CycleError:
            if plain:
                message = "it contains itself"
                raise Unencodable(message) from None
            encoder = Encoder(plain=plain, partial=partial, travels=travels, numbered=True)
            data = encoder.encode(value)
    except RecursionError:
        message = "it is nested too deeply"
        raise Unencodable(message) from None
    return Canonical(data, tuple(encoder.refs.values()), tuple(encoder.modules.values()), tuple(encoder.own))
