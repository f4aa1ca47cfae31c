"""One payload, run: from where its values are to what it left."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import pickle
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from taskproc.batch import Answer, Damaged, Done, Echoed, Failed, Payload, SlotValue, Source, Stored
from taskproc.canonical import digest
from taskproc.capture import tail
from taskproc.context import blocks, in_task
from taskproc.failure import packed, reason_of, users_traceback
from taskproc.files import DATA, RESULT, take_manifest
from taskproc.flat import SCALARS
from taskproc.loading import code_of
from taskproc.notes import note_output, note_undeclared
from taskproc.pickling import UnkeepableError
from taskproc.record import WIDTH, FileEntry, Made
from taskproc.unclosed import close_logs, hold_dropped, unclosed
from taskproc.value import DamagedValueError, Dumped, dump, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskproc.batch import Steps
    from taskproc.capture import Capture
    from taskproc.echo import Echo

_PLAIN = frozenset({dict, list, tuple})
_BARE = (type(None), bool)  # results that show nothing of what their task did, unless it left files
_SMALL = 1 << 24  # bytes of a result's file up to which its value is held for the next reader
_COMPARED = 1 << 30  # bytes of files above which two attempts are never called equal


class Results(dict[int, bytes | Stored]):
    """Where the values of a batch's earlier payloads are, by position.

    A small value of which one item was read is held for the next reader, since there may be a task for each item. It
    is held only while its readers get nothing that can be modified.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: tuple[Source, object] | None = None

    def value(self, source: Source) -> Any:
        """A fresh copy of a value, which its reader may modify."""
        return load(self[source] if isinstance(source, int) else source)

    def shared(self, source: Source) -> Any:
        """A value that others may be given too: after giving a reader what can be modified of it, call `let_go`."""
        if self._held is not None and self._held[0] == source:
            return self._held[1]
        self._held = None  # before another one takes memory
        value = self.value(source)
        if _is_small(self[source] if isinstance(source, int) else source):
            self._held = source, value
        return value

    def let_go(self) -> None:
        """Hold the value no longer: it belongs to its last reader."""
        self._held = None


def _is_small(place: bytes | Stored) -> bool:
    with contextlib.suppress(OSError):  # it may be gone by now
        return isinstance(place, bytes) or os.path.getsize(place.path) <= _SMALL
    return False


class SlotError(Exception):
    """A slot's item is not in the value that it comes from."""


def run_payload(
    position: int,
    payload: Payload,
    cls: type[Any],
    results: Results,
    capture: Capture,
    send: Callable[[Answer], None],
    on_error: Callable[[BaseException], None],
) -> Answer:
    """Run one task to its answer; a result is added to `results`.

    What the task prints meanwhile goes to `send`, if the payload asks for that. `on_error` is called with an exception
    of the task while its frames are alive, and may raise one itself.
    """
    start, clock = time.time(), time.perf_counter()
    echo: Echo | None = (lambda stream, text: send(Echoed(position, stream, text))) if payload.echo else None
    dumped: Dumped | None = None
    is_bare = False
    error: BaseException | None = None
    holds = capture.has_process and gc.isenabled()  # the collector off, until what is left open was looked at
    try:
        with capture(payload.folder, echo):
            try:
                value = _run(payload, cls, results, holds=holds)
                path = f"{payload.folder}/{RESULT}"
                dumped = dump(value, path, payload.level, functools.partial(code_of, cls))
                is_bare = isinstance(value, _BARE)
                del value  # it may hold files open that its pickle does not need
            except DamagedValueError as damage:
                return Damaged(position, damage.key, damage.reason)
            except BaseException as raised:  # noqa: BLE001  SystemExit and KeyboardInterrupt of a task are its failure
                if holds:
                    gc.enable()
                note_output(raised)
                on_error(raised)
                error = raised
        kept = capture.has(payload.folder)
        if kept:
            close_logs(f"{payload.folder}/{DATA}")
        if dumped is not None:
            return _done(position, payload, dumped, results, _made(start, clock), is_bare=is_bare, kept=kept)
    except UnkeepableError as unkeepable:
        error = unkeepable
    except OSError as trouble:
        error = UnkeepableError(f"what it left can't be kept: {trouble}")
    finally:
        if holds:
            gc.enable()
    assert error is not None
    return _failed(position, payload, error, _made(start, clock))


def _run(payload: Payload, cls: type[Any], results: Results, *, holds: bool) -> object:
    slots = {slot.name: _slot(slot, results) for slot in payload.slots}
    task = cls._task_revive(payload.state, slots, payload.folder, payload.task_id)
    outside, around, process = in_task.set(True), blocks.set(()), os.getpid()
    try:
        return task.run_task()
    except (AttributeError, TypeError) as error:
        note_undeclared(cls, vars(cast("object", task)), error)
        raise
    finally:
        if holds:
            hold_dropped(f"{payload.folder}/{DATA}")
        if os.getpid() != process:
            _end_child(sys.exception())
        in_task.reset(outside)
        blocks.reset(around)


