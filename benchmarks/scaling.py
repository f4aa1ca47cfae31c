"""What one runner can do with an engine that answers at once: `python -m benchmarks.scaling [TASKS] [--folder FOLDER]`.

No task runs: each answer is made up. What is left is the runner's own work, and what it needs of memory and disk. The
tasks are leaves, sums of a thousand of them, and one sum of these.
"""

from __future__ import annotations

import argparse
import gc
import pickle
import tempfile
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from taskproc import Cache, RequiresList, Task
from taskproc.batch import Answer, Done, Ended
from taskproc.call import run_pickled
from taskproc.canonical import digest
from taskproc.pickling import pickled
from taskproc.record import Made
from taskproc.wire import Parcel, encoded_answers, read_batch

GROUP = 1000
VALUE = pickled(1)
DIGEST = digest(VALUE)


class Leaf(Task):
    """A task that does nothing."""

    def __init__(self, i: int) -> None:
        self.i = i

    def run_task(self) -> int:
        """Give one."""
        return 1


class Sum(Task):
    """A task that needs others."""

    values: RequiresList[int]

    def __init__(self, first: int, count: int) -> None:
        self.values = [Leaf(i) for i in range(first, first + count)]

    def run_task(self) -> int:
        """Give one, as if it had added them."""
        return 1


class All(Task):
    """The sum of all."""

    values: RequiresList[int]

    def __init__(self, count: int) -> None:
        self.values = [Sum(first, min(GROUP, count - first)) for first in range(0, count, GROUP)]

    def run_task(self) -> int:
        """Give one, as if it had added them."""
        return 1


class AtOnce(Executor):
    """An engine without workers: every call is answered when it is made. `seconds` is what that took."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Answer for a whole batch, whose pickle is the only argument; make any other call."""
        future: Future[Any] = Future()
        if fn is not run_pickled:
            future.set_result(fn(*args, **kwargs))
            return future
        start = time.process_time()
        message: Parcel = pickle.loads(args[0])
        made = Made(time.time(), 1e-5, "nowhere:0")
        answers: list[Answer] = [
            Done(
                position,
                DIGEST,
                VALUE,
                (),
                (),
                b"",
                names_folder=False,
                shows_nothing=False,
                attempt="",
                python="",
                made=made,
            )
            for position in range(len(read_batch(message.batch).payloads))
        ]
        future.set_result(encoded_answers([*answers, Ended()]))
        self.seconds += time.process_time() - start
        self.calls += 1
        return future


def memory(field: str) -> float:
    """MB of memory that this process has (`VmRSS`) or had at the most (`VmHWM`)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def main() -> None:
    """Define, run and check again; a line for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("tasks", type=int, nargs="?", default=100_000)
    parser.add_argument("--folder", help="where the cache is to be; a temporary one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measure(options.tasks, Path(folder))


def measure(tasks: int, folder: Path) -> None:
    """Print what it takes: seconds of CPU, which others on the machine change least, and MB."""
    engine = AtOnce()
    base = memory("VmRSS")

    def tell(what: str, seconds: float, more: str = "") -> None:
        each = seconds / tasks * 1e6
        now, peak = memory("VmRSS") - base, memory("VmHWM") - base
        print(
            f"{what:8}{seconds:8.2f} s of CPU{each:8.1f} us a task{now:8.0f} MB, at most{peak:7.0f} MB  {more}",
            flush=True,
        )

    for what in ("cold", "again"):
        start = time.process_time()
        with Cache(folder):
            root = All(tasks)
        tell("define", time.process_time() - start)
        before, start, clock = engine.seconds, time.process_time(), time.perf_counter()
        _, stats = root.run_graph(executor=engine, max_workers=64)
        took = time.process_time() - start - (engine.seconds - before)
        ran, wall = sum(stats.executed.values()), time.perf_counter() - clock
        tell(what, took, f"{ran} ran in {engine.calls} calls; {wall:.1f} s by the clock")
        del root, stats
        gc.collect()
    sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_file()]
    print(f"disk    {sum(sizes) / tasks:8.0f} bytes per task, in {len(sizes)} files")


if __name__ == "__main__":
    main()
