"""The table: each row compares two commands that are measured in turn."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

from benchmarks.peers import PEERS
from benchmarks.shape import LARGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


LARGE_GOALS = {"random": 0.1, "arange": 0.05, "text": 0.4, "near-constant": 1.0}
"""For each kind of large value, how long level 9 may take beside gzip 9."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a command took.

    Seconds of wall clock, KB of memory at the peak of its largest process, and the bytes that are in its folder then.
    """

    seconds: float
    peak: float
    size: float


@dataclass(frozen=True, slots=True)
class Command:
    """A command to measure; `{folder}` in it is a new folder each time or, if `warm`, one where it ran before."""

    words: tuple[str, ...]
    warm: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Two commands, a figure made of both, and the figure that is wanted at most."""

    name: str
    unit: str
    goal: float
    first: Command
    second: Command
    figure: Callable[[Sample, Sample], float]


def ours(name: str, tasks: int, *more: str, warm: bool = False) -> Command:
    """Run a workload in taskproc."""
    return Command((sys.executable, "-m", "benchmarks.workloads", name, str(tasks), "{folder}", *more), warm)


def floor(name: str, tasks: int, *more: str) -> Command:
    """Run a workload on its floor."""
    return Command((sys.executable, "-m", "benchmarks.floors", name, str(tasks), "{folder}", *more))


def large_rows(kind: str) -> Iterator[Row]:
    """Make, write and read ten large values: their time, their size beside gzip's, and the memory that one takes.

    gzip takes 40 s for one array of numbers that count up: it gets one, which counts for ten.
    """
    name = f"10 x 50 MB {kind}"
    if kind != "near-constant":
        yield Row(f"{name}, level 0", "x floor", 1.1, ours(kind, 10, "0"), floor(kind, 10, "0"), ratio)
    count = 1 if kind == "arange" else 10
    first, second = ours(kind, 10, "9"), floor(kind, count, "9")
    yield Row(f"{name}, level 9", "x gzip 9", LARGE_GOALS[kind], first, second, growth(10 / count))
    yield Row(f"{name}, level 9: size", "x gzip 9", 1.05, first, second, bulk(10 / count))
    one, none = ours(kind, 1, "9"), ours("empty", 1, "9")
    yield Row(f"50 MB {kind}: memory", "x value", 1.2, one, none, memory(LARGE / 1024))


def ratio(first: Sample, second: Sample) -> float:
    """Tell how many times the second's time the first takes."""
    return first.seconds / second.seconds


def growth(factor: float) -> Callable[[Sample, Sample], float]:
    """Compare the cost of one task in the first, which has `factor` times as many, with that in the second."""
    return lambda first, second: ratio(first, second) / factor


def bulk(factor: float) -> Callable[[Sample, Sample], float]:
    """Compare the size of one value in the first, which has `factor` times as many, with that in the second."""
    return lambda first, second: first.size / second.size / factor


def each(tasks: int, scale: float) -> Callable[[Sample, Sample], float]:
    """Tell what a task costs in the first above the second, which is the same without them; `scale` units a second."""
    return lambda first, second: (first.seconds - second.seconds) / tasks * scale


def above(first: Sample, second: Sample) -> float:
    """Tell how many seconds longer the first takes."""
    return first.seconds - second.seconds


def memory(parts: float) -> Callable[[Sample, Sample], float]:
    """Tell how many KB the first takes above the second, for each of its parts."""
    return lambda first, second: (first.peak - second.peak) / parts


def peer_rows(environments: Path, scale: float) -> Iterator[Row]:
    """Give a row each for other tools, then for taskproc and for the floor: what a task costs above an idle Python.

    An environment is made when its row is asked for.
    """
    nothing = Command((sys.executable, "-c", "pass"))
    tasks = round(1000 * scale)
    for peer in PEERS:
        yield Row(peer.name, "ms/task", nan, Command(peer.words(environments, tasks)), nothing, each(tasks, 1e3))
    yield Row("taskproc", "ms/task", nan, ours("wide", tasks), nothing, each(tasks, 1e3))
    yield Row("floor", "ms/task", nan, floor("wide", tasks), nothing, each(tasks, 1e3))


def rows(scale: float) -> list[Row]:
    """Make the whole table, with `scale` times the tasks."""

    def size(tasks: int) -> int:
        return max(20, round(tasks * scale))

    nothing = Command((sys.executable, "-c", "pass"))
    executable = (sys.executable, "-m", "taskproc_cli")
    choose = ("examples/choose.py", "--cache", "{folder}", "--n", "5", "--k", "2")
    wide, chain, grid, large, few = size(20_000), size(10_000), size(10_200), size(100_000), size(10_000)
    us, ms = 1e6, 1e3
    return [
        Row("wide, processes", "x floor", 0.25, ours("wide", wide), floor("wide", wide), ratio),
        Row("wide, threads", "x floor", 0.4, ours("wide-threads", wide), floor("wide-threads", wide), ratio),
        Row("wide, warm", "ms/task", 0.03, ours("wide", wide, warm=True), ours("wide", 1, warm=True), each(wide, ms)),
        Row("layered", "x floor", 0.4, ours("layered", few), floor("layered", few), ratio),
        Row("chain", "x floor", 0.2, ours("chain", chain), floor("chain", chain), ratio),
        Row("grid", "µs/task", 110, ours("grid", grid), ours("grid", 1), each(grid, us)),
        Row("grid, 4 times larger", "x each", 1.2, ours("grid", 4 * grid), ours("grid", grid), growth(4)),
        Row("diamonds", "s above 1", 0.2, ours("diamonds", 200), ours("diamonds", 1), above),
        Row("10 x the tasks, cold", "x each", 1.2, ours("wide", large), ours("wide", few), growth(large / few)),
        Row(
            "10 x the tasks, warm",
            "x each",
            1.2,
            ours("wide", large, warm=True),
            ours("wide", few, warm=True),
            growth(large / few),
        ),
        Row("build", "µs/task", 15, ours("wide", large, "build"), ours("wide", 1, "build"), each(large, us)),
        Row("memory", "KB/task", 1.5, ours("wide", large), ours("wide", large, "build"), memory(large)),
        Row("after an edit", "s", 0.3, ours("wide", few, "edited", warm=True), ours("wide", 1, "build"), above),
        *(row for kind in LARGE_GOALS for row in large_rows(kind)),
        Row("tasks of 1 s", "x ideal", 1.02, ours("sleeps", 20), floor("sleeps", 20), ratio),
        Row("short and long", "x ideal", 1.15, ours("mixed", 100), floor("mixed", 100), ratio),
        Row("--help", "s", 0.2, Command((*executable, "--help")), nothing, above),
        Row("run, nothing to do", "s", 0.25, Command((*executable, "run", *choose), warm=True), nothing, above),
        Row("run, all to do", "s", 0.4, Command((*executable, "run", *choose)), nothing, above),
    ]
