"""Tasks in unit tests."""

from __future__ import annotations

import atexit
import contextlib
import copy
import functools
import shutil
import tempfile
from operator import getitem
from typing import TYPE_CHECKING, Any, TypeVar

from taskproc.copies import Place, copy_of, node_of
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
    held = {name: values[name] if name in values else _known(node, name) for name in slots}
    made = copy_of(type(task), held, Place(task.task_args, node.key.hex(), _scratch()))
    memo = {id(task): made}  # to which attributes may lead back
    vars(made).update({name: _copied(value, memo) for name, value in node.own.items()})
    return made


def _copied(value: object, memo: dict[int, Any]) -> object:
    with contextlib.suppress(Exception):  # a lock, a module: the task has it as it is
        return copy.deepcopy(value, memo)
    return value


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
