"""Kills in the middle of runs: nothing that was recorded is lost, nothing runs twice, and nothing is left running."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from taskproc.decision import UpToDate
from tests.processes import is_gone

RECORDED = """
def recorded(wanted):
    '''Wait until that many good records are there, told by what they have.'''
    import time
    from taskproc import Cache
    from taskproc.store import open_store
    while True:
        with open_store(Cache(HERE / 'cache'), write=False) as store:
            rows = [row for name in store.names() for row in store.read_all(name).rows.values() if row.good]
        if wanted(rows):
            return
        time.sleep(0.005)

def kill_runner():
    '''Once, if armed: the runner is the worker's parent.'''
    if (HERE / 'armed').exists():
        (HERE / 'armed').unlink()
        os.kill(os.getppid(), signal.SIGKILL)
        while True:
            signal.pause()
"""

CHOOSE = """
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
        if (self.n, self.k) == (5, 3) and (HERE / 'armed').exists():
            recorded(lambda rows: sum(bool(row.good.output.epoch) for row in rows) == 2)
            kill_runner()
        note(f'{self.n} {self.k}')
        return self.prev1 + self.prev2
"""

CHAIN = """
class Chain(Task):
    prev: Requires[int]
    def __init__(self, n: int, at: int):
        self.prev = Chain(n - 1, at) if n else Const(0)
        self.n, self.at = n, at
    def run_task(self) -> int:
        note(f'{os.getpid()}')
        if self.n == self.at:
            if (HERE / 'armed').exists():
                recorded(lambda rows: len(rows) == self.n)
                kill_runner()
        return self.prev + 1
"""


def start(flow: Any, text: str, **options: Any) -> subprocess.Popen[str]:
    """A run of its own, in a process."""
    words = ", ".join(f"{name}={value!r}" for name, value in options.items())
    script = (
        f"import sys; sys.path.insert(0, {str(flow.folder)!r})\n"
        f"from {flow.path.stem} import *\n"
        f"with Cache({str(flow.cache)!r}):\n"
        f"    task = {text}\n"
        f"print(task.run_graph({words})[0])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def await_end(pids: list[int]) -> None:
    """Return once these processes are over; the test's timeout tells if one never is."""
    while not all(map(is_gone, pids)):
        time.sleep(0.005)


def killed(flow: Any, text: str, **options: Any) -> None:
    """Run until a task kills the runner."""
    (flow.folder / "armed").touch()
    runner = start(flow, text, **options)
    runner.communicate()
    assert runner.returncode == -signal.SIGKILL


def done(flow: Any, text: str) -> int:
    return sum(isinstance(decision, UpToDate) for decision in flow.plan(text).decisions.values())


@pytest.mark.parametrize("at", [0, 3, 9])
def test_what_a_killed_runner_had_recorded_is_reused(flow: Any, at: int) -> None:
    flow.write(RECORDED + CHAIN)
    text = f"Chain(9, {at})"
    killed(flow, text)
    assert done(flow, text) == at
    await_end([int(pid) for pid in flow.notes()])
    ran = flow.run(text)
    assert (ran.value, ran.executed, ran.reused) == (10, {"Chain": 10 - at}, {"Chain": at} if at else {})
    assert sum(flow.notes().values()) == 10 - at
    assert flow.run(text).executed == {}


def test_a_cleared_graph_is_taken_up_where_a_kill_left_it(flow: Any) -> None:
    flow.write(RECORDED + CHOOSE)
    flow.run("Choose(6, 3)")
    flow.notes()
    flow.task("Choose(3, 3)").clear_task()
    killed(flow, "Choose(6, 3)")
    assert flow.notes() == {"3 3": 1, "4 3": 1}
    assert flow.run("Choose(6, 3)").executed == {"Choose": 2}
    assert flow.notes() == {"5 3": 1, "6 3": 1}
    assert flow.run("Choose(6, 3)").executed == {}


def test_a_killed_rerun_leaves_the_last_good_result(flow: Any) -> None:
    flow.write(RECORDED + CHAIN)
    flow.run("Chain(3, 0)")
    there, back = ("return self.prev + 1", "return self.prev + 2"), ("return self.prev + 2", "return self.prev + 1")
    flow.edit(there, ("len(rows) == self.n", "rows"))
    killed(flow, "Chain(3, 0)")
    flow.edit(back, ("lambda rows: rows", "lambda rows: len(rows) == self.n"))
    assert done(flow, "Chain(3, 0)") == 4
    assert flow.task("Chain(3, 0)").get_task_result() == 4


