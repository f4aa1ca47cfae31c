"""`taskproc accept`: take recorded results as valid for code that did not make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc_cli.views import terminal
from taskproc_cli.views.quantities import count
from taskproc_cli.views.result import write_lines, write_out
from taskproc_cli.views.why import diff_lines

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskproc.changes import Version
    from taskproc.record import Key, Row
    from taskproc_cli.request import Request


def accept(request: Request, *, dry_run: bool = False) -> None:
    """Take recorded results as valid for the present code.

    This is for a change of the code that makes no difference to results. It takes those of TASK that other code has
    made; with parameters, or as TASK#ID, only that one. Who did so is recorded, and `taskproc why` shows it. A task
    that holds, in an argument or attribute, an object whose class has changed runs all the same.

    For example: taskproc accept taskfile.py Train --dry-run
    """
    from taskproc import Task
    from taskproc.acceptance import accepted
    from taskproc.fingerprint import Fingerprinter
    from taskproc.store import open_store

    name, rows = _rows(request)
    cls = request.parameters.cls
    codes = Fingerprinter(Task)
    found = {key: (row, new) for key, row in rows.items() if (new := accepted(row, cls, codes)) is not None}
    what = f"{count(len(found), 'result')} of {name} for the present code"
    if not found:
        terminal.say(f"there is no result of {name} in {request.cache.path} that other code has made")
    elif dry_run:
        write_out(f"would accept {what}\n")
        for then in _versions(request, [row for row, _ in found.values()]):
            write_lines(diff_lines(then, codes.of(cls).parts))
    else:
        code = codes.of(cls)
        with open_store(request.cache) as store:
            done = store.accept(name, found, {code.digest: code.parts})
        terminal.say(f"accepted {what}" if len(done) == len(found) else f"accepted {len(done)} of {what}")
        if left := _left(request, done):
            terminal.say(f"{left:,} of them will run all the same: argument or attribute changed")


def _left(request: Request, accepted: Collection[Key]) -> int:
    """How many tasks run all the same, of those whose arguments are known."""
    from taskproc.decision import AttributeChanged, Run
    from taskproc.options import Options
    from taskproc.run import make_plan

    nodes = [node for node in request.main_nodes() if node.key in accepted]
    decisions = make_plan(nodes[0], Options(), *nodes[1:]).decisions if nodes else {}
    found = [decisions[node.key] for node in nodes]
    return sum(isinstance(each, Run) and isinstance(each.reason, AttributeChanged) for each in found)


def _rows(request: Request) -> tuple[str, dict[Key, Row]]:
    """What is recorded of the tasks that are meant: one, or all of a class."""
    if request.target.instance is not None or request.loaded:
        instance = request.instance()
        return instance.name, {instance.key: instance.row}
    name = request.parameters.cls.task_name
    with request.store() as store:
        return name, store.read_all(name).rows


def _versions(request: Request, rows: list[Row]) -> list[Version]:
    """The code that made some results, each version once."""
    made = dict.fromkeys(row.good.inputs.code for row in rows if row.good is not None)
    with request.store() as store:
        return [then for code in made if (then := store.version(code)) is not None]
