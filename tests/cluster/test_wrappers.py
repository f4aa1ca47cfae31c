"""Prefix commands that hand on to nobody: containers, other hosts, a different Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

TASKS = """
import os, subprocess, time

class Where(Task):
    _task_resources = {'python': sys.executable, 'name': 'a b'}

    def __init__(self, seconds: float = 0):
        self.seconds = seconds

    def run_task(self) -> tuple[str, str, str, int]:
        (self.task_directory / 'file').write_text('left')
        note('begun')
        time.sleep(self.seconds)
        return os.environ.get('X', ''), os.getcwd(), sys.prefix, os.getpid()
"""

BWRAP = "bwrap --ro-bind / / --bind {here} {here} --dev /dev --proc /proc --unshare-pid --die-with-parent"

SSH = """#!/bin/sh
# As ssh does: words become one line again, read by a shell elsewhere that has nothing of the caller's environment.
shift
cd / && exec env -i PATH="$PATH" HOME=/ sh -c "$*"
"""


@pytest.fixture
def bwrap(tmp_path: Path) -> str:
    line = BWRAP.format(here=tmp_path)
    if shutil.which("bwrap") is None or subprocess.run([*line.split(), "true"], check=False).returncode:
        pytest.skip("bubblewrap is not here, or may not make namespaces")
    return line


def test_a_container(bwrap: str, flow: Any, tmp_path: Path) -> None:
    flow.write(TASKS)
    ran = flow.run("Where()", prefixes={f"{flow.path.stem}.Where": f"env X={{name}} {bwrap}"})
    assert ran.value[0] == "a b"
    assert ran.value[3] < 10  # the process ids of a namespace of its own
    assert (flow.task("Where()").task_directory / "file").read_text() == "left"


def test_another_host(flow: Any, tmp_path: Path) -> None:
    flow.write(TASKS)
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    ran = flow.run("Where()", prefixes={f"{flow.path.stem}.Where": f"{tmp_path}/ssh host nice env X=1"})
    assert ran.value[:2] == ("1", str(Path.cwd()))


def test_another_python(flow: Any, tmp_path: Path) -> None:
    """Its own packages are on its path, the caller's are not."""
    other = tmp_path / "other"
    venv.create(other, symlinks=True)
    site = next(other.glob("lib/python*/site-packages"))
    ours = [entry for entry in sys.path if entry.endswith("site-packages")]
    root = Path(__file__).parents[2]
    (site / "ours.pth").write_text("\n".join([*ours, str(root), str(root / "cli")]))
    flow.write(TASKS.replace("sys.executable", repr(str(other / "bin" / "python"))))
    name = f"{flow.path.stem}.Where"
    assert flow.run("Where()", prefixes={name: "env"}).value[2] == str(other)


def test_a_name_that_a_task_lacks_is_refused_before_anything_runs(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    done = taskproc("run", flow.path, "Where", "--prefix", "Where=srun -c {cpu}", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "names {cpu}, which is not among its _task_resources: did you mean {cpus}?" in done.stderr