def _end_child(error: BaseException | None) -> NoReturn:
    """End a child that a task has forked, and that leaves the task, with the status that Python would give it."""
    code = error.code if isinstance(error, SystemExit) else None if error is None else users_traceback(error)
    with contextlib.suppress(Exception):  # whatever the task has left of the streams
        if not isinstance(code, int | None):
            sys.stderr.write(f"{str(code).rstrip()}\n")
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit((code if isinstance(code, int) else code is not None) & 0xFF)


def _slot(slot: SlotValue, results: Results) -> object:
    values: list[object] = []
    try:
        for source, item in slot.sources:
            values.append(_value(source, _steps(item) if item else (), results))
    except SlotError as error:
        raise SlotError(f"slot {slot.name}{_at(slot.layout, len(values))}: {error}") from error.__cause__
    if slot.layout is None:
        return values[0]
    if isinstance(slot.layout, int):
        return values
    return dict(zip(_steps(slot.layout), values, strict=True))


def _at(layout: int | Steps | None, number: int) -> str:
    """Where in a slot its value of that number goes: `[3]`, `['test']`, or nothing."""
    if layout is None:
        return ""
    return f"[{number if isinstance(layout, int) else _steps(layout)[number]!r}]"


def _steps(steps: Steps) -> tuple[object, ...]:
    return pickle.loads(steps) if isinstance(steps, bytes) else steps


def _value(source: Source, item: tuple[object, ...], results: Results) -> object:
    if not item:
        return results.value(source)
    value = results.shared(source)
    is_plain = True
    for step in item:
        is_plain = is_plain and type(value) in _PLAIN
        try:
            value = value[step]
        except Exception as error:
            path = "".join(f"[{part!r}]" for part in item)
            raise SlotError(f"the upstream's result has no item {path} ({reason_of(error)})") from error
    if not (is_plain and type(value) in SCALARS):
        results.let_go()
    return value


def _done(
    position: int, payload: Payload, dumped: Dumped, results: Results, made: Made, *, is_bare: bool, kept: bool
) -> Done:
    files: tuple[FileEntry, ...] = ()
    if kept:
        _refuse_unclosed(payload.folder)
        known = {dumped.entry.path: dumped.entry.digest} if dumped.entry else {}
        files = take_manifest(Path(payload.folder), known)
    if dumped.inline is None:
        assert dumped.entry is not None
        results[position] = Stored(f"{payload.folder}/{RESULT}", dumped.entry.digest, b"")
    else:
        results[position] = dumped.inline
    return Done(
        position=position,
        digest=_digest(dumped, files),
        inline=dumped.inline,
        files=files,
        refs=dumped.refs,
        refs_code=dumped.refs_code,
        names_folder=dumped.names_folder,
        shows_nothing=dumped.points_out or (is_bare and all(entry.size < 0 for entry in files)),
        attempt=os.path.basename(payload.folder) if kept else "",
        python=dumped.python,
        made=made,
    )


def _refuse_unclosed(folder: str) -> None:
    """Keep no file that may not be whole: its buffer is written when it is closed."""
    data = f"{folder}/{DATA}"
    if os.access(data, os.F_OK) and (path := unclosed(data)):
        raise UnkeepableError(
            f"{path} in its task_directory was left open, so it may not be whole: close it before run_task returns"
        )


def _digest(dumped: Dumped, files: tuple[FileEntry, ...]) -> bytes:
    """The digest of a value and of the files beside it."""
    own = [entry for entry in files if entry.path != RESULT]
    if not own:
        return dumped.digest
    if sum(max(entry.size, 0) for entry in own) > _COMPARED:
        return os.urandom(WIDTH)
    return digest(
        dumped.digest,
        *(part for entry in own for part in (entry.path.encode("utf-8", "surrogateescape"), entry.digest)),
    )


def _failed(position: int, payload: Payload, error: BaseException, made: Made) -> Failed:
    raised = error.__cause__ or error if isinstance(error, (UnkeepableError, SlotError)) else error
    return Failed(
        position=position,
        reason=str(error) if isinstance(error, SlotError) else reason_of(error),
        details=users_traceback(raised),
        error=packed(raised),
        tail=tail(payload.folder),
        attempt=os.path.basename(payload.folder) if os.path.isdir(payload.folder) else "",
        made=made,
    )


def _made(start: float, clock: float) -> Made:
    return Made(start, time.perf_counter() - clock, where(os.getpid()))


@functools.cache
def where(pid: int) -> str:
    """Where a process is, as `host:pid`."""
    return f"{os.uname().nodename}:{pid}"
