"""Tasks in unit tests."""

from __future__ import annotations

import atexit
import copy
import functools
import shutil
import tempfile
from operator import getitem
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc.copies import Place, filled, node_of
from taskproc.fixed import own_copy
from taskproc.future import is_const
from taskproc.requires import slots_of
from taskproc.task import Task

if TYPE_CHECKING:
    from taskproc.graph import Edge, Node

AnyTask = TypeVar("AnyTask", bound=Task)


def with_values(task: AnyTask, /, **values: Any) -> AnyTask:
    """A copy of a task with plain values in its slots, as it is when it runs: call its `run_task`.

    What the task needs is not run, and nothing is recorded. A slot that was given nothing but constants has their
    values, unless others are given. `task_directory` is a temporary folder that lasts as long as the process.

    Args:
        task: A task that is defined; its attributes are what `__init__` left.
        values: The value of each slot: a list for a `RequiresList`, a dict for a `RequiresDict`.

    Raises:
        TypeError: a name is no slot, or a slot has no value.

    Example:
        >>> with Cache("./cache"):
        ...     task = Choose(6, 3)
        >>> assert with_values(task, prev1=10, prev2=10).run_task() == 20
    """
    node = node_of(task, "with_values")
    slots = slots_of(type(task))
    for name in values.keys() - slots.keys():
        raise TypeError(f"{type(task).__qualname__} has no slot {name}: it has {', '.join(slots) or 'none'}")
    made = type(task).__new__(type(task))
    attributes = copy.deepcopy(node.own, {id(task): made})  # which may lead back to the task
    held = {name: values[name] if name in values else _known(node, name) for name in slots}
    return filled(made, attributes | held, Place(task.task_args, node.key.hex(), _scratch()))


def _known(node: Node, name: str) -> object:
    """The value of a slot that was given constants alone."""
    found = [_value(edge) for edge in node.edges if edge.slot == name]
    layout = slots_of(node.cls)[name].layout(node.state[name])
    if layout is None:
        return found[0]
    return found if isinstance(layout, int) else dict(zip(layout, found, strict=True))


def _value(edge: Edge) -> object:
    if not is_const(edge.source):
        raise TypeError(f"slot {edge.slot} needs {edge.source}, which has not run: give its value, {edge.slot}=...")
    return own_copy(functools.reduce(getitem, edge.item, edge.source.value))


def _scratch() -> str:
    """A fresh folder that is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="taskproc-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