SPAWN = """
class Spawn(Task):
    def run_task(self):
        import subprocess
        child = subprocess.Popen(['sleep', '1000'])
        note(f'{os.getpid()}')
        note(f'{child.pid}')
        kill_runner()
        child.kill()
        child.wait()
        return 1
"""


def test_what_tasks_have_started_ends_with_a_killed_runner(flow: Any) -> None:
    flow.write(RECORDED + SPAWN)
    killed(flow, "Spawn()")
    pids = [int(pid) for pid in flow.notes()]
    assert len(pids) == 2
    await_end(pids)
    assert flow.run("Spawn()").value == 1


FILES = """
class Writer(Task):
    def run_task(self):
        note(f'{os.getpid()}')
        (self.task_directory / 'a.txt').write_text('a')
        print('half')
        kill_runner()
        (self.task_directory / 'b.txt').write_text('b')
        return os.urandom(10_000)
"""


def test_half_an_attempt_is_no_result_and_is_swept(flow: Any) -> None:
    flow.write(RECORDED + FILES)
    killed(flow, "Writer()")
    await_end([int(pid) for pid in flow.notes()])
    assert list(flow.task("Writer()").task_directory.iterdir()) == []
    ran = flow.run("Writer()")
    assert (len(ran.value), ran.executed) == (10_000, {"Writer": 1})
    shown = flow.task("Writer()").task_directory
    assert sorted(path.name for path in shown.iterdir()) == ["a.txt", "b.txt"]
    attempts = [path for path in shown.parent.iterdir() if len(path.name) == 16]
    assert len(attempts) == 1
    assert list((flow.cache / ".runs").iterdir()) == []


WIDE = """
class Leaf(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        note(f'{self.n}')
        if (HERE / f'kill{self.n}').exists():
            (HERE / f'kill{self.n}').unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.n
class Wide(Task):
    leaves: RequiresList[int]
    def __init__(self, size: int):
        self.leaves = [Leaf(n) for n in range(size)]
    def run_task(self) -> int:
        return sum(self.leaves)
"""


def test_what_killed_workers_had_finished_is_kept(flow: Any) -> None:
    flow.write(WIDE)
    for n in (3, 4, 30):
        (flow.folder / f"kill{n}").touch()
    with pytest.raises(ExceptionGroup) as caught:
        flow.run("Wide(40)", executor="process", keep_going=True)
    assert sorted(error.label for error in caught.value.exceptions) == [  # type: ignore[attr-defined]
        "Leaf(n=3)",
        "Leaf(n=30)",
        "Leaf(n=4)",
    ]
    assert flow.notes() == {str(n): 1 for n in range(40)}
    ran = flow.run("Wide(40)", executor="process")
    assert (ran.value, ran.executed) == (sum(range(40)), {"Leaf": 3, "Wide": 1})
    assert set(ran.reasons.values()) == {"failed last time: killed by SIGKILL (out of memory?)", "never ran"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_runs_killed_at_any_moment(flow: Any) -> None:
    """Each run is killed a little later than the one before, until one gets through."""
    flow.write(WIDE)
    flow.edit(("note(f'{self.n}')", "note(f'{self.n}'); __import__('time').sleep(0.01)"))
    before = 0
    for delay in itertools.count(10, 7):
        runner = start(flow, "Wide(150)", max_workers=2)
        try:
            answer, _ = runner.communicate(timeout=delay / 100)
        except subprocess.TimeoutExpired:
            runner.kill()
            runner.communicate()
            now = done(flow, "Wide(150)")
            assert now >= before
            before = now
        else:
            assert answer == f"{sum(range(150))}\n"
            break
    assert done(flow, "Wide(150)") == 151
    assert flow.run("Wide(150)").executed == {}


def test_paths_of_the_cache_hold_no_trace_of_dead_runs(flow: Any) -> None:
    flow.write(RECORDED + CHAIN)
    killed(flow, "Chain(2, 1)")
    assert [path.suffix for path in Path(flow.cache / ".runs").iterdir()] == [".lock"]
    await_end([int(pid) for pid in flow.notes()])
    flow.run("Chain(2, 1)")
    assert list(Path(flow.cache / ".runs").iterdir()) == []
    assert os.path.exists(flow.cache / "cache.db")
