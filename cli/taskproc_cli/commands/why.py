"""`taskproc why`: the state of one task, its reason, and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc.errors import RequestError
from taskproc_cli.request import load_class
from taskproc_cli.run_options import usual
from taskproc_cli.views import terminal
from taskproc_cli.views.plan import warn_of_impossible
from taskproc_cli.views.result import write_lines
from taskproc_cli.views.why import why_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.fingerprint import Fingerprint
    from taskproc_cli.request import Request


def why(request: Request) -> None:
    """Say why a task would run, or would not.

    With what changed, line by line, and when and where the recorded result was made. It writes nothing.

    For example: taskproc why taskfile.py Train --seed 3, or taskproc why taskfile.py Train#7
    """
    write_lines(_lines(request))


def _lines(request: Request) -> Iterator[str]:
    from taskproc.evidence import evidence, recorded_evidence

    if request.target.instance is None:
        node = request.recorded_node()
        label = node.label
    else:
        instance = request.instance()
        needed = next((node for node in request.main_nodes() if node.key == instance.key), None)
        if needed is None:
            found = recorded_evidence(request.cache, instance.name, instance.row, _present_code(request))
            return why_lines(instance.label, found)
        node, label = needed, f"{needed.label}#{instance.row.task_id}"
    options = usual(request, node)
    found = evidence(node, options)
    if found.plan is not None:
        warn_of_impossible(found.plan, options)
    return why_lines(label, found)


def _present_code(request: Request) -> Fingerprint | None:
    """The present code of the class; None where that is not to be had, which is told."""
    from taskproc import Task
    from taskproc.fingerprint import Fingerprinter

    try:
        return Fingerprinter(Task).of(load_class(request.target))
    except RequestError as error:
        terminal.warn_of_refusal(error)
        return None
