from __future__ import annotations

import concurrent.futures
import logging
import multiprocessing
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.batch import Answer, Done, Ended, Returned
from taskproc.call import look_around
from taskproc.errors import FailedTaskError, RequestError
from taskproc.foreign import Foreign, _end_children, foreign
from taskproc.threads import ThreadCapture
from taskproc.value import load
from taskproc.work import ENOUGH, Work


def values(answers: list[Any]) -> list[Any]:
    return [load(answer.inline) for answer in answers if isinstance(answer, Done)]


@pytest.fixture
def ran(lab: Any) -> Any:
    """The answers of an executor, which is closed then."""

    def run(executor: Any, *jobs: Any) -> tuple[Any, list[Any]]:
        batch = lab.batch(*jobs)
        try:
            return batch, lab.run(executor, batch)
        finally:
            executor.close(kill=False)

    return run


def surroundings() -> tuple[str, str, list[int]]:
    """The folder and the streams of this process."""
    return os.getcwd(), type(sys.stdout).__name__, [os.fstat(number).st_ino for number in range(3)]


class Odd(concurrent.futures.Executor):
    """Answers each call with what it was made for."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.shut = False

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        if self.outcome == "refuse":
            raise RuntimeError("no more")
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        if self.outcome == "cancel":
            future.cancel()
        elif isinstance(self.outcome, BaseException):
            future.set_exception(self.outcome)
        else:
            future.set_result(self.outcome)
        return future

    def shutdown(self, wait: bool = True) -> None:  # type: ignore[override]  # as loky has it
        self.shut = True


class Twice(concurrent.futures.Executor):
    """Runs each call twice, and answers with what the first or the second one gave."""

    def __init__(self, accepted: int) -> None:
        self.accepted = accepted

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        future.set_result([fn(*args, **kwargs) for _ in range(2)][self.accepted])
        return future


@pytest.mark.parametrize("accepted", [0, 1])
def test_a_call_that_is_run_twice_leaves_one_whole_result(accepted: int, flow: Any) -> None:
    flow.write("""
        class Leave(Task):
            def run_task(self):
                note(len(list(self.task_directory.iterdir())))
                number = (HERE / "notes").read_text().count("\\n")
                (self.task_directory / f"{number}").write_text("left")
                print("attempt", number)
                return number, bytes(300_000)
        class Main(Task):
            up: Requires[Any]
            def __init__(self): self.up = Leave()[0]
            def run_task(self): return self.up
        """)
    ran = flow.run("Main()", executor=Twice(accepted))
    assert flow.notes() == {"0": 2}  # both began with an empty folder
    assert (ran.value, ran.executed) == (accepted + 1, {"Leave": 1, "Main": 1})
    task = flow.task("Leave()")
    assert [path.name for path in task.task_directory.iterdir()] == [f"{accepted + 1}"]
    assert task.task_stdout.read_text() == f"attempt {accepted + 1}\n"
    assert len(list(task.task_directory.resolve().parents[1].glob("?" * 16))) == 1
    assert flow.run("Main()").executed == {}


def test_processes_that_only_have_an_id_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """As loky's; one of them is gone already."""
    with subprocess.Popen(["sleep", "60"]) as alive, subprocess.Popen(["true"]) as gone:
        gone.wait()
        children = [SimpleNamespace(pid=gone.pid), SimpleNamespace(pid=alive.pid)]
        monkeypatch.setattr(multiprocessing, "active_children", lambda: children)
        _end_children()
        assert alive.wait() == -signal.SIGKILL


def have_input() -> None:
    os.dup2(os.open(__file__, os.O_RDONLY), 0)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_in_another_process_commands_print_to_the_log_and_have_no_input_and_all_is_given_back(flow: Any) -> None:
    flow.write("""
        class Main(Task):
            def __init__(self, k): pass
            def run_task(self):
                print("from Python")
                os.system("echo from a command; cat")
                os.write(2, b"on descriptor 2")
                sys.stdout, _, _ = None, os.chdir("/"), os.close(0)
        """)

    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(1, fork, initializer=have_input) as executor:
        before = executor.submit(surroundings).result()
        for k in range(3):
            flow.run(f"Main({k})", executor=executor)
            task = flow.task(f"Main({k})")
            assert task.task_stdout.read_text() == "from Python\nfrom a command\n"
            assert task.task_stderr.read_text() == "on descriptor 2"
        assert executor.submit(surroundings).result() == before


def close_stdout() -> None:
    os.close(1)


def leave_for_nowhere() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("begin", [close_stdout, leave_for_nowhere])
def test_a_process_without_a_stdout_or_a_folder_runs_tasks_too(flow: Any, begin: Callable[[], None]) -> None:
    flow.write("""
        class Main(Task):
            def run_task(self): print("from Python")
        """)

    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(1, fork, initializer=begin) as executor:
        flow.run("Main()", executor=executor)
    assert flow.task("Main()").task_stdout.read_text() == "from Python\n"


