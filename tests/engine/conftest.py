"""Batches of small classes that stand for tasks, and what executors answer."""

from __future__ import annotations

import fcntl
import os
import pickle
import queue
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from taskproc.batch import LAST, Answer, Batch, ClassRef, Executor, Payload, PrefixCommand, SlotValue

_NOBODY = 65534

CLASSES = '''
import os, signal, subprocess, sys, threading, time
from pathlib import Path
import pickle


class Stand:
    """Stands for a task: `args` came with the payload, `slots` hold the values."""

    @classmethod
    def _task_revive(cls, state, slots, folder, task_id):
        self = cls()
        self.args, self.slots, self.folder, self.task_id = pickle.loads(state), slots, folder, task_id
        return self


class Same(Stand):
    def run_task(self):
        return self.args


class Slots(Stand):
    def run_task(self):
        return self.slots


class Add(Stand):
    def run_task(self):
        return self.args + sum(self.slots.values())


class Call(Stand):
    """Runs the code it was given; what that leaves in `result` is the result."""

    def run_task(self):
        names = {**globals(), "self": self}
        exec(compile(self.args, __file__, "exec"), names)
        return names.get("result")
'''


@dataclass
class Lab:
    """A folder with a module of stand-ins; makes batches of them, and lets executors run these."""

    folder: Path
    module: str
    serial: int = 0
    heard: list[Answer] = field(default_factory=list[Answer])

    def ref(self, name: str, **changes: Any) -> ClassRef:
        return ClassRef(self.module, name, **{"path": str(self.folder / f"{self.module}.py"), **changes})

    def batch(
        self, *jobs: tuple[Any, ...], echo: bool = False, refs: tuple[ClassRef, ...] | None = None, command: str = ""
    ) -> Batch:
        """Each job is a class's name, its argument, and slots."""
        self.serial += 1
        names = sorted({job[0] for job in jobs})
        payloads = tuple(
            Payload(
                cls=names.index(name),
                state=pickle.dumps(args),
                slots=tuple(slots),
                folder=str(self.folder / "cache" / f"{self.serial:08x}{index:08x}"),
                task_id=index,
                level=9,
                echo=echo,
                uses=(),
            )
            for index, (name, args, *slots) in enumerate(jobs)
        )
        path = (str(self.folder), *sys.path)
        classes = refs or tuple(map(self.ref, names))
        prefix = PrefixCommand(command) if command else None
        return Batch(self.serial, classes, payloads, path, str(self.folder), prefix)

    def run(self, executor: Executor, batch: Batch) -> list[Answer]:
        """All answers to a batch."""
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        executor.submit(batch, lambda serial, answer: answers.put(answer) if serial == batch.serial else None)
        heard: list[Answer] = []
        while not heard or not isinstance(heard[-1], LAST):
            heard.append(answers.get(timeout=60))
        return heard

    @staticmethod
    def slot(name: str, *sources: Any, layout: Any = None) -> SlotValue:
        return SlotValue(name, layout, tuple(s if type(s) is tuple else (s, ()) for s in sources))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    module = f"stand_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(CLASSES)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return Lab(tmp_path, module)


@pytest.fixture
def unprivileged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache, in the working folder, and no right but its owner's meanwhile: root may write to every folder."""
    monkeypatch.chdir(tmp_path)
    own = os.geteuid()
    if own == 0:
        os.chown(tmp_path, _NOBODY, -1)
        os.seteuid(_NOBODY)
    try:
        yield Path()
    finally:
        os.seteuid(own)


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as macOS has them: case is ignored where they are opened, and a descriptor tells its path."""
    if hasattr(fcntl, "F_GETPATH"):
        return
    get_path, ask, find = 50, fcntl.fcntl, os.open

    def answer(number: int, what: int, *more: Any) -> Any:
        if what != get_path:
            return ask(number, what, *more)
        return os.fsencode(os.readlink(f"/dev/fd/{number}")).ljust(len(more[0]), b"\0")

    def find_any(path: Any, *more: Any, **others: Any) -> int:
        if not os.path.isabs(path):
            return find(path, *more, **others)
        there = Path("/")
        for name in Path(path).parts[1:]:
            alike = {folded(found): found for found in os.listdir(there)}
            there /= alike.get(folded(name), name)
        return find(there, *more, **others)

    def folded(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()

    monkeypatch.setattr("taskproc.filesystem.GET_PATH", get_path)
    monkeypatch.setattr("taskproc.unclosed._DESCRIPTORS", "/dev/fd")
    monkeypatch.setattr(fcntl, "fcntl", answer)
    monkeypatch.setattr("taskproc.filesystem.os.open", find_any)
