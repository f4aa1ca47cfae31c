"""Values as people and other programs read them: at a glance, and as JSON."""

from __future__ import annotations

import re
import reprlib
from collections import deque
from collections.abc import Mapping
from enum import Enum
from types import FunctionType
from typing import TYPE_CHECKING, Any

from taskproc.canonical import canonical
from taskproc.fields import fields_of
from taskproc.future import Const, FutureBase, Item, is_const, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_JSON = frozenset({type(None), bool, int, float, str})

SHOWN = 60
"""Characters of an argument that are shown to people."""

_BREAK = re.compile(r"\s*\n\s*")
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+(?=>)")
"""Where an object lies in memory, as its repr tells, which is elsewhere in each process."""


class _Glimpse(reprlib.Repr):
    """See `glimpse`."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = SHOWN

    def repr_int(self, x: int, level: int) -> str:
        try:
            repr(x)
        except ValueError:  # longer than Python writes out; that of 3.14 would tell its address
            return f"<int of {x.bit_length():,} bits>"
        return super().repr_int(x, level)

    def repr1(self, x: object, level: int) -> str:
        if isinstance(x, Item):
            return self.repr1(x.source, level) + "".join(f"[{key!r}]" for key in x.path)
        if is_const(x):
            return f"Const({self.repr1(x.value, level - 1)})"
        return f"{type(x).__qualname__}(…)" if isinstance(x, FutureBase) else super().repr1(x, level)

    def repr_instance(self, x: object, level: int) -> str:
        if isinstance(x, (type, FunctionType)):
            return x.__qualname__
        if isinstance(x, Enum) and x.name:
            return f"{type(x).__qualname__}.{x.name}"
        return ADDRESS.sub("", super().repr_instance(x, level))


_glimpse = _Glimpse()


def glimpse(value: object) -> str:
    """A value in little space and time, on one line: a future by its class alone, long things cut short."""
    return _BREAK.sub(" ", _glimpse.repr(value))


def _reference(future: FutureBase) -> dict[str, Any]:
    """A future as JSON: which task, and which item of its result."""
    return _told(*_bare_reference(future))


def _told(name: str, key: bytes, path: Sequence[Any]) -> dict[str, Any]:
    return {"__task__": name, "__key__": key.hex(), "__item__": [*path]}


def _bare_reference(future: FutureBase) -> tuple[str, bytes, tuple[Any, ...]]:
    node: Any = getattr(future, "_task_node", None)
    if node is not None:
        return node.name, node.key, ()
    source, path = origin_of(future)
    task: Any = source
    if isinstance(source, Const):
        name, key = "Const", source.digest
    elif task._task_node is not None:
        name, key = task._task_node.name, task._task_node.key
    else:  # one that came back in a result
        name, key = task.task_name, bytes.fromhex(task._task_place.key)
    return name, key, tuple([to_json(at) for at in path]) if path else ()


def packed_json(value: Any) -> Any:
    """The same as `to_json`, a reference being a tuple: for a task of many futures, a fifth of the memory."""
    return value if value.__class__ in _JSON else to_json(value, _bare_reference)


def unpacked_json(value: Any) -> Any:
    """What `to_json` gives, from what `packed_json` gave."""
    kind = value.__class__
    if kind is tuple:
        return _told(*value)
    if kind is list:
        return [unpacked_json(entry) for entry in value]
    return {name: unpacked_json(entry) for name, entry in value.items()} if kind is dict else value


def to_json(value: Any, refer: Callable[[FutureBase], Any] = _reference) -> Any:
    """A value as JSON: a future becomes a reference, all else the plain data it is made of.

    What is told of it, given back to a parameter with an annotation, makes an equal value, but for futures, time zones
    with a name, and bytes that are no text.
    """
    kind = value.__class__
    if kind in _JSON:
        return value
    if issubclass(kind, FutureBase):
        return refer(value)
    if issubclass(kind, Enum):
        return to_json(value.value, refer)
    if issubclass(kind, Mapping):
        return {str(to_json(key)): to_json(entry, refer) for key, entry in value.items()}
    if issubclass(kind, (set, frozenset)):
        return [to_json(entry, refer) for entry in sorted(value, key=lambda entry: canonical(entry).data)]
    if issubclass(kind, (list, tuple, deque)):
        return [to_json(entry, refer) for entry in value]
    if getattr(kind, "__pydantic_root_model__", False):
        return to_json(value.root, refer)
    made_from = _fields(value)
    return _text(value) if made_from is None else {name: to_json(entry, refer) for name, entry in made_from.items()}


def _fields(value: Any) -> dict[str, Any] | None:
    """What a dataclass or a pydantic model is made from; None for what is neither."""
    cls = value.__class__
    if not hasattr(cls, "__dataclass_fields__") and not hasattr(cls, "__pydantic_fields__"):
        return None
    config = getattr(cls, "model_config", None) or getattr(cls, "__pydantic_config__", {})
    by_alias = config.get("validate_by_alias") is not False
    fields = {name: field for name, field in fields_of(cls).items() if field.init is not False}
    names = {name: _alias(field) or name if by_alias else name for name, field in fields.items()}
    return {key: getattr(value, name) for name, key in names.items()} | (getattr(value, "model_extra", None) or {})


def _alias(field: Any) -> str | None:
    """What gives a field of a pydantic class instead of its name, if anything does."""
    alias = getattr(field, "validation_alias", None) or getattr(field, "alias", None)
    return next((one for one in (alias, *getattr(alias, "choices", ())) if isinstance(one, str)), None)


def _text(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return value.decode(errors="backslashreplace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "total_seconds"):  # the text of a negative one means to pydantic something else
        return f"-{-value}" if value.total_seconds() < 0 else str(value)
    plain = value.tolist() if hasattr(value, "tolist") and hasattr(value, "dtype") else value
    return as_text(value) if type(plain) is type(value) else to_json(plain)


def as_text(value: object, how: Callable[[object], str] = str) -> str:
    """A value as text, whatever its class makes of `str` or `repr`."""
    try:
        return how(value)
    except Exception:  # noqa: BLE001  the user's own `__repr__`
        return f"<{type(value).__qualname__}>"