def test_tasks_of_one_call_have_attempts_of_their_own(flow: Any) -> None:
    """What names the folder of an upstream in the same batch is another value once that is another attempt."""
    flow.write("""
        VALUE = "one"
        class Up(Task):
            def __init__(self, k): pass
            def run_task(self):
                (self.task_directory / "a").write_text(VALUE)
                return self.task_directory / "a"
        class Pass(Task):
            up: Requires[Path]
            def __init__(self, k): self.up = Up(k)
            def run_task(self):
                assert VALUE
                return {"model": self.up}
        class Main(Task):
            ups: RequiresList[Any]
            def __init__(self): self.ups = [Pass(k) for k in range(4)]
            def run_task(self): return [up["model"].read_text() for up in self.ups]
        """)
    flow.run("Main()", executor=Twice(0))  # from now on, how long they take is known
    for old, new in (("one", "two"), ("two", "three"), ("three", "four")):
        flow.edit((f'VALUE = "{old}"', f'VALUE = "{new}"'))
        assert flow.run("Main()", executor=Twice(0)).value == [new] * 4


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_workers_that_outlive_a_run_load_what_changed(flow: Any) -> None:
    flow.write("""
        class Leaf(Task):
            def run_task(self): return 1, os.getpid()
        class Main(Task):
            up: Requires[Any]
            def __init__(self): self.up = Leaf()
            def run_task(self): return self.up[0], os.getpid() == self.up[1]
        """)
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        assert flow.run("Main()", executor=executor).value == (1, True)
        flow.edit(("return 1", "return 2"))
        ran = flow.run("Main()", executor=executor)
        assert (ran.value, ran.executed) == ((2, True), {"Leaf": 1, "Main": 1})


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_keys_and_items_are_of_the_class_that_the_task_has(flow: Any) -> None:
    flow.write("""
        from enum import Enum
        class Colour(Enum):
            RED = 1
        class Leaf(Task):
            def run_task(self): return {Colour.RED: 1}
        class Main(Task):
            named: RequiresDict[Colour, int]
            item: Requires[int]
            def __init__(self): self.named, self.item = {Colour.RED: Const(2)}, Leaf()[Colour.RED]
            def run_task(self): return self.named[Colour.RED] + self.item
        """)
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        assert flow.run("Main()", executor=executor).value == 3
        flow.edit(("RED = 1", "RED = 1; BLUE = 2"))  # the worker loads it anew
        assert flow.run("Main()", executor=executor).value == 3


def test_keys_of_a_scripts_own_class_in_a_pool_that_has_imported_it(python: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(COLOURS)
    assert python("script.py").stdout == "1\n"


COLOURS = """
import concurrent.futures, enum, multiprocessing
from taskproc import Cache, Const, RequiresDict, Task

class Colour(enum.Enum):
    RED = 1

class Main(Task):
    named: RequiresDict[Colour, int]
    def __init__(self): self.named = {Colour.RED: Const(1)}
    def run_task(self): return self.named[Colour.RED]

if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor, Cache("cache"):
        print(Main().run_graph(executor=executor)[0])
"""


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_workers_that_outlive_a_run_tell_projects_apart(python: Any, tmp_path: Path) -> None:
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        (folder / "table.py").write_text(f"ROWS = {name!r}\n")
        (folder / "helper.py").write_text("from table import ROWS\n")
        (folder / "tasks.py").write_text("import helper\nfrom taskproc import Task\n" + TAKE)
    (tmp_path / "script.py").write_text(PROJECTS)
    assert python("script.py").stdout.split() == ["a", "b", "c", "a"]


TAKE = """
class Take(Task):
    def run_task(self): return helper.ROWS
"""

PROJECTS = """
import concurrent.futures, multiprocessing, os, sys
from pathlib import Path
from taskproc import Cache, taskfile

def take(folder, executor):
    sys.path[:] = [entry for entry in sys.path if Path(entry).name not in {"a", "b"}]
    for name in ("tasks", "helper", "table"):
        sys.modules.pop(name, None)
    with Cache(f"{folder}/cache"):
        task = taskfile.load(Path(folder, "tasks.py")).Take()
    task.clear_task()
    return task.run_graph(executor=executor)[0]

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # which would hide an edit within the same second
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        print(take("a", executor), take("b", executor))
        Path("b/table.py").write_text("ROWS = 'c'\\n")
        print(take("b", executor), take("a", executor))
"""


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (ValueError("bad"), "the executor lost it (ValueError: bad)"),
        (KeyboardInterrupt(), "the executor lost it (KeyboardInterrupt)"),
        ("refuse", "the executor lost it (RuntimeError: no more)"),
        ("cancel", "the executor lost it (CancelledError)"),
        (b"junk", "the executor lost it (UnpicklingError: "),
        (None, "the executor lost it (TypeError: "),
    ],
)
def test_what_a_foreign_executor_may_do(outcome: Any, reason: str, ran: Any) -> None:
    executor = Odd(outcome)
    _, (lost,) = ran(Foreign(executor), ("Same", 1))
    assert lost.reason.startswith(reason)
    assert not executor.shut
    Foreign(executor, make=lambda: executor).close(kill=True)
    assert executor.shut


