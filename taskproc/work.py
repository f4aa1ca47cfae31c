"""A batch, worked off: by a process of ours, a thread, a call of a foreign executor or a prefix command."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskproc.attempt import Results, run_payload, where
from taskproc.batch import Answer, Batch, Ended, Failed, Payload, Refused, Returned
from taskproc.bytecode import PYTHON
from taskproc.failure import packed, reason_of, users_traceback
from taskproc.files import remove_attempt
from taskproc.imported import newest, note_since
from taskproc.loading import RefusedError, load_class, loaded, refuse_other_code
from taskproc.locks import is_swept
from taskproc.record import Made
from taskproc.wire import Parcel, encoded_answers, read_batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskproc.batch import ClassRef
    from taskproc.capture import Capture


ENOUGH = 0.1
"""Seconds of work after which a batch ends whose answers come at its end: it was thought to take less."""


class Work:
    """A batch that is worked off by one thread, and may be recalled by another."""

    def __init__(
        self,
        batch: Batch,
        send: Callable[[Answer], None],
        capture: Capture,
        *,
        cwd: str = "",
        on_loaded: Callable[[], None] = lambda: None,
        on_error: Callable[[BaseException], None] = lambda error: None,  # noqa: ARG005
    ) -> None:
        """Prepare; with `cwd`, each task begins in that folder. `on_loaded` is called before the first one."""
        self.serial = batch.serial
        self._batch = batch
        self._send = send
        self._capture = capture
        self._cwd = cwd
        self._on_loaded = on_loaded
        self._on_error = on_error
        self._pending = deque(range(len(batch.payloads)))
        self._lock = threading.Lock()
        self._begun = False

    def recall(self) -> None:
        """Give back what has not begun; the first payload counts as begun."""
        with self._lock:
            first = () if self._begun else (self._pending.popleft(),)
            positions = tuple(self._pending)
            self._pending = deque(first)
            if positions:
                self._send(Returned(positions))

    def run(self, most: float = math.inf) -> None:
        """Answer every payload, then `Ended`; or `Refused` if the batch can't begin.

        What a task has imported must be what its class and its values reach where they come from. What has not begun
        after `most` seconds is given back.
        """
        classes = self._classes()
        if classes is None:
            return
        self._on_loaded()
        results, deadline = Results(), time.monotonic() + most
        begun = last = newest()
        while (position := self._next()) is not None:
            payload = self._batch.payloads[position]
            if payload.slots and not _sources(payload) <= results.keys():
                self._send(Returned((position,)))
                continue
            if self._cwd:
                os.chdir(self._cwd)
            ref, cls = self._batch.classes[payload.cls], classes[payload.cls]
            try:
                if last != begun:  # what tasks before it have imported may not be what this one reaches
                    refuse_other_code(ref, cls, payload.uses)
                answer = run_payload(position, payload, cls, results, self._capture, self._send, self._on_error)
                before, last = last, newest()
                if before != last:
                    note_since(before)
                    refuse_other_code(ref, cls, payload.uses)
            except RefusedError as error:
                results.pop(position, None)
                remove_attempt(Path(payload.folder))
                answer = Failed(position, str(error), "", b"", "", "", Made(time.time(), 0.0, where(os.getpid())))
            self._send(answer)
            if time.monotonic() > deadline:
                self.recall()
        self._send(Ended())

    def run_for_others(self, most: float = math.inf) -> None:
        """The same where the run that wants the answers may be over meanwhile: then nothing is left behind."""
        self.run(most)
        if is_orphan(self._batch):  # nobody will sweep it once more
            for payload in self._batch.payloads:
                remove_attempt(Path(payload.folder))

    def _classes(self) -> list[type[Any]] | None:
        """The classes of the batch; None if that is refused. One that no payload has may be missing in a container."""
        needed = {payload.cls for payload in self._batch.payloads}
        classes: list[type[Any]] = []
        for number, ref in enumerate(self._batch.classes):
            try:
                classes.append(load_class(ref))
            except BaseException as error:  # noqa: BLE001  importing runs the user's code
                if number in needed:
                    self._refuse(ref, error)
                    return None
                classes.append(object)
        for number, uses in dict.fromkeys([(payload.cls, payload.uses) for payload in self._batch.payloads]):
            ref = self._batch.classes[number]
            try:
                refuse_other_code(ref, classes[number], uses)
            except BaseException as error:  # noqa: BLE001
                self._refuse(ref, error)
                return None
        return classes

    def _next(self) -> int | None:
        with self._lock:
            self._begun = True
            return self._pending.popleft() if self._pending else None

    def _refuse(self, ref: ClassRef, error: BaseException) -> None:
        with self._lock:
            self._begun = True
            self._pending.clear()
        self._send(refusal(f"{ref.module}:{ref.qualname}", error))


def _sources(payload: Payload) -> set[int]:
    """The positions of earlier payloads that a payload reads."""
    return {source for slot in payload.slots for source, _ in slot.sources if isinstance(source, int)}


def refusal(what: str, error: BaseException) -> Refused:
    """The answer to a batch that can't begin."""
    if isinstance(error, RefusedError):
        return Refused(str(error))
    return Refused(f"{what} can't be loaded in a worker: {reason_of(error)}", users_traceback(error), packed(error))


def is_orphan(batch: Batch) -> bool:
    """Whether the run that a batch is of is over, and what it left was removed: nobody will take the answers."""
    return any(is_swept(payload.folder) for payload in batch.payloads[:1])


def answers_to(message: Parcel, cwd: str, work: Callable[[Batch, Callable[[Answer], None]], None]) -> bytes:
    """The pickled answers that `work` gives for the batch in a parcel, which is read in the folder `cwd`, if any."""
    if message.python != PYTHON:
        reason = f"the worker has Python {PYTHON}, and this run has {message.python}: let them be the same"
        return encoded_answers([Refused(f"{reason}, since code travels between them")])
    answers: list[Answer] = []
    try:
        if cwd:
            os.chdir(cwd)
        batch = loaded(read_batch, message.batch)
    except BaseException as error:  # noqa: BLE001
        answers.append(refusal("the batch", error))
    else:
        work(batch, answers.append)
    return encoded_answers(answers)
