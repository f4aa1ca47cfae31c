"""A real Slurm, where one answers, and runs of `taskproc` whose jobs can be told from all others by their names."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TASKS = """
import os, time
from pathlib import Path
from taskproc import RequiresList, Task

def note(text: str) -> None:
    with open('notes', 'a') as file:
        file.write(f'{text}\\n')

class Job(Task):
    _task_channel = 'cluster'
    _task_resources = {'cpus': 2, 'mem': '100M'}

    def __init__(self, i: int = 0, seconds: float = 0):
        self.i = i
        self.seconds = seconds

    def run_task(self) -> str:
        note('begun')
        print('printed by the task', flush=True)
        time.sleep(self.seconds)
        (self.task_directory / 'file').write_text('left')
        note('ended')
        return ' '.join(os.environ.get(name, '') for name in ('SLURM_CPUS_PER_TASK', 'SLURM_JOB_NAME', 'X'))

class Jobs(Task):
    jobs: RequiresList[str]

    def __init__(self, n: int, seconds: float = 0):
        self.jobs = [Job(i, seconds) for i in range(n)]

    def run_task(self) -> int:
        return len(self.jobs)
"""


@dataclass
class Cluster:
    """A folder with a taskfile, and the jobs that runs in it have with Slurm."""

    folder: Path
    name: str = field(default_factory=lambda: f"t{secrets.token_hex(4)}")
    runs: list[subprocess.Popen[str]] = field(default_factory=list[subprocess.Popen[str]])

    def start(self, *words: str, prefix: str) -> subprocess.Popen[str]:
        """A run that has begun. In `prefix`, `NAME` stands for the option that gives jobs their name."""
        line = prefix.replace("NAME", f"--job-name={self.name}")
        command = [sys.executable, "-m", "taskproc_cli", "run", "jobs.py", *words, f"--prefix=cluster={line}"]
        run = subprocess.Popen(
            [*command, "--rate-limit=cluster=2000"],
            cwd=self.folder,
            env={**os.environ, "CI": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.runs.append(run)
        return run

    def run(self, *words: str, prefix: str) -> tuple[int, str, str]:
        """The exit status of a run, and what it wrote to stdout and stderr."""
        started = self.start(*words, prefix=prefix)
        out, err = started.communicate()
        return started.returncode, out, err

    def jobs(self, *states: str) -> list[str]:
        """The ids of our jobs that are in Slurm's queue or run; with `states` those alone."""
        wanted = [f"--states={','.join(states)}"] if states else []
        return self.call("squeue", "--noheader", f"--name={self.name}", "--format=%i", *wanted).split()

    def log(self, task: str, stream: str) -> str:
        """What the run has kept of what a task, or its prefix command, printed."""
        words = [sys.executable, "-m", "taskproc_cli", "log", "jobs.py", task, "--stream", stream]
        return subprocess.run(words, cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True).stdout

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().split() if path.exists() else []

    @staticmethod
    def until(condition: Callable[[], object]) -> None:
        """Return once a condition holds; the test's timeout tells if it never does."""
        while not condition():
            time.sleep(0.05)

    @staticmethod
    def call(*words: str) -> str:
        return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    if shutil.which("sinfo") is None or subprocess.run(["sinfo"], capture_output=True, check=False).returncode:
        pytest.skip("no Slurm answers here; .ci/run starts one")
    (tmp_path / "jobs.py").write_text(TASKS)
    made = Cluster(tmp_path)
    yield made
    for run in made.runs:
        run.kill()
        run.communicate()
    for job in made.jobs():
        subprocess.run(["scancel", job], check=False)
