"""A run is killed at each write, sync, rename and other step on its way; the next one must find nothing amiss."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from taskproc.decision import UpToDate

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")

CALLS = ("pwrite64", "write", "fsync", "fdatasync", "rename", "ftruncate", "mkdir", "unlink", "rmdir", "flock")
SOME_CALLS = ("pwrite64", "fdatasync", "ftruncate", "rename", "unlink")

TASKS = """
class Small(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        note(f'Small {self.n}')
        print('small')
        return self.n

class Big(Task):
    small: Requires[int]
    def __init__(self):
        self.small = Small(1)
    def run_task(self) -> list[int]:
        note('Big')
        (self.task_directory / 'a').write_text('a' * 100)
        return list(range(20_000))

class Main(Task):
    small: Requires[int]
    big: Requires[list[int]]
    def __init__(self):
        self.small, self.big = Small(2), Big()
    def run_task(self) -> int:
        note('Main')
        return self.small + sum(self.big)
"""
ANSWER = 2 + sum(range(20_000))

SCRIPT = """
import sys
from concurrent.futures import Executor, Future
from {module} import *
from taskproc.options import Options
from taskproc.run import run

class Inline(Executor):
    '''All in one thread, whose calls are counted.'''
    def submit(self, function, *args):
        future = Future()
        future.set_result(function(*args))
        return future

with Cache('cache'):
    task = Main()
print(run(task._task_node, Options(executor=Inline(), workers=1, force=sys.argv[1]))[0])
"""


class Killer:
    """Runs the flow in a process of its own, and kills it at the entry to the n-th call of a kind."""

    def __init__(self, flow: Any) -> None:
        self._flow = flow
        flow.write(TASKS)
        (flow.folder / "script.py").write_text(SCRIPT.format(module=flow.path.stem))

    def counts(self, force: str) -> Counter[str]:
        """How often a run makes each call on the cache."""
        trace = self._flow.folder / "trace"
        self._run(force, "-o", str(trace), "-e", f"trace={','.join(CALLS)}", check=True)
        return Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", trace.read_text(), re.MULTILINE))

    def kill(self, force: str, call: str, at: int) -> bool:
        """Whether the run was killed; False if it had made fewer calls."""
        inject = f"inject={call}:signal=KILL:when={at}"
        return self._run(force, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject) == -signal.SIGKILL

    def _run(self, force: str, *options: str, check: bool = False) -> int:
        words = ["strace", "-f", "-qq", *options, sys.executable, "script.py", force]
        done = subprocess.run(words, cwd=self._flow.folder, capture_output=True, text=True, check=False)
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        assert not check or done.stdout == f"{ANSWER}\n", done.stderr
        return done.returncode

    def prepare(self, force: str) -> None:
        """Begin with no cache; for a forced run, with one that has all results."""
        shutil.rmtree(self._flow.cache, ignore_errors=True)
        if force == "all":
            assert self._flow.run("Main()").value == ANSWER
        self._flow.notes()


def points(counts: Counter[str], step: int) -> Iterator[tuple[str, int]]:
    """Every so many calls, the first one within the first half: a run may make a few less than the one before it."""
    for call, count in sorted(counts.items()):
        yield from ((call, at) for at in range(1 + len(call) % min(step, -(-count // 2)), count + 1, step))


def check_after(flow: Any, leftovers: Callable[[Path], list[str]], where: str) -> None:
    """After a kill: what is recorded is right and used, the rest runs, and nothing strange is left."""
    noted = flow.notes()
    assert max(noted.values(), default=0) <= 1, where
    before = flow.plan("Main()").decisions
    recorded = sum(isinstance(decision, UpToDate) for decision in before.values())
    ran = flow.run("Main()")
    assert ran.value == ANSWER, where
    assert sum(ran.executed.values()) == 4 - recorded, where
    assert sum(flow.notes().values()) == 4 - recorded, where
    assert flow.run("Main()").executed == {}, where
    assert flow.task("Big()").get_task_result()[-1] == 19_999, where
    assert leftovers(flow.cache) == [], where


def sweep_points(
    flow: Any,
    leftovers: Callable[[Path], list[str]],
    step: int,
    forces: tuple[str, ...],
    calls: tuple[str, ...] = CALLS,
) -> int:
    killer = Killer(flow)
    tried = total = 0
    for force in forces:
        killer.prepare(force)
        found = killer.counts(force)
        total += found.total()
        for call, at in points(Counter({call: found[call] for call in calls if call in found}), step):
            killer.prepare(force)
            tried += killer.kill(force, call, at)
            check_after(flow, leftovers, f"{force}: {call} {at}")
    print(f"{tried} kill points tried, of {total}")
    return tried


def test_some_kill_points(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    assert sweep_points(flow, leftovers, 200, ("all",), SOME_CALLS) >= 4


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_kill_point(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    assert sweep_points(flow, leftovers, 1, ("nothing", "all")) >= 300
