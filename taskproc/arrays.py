"""What numpy's values are made of: the memory of each field, without the gaps between them."""

from __future__ import annotations

import sys
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EXTENDED = 63  # bits after the point of a number of 80


def is_numpy(kind: type[Any], name: str) -> bool:
    """Whether a type is one of numpy's, or derives from it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(kind, getattr(numpy, name, ()))


def in_scalar(scalar: Any) -> Iterable[object]:
    """The bytes of a number, or of both parts of a complex one; a scalar with fields is taken as an array."""
    if scalar.dtype.kind == "V":
        return in_array(sys.modules["numpy"].asarray(scalar))
    parts = (scalar.real, scalar.imag) if scalar.dtype.kind == "c" else (scalar,)
    # An empty text has no width, but bytes.
    return [b"nan" if part != part else part.tobytes()[: _width(part.dtype) or None] for part in parts]  # noqa: PLR0124


def in_array(array: Any) -> Iterator[object]:
    """The memory or the objects of an array, field by field, since anything may be in the gaps between fields.

    The metadata of a dtype come first, since its name does not tell them.
    """
    if array.dtype.metadata:
        yield dict(array.dtype.metadata)
    if array.dtype.names:
        for name in array.dtype.names:
            yield from in_array(array[name])
        return
    values = array.ravel()
    if array.dtype.hasobject:
        yield values.tolist()
        return
    values = values.view(values.real.dtype) if array.dtype.kind == "c" else values
    memory, size, width = values.view("u1"), values.itemsize, _width(values.dtype)
    yield PickleBuffer(memory if width == size else memory.reshape(-1, size)[:, :width].ravel())


def _width(dtype: Any) -> int:
    """How many bytes of a number count: one of 80 bits takes 12 or 16 bytes, of which the rest may hold anything."""
    is_extended = dtype.char == "g" and dtype.isnative and sys.modules["numpy"].finfo(dtype).nmant == _EXTENDED
    return 10 if is_extended else int(dtype.itemsize)
