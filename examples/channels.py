"""Tasks that must not crowd each other: a channel for a licence, a prefix command for patience.

taskproc run examples/channels.py --rate-limit licence=1
taskproc run examples/channels.py --rate-limit licence=1 --prefix Mesh='nice -n 5'
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from taskproc import Cache, Requires, RequiresList, Task

SEAT = Path(tempfile.gettempdir()) / "solver.seat"


class Mesh(Task):
    """A grid to solve on. Long and patient work, so it leaves the machine to others."""

    _task_prefix_command = "nice -n 10"

    def __init__(self, size: int) -> None:
        self.size = size

    def run_task(self) -> list[float]:
        print("niceness", os.nice(0))
        return [i / (self.size - 1) for i in range(self.size)]


class Solve(Task):
    """Integrate x² over a mesh, with a solver whose licence has one seat."""

    _task_channel = ["licence", "solver"]
    mesh: Requires[list[float]]

    def __init__(self, size: int) -> None:
        self.mesh = Mesh(size)

    def run_task(self) -> float:
        SEAT.touch(exist_ok=False)  # a second solver at the same time is an error
        try:
            width = self.mesh[1] - self.mesh[0]
            return sum((a * a + b * b) / 2 * width for a, b in zip(self.mesh, self.mesh[1:], strict=False))
        finally:
            SEAT.unlink()


class Main(Task):
    """How the error shrinks as the mesh gets finer."""

    areas: RequiresList[float]

    def __init__(self, n_meshes: int = 6) -> None:
        self.areas = [Solve(2**i + 1) for i in range(1, n_meshes + 1)]

    def run_task(self) -> list[float]:
        return [abs(area - 1 / 3) for area in self.areas]


if __name__ == "__main__":
    with Cache(Path(__file__).parent / ".taskproc"):
        task = Main()
    errors, stats = task.run_graph(rate_limits={"licence": 1}, prefixes={Mesh.task_name: "nice -n 5"})
    print(errors, stats.executed)
