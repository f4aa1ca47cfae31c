"""The floors: a pool of the standard library, and one pickle file per task, moved into place by `os.replace`.

`python -m benchmarks.floors WORKLOAD TASKS FOLDER [LEVEL]`
"""

from __future__ import annotations

import gzip
import os
import pickle
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.shape import KINDS, LAYERS, large, needs

if TYPE_CHECKING:
    from collections.abc import Callable


def write(path: str, value: object) -> None:
    """Publish a value, whole or not at all."""
    with open(path + ".part", "wb") as file:
        pickle.dump(value, file)
    os.replace(path + ".part", path)


def read(path: str) -> int:
    """Read a value back."""
    with open(path, "rb") as file:
        value: int = pickle.load(file)
    return value


def leaf(path: str, number: int) -> int:
    """Write a task's own number."""
    write(path, number)
    return number


def add(path: str, sources: list[str]) -> int:
    """Write the sum of what other tasks wrote, and one."""
    value = sum(map(read, sources)) + 1
    write(path, value)
    return value


def wide(pool: Executor, tasks: int, folder: Path) -> None:
    """Run tasks that need nothing, and a sum of them."""
    done = [pool.submit(leaf, f"{folder}/{i}", i) for i in range(tasks)]
    total = sum(one.result() for one in done)
    pool.submit(leaf, f"{folder}/sum", total).result()


def layered(pool: Executor, tasks: int, folder: Path) -> None:
    """Run layers of tasks, each needing some of the layer before."""
    width = tasks // LAYERS
    for done in [pool.submit(leaf, f"{folder}/0-{i}", i) for i in range(width)]:
        done.result()
    for layer in range(1, LAYERS):
        below = [[f"{folder}/{layer - 1}-{j}" for j in needs(i, width)] for i in range(width)]
        for done in [pool.submit(add, f"{folder}/{layer}-{i}", below[i]) for i in range(width)]:
            done.result()
    pool.submit(add, f"{folder}/sum", [f"{folder}/{LAYERS - 1}-{i}" for i in range(width)]).result()


def chain(pool: Executor, tasks: int, folder: Path) -> None:
    """Run tasks of which each needs the one before."""
    pool.submit(leaf, f"{folder}/0", 0).result()
    for i in range(1, tasks):
        pool.submit(add, f"{folder}/{i}", [f"{folder}/{i - 1}"]).result()


def large_values(tasks: int, folder: Path, kind: str, level: int) -> None:
    """Write large values one after another and read them all: plain pickles at level 0, else with gzip."""
    opened: Any = open if level == 0 else partial(gzip.open, compresslevel=level)
    for i in range(tasks):
        with opened(f"{folder}/{i}", "wb") as file:
            pickle.dump(large(kind), file, 5)
    for i in range(tasks):
        with opened(f"{folder}/{i}", "rb") as file:
            pickle.load(file)


def sleeps(pool: Executor, tasks: int, _: Path) -> None:
    """Sleep, a second a task."""
    list(pool.map(time.sleep, [1.0] * tasks))


def mixed(pool: Executor, tasks: int, _: Path) -> None:
    """Sleep for as long as an ideal run would take: the longer of the long task and half of all work."""
    pool.submit(time.sleep, max(2.0, (2.0 + 2 * tasks * 0.01) / 2)).result()


FLOORS: dict[str, tuple[type[ProcessPoolExecutor | ThreadPoolExecutor], Callable[[Executor, int, Path], None]]] = {
    "wide": (ProcessPoolExecutor, wide),
    "wide-threads": (ThreadPoolExecutor, wide),
    "layered": (ProcessPoolExecutor, layered),
    "chain": (ProcessPoolExecutor, chain),
    "sleeps": (ThreadPoolExecutor, sleeps),
    "mixed": (ThreadPoolExecutor, mixed),
}


def main() -> None:
    """Run one floor."""
    name, tasks, folder, *more = sys.argv[1:]
    Path(folder).mkdir()
    if name in KINDS:
        large_values(int(tasks), Path(folder), name, int(more[0]))
        return
    pool_class, work = FLOORS[name]
    with pool_class(2) as pool:
        work(pool, int(tasks), Path(folder))


if __name__ == "__main__":
    main()
