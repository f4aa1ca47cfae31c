from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskproc.batch import Done
from taskproc.pool import ProcessPool
from taskproc.value import load

LOOK = "result = (os.environ.get('MODE'), os.environ.get('HOME'), '/odd' in sys.path, os.getcwd())"
SPOIL = "os.environ['MODE'] = 'fast'; del os.environ['HOME']; sys.path.insert(0, '/odd'); os.chdir('/')"


def test_what_a_task_changes_of_its_process_is_undone(lab: Any) -> None:
    pool = ProcessPool(1)
    for jobs in ([LOOK, SPOIL, LOOK], [SPOIL], [LOOK]):
        answers = lab.run(pool, lab.batch(*[("Call", code) for code in jobs]))
        found = [load(answer.inline) for answer in answers if isinstance(answer, Done)]
        expected = (None, os.environ["HOME"], False, str(lab.folder))
        assert found == [expected if code == LOOK else None for code in jobs]
    pool.close(kill=False)


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
