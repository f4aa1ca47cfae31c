"""What a killed runner leaves running ends with it, whatever it is at; what it still brings is discarded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import is_gone, members_of

TASKS = """
import re, subprocess, time

class Sleeper(Task):
    def run_task(self) -> int:
        child = subprocess.Popen(['sleep', '1000'])
        note(f'{os.getpid()} {child.pid}')
        time.sleep(1000)

class PrefixedSleeper(Sleeper):
    _task_prefix_command = 'nice'

class Stubborn(Task):
    def run_task(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        note(f'{os.getpid()}')
        time.sleep(1000)

class Holder(Task):
    def run_task(self) -> int:
        note(f'{os.getpid()}')
        re.match('(a+)+$', 'a' * 60 + 'b')  # holds the interpreter for ages

class PrefixedHolder(Holder):
    _task_prefix_command = 'env X=1'

class Starter(Task):
    def run_task(self) -> int:
        child = subprocess.Popen(['sleep', '1000'])
        note(f'{os.getpgrp()} {child.pid}')
        return child.pid

class PrefixedStarter(Starter):
    _task_prefix_command = 'nice'

class Late(Task):
    _task_prefix_command = 'exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-;'  # passes nothing on, as a batch system would

    def run_task(self) -> str:
        note(f'{os.getpid()}')
        if (HERE / 'late').exists():
            while (HERE / 'late').exists():
                time.sleep(0.01)
            (self.task_directory / 'file').write_text('late')
            return 'late' * 10_000
        return 'right'
"""

OTHER_SYSTEM = """
import fcntl, signal

vars(fcntl).pop("F_SETSIG", None)
signal.signal(signal.SIGIO, signal.SIG_IGN)
"""


@pytest.fixture(params=["this", "another"])
def system(request: pytest.FixtureRequest, flow: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """This system, or one where no signal tells that the other end of a socket is gone, as macOS."""
    if request.param == "another":
        (flow.folder / "sitecustomize.py").write_text(OTHER_SYSTEM)
        monkeypatch.setenv("PYTHONPATH", str(flow.folder))
    return str(request.param)


def await_gone(pids: list[int]) -> None:
    """Return once these processes are over; the test's timeout tells if one never is."""
    while not all(map(is_gone, pids)):
        time.sleep(0.005)


def start(flow: Any, text: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A run in a process of its own, and the processes that its task has noted."""
    script = (
        f"import sys; sys.path.insert(0, {str(flow.folder)!r})\n"
        f"from {flow.path.stem} import *\n"
        f"with Cache({str(flow.cache)!r}):\n"
        f"    task = {text}\n"
        f"task.run_graph()\n"
    )
    runner = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.DEVNULL)
    notes = flow.folder / "notes"
    while not notes.exists() or not notes.read_text().endswith("\n"):
        assert runner.poll() is None
        time.sleep(0.005)
    return runner, [int(pid) for note in flow.notes() for pid in note.split()]


@pytest.mark.parametrize("name", ["Sleeper", "PrefixedSleeper", "Stubborn", "Holder", "PrefixedHolder"])
def test_nothing_outlives_a_killed_runner(flow: Any, name: str, system: str) -> None:
    flow.write(TASKS)
    runner, pids = start(flow, f"{name}()")
    runner.kill()
    runner.wait()
    began = time.monotonic()
    await_gone(pids)
    print(f"{len(pids)} processes gone after {time.monotonic() - began:.3f} s")


@pytest.mark.parametrize("name", ["Starter", "PrefixedStarter"])
def test_what_a_task_leaves_in_the_background_stays_and_nothing_of_ours(flow: Any, name: str, system: str) -> None:
    flow.write(TASKS)
    runner, (group, child) = start(flow, f"{name}()")
    assert runner.wait() == 0
    while members_of(group) != [child]:
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)


def test_an_attempt_that_outlives_its_run_is_discarded(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    flow.write(TASKS)
    (flow.folder / "late").touch()
    runner, pids = start(flow, "Late()")
    runner.kill()
    runner.wait()
    os.kill(pids[0], 0)  # it is still there
    flow.edit(("if (HERE / 'late').exists()", "if False"))
    assert flow.run("Late()", executor="process").value == "right"
    (flow.folder / "late").unlink()
    await_gone(pids)
    assert flow.run("Late()").value == "right"
    assert leftovers(flow.cache) == []