def test_what_has_finished_waits_for_nothing_that_was_thought_to_be_short(ran: Any) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        _, answers = ran(Foreign(executor), ("Call", f"time.sleep({ENOUGH})"), ("Same", 2))
    assert [type(answer) for answer in answers] == [Done, Returned, Ended]


def test_the_callers_executor_is_never_shut_down(ran: Any) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        _, answers = ran(Foreign(executor), ("Same", 1))
        assert values(answers) == [1]
        assert executor.submit(lambda: 2).result() == 2


def test_the_exception_that_tells_of_a_dead_worker_travels_on(ran: Any) -> None:
    _, (lost,) = ran(Foreign(Odd(OSError("gone"))), ("Same", 1))
    assert repr(pickle.loads(lost.error)) == "OSError('gone')"


@pytest.mark.parametrize("kill", [False, True])
def test_the_standard_librarys_threads_answer_as_tasks_finish(kill: bool, lab: Any) -> None:
    begun, go = lab.folder / "begun", lab.folder / "go"
    home, code = (
        os.getcwd(),
        f"os.chdir('/')\nPath({str(begun)!r}).touch()\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)",
    )
    batch = lab.batch(("Same", 1), ("Call", code), ("Same", 3))
    heard: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        threads = foreign(executor)
        threads.submit(batch, lambda _, answer: heard.put(answer))
        assert values([heard.get(timeout=60)]) == [1]
        while not begun.exists():
            time.sleep(0.01)
        threads.close(kill=True) if kill else threads.recall(batch.serial)
        assert os.getcwd() == (home if kill else "/")
        assert heard.get(timeout=60) == Returned((2,))
        go.touch()
        assert [type(heard.get(timeout=60)) for _ in range(2)] == [Done, Ended]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_death_of_a_foreign_worker(ran: Any) -> None:
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        _, (lost,) = ran(Foreign(executor), ("Call", "os._exit(3)"))
    assert "BrokenProcessPool" in lost.reason


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_pool_that_is_broken_is_made_anew_if_it_is_ours(flow: Any) -> None:
    flow.write("""
        class Leaf(Task):
            def __init__(self, i): self.i = i
            def run_task(self):
                if self.i == 1: os._exit(3)
                return self.i
        class Main(Task):
            ups: RequiresList[int]
            def __init__(self): self.ups = [Leaf(i) for i in range(4)]
            def run_task(self): return sum(self.ups)
        """)
    how = {"executor_args": {"max_workers": 1}, "workers": 1, "keep_going": True}
    with pytest.raises(ExceptionGroup) as caught:
        flow.run("Main()", executor="concurrent.futures:ProcessPoolExecutor", **how)
    assert [error.task.i for error in caught.value.exceptions] == [1]


# What workers elsewhere must have


class Elsewhere(concurrent.futures.Executor):
    """Makes calls as a worker would that finds itself in other surroundings."""

    def __init__(self, **differences: Any) -> None:
        self.differences = differences

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        found = fn(*args, **kwargs)
        future.set_result(found._replace(**self.differences) if fn is look_around else found)
        return future


def test_workers_are_asked_once_what_they_find(flow: Any) -> None:
    flow.write("class Main(Task):\n    def run_task(self): note('ran'); return 1")
    for differences, sentence in (
        ({"python": "2.7", "host": "far"}, " on Python 2.7 at far, and this is taskproc "),
        ({"runs": ()}, f"executor Elsewhere does not see the cache {flow.cache} at {os.uname().nodename}: "),
    ):
        with pytest.raises(RequestError) as caught:
            flow.run("Main()", executor=Elsewhere(**differences))
        assert sentence in str(caught.value)
    with pytest.raises(
        RequestError, match=r"Odd can't make a call: ModuleNotFoundError: no taskproc; taskproc must be"
    ):
        flow.run("Main()", executor=Odd(ModuleNotFoundError("no taskproc")))
    assert flow.notes() == {}
    assert flow.run("Main()", executor=Elsewhere()).executed == {"Main": 1}


