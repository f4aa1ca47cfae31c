"""How batches and answers travel: as pickles, made of their fields alone.

What a named tuple does by itself for pickle takes longer than running a small task; payloads and answers, of which
there is one for each task, do not even name their class.
"""

from __future__ import annotations

import copyreg
import pickle
import struct
from sys import intern
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from taskproc.batch import (
    Answer,
    Batch,
    ClassRef,
    Damaged,
    Done,
    Failed,
    Finished,
    Lost,
    Payload,
    Printed,
    Returned,
    SlotValue,
    Stored,
    Uses,
)
from taskproc.pickling import PROTOCOL, pickled
from taskproc.record import FileEntry, Made
from taskproc.taskfile import path_of

if TYPE_CHECKING:
    from collections.abc import Callable


_LENGTH = struct.Struct("<Q")


class Parcel(NamedTuple):
    """A pickled batch, and what must be in place before it is read: its keys may be of the user's own types."""

    serial: int
    sys_path: tuple[str, ...]
    cwd: str
    main: str
    batch: bytes


def parcel(batch: Batch) -> bytes:
    """Make a batch ready to travel."""
    bare: Any = tuple([(*one[:-1], tuple(map(tuple, one.slots))) for one in batch.payloads])
    data = pickled(tuple(batch._replace(payloads=bare)))
    return encoded(Parcel(batch.serial, batch.sys_path, batch.cwd, path_of("__main__"), data))


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


def read_answer(file: IO[bytes]) -> Answer:
    """The next answer in a file of encoded ones.

    Raises:
        EOFError: There is none, or only a part of one.
    """
    head = file.read(_LENGTH.size)
    data = file.read(*_LENGTH.unpack(head)) if len(head) == _LENGTH.size else b""
    if not data:
        raise EOFError
    return _answer(pickle.loads(data))  # a quarter of what reading the pickle from the file takes


def encoded_answers(answers: list[Answer]) -> bytes:
    """The pickle of the answers to a whole batch."""
    return pickle.dumps([_fields(answer) for answer in answers], PROTOCOL)


def decoded_answers(data: bytes) -> list[Answer]:
    """The answers of `encoded_answers`."""
    return [_answer(fields) for fields in pickle.loads(data)]


def _fields(answer: Answer) -> tuple[Any, ...]:
    number = _ANSWERS.index(type(answer))
    if isinstance(answer, (Done, Failed)):
        return (number, *answer[:-1], *answer.made)
    return (number, *answer)


def _answer(fields: tuple[Any, ...]) -> Answer:
    number: int = fields[0]
    kind = _ANSWERS[number]
    if number >= _TIMED:
        return kind(*fields[1:])
    start, duration, where = fields[-3:]
    return kind(*fields[1:-3], Made(start, duration, intern(where)))


_ANSWERS: tuple[Callable[..., Answer], ...] = (Done, Failed, Damaged, Returned, Printed, Lost, Finished)
_TIMED = 2  # the first ones, which end with when and where they were made


def _by_fields(cls: type[Any]) -> None:
    copyreg.pickle(cls, lambda message: (cls, tuple(message)))


for _cls in (ClassRef, Stored, Uses, Parcel, FileEntry):
    _by_fields(_cls)
