"""What a foreign executor calls to have a batch worked off, in a process and a thread that are not ours.

Such a process may have served other runs: it may hold older code (see `taskproc.loading`), or see another folder in the
place of the cache's. And the executor may make a call again, even at the same time, when it takes a worker for dead.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from taskproc.batch import Answer, Batch, Refused
from taskproc.bytecode import PYTHON, keep_settled_only
from taskproc.capture import borrowed_process
from taskproc.loading import held
from taskproc.locks import known_runs
from taskproc.taskfile import stand_in
from taskproc.threads import ThreadCapture
from taskproc.token import another, run_of
from taskproc.work import ENOUGH, Work, answers_to, is_orphan

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskproc.wire import Parcel


def run_pickled(blob: bytes) -> bytes:
    """Run a pickled `Parcel`; gives the pickled list of answers.

    Each time counts as an attempt of its own, with folders of its own. The one whose answers come back is recorded.
    """
    message: Parcel = pickle.loads(blob)
    if message.pid != os.getpid():
        keep_settled_only()
    entries = [entry or message.cwd for entry in message.sys_path]
    entries += [entry for entry in sys.path if entry not in entries]
    if entries != sys.path:
        sys.path[:] = entries
    stand_in(message.main)
    is_main = threading.current_thread() is threading.main_thread()
    cwd = message.cwd if is_main else ""
    has_process = is_main and message.pid != os.getpid() and _has_streams()

    def work(batch: Batch, send: Callable[[Answer], None]) -> None:
        if not _sees_run(batch):
            send(Refused(f"the folder of the cache is not the run's at {os.uname().nodename}"))
            return
        own = [one._replace(folder=_another(one.folder)) for one in batch.payloads]  # each tells its own
        with (
            held(batch.classes),
            borrowed_process() if has_process else contextlib.nullcontext(ThreadCapture()) as capture,
        ):
            Work(batch._replace(payloads=tuple(own)), send, capture, cwd=cwd).run_for_others(ENOUGH)

    return answers_to(message, cwd, work)


def _has_streams() -> bool:
    """Whether descriptors 0 to 2 are the standard streams still: a process may begin without, or have closed them."""
    with contextlib.suppress(OSError):
        for number in range(3):
            os.fstat(number)
        return None not in {sys.__stdin__, sys.__stdout__, sys.__stderr__}
    return False


def _another(folder: str) -> str:
    """The folder of one more attempt of the same run at the same task."""
    task, _, attempt = folder.rpartition("/")
    return f"{task}/{another(run_of(attempt))}"


def _sees_run(batch: Batch) -> bool:
    """Whether the run is there still, and looks for what the batch leaves where this process puts it."""
    return not is_orphan(batch) and all(Path(one.folder).parents[2].is_dir() for one in batch.payloads[:1])


class Surroundings(NamedTuple):
    """What a call finds where it is made; `runs` are those that it sees in the cache."""

    taskproc: str
    python: str
    host: str
    runs: tuple[str, ...]


def look_around(cache: str) -> Surroundings:
    """Tell of this process, and of the cache as seen from it."""
    from importlib.metadata import PackageNotFoundError, version

    installed = ""
    with contextlib.suppress(PackageNotFoundError):
        installed = version("taskproc")
    return Surroundings(installed, PYTHON, os.uname().nodename, tuple(known_runs(Path(cache))))