def test_a_worker_that_does_not_see_the_cache_runs_nothing(flow: Any, tmp_path: Path) -> None:
    class Nowhere(Elsewhere):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
            if fn is look_around:
                return super().submit(fn, *args, **kwargs)
            flow.cache.rename(tmp_path / "away")
            try:
                return super().submit(fn, *args, **kwargs)
            finally:
                (tmp_path / "away").rename(flow.cache)

    flow.write("class Main(Task):\n    def run_task(self): note('ran'); return 1")
    with pytest.raises(FailedTaskError, match="the folder of the cache is not the run's at "):
        flow.run("Main()", executor=Nowhere())
    assert flow.notes() == {}


# Dask, for real

PIPELINE = """
    class Leaf(Task):
        def __init__(self, i): self.i = i
        def run_task(self):
            (self.task_directory / "file").write_text(f"{self.i}")
            print("leaf", self.i)
            return {"small": self.i, "large": bytes(300_000)}

    class Middle(Task):
        up: Requires[int]
        down: Requires[bytes]
        def __init__(self, i):
            self.up = Leaf(i)["small"]
            self.down = Leaf(i)["large"]
        def run_task(self): return self.up * len(self.down) + FACTOR

    class Main(Task):
        ups: RequiresList[int]
        def __init__(self, n): self.ups = [Middle(i) for i in range(n)]
        def run_task(self): return sum(self.ups)

    FACTOR = 0
    """


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="distributed, a part of taskproc[test], is not installed")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # of the workers: it would hide an edit within the same second
        cluster = distributed.LocalCluster(**settings, silence_logs=logging.CRITICAL)
    with cluster:
        yield cluster


def test_dask_runs_batches(cluster: Any, flow: Any) -> None:
    from distributed import Client

    flow.write(PIPELINE)
    with Client(cluster) as client:
        executor = client.get_executor(pure=False)
        calls: list[Any] = []
        submit = executor.submit
        executor.submit = lambda *args: calls.append(args) or submit(*args)
        ran = flow.run("Main(60)", executor=executor)
    assert (ran.value, ran.executed) == (300_000 * sum(range(60)), {"Leaf": 60, "Middle": 60, "Main": 1})
    assert len(calls) < 100  # several tasks go in one call
    assert {stats.worker for stats in ran.stats.tasks}.isdisjoint({f"{os.uname().nodename}:{os.getpid()}"})
    leaf = flow.task("Leaf(7)")
    assert ((leaf.task_directory / "file").read_text(), leaf.task_stdout.read_text()) == ("7", "leaf 7\n")
    assert flow.run("Main(60)").executed == {}


def test_dask_by_address_loads_what_changed_since_the_last_run(cluster: Any, flow: Any) -> None:
    flow.write(PIPELINE)
    address = f"dask:{cluster.scheduler_address}"
    assert flow.run("Main(3)", executor=address).value == 900_000
    flow.edit(("FACTOR = 0", "FACTOR = 1"))
    ran = flow.run("Main(3)", executor=address)
    assert (ran.value, ran.executed) == (900_003, {"Middle": 3, "Main": 1})


def test_what_dask_runs_again_after_a_death_is_recorded_once(cluster: Any, flow: Any) -> None:
    flow.write("""
        class Die(Task):
            def run_task(self):
                left = [path.name for path in self.task_directory.iterdir()]
                (self.task_directory / "file").write_text("written")
                note(f"body {left}")
                if not (HERE / "died").exists():
                    (HERE / "died").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return left
        """)
    ran = flow.run("Die()", executor=f"dask:{cluster.scheduler_address}")
    assert (ran.value, ran.executed) == ([], {"Die": 1})
    assert flow.notes() == {"body []": 2}
    assert len(list((flow.cache / f"{flow.path.stem}.Die" / "0").glob("?" * 16))) == 1


def test_dask_without_an_address_is_a_cluster_that_ends_with_the_run(cluster: Any, flow: Any) -> None:
    flow.write("class Main(Task):\n    def run_task(self): return os.getpid()")
    pid = flow.run("Main()", executor="dask", workers=1).value
    assert not Path(f"/proc/{pid}").exists() or sys.platform != "linux"


def test_what_a_thread_leaves_for_a_run_that_is_over_is_removed(
    unprivileged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = unprivileged / ".runs" / "0123456789.lock"
    lock.parent.mkdir()
    lock.touch()
    folder = unprivileged / "study.Train" / "3" / "0123456789000001"
    (folder / "data" / "inside").mkdir(parents=True)
    (folder / "data").chmod(0o500)
    batch: Any = SimpleNamespace(serial=1, payloads=[SimpleNamespace(folder=str(folder))])
    work = Work(batch, print, ThreadCapture())
    monkeypatch.setattr(work, "run", lambda most: None)
    work.run_for_others()
    assert folder.exists()
    lock.unlink()
    work.run_for_others()
    assert not folder.exists()
