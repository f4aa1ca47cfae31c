"""Several runs on one cache at once: each body runs once, whoever runs it, and its failure counts for all."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from taskproc import FailedTaskError
from taskproc.events import Planned
from tests.processes import until

TASKS = """
class Choose(Task):
    prev1: Requires[int]
    prev2: Requires[int]
    def __init__(self, n: int, k: int):
        if 0 < k < n:
            self.prev1 = Choose(n - 1, k - 1)
            self.prev2 = Choose(n - 1, k)
        else:
            self.prev1 = Const(0)
            self.prev2 = Const(1)
        self.n, self.k = n, k
    def run_task(self) -> int:
        note(f'{self.n} {self.k}')
        meet()
        return self.prev1 + self.prev2

def meet():
    '''Be slow until all runs have begun.'''
    import time
    while len(list(HERE.glob('*.begun'))) < int((HERE / 'runs').read_text()):
        time.sleep(0.002)

class Bad(Task):
    def run_task(self):
        note('Bad')
        meet()
        raise ValueError('bad')

class Needs(Task):
    bad: Requires[int]
    def __init__(self, n: int):
        self.bad = Bad()
    def run_task(self):
        return self.bad
"""

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from {module} import *
from taskproc import FailedTaskError
from taskproc.events import Planned
from taskproc.options import Options
from taskproc.run import run

def listen(event):
    if isinstance(event, Planned):
        Path({folder!r}, sys.argv[2] + '.begun').touch()

with Cache({cache!r}):
    task = eval(sys.argv[1])
try:
    print(run(task._task_node, Options(workers=2), listen)[0])
except FailedTaskError as error:
    print(error.label, error.reason)
"""


def begin(flow: Any, number: int, text: str) -> subprocess.Popen[str]:
    script = SCRIPT.format(folder=str(flow.folder), module=flow.path.stem, cache=str(flow.cache))
    words = [sys.executable, "-c", script, text, str(number)]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def begin_thread(flow: Any, number: int, text: str, found: list[Any]) -> threading.Thread:
    def listen(event: Any) -> None:
        if isinstance(event, Planned):
            (flow.folder / f"{number}.begun").touch()

    def run() -> None:
        try:
            found.append(flow.run(text, executor="thread", workers=2, listener=listen).value)
        except FailedTaskError as error:
            found.append(f"{error.label} {error.reason}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def together(flow: Any, processes: list[str], threads: list[str]) -> list[str]:
    """What runs in processes and in threads of this one come to, none of which can end before all have begun."""
    (flow.folder / "runs").write_text(str(len(processes) + len(threads)))
    found: list[Any] = []
    begun = [begin(flow, number, text) for number, text in enumerate(processes)]
    begun_threads = [begin_thread(flow, number, text, found) for number, text in enumerate(threads, len(processes))]
    for thread in begun_threads:
        thread.join()
    answers = [process.communicate()[0].strip() for process in begun]
    assert [process.returncode for process in begun] == [0] * len(begun)
    return [*answers, *map(str, found)]


def test_each_body_runs_once(flow: Any) -> None:
    flow.write(TASKS)
    text = "Choose(7, 3)"
    assert together(flow, [text] * 3, [text] * 2) == ["35"] * 5
    notes = flow.notes()
    assert set(notes.values()) == {1}
    assert len(notes) == len(flow.plan(text).graph.nodes)
    assert flow.run(text).executed == {}
    assert list((flow.cache / ".runs").iterdir()) == []


def test_runs_of_parts_and_wholes_share_what_they_can(flow: Any) -> None:
    flow.write(TASKS)
    answers = together(flow, ["Choose(7, 3)", "Choose(6, 3)"], ["Choose(5, 2)", "Choose(7, 4)"])
    assert sorted(answers) == ["10", "20", "35", "35"]
    assert set(flow.notes().values()) == {1}


def test_a_failure_counts_for_all_that_wait(flow: Any) -> None:
    flow.write(TASKS)
    answers = together(flow, ["Needs(1)", "Bad()"], ["Needs(2)", "Bad()"])
    assert answers == ["Bad() ValueError: bad"] * 4
    assert flow.notes() == {"Bad": 1}


def test_a_task_of_a_killed_run_is_taken_over(flow: Any) -> None:
    """The first run waits, in a task, for a second one that waits for this very task; then it is killed."""
    flow.write(TASKS)
    (flow.folder / "runs").write_text("3")
    first = begin(flow, 0, "Choose(4, 2)")
    until((flow.folder / "notes").exists, first)
    second = begin(flow, 1, "Choose(4, 2)")
    until((flow.folder / "1.begun").exists, second)
    first.kill()
    first.communicate()
    (flow.folder / "2.begun").touch()
    assert second.communicate()[0] == "6\n"
    assert flow.run("Choose(4, 2)").executed == {}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_many_runs_again_and_again(flow: Any) -> None:
    flow.write(TASKS)
    for size in range(6, 12):
        for path in flow.folder.glob("*.begun"):
            path.unlink()
        together(flow, [f"Choose({size}, {k})" for k in (2, 3, 4)] * 2, [f"Choose({size}, {k})" for k in (3, 4)])
        assert set(flow.notes().values()) == {1}
