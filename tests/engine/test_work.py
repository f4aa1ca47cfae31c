from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FORKING = """
import os
from taskproc import Task

class Main(Task):
    def run_task(self):
        return os.fork() > 0
"""


@pytest.mark.parametrize("executor", ["process", "thread", "serial"])
def test_a_child_that_comes_back_from_a_task_ends(tmp_path: Path, executor: str) -> None:
    (tmp_path / "taskfile.py").write_text(FORKING)
    words = [sys.executable, "-m", "taskproc_cli", "run", "-q", "-x", executor]
    done = subprocess.run(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout == "true\n"  # all that had it open has ended
