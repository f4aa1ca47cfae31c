"""Too little for the workers that were asked for: as many as the system permits are taken, else one sentence."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

WIDE = """
import time

class Part(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        time.sleep(0.3)
        return self.n

class Main(Task):
    parts: RequiresList[int]
    def __init__(self, many: int = 40):
        self.parts = [Part(n) for n in range(many)]
    def run_task(self) -> int:
        return sum(self.parts)
"""


def run_under(limit: str, flow: Any, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `Main` under a limit of the shell's `ulimit`."""
    command = [sys.executable, "-m", "taskproc_cli", "run", flow.path, "Main", "--cache", flow.cache, *words]
    shell = ["bash", "-c", f'ulimit {limit} && exec "$@"', "bash", *map(str, command)]
    return subprocess.run(shell, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_more_workers_than_the_soft_limit_of_files_has_room_for(flow: Any) -> None:
    flow.write(WIDE)
    done = run_under("-Sn 32", flow, "-j", "8")
    assert (done.returncode, done.stdout) == (0, "780\n"), done.stderr


@pytest.mark.parametrize("limit", [20, *(pytest.param(limit, marks=pytest.mark.long) for limit in (40, 60))])
def test_more_workers_than_the_hard_limit_of_files_has_room_for(flow: Any, limit: int) -> None:
    flow.write(WIDE)
    done = run_under(f"-n {limit}", flow, "-j", "20")
    assert done.returncode in {1, 2}, done.stderr
    assert "`ulimit -n`" in done.stderr
    assert not any(wrong in done.stderr for wrong in ("Traceback", "a bug", "Errno", "give another one"))
    assert run_under(f"-n {limit}", flow, "-x", "thread", "-j", "20").stdout == "780\n"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is not limited by addresses")
def test_no_memory_for_a_prefix_command(flow: Any) -> None:
    flow.write(WIDE)
    done = run_under("-v 1000000 -Ss 2000000", flow, "-j", "4", "--prefix", "Part=nice")  # no room for such a stack
    assert done.returncode == 1, done.stderr
    assert "'nice' could not be run, since" in done.stderr
    assert "`ulimit -v`" in done.stderr


def test_no_files_for_a_prefix_command(flow: Any) -> None:
    """How many the run itself has open is by chance: with few of them it does not come to the command."""
    flow.write(WIDE)
    told = ""
    for limit in range(9, 25):
        done = run_under(f"-n {limit}", flow, "-j", "4", "--prefix", "Part=nice")
        assert not any(wrong in done.stderr for wrong in ("Traceback", "a bug", "Errno")), done.stderr
        told += done.stderr
        if "'nice' could not be run, since too many files are open (raise `ulimit -n`" in told:
            return
    pytest.fail(told)


LONG = """
class Main(Task):
    def run_task(self) -> None:
        while True:
            pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="macOS kills with another signal")
def test_no_more_time_of_the_cpu(flow: Any) -> None:
    flow.write(LONG)
    done = run_under("-t 2", flow)
    assert done.returncode == 1, done.stderr
    assert "Main() failed: killed by SIGKILL (out of memory, or of CPU time, `ulimit -t`?)" in done.stderr
