"""Measure, print a table, write JSON.

Runs are interleaved and in fresh processes; each figure is made of the medians. Folders are not removed before the end,
but for those of a few large files: after mass deletes the file system is slow for a while, which would fall on whoever
writes most files.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.rows import Command, Row, Sample, peer_rows, rows

if TYPE_CHECKING:
    from collections.abc import Iterator


ENVIRONMENTS = Path(__file__).parent / "results" / "peers"

_MUCH = 1 << 27  # bytes that no folder of many small files has


def measure(command: Command, folder: Path) -> Sample:
    """Run a command once."""
    words = [word.format(folder=folder) for word in command.words]
    start = time.perf_counter()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}:\n{error.decode()}")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > _MUCH:
        shutil.rmtree(folder)
    return Sample(seconds, usage.ru_maxrss, size)


def samples(command: Command, folders: Iterator[Path]) -> Iterator[Sample]:
    """Run a command again and again; a warm one runs once before the first time that counts."""
    folder = next(folders)
    if command.warm:
        measure(command, folder)
    while True:
        yield measure(command, folder)
        folder = folder if command.warm else next(folders)


def medians(first: Command, second: Command, rounds: int, folders: Iterator[Path]) -> tuple[Sample, Sample]:
    """Measure two commands in turn."""
    pairs = zip(samples(first, folders), samples(second, folders), strict=True)
    one, other = (
        Sample(median(run.seconds for run in runs), median(run.peak for run in runs), median(run.size for run in runs))
        for runs in zip(*(next(pairs) for _ in range(rounds)), strict=True)
    )
    return one, other


def reported(row: Row, first: Sample, second: Sample) -> dict[str, Any]:
    """Tell of a row what its commands took, and the figure made of that."""
    return {
        "row": row.name,
        "seconds": round(first.seconds, 4),
        "compared": round(second.seconds, 4),
        "figure": round(row.figure(first, second), 4),
        "unit": row.unit,
        "goal": row.goal,
    }


def main() -> None:
    """Measure the rows asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=5, help="how often each command runs")
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of tasks")
    parser.add_argument("--peers", action="store_true", help="measure other tools instead, each installed on its own")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/latest.json"))
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is not compiled at each start

    place = Path(tempfile.mkdtemp(prefix="taskproc-benchmarks-"))
    folders = (place / str(i) for i in range(10**6))
    measured = functools.cache(lambda first, second: medians(first, second, options.rounds, folders))
    print(f"{'':32} {'seconds':>9} {'beside':>9} {'figure':>9} {'goal':>9}")
    results = []
    try:
        for row in peer_rows(ENVIRONMENTS, options.scale) if options.peers else rows(options.scale):
            if options.only in row.name:
                result = reported(row, *measured(row.first, row.second))
                results.append(result)
                print("{row:32} {seconds:9.3f} {compared:9.3f} {figure:9.3f} {goal:9.3f} {unit}".format(**result))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    machine = {"python": platform.python_version(), "system": platform.platform(), "cpus": os.cpu_count()}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"machine": machine, "rows": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
