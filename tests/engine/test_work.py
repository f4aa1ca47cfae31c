from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(
    ("ending", "status", "printed"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit('words')", 1, "words\n"),
        ("raise ValueError('why')", 1, "ValueError: why\n"),
        ("return 5", 0, ""),
    ],
)
def test_such_a_child_ends_as_python_would_end_it(
    taskproc: Any, tmp_path: Path, ending: str, status: int, printed: str
) -> None:
    (tmp_path / "forking.py").write_text(f"""
import os, sys
from taskproc import Task

class Main(Task):
    def run_task(self):
        child = os.fork()
        if not child:
            print("child", end="")
            {ending}
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
""")
    assert taskproc("run", "-q", "forking.py").stdout == f"{status}\n"
    (attempt,) = (tmp_path / ".taskproc" / "forking.Main").glob("*/*/stdout.txt")
    assert attempt.read_text() == "child"
    errors = attempt.with_name("stderr.txt")
    assert (errors.read_text() if errors.exists() else "").endswith(printed)
