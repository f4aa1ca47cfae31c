"""The same workload in other tools: trivial tasks and a sum of them, on two workers, the results kept in a folder.

Each script here takes the number of tasks and the folder. Each tool gets an environment of its own, and they are
measured one at a time.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: its script here, and what must be installed for that."""

    name: str
    requirements: tuple[str, ...]

    def install(self, environments: Path) -> Path:
        """Make the tool's environment if it is not there; gives its interpreter."""
        python = environments / self.name / "bin" / "python"
        ready = environments / f"{self.name}.ready"
        if not ready.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", environments / self.name], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *self.requirements], check=True)
            ready.touch()
        return python

    def words(self, environments: Path, tasks: int) -> tuple[str, ...]:
        """The command that runs it; `{folder}` in it is the folder."""
        return str(self.install(environments)), str(HERE / f"with_{self.name}.py"), str(tasks), "{folder}"


PEERS = [
    Peer("taskproc_0_17", ("taskproc==0.17.0", "setuptools<81")),
    Peer("luigi", ("luigi==3.8.1",)),
    Peer("doit", ("doit==0.37.0",)),
    Peer("joblib", ("joblib==1.6.0",)),
    Peer("redun", ("redun==0.44.1",)),
    Peer("pytask", ("pytask==0.6.0", "pytask-parallel==0.5.5")),
    Peer("dask", ("dask==2026.8.0",)),
    Peer("snakemake", ("snakemake==9.27.1",)),
    Peer("pipefunc", ("pipefunc==0.93.2",)),
]
