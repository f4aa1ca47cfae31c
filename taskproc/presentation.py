"""Values as people and other programs read them: at a glance, and as JSON."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any, cast

from taskproc.canonical import canonical
from taskproc.future import Const, FutureBase, Item, is_const

SHOWN = 60
"""Characters of an argument that are shown to people."""


class _Glimpse(reprlib.Repr):
    """See `glimpse`."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = SHOWN

    def repr1(self, x: object, level: int) -> str:
        if isinstance(x, Item):
            return self.repr1(x.source, level) + "".join(f"[{key!r}]" for key in x.path)
        if is_const(x):
            return f"Const({self.repr1(x.value, level - 1)})"
        return f"{type(x).__qualname__}(…)" if isinstance(x, FutureBase) else super().repr1(x, level)


_glimpse = _Glimpse()


def glimpse(value: object) -> str:
    """A value in little space and time: a future by its class alone, long things cut short."""
    return _glimpse.repr(value)


def reference(future: FutureBase) -> dict[str, Any]:
    """A future as JSON: which task, and which item of its result."""
    source, path = (future.source, future.path) if isinstance(future, Item) else (future, ())
    if isinstance(source, Const):
        name, key = "Const", source.digest
    else:
        node = cast("Any", source)._task_node
        name, key = node.name, node.key
    return {"__task__": name, "__key__": key.hex(), "__item__": [to_json(at) for at in path]}


def to_json(value: Any) -> Any:
    """A value as JSON: a future becomes a reference, all else the plain data it is made of."""
    kind = value.__class__
    if kind in (type(None), bool, int, float, str):
        return value
    if issubclass(kind, FutureBase):
        return reference(value)
    if issubclass(kind, Mapping):
        return {key if isinstance(key, str) else glimpse(key): to_json(entry) for key, entry in value.items()}
    if issubclass(kind, (set, frozenset)):
        return [to_json(entry) for entry in sorted(value, key=lambda entry: canonical(entry).data)]
    if issubclass(kind, (list, tuple)):
        return [to_json(entry) for entry in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: to_json(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(kind, "model_fields"):
        return {name: to_json(getattr(value, name)) for name in kind.model_fields}
    if hasattr(value, "_value_") and hasattr(value, "_name_"):
        return to_json(value.value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else str(value)
