"""The workloads, as tasks: `python -m benchmarks.workloads WORKLOAD TASKS FOLDER [build | edited | LEVEL]`.

With `build` the graph is made and not run, with `edited` it is planned after an edit of what all its tasks reach. LEVEL
is the compression level of large results. Workers load this file: it imports what the tasks need.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.shape import KINDS, LAYERS, large, needs
from taskproc import Cache, Const, Future, Requires, RequiresList, Task

if TYPE_CHECKING:
    from collections.abc import Callable


class Leaf(Task):
    """A task that does nothing."""

    def __init__(self, i: int) -> None:
        self.i = i

    def run_task(self) -> int:
        """Give its number."""
        return self.i


class Sleep(Task):
    """A task that takes its time."""

    def __init__(self, i: int, seconds: float) -> None:
        self.seconds = seconds

    def run_task(self) -> int:
        """Wait."""
        time.sleep(self.seconds)
        return 0


class Large(Task):
    """A task with a large result."""

    def __init__(self, kind: str, i: int, level: int) -> None:
        self._task_compress_level = level
        self.kind = kind

    def run_task(self) -> object:
        """Make it."""
        return large(self.kind)


class Sizes(Task):
    """A task that reads large results."""

    values: RequiresList[Any]

    def __init__(self, kind: str, count: int, level: int) -> None:
        self.values = [Large(kind, i, level) for i in range(count)]

    def run_task(self) -> int:
        """Add up how many there are."""
        return sum(map(len, self.values))


class Add(Task):
    """A task that needs others."""

    values: RequiresList[int]

    def __init__(self, layer: int, i: int, values: list[Future[int]]) -> None:
        self.place = layer, i
        self.values = values

    def run_task(self) -> int:
        """Give their sum, and one."""
        return sum(self.values) + 1


class Link(Task):
    """A task that needs the one before it."""

    before: Requires[int]

    def __init__(self, before: Future[int]) -> None:
        self.before = before

    def run_task(self) -> int:
        """Count how many came before."""
        return self.before + 1


class Choose(Task):
    """The binomial coefficient."""

    prev1: Requires[int]
    prev2: Requires[int]

    def __init__(self, n: int, k: int) -> None:
        inner = 0 < k < n
        self.prev1 = Choose(n - 1, k - 1) if inner else Const(0)
        self.prev2 = Choose(n - 1, k) if inner else Const(1)

    def run_task(self) -> int:
        """Add the two above."""
        return self.prev1 + self.prev2


class Diamond(Task):
    """A task that needs the one before it twice, so that there are 2ⁿ paths."""

    left: Requires[int]
    right: Requires[int]

    def __init__(self, n: int) -> None:
        self.left = Diamond(n - 1) if n else Const(1)
        self.right = Diamond(n - 1) if n else Const(1)

    def run_task(self) -> int:
        """Count the paths, in 32 bits."""
        return (self.left + self.right) % 2**32


def wide(tasks: int) -> Task:
    """Make tasks that need nothing, and a sum of them."""
    return Add(0, 0, [Leaf(i) for i in range(tasks)])


def layered(tasks: int) -> Task:
    """Make layers of tasks, each needing some of the layer before."""
    width = tasks // LAYERS
    layer: list[Future[int]] = [Leaf(i) for i in range(width)]
    for depth in range(1, LAYERS):
        layer = [Add(depth, i, [layer[j] for j in needs(i, width)]) for i in range(width)]
    return Add(LAYERS, 0, layer)


def chain(tasks: int) -> Task:
    """Make tasks of which each needs the one before."""
    last: Future[int] = Const(0)
    for _ in range(tasks - 1):
        last = Link(last)
    return Link(last)


def grid(tasks: int) -> Task:
    """Make `Choose(n, n / 2)` of about this many tasks."""
    half = int(tasks**0.5)
    return Choose(2 * half, half)


def sleeps(tasks: int) -> Task:
    """Make tasks of one second."""
    return Add(0, 0, [Sleep(i, 1.0) for i in range(tasks)])


def mixed(tasks: int) -> Task:
    """Make instant tasks, one of two seconds, and some of 10 ms."""
    instant = [Sleep(i, 0.0) for i in range(3 * tasks)]
    return Add(0, 0, [*instant, Sleep(0, 2.0), *[Sleep(i, 0.01) for i in range(2 * tasks)]])


GRAPHS: dict[str, Callable[[int], Task]] = {
    "wide": wide,
    "wide-threads": wide,
    "layered": layered,
    "chain": chain,
    "grid": grid,
    "diamonds": Diamond,
    "sleeps": sleeps,
    "mixed": mixed,
}


def edited(self: Leaf) -> int:
    """Give its number, in other words."""
    return self.i + 0


def main() -> None:
    """Make one graph, and run it."""
    name, tasks, folder, *more = sys.argv[1:]
    with Cache(folder):
        task = Sizes(name, int(tasks), int(more[0])) if name in KINDS else GRAPHS[name](int(tasks))
    if more == ["build"]:
        return
    if more == ["edited"]:
        from taskproc.options import Options
        from taskproc.run import make_plan

        Leaf.run_task = edited  # type: ignore[method-assign]
        make_plan(task._task_node, Options())  # type: ignore[arg-type]
        return
    if name == "wide-threads":
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(2) as executor:
            task.run_graph(executor=executor)
    else:
        task.run_graph(max_workers=2)


if __name__ == "__main__":
    main()
