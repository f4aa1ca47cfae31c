"""Ctrl-C, once and twice, SIGTERM and SIGHUP: children end, what is finished is kept, the status says why it ended."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

from tests.processes import is_gone, until

TASKS = """
import multiprocessing, subprocess, time

class Quick(Task):
    def run_task(self) -> int:
        return 1

class Slow(Task):
    quick: Requires[int]
    def __init__(self):
        self.quick = Quick()
    def run_task(self) -> int:
        if not (HERE / 'go').exists():
            child = subprocess.Popen(['sleep', '1000'])
            note(f'{os.getpid()} {child.pid}')
            time.sleep(1000)
        return self.quick + 1

class Prefixed(Slow):
    _task_prefix_command = 'nice'

class InThread(Slow):
    def run_task(self) -> int:
        if not (HERE / 'go').exists():
            note(str(os.getpid() if self.alone() else 0))
            for _ in range(10_000):  # a signal between Python's look for one and the call would not end a long sleep
                time.sleep(0.1)
        return self.quick + 1
    @staticmethod
    def alone() -> bool:
        return multiprocessing.parent_process() is not None
"""
KINDS = {
    "process": ["Slow"],
    "prefix": ["Prefixed"],
    "thread": ["InThread", "-x", "thread"],
    "foreign": ["InThread", "-x", "concurrent.futures:ThreadPoolExecutor"],
    "foreign processes": ["InThread", "-x", "concurrent.futures:ProcessPoolExecutor"],
    "interactive": ["InThread", "-i"],
}


def noted(flow: Any, is_alive: Callable[[], bool]) -> list[int]:
    """The processes that a task has told of, once it has."""
    notes = flow.folder / "notes"
    while not notes.exists() or not notes.read_text().endswith("\n"):
        assert is_alive()
        time.sleep(0.005)
    return [pid for note in flow.notes() for pid in map(int, note.split()) if pid]


def command(flow: Any, *words: str) -> list[str]:
    return [sys.executable, "-m", "taskproc_cli", "run", str(flow.path), *words, "-o", str(flow.cache)]


@pytest.mark.parametrize(
    ("kind", "number", "status", "times"),
    [
        *[(kind, signal.SIGINT, 130, 1) for kind in KINDS],
        ("process", signal.SIGINT, 130, 2),
        ("prefix", signal.SIGINT, 130, 2),
        ("process", signal.SIGTERM, 143, 1),
        ("prefix", signal.SIGHUP, 129, 1),
        ("thread", signal.SIGTERM, 143, 1),
        ("foreign processes", signal.SIGTERM, 143, 1),
        ("interactive", signal.SIGTERM, 143, 1),
        ("interactive", signal.SIGHUP, 129, 2),
    ],
)
def test_a_signal_ends_a_run_and_its_children(flow: Any, kind: str, number: int, status: int, times: int) -> None:
    flow.write(TASKS)
    with (flow.folder / "said").open("w") as said:
        run = subprocess.Popen(
            command(flow, *KINDS[kind]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
    pids = noted(flow, lambda: run.poll() is None)
    if times > 1:
        until(lambda: flow.plan("Quick()").is_done, run)  # at the second signal nothing more is recorded
    for _ in range(times):
        run.send_signal(number)
    assert run.wait(timeout=20) == status
    while not all(map(is_gone, pids)):
        time.sleep(0.005)
    text = (flow.folder / "said").read_text()
    assert "Traceback" not in text
    assert "what had finished is kept, and the same command goes on from there" in text
    (flow.folder / "go").touch()
    ran = flow.run(f"{KINDS[kind][0]}()")
    assert (ran.value, ran.reused) == (2, {"Quick": 1})


def test_ctrl_c_at_a_terminal(flow: Any, request: pytest.FixtureRequest) -> None:
    flow.write(TASKS)
    child = pexpect.spawn(command(flow, "Slow")[0], command(flow, "Slow")[1:], encoding="utf-8", timeout=30)
    request.addfinalizer(lambda: child.close(force=True))
    modes = termios.tcgetattr(child.child_fd)
    pids = noted(flow, child.isalive)
    child.sendintr()
    child.expect("goes on from there")
    child.expect(pexpect.EOF)
    with contextlib.suppress(termios.error):  # the terminal may be gone with its last process
        assert termios.tcgetattr(child.child_fd) == modes
    child.close()
    assert child.exitstatus == 130
    while not all(map(is_gone, pids)):
        time.sleep(0.005)


def test_the_library_is_usable_after_an_interrupt(flow: Any) -> None:
    flow.write(TASKS)

    def interrupt() -> None:
        noted(flow, lambda: True)
        os.kill(os.getpid(), signal.SIGINT)  # as a terminal does; a thread's own signal would not wake this one

    waiting = threading.Thread(target=interrupt, daemon=True)
    waiting.start()
    with pytest.raises(KeyboardInterrupt):
        flow.run("Slow()", executor="process")
    waiting.join()
    (flow.folder / "go").touch()
    ran = flow.run("Slow()", executor="process")
    assert (ran.value, ran.executed, ran.reused) == (2, {"Slow": 1}, {"Quick": 1})


def interrupt_at_random(flow: Any, count: int) -> None:
    flow.write(TASKS)
    (flow.folder / "go").touch()
    chance = random.Random(3)
    for _ in range(count):
        run = subprocess.Popen(
            command(flow, "Slow", "-f"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(chance.random() * 0.6)  # any moment will do
        run.send_signal(signal.SIGINT)
        text = run.communicate()[1].decode()
        if "KeyboardInterrupt" in text and "taskproc_cli" not in text:
            continue  # Python itself had not begun with the program
        assert run.returncode in {0, 130, -signal.SIGINT}, text
        assert "Traceback" not in text, text
        assert "bug" not in text, text
    print(f"{count} interrupts at random moments")
    assert flow.run("Slow()").value == 2


def test_an_interrupt_at_any_moment_shows_no_traceback(flow: Any) -> None:
    interrupt_at_random(flow, 4)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_interrupts_at_many_moments(flow: Any) -> None:
    interrupt_at_random(flow, 200)
