"""`taskproc show`: the recorded result of a task."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from taskproc.errors import NoResultError, RequestError
from taskproc_cli.problems import UsageError, users_code
from taskproc_cli.request import load_class
from taskproc_cli.views import terminal
from taskproc_cli.views.result import json_of, pretty, write_out

if TYPE_CHECKING:
    from taskproc.graph import Node
    from taskproc_cli.request import Instance, Request

WIDTH = 80
"""Columns that a result takes where stdout is no terminal."""


def show(request: Request, *, json: bool = False) -> None:
    """Show the recorded result of a task.

    It must be up to date; that of TASK#ID is shown whether it is or not.

    Nothing runs. Where there is no result, it says why.

    For example: taskproc show taskfile.py Train --seed 3, or taskproc show taskfile.py Train#7
    """
    if request.target.instance is None:
        node = request.recorded_node()
        label, value = node.label, _present(node, request)
    else:
        instance = request.instance()
        label, value = instance.label, _recorded(instance, request)
    width, coloured = terminal.width_out() or WIDTH, terminal.out_takes_colour()
    with users_code(f"the result of {label} cannot be shown"):
        text = _json(value, label) if json else pretty(value, width, coloured=coloured)
    write_out(f"{text}\n", "json" if json else "")


def _present(node: Node, request: Request) -> Any:
    """The up-to-date result of a task."""
    from taskproc.run import recorded_result
    from taskproc.store import open_store

    try:
        with users_code(f"the result of {node.label} cannot be read", passing=(NoResultError,)):
            return recorded_result(node)
    except NoResultError as error:
        with open_store(node.home, write=False) as store:
            row = store.read({node.name: [node.key]}).rows.get(node.key)
        if row is None or row.good is None:
            raise
        from taskproc_cli.again import same_place

        instance = f"{request.target.task or node.short}#{row.task_id}"
        old = same_place("show", request.target, node.home, instance)
        raise NoResultError(f"{error}; {old} shows the old one") from None


def _recorded(instance: Instance, request: Request) -> Any:
    """The last good result of a task, from whatever it was made."""
    from taskproc.payloads import recorded_source
    from taskproc.value import DamagedValueError, load

    row = instance.row
    if row.good is None:
        reason = f"it failed: {row.failure.reason}" if row.failure else "cleared" if row.cleared else "never ran"
        raise NoResultError(f"{instance.label} has no result ({reason})")
    with suppress(RequestError):
        load_class(request.target)  # its result may refer to what the taskfile defines
    with users_code(f"the result of {instance.label} cannot be read", passing=(NoResultError,)):
        try:
            return load(recorded_source(request.cache.path, instance.name, instance.key, row.task_id, row.good.output))
        except DamagedValueError as error:
            raise NoResultError(f"{instance.label} has no result (damaged: {error.reason}); run it again") from None


def _json(value: object, label: str) -> str:
    from pydantic_core import PydanticSerializationError

    try:
        return json_of(value)
    except (ValueError, PydanticSerializationError) as error:
        reason = str(error).rpartition("Error: ")[2]  # pydantic's own words before it say no more
        raise UsageError(f"--json: the result of {label} can't be said in JSON: {reason}") from None
