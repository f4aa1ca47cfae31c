"""Results that a person has accepted as valid for code that did not make them."""

from __future__ import annotations

import getpass
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from taskproc.origin import resolve
from taskproc.pages import find_value, put_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskproc.fingerprint import Fingerprinter
    from taskproc.pages import Entries
    from taskproc.record import Key, Row


class Acceptance(NamedTuple):
    """That a person accepted a result: when (seconds since the epoch), who (`name@host`), and the code that made it."""

    when: float
    who: str
    code: bytes


def accepted(row: Row, cls: type, codes: Fingerprinter) -> Row | None:
    """The row of a task as it is once its result is accepted for the present code; None if there is nothing to accept.

    Only the code of the task, and of the classes in its value, is taken for the present one: what was cleared, has
    failed since or was made from other inputs stays so.
    """
    if row.good is None:
        return None
    inputs = row.good.inputs._replace(code=codes.of(cls).digest)
    output = row.good.output
    refs = [target for target in map(resolve, output.refs) if target is not None]
    if refs and len(refs) == len(output.refs):
        output = output._replace(refs_code=codes.refs(refs))
    good = row.good._replace(inputs=inputs, output=output)
    return None if good == row.good else row._replace(good=good)


def write(entries: Entries, name: str, found: Mapping[Key, tuple[Row, Row]]) -> None:
    """Record that the second row of each task was accepted in the place of the first; in a transaction."""
    about = time.time(), f"{_user()}@{os.uname().nodename}"
    for old, new in found.values():
        if old.good is not None:
            before = read(entries, name, old)
            code = before.code if before is not None else old.good.inputs.code
            put_value(entries, _entry(name, old), (_mark(new), *about, code))


def read(entries: Entries, name: str, row: Row) -> Acceptance | None:
    """Who has accepted the result of a row, if a person has, and it was not made anew since."""
    mark, *told = find_value(entries, _entry(name, row), (None,))
    return Acceptance(*told) if mark is not None and mark == _mark(row) else None


def _mark(row: Row) -> tuple[Any, ...] | None:
    """What tells one making of a result from another."""
    return None if row.good is None else (row.good.made.start, row.good.made.where, row.good.output.digest)


def _entry(name: str, row: Row) -> bytes:
    return f"accepted:{name}:{row.task_id}".encode("utf-8", "surrogatepass")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may have no name for its user
        return str(os.getuid())
