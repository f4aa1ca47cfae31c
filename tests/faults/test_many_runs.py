"""Six runs at once on one cache: of two versions of the code, while it is cleared, and while runs are killed."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TASKS = """
import time

VERSION = "version"

class Part(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> list[str]:
        note(f'{VERSION} {self.n}')
        time.sleep(0.1 if self.n >= 100 else 0)
        (self.task_directory / 'version').write_text(VERSION)
        return [VERSION] * 2000

class Both(Task):
    parts: RequiresList[list[str]]
    def __init__(self, many: int = 12):
        self.parts = [Part(n) for n in range(many)]
    def run_task(self) -> list[str]:
        return sorted({word for part in self.parts for word in part})
"""

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from flow import *
with Cache({cache!r}):
    task = Both({many})
print(task.run_graph(max_workers={workers})[0])
"""


def begin(flow: Any, version: str, many: int = 12, workers: int = 1) -> subprocess.Popen[str]:
    """A run in a process; a version of the code lies in a folder of its own, with one name and one cache."""
    folder = flow.folder / version
    if not folder.exists():
        folder.mkdir()
        source = flow.path.read_text().replace("Path(__file__).parent", "Path(__file__).parent.parent")
        (folder / "flow.py").write_text(source.replace('"version"', repr(version)))
    script = SCRIPT.format(folder=str(folder), cache=str(flow.cache), many=many, workers=workers)
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(run: subprocess.Popen[str]) -> str:
    out, err = run.communicate()
    assert run.returncode == 0, err
    return out.strip()


def test_versions_of_the_code_never_mix(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    flow.write(TASKS)
    versions = ["one", "two"] * 2
    runs = [begin(flow, version) for version in versions]
    assert [ended(run) for run in runs] == [f"['{version}']" for version in versions]
    executed = flow.notes()
    print(f"{executed.total()} executions by four runs of two versions of 12 tasks")
    assert len(executed) == 24
    assert ended(begin(flow, "one")) == "['one']"
    assert leftovers(flow.cache) == []


def test_six_runs_share_the_work(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    flow.write(TASKS)
    runs = [
        begin(flow, "one", many, workers) for many, workers in ((12, 1), (20, 2), (12, 1), (20, 1), (16, 1), (20, 2))
    ]
    assert [ended(run) for run in runs] == ["['one']"] * 6
    executed = flow.notes()
    print(f"{executed.total()} executions by six runs that want 20 tasks")
    assert executed == {f"one {n}": 1 for n in range(20)}
    assert leftovers(flow.cache) == []


def test_clearing_during_runs_is_safe(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    flow.write(TASKS)
    over = threading.Event()

    def clear() -> None:
        while not over.wait(0.02):
            words = [sys.executable, "-m", "taskproc_cli", "clear", flow.path, "--cache", flow.cache, "--yes"]
            assert subprocess.run(words, check=False, capture_output=True).returncode == 0

    clearing = threading.Thread(target=clear, daemon=True)
    runs = [begin(flow, "one") for _ in range(4)]
    clearing.start()
    try:
        answers = [ended(run) for run in runs]
    finally:
        over.set()
        clearing.join()
    assert answers == ["['one']"] * 4
    assert ended(begin(flow, "one")) == "['one']"
    assert leftovers(flow.cache) == []


def kill_at_random(flow: Any, leftovers: Callable[[Path], list[str]], kills: int, tasks: int) -> None:
    """Kill one of three runs again and again; the others take over, and the last one finds all in order."""
    flow.write(TASKS)
    chance = random.Random(4)
    runs = [begin(flow, "one", tasks, workers=2) for _ in range(3)]
    for _ in range(kills):
        chance.shuffle(runs)
        try:
            out, err = runs[0].communicate(timeout=chance.random())
            assert (runs[0].returncode, out) == (0, "['one']\n"), err
        except subprocess.TimeoutExpired:
            runs[0].kill()
            runs[0].communicate()
        runs[0] = begin(flow, "one", tasks, workers=2)
    assert [ended(run) for run in runs] == ["['one']"] * 3
    executed = flow.notes()
    assert ended(begin(flow, "one", tasks)) == "['one']"
    assert flow.notes() == {}
    assert leftovers(flow.cache) == []
    print(f"{kills} random kills, {executed.total()} executions of {tasks} tasks")


def test_runs_take_over_from_killed_ones(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    kill_at_random(flow, leftovers, 4, 40)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_two_hundred_random_kills(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    kill_at_random(flow, leftovers, 200, 2000)
