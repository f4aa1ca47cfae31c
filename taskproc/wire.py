"""How batches and answers travel: as pickles, made of their fields alone.

What a named tuple does by itself for pickle takes longer than running a small task; payloads and answers, of which
there is one for each task, do not even name their class.
"""

from __future__ import annotations

import copyreg
import os
import pickle
import struct
import sys
from typing import Any, NamedTuple

from taskproc.batch import (
    Answer,
    Batch,
    ClassRef,
    CodeFile,
    Damaged,
    Done,
    Echoed,
    Ended,
    Failed,
    Lost,
    Payload,
    Refused,
    Returned,
    SlotValue,
    Stored,
    Uses,
)
from taskproc.bytecode import PYTHON
from taskproc.pickling import PROTOCOL
from taskproc.record import FileEntry, Made
from taskproc.taskfile import path_of

_LENGTH = struct.Struct("<Q")


class Parcel(NamedTuple):
    """A pickled batch, and what must be in place before its classes are loaded, and what has values of theirs is read.

    It is read by the same `python` (`3.12`) only, since it may hold code. `pid` is the runner's.
    """

    sys_path: tuple[str, ...]
    argv: tuple[str, ...]
    cwd: str
    main: str
    python: str
    pid: int
    batch: bytes


def parcel(batch: Batch) -> bytes:
    """Make a batch ready to travel."""
    bare: Any = tuple([(*one[:-1], tuple(map(tuple, one.slots))) for one in batch.payloads])
    data = pickle.dumps(tuple(batch._replace(payloads=bare)), PROTOCOL)
    argv = tuple(map(str, getattr(sys, "argv", [""])))  # an embedded Python may have none
    return encoded(Parcel(batch.sys_path, argv, batch.cwd, path_of("__main__"), PYTHON, os.getpid(), data))


def read_batch(data: bytes) -> Batch:
    """The batch in a parcel."""
    batch = Batch(*pickle.loads(data))
    whole = tuple([Payload(*one[:-1], tuple([SlotValue(*slot) for slot in one[-1]])) for one in batch.payloads])
    return batch._replace(payloads=whole)


def encoded(message: Parcel | int | None) -> bytes:
    """The pickle of a message to a worker."""
    return pickle.dumps(message, PROTOCOL)


def encoded_answer(answer: Answer) -> bytes:
    """The length and the pickle of an answer."""
    data = pickle.dumps(_fields(answer), PROTOCOL)
    return _LENGTH.pack(len(data)) + data


def take_answers(data: bytearray) -> list[Answer]:
    """The encoded answers at the beginning of some data, which are removed from it; a part of one stays."""
    answers: list[Answer] = []
    end = 0
    with memoryview(data) as view:
        while len(view) - end >= _LENGTH.size:
            start = end + _LENGTH.size
            stop = start + _LENGTH.unpack_from(view, end)[0]
            if stop > len(view):
                break
            answers.append(_answer(pickle.loads(view[start:stop])))
            end = stop
    del data[:end]
    return answers


def encoded_answers(answers: list[Answer]) -> bytes:
    """The pickle of the answers to a whole batch."""
    return pickle.dumps([_fields(answer) for answer in answers], PROTOCOL)


def decoded_answers(data: bytes) -> list[Answer]:
    """The answers of `encoded_answers`."""
    return [_answer(fields) for fields in pickle.loads(data)]


def _fields(answer: Answer) -> tuple[Any, ...]:
    number = _NUMBERS[type(answer)]
    if isinstance(answer, (Done, Failed)):
        return (number, *answer[:-1], *answer.made)
    return (number, *answer)


def _answer(fields: tuple[Any, ...]) -> Answer:
    number: int = fields[0]
    kind = _ANSWERS[number]
    if number >= _TIMED:
        return kind._make(fields[1:])
    start, duration, where = fields[-3:]
    return kind._make((*fields[1:-3], Made(start, duration, sys.intern(where))))


_ANSWERS = (Done, Failed, Damaged, Returned, Echoed, Lost, Refused, Ended)
_NUMBERS = {kind: number for number, kind in enumerate(_ANSWERS)}
_TIMED = 2  # the first ones, which end with when and where they were made


def _by_fields(cls: type[Any]) -> None:
    copyreg.pickle(cls, lambda message: (cls, tuple(message)))


for _cls in (ClassRef, CodeFile, Stored, Uses, Parcel, FileEntry):
    _by_fields(_cls)
