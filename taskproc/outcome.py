"""What an attempt becomes when it is over: a record, with the stamp by which readers will compare it, or an error."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from typing import TYPE_CHECKING, Any

from taskproc.capture import tail as last_words
from taskproc.causes import blocked
from taskproc.decision import Cleared, Damaged, Forced
from taskproc.errors import FailedTaskError
from taskproc.files import LOGS, attempt_folder, check_manifest, remove_attempt, restored_manifest
from taskproc.plan import epoch, make_stamp
from taskproc.record import Output, Record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from taskproc.batch import Done
    from taskproc.decision import Reason
    from taskproc.graph import Graph, Node
    from taskproc.record import Failure, FileEntry, Inputs, Key, Row

SALT_WIDTH = 8


def conclude(
    node: Node,
    row: Row,
    reason: Reason,
    inputs: Inputs,
    epochs: Sequence[bytes],
    done: Done,
    *,
    read: bool,
) -> Record:
    """The record of a task that ran.

    A result equal to the recorded one, whose files are whole, keeps the recorded attempt, so that paths into it stay
    true; not if that was found damaged, holds the bytecode of another Python, or its own attempt has been `read` by a
    later task of the same batch. Who forces a task may do so because of what size and time of its files don't tell.

    Args:
        node: The task.
        row: What was known of it before.
        reason: Why it ran.
        inputs: What it was made from.
        epochs: Those of its upstreams, in the order of the edges.
        done: The worker's answer.
        read: Whether another task has this attempt's value already.
    """
    old = row.good.output if row.good is not None else None
    if done.shows_nothing or isinstance(reason, (Cleared, Forced)):
        salt = os.urandom(SALT_WIDTH)
    else:
        salt = old.salt if old is not None else b""
    own = epoch(salt, epochs)
    inline, files, folder = done.inline, done.files, done.attempt
    keeps_own = read or isinstance(reason, Damaged) or not (files or done.names_folder)
    if old is not None and not keeps_own and (old.digest, old.python) == (done.digest, done.python):
        recorded = attempt_folder(node.cache, node.name, row.task_id, old.attempt)
        if _is_whole(recorded, old.files, by_content=isinstance(reason, Forced)):
            inline, files, folder = old.inline, old.files, old.attempt
    named = attempt_folder(node.cache, node.name, row.task_id, folder) if done.names_folder else None
    stamp = make_stamp(done.digest, own, named)
    output = Output(done.digest, stamp, salt, own, inline, folder, files, done.refs, done.refs_code, done.python)
    return Record(inputs, output, done.made)


def drop_attempt(node: Node, row: Row, attempt: str, kept: str) -> None:
    """Remove an attempt that nothing refers to, after its logs have replaced those of the kept one."""
    own = attempt_folder(node.cache, node.name, row.task_id, attempt)
    for log in LOGS:
        try:
            os.replace(own / log, own.with_name(kept) / log)
        except FileNotFoundError:  # it printed nothing
            (own.with_name(kept) / log).unlink(missing_ok=True)
    remove_attempt(own)


def failed_task(node: Node, name: str, task_id: int, failure: Failure, tail: str, folder: str) -> FailedTaskError:
    """The error that tells of a failure of the task of that `name`; `folder` is its attempt's, empty without one."""
    logs = [path for log in LOGS if folder and os.path.exists(path := os.path.join(folder, log))]
    error = FailedTaskError(
        name,
        failure.reason,
        task=node.task,
        where=f"{node.name}#{task_id}",
        details=failure.details,
        output=tail or (last_words(folder) if folder else ""),  # it may have failed in another run
        log=folder if len(logs) > 1 else "".join(logs),
    )
    error.__cause__ = _unpickled(failure.error)
    return error


def failure_of(
    failures: Mapping[Key, FailedTaskError], graph: Graph, *, keep_going: bool
) -> FailedTaskError | ExceptionGroup[FailedTaskError]:
    """What to raise for the tasks that failed, each of which learns how many it blocks; the first tells the others."""
    errors = list(failures.values())
    for needed, number in Counter(blocked(graph, failures).values()).items():
        bits = needed
        while bits:
            first = bits & -bits
            errors[first.bit_length() - 1].blocks += number
            bits ^= first
    if keep_going:
        return ExceptionGroup(f"{len(errors)} task{'s' * (len(errors) > 1)} failed", errors)
    for other in errors[1:]:
        errors[0].add_note(f"{other.label} failed too: {other.reason}")
    return errors[0]


def _is_whole(folder: Path, files: Collection[FileEntry], *, by_content: bool) -> bool:
    """Whether an attempt's files are what they were: by size and time, or by content as well."""
    try:
        return check_manifest(folder, files) is None and not (by_content and restored_manifest(folder, files) is None)
    except OSError:
        return False


def _unpickled(error: bytes) -> BaseException | None:
    try:
        found: Any = pickle.loads(error) if error else None
    except Exception:  # noqa: BLE001  unpickling runs the exception's own code
        return None
    return found if isinstance(found, BaseException) else None
