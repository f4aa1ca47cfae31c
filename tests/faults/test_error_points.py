"""Each write, sync, rename and other step of a run fails once: one sentence, and the same run goes on afterwards."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_kill_points import ANSWER, TASKS

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")

WRITES = ("pwrite64", "write", "fsync", "fdatasync", "rename", "ftruncate", "mkdir", "symlink", "link")
READS = ("openat", "pread64", "read", "unlink", "getdents64")


class Trial:
    """Runs the flow by the executable, while some call of it fails."""

    def __init__(self, flow: Any) -> None:
        self._flow = flow
        self._cache: Path = flow.cache
        flow.write(TASKS)

    def points(self, calls: tuple[str, ...], force: str) -> list[tuple[str, int]]:
        """The calls of these kinds that a run makes on the cache, each with its number among those of its kind."""
        trace = self._flow.folder / "trace"
        assert self._run(force, "-y", "-o", str(trace), "-e", f"trace={','.join(calls)}").stdout == f"{ANSWER}\n"
        made: Counter[str] = Counter()
        found: list[tuple[str, int]] = []
        for call, words in re.findall(r"^(?:\d+ +)?(\w+)\((.*)", trace.read_text(), re.MULTILINE):
            made[call] += 1
            if str(self._cache) in words:
                found.append((call, made[call]))
        return found

    def fail(self, call: str, at: int, error: str, force: str) -> str:
        """Have a call fail, and see that a run without errors goes on; what the first run said, empty if it went on."""
        where = f"{force} {call} {at}: {error}"
        done = self._run(
            force, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={at}"
        )
        assert done.returncode in {0, 1, 2}, (where, done.stderr)
        assert done.returncode or done.stdout == f"{ANSWER}\n", where
        assert "Traceback" not in done.stderr or self._flow.path.name in done.stderr, (where, done.stderr)
        assert self._run("").stdout == f"{ANSWER}\n", where
        return done.stderr if done.returncode else ""

    def prepare(self, force: str) -> None:
        """Begin with no cache; for a forced run, with one that has all results."""
        shutil.rmtree(self._cache, ignore_errors=True)
        if not force:
            return
        full = self._flow.folder / "full"
        if not full.exists():
            assert self._run("").stdout == f"{ANSWER}\n"
            shutil.copytree(self._cache, full, symlinks=True)
        else:
            shutil.copytree(full, self._cache, symlinks=True)

    def _run(self, force: str, *tracing: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "taskproc_cli", "run", self._flow.path, "-x", "serial", "--cache", self._cache]
        words = ["strace", "-f", "-qq", *tracing, *words] if tracing else words
        words += ["--force-all"] if force else []
        return subprocess.run(words, cwd=self._flow.folder, capture_output=True, text=True, check=False)


def some(points: list[tuple[str, int]], step: int) -> Iterator[tuple[str, int]]:
    """Every `step`-th call of each kind, and at least one."""
    for call in dict.fromkeys(call for call, _ in points):
        numbers = [at for kind, at in points if kind == call]
        yield from ((call, at) for at in numbers[min(step, len(numbers)) // 2 :: step])


def try_points(
    flow: Any, leftovers: Callable[[Path], list[str]], error: str, calls: tuple[str, ...], step: int, *forces: str
) -> int:
    trial = Trial(flow)
    said: list[str] = []
    total = 0
    for force in forces:
        trial.prepare(force)
        found = trial.points(calls, force)
        total += len(found)
        for call, at in some(found, step):
            trial.prepare(force)
            said.append(trial.fail(call, at, error, force))
            assert leftovers(flow.cache) == [], (call, at)
    print(f"{error}: {len(said)} of {total} calls failed, {sum(map(bool, said))} of them failed the run")
    return len(said)


def test_some_writes_fail(flow: Any, leftovers: Callable[[Path], list[str]]) -> None:
    assert try_points(flow, leftovers, "ENOSPC", ("pwrite64", "rename"), 1000, "all") == 2


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("error", "calls", "step"),
    [("ENOSPC", WRITES, 1), ("EIO", WRITES, 4), ("EIO", READS, 4), ("EACCES", READS, 4)],
)
def test_every_call_fails(
    flow: Any, leftovers: Callable[[Path], list[str]], error: str, calls: tuple[str, ...], step: int
) -> None:
    assert try_points(flow, leftovers, error, calls, step, "", "all") >= 50
