from __future__ import annotations

import gc
import os
import signal
import sys
import textwrap
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from taskproc import Cache, FailedTaskError, RunStats, Task
from taskproc import run as run_module
from taskproc.batch import ClassRef
from taskproc.errors import RequestError
from taskproc.events import Event, Planned, Printed, Started, Waiting
from taskproc.garbage import seldom_collected
from taskproc.options import Options
from taskproc.plan import Plan
from taskproc.run import make_plan, recorded_values, run_all

CHOOSE = """
class Choose(Task):
    prev1: Requires[int]
    prev2: Requires[int]
    def __init__(self, n: int, k: int):
        if 0 < k < n:
            self.prev1 = Choose(n - 1, k - 1)
            self.prev2 = Choose(n - 1, k)
        else:
            self.prev1 = Const(0)
            self.prev2 = Const(1)
    def run_task(self) -> int:
        return self.prev1 + self.prev2
"""


# What a run gives.


def test_a_run_gives_the_result_and_what_was_done(flow: Any) -> None:
    flow.write(CHOOSE)
    task = flow.task("Choose(4, 2)")
    with ThreadPoolExecutor(2) as executor:
        answer, stats = task.run_graph(executor=executor)
    assert answer == 6
    assert isinstance(stats, RunStats)
    assert (stats.executed, stats.reused) == ({flow.module.Choose.task_name: 8}, {})
    assert stats.elapsed > 0
    assert len(stats.tasks) == 8
    last = stats.tasks[-1]
    assert (last.task, last.reason) == (task, "never ran")
    assert last.worker.endswith(f":{os.getpid()}")
    answer, stats = task.run_graph()
    assert (answer, stats.executed, stats.reused, stats.tasks) == (6, {}, {flow.module.Choose.task_name: 8}, ())
    assert task.get_task_result() == 6


FAILING = """
class Bad(Task):
    def __init__(self, n):
        self.n = n
    def run_task(self):
        print('last words')
        raise KeyError(self.n)
class Both(Task):
    bad: RequiresList[int]
    def __init__(self):
        self.bad = [Bad(1), Bad(2)]
    def run_task(self):
        return self.bad
"""


def test_a_failure_names_the_task_and_its_cause(flow: Any) -> None:
    flow.write(FAILING)
    task = flow.task("Bad(1)")
    with ThreadPoolExecutor(1) as executor, pytest.raises(FailedTaskError) as caught:
        task.run_graph(executor=executor)
    assert caught.value.task is task
    assert repr(caught.value.__cause__) == "KeyError(1)"
    headline, *_, log, debug = str(caught.value).splitlines()
    assert headline == "Bad(n=1) failed: KeyError: 1"
    assert "    raise KeyError(self.n)\n  KeyError: 1\nits output ended with:\n  last words\n" in str(caught.value)
    assert log == f"all it printed: {caught.value.log}"
    assert debug.endswith("error.task.run_graph(force_interactive=True)")
    assert Path(caught.value.log).read_text() == "last words\n"
    assert "in run_task" in caught.value.details
    assert task.task_stdout.read_text() == "last words\n"


def test_with_keep_going_all_failures_are_told(flow: Any) -> None:
    flow.write(FAILING)
    task = flow.task("Both()")
    with ThreadPoolExecutor(1) as executor, pytest.raises(ExceptionGroup) as caught:
        task.run_graph(executor=executor, keep_going=True)
    errors = caught.value.exceptions
    assert {error.label for error in errors if isinstance(error, FailedTaskError)} == {"Bad(n=1)", "Bad(n=2)"}


def test_a_result_is_had_only_while_it_is_up_to_date(flow: Any) -> None:
    flow.write(CHOOSE)
    with pytest.raises(LookupError, match=r"Choose\(n=2, k=1\) has no up-to-date result \(never ran\)"):
        flow.task("Choose(2, 1)").get_task_result()
    flow.run("Choose(2, 1)")
    assert flow.task("Choose(2, 1)").get_task_result() == 2
    flow.edit(("self.prev1 + self.prev2", "self.prev1 - self.prev2"))
    with pytest.raises(LookupError, match="code of Choose changed"):
        flow.task("Choose(2, 1)").get_task_result()
    flow.run("Choose(2, 1)")
    flow.task("Choose(1, 1)").clear_task()
    with pytest.raises(LookupError, match=r"upstream Choose\(n=1, k=1\) is made anew"):
        flow.task("Choose(2, 1)").get_task_result()


@pytest.mark.parametrize("executor", [None, "thread"])
def test_a_run_within_a_run_is_refused(flow: Any, executor: str | None) -> None:
    flow.write("""
    class Inner(Task):
        def run_task(self):
            return 1
    class Outer(Task):
        def run_task(self):
            with Cache(HERE / 'inner'):
                task = Inner()
            return task.run_graph()
    """)
    with pytest.raises(FailedTaskError, match=r"run_graph of Inner\(\) was called inside run_task.*Requires"):
        flow.run("Outer()", **({"interactive": True} if executor is None else {"executor": executor}))


def test_a_module_that_runs_a_graph_when_it_is_imported_is_refused(python: Any, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        dedent("""
        from taskproc import Cache, Task
        class Main(Task):
            def run_task(self):
                return 1
        with Cache("cache"):
            Main().run_graph(max_workers=1)
        """)
    )
    done = python("-c", "import study", check=False)
    assert done.returncode == 1
    assert (
        "Main() failed: a worker that imported the module met run_graph of Main() there:"
        ' guard it with `if __name__ == "__main__":`\n'
    ) in done.stderr
    assert python("study.py").stderr == ""


UNGUARDED = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from taskproc import Cache, Task

class Main(Task):
    def run_task(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(abs, [-1])

with Cache("cache"):
    main = Main()
executor = {executor}
print(main.run_graph(executor=executor)[0])
"""


def test_a_script_without_a_guard_is_not_imported_by_processes_that_a_task_starts(python: Any, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(UNGUARDED.format(executor=None))
    assert python("study.py").stdout == "[1]\n"


def test_a_graph_is_not_run_again_by_the_workers_of_an_executor(python: Any, tmp_path: Path) -> None:
    workers = 'ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))'
    (tmp_path / "study.py").write_text(UNGUARDED.format(executor=workers))
    done = python("study.py", check=False)
    assert done.returncode == 1
    assert "RuntimeError: multiprocessing imported the script again, and met run_graph of Main() there" in done.stderr
    assert "Main() failed: the executor lost it (BrokenProcessPool" in done.stderr


def test_a_graph_that_is_done_is_read_in_processes_that_import_the_script_again(python: Any, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        dedent("""
        from taskproc import Task
        class Main(Task):
            def run_task(self):
                return 42
        """)
    )
    (tmp_path / "study.py").write_text(
        dedent("""
        import multiprocessing
        from taskproc import Cache
        from tasks import Main
        with Cache("cache"):
            value = Main().run_graph(max_workers=1)[0]
        def show():
            print(value)
        if __name__ == "__main__":
            process = multiprocessing.get_context("spawn").Process(target=show)
            process.start()
            process.join()
        """)
    )
    assert python("study.py").stdout == "42\n"


@pytest.mark.parametrize("options", [{"rate_limits": 3}, {"rate_limits": {Task: 1}}, {"prefixes": {None: "env"}}])
def test_limits_and_prefixes_go_by_names(flow: Any, options: dict[str, Any]) -> None:
    flow.write(CHOOSE)
    with pytest.raises(RequestError, match=r"is no name; give a dict by channel or task_name, such as '\w+\.Choose'"):
        flow.task("Choose(3, 2)").run_graph(**options)


@pytest.mark.parametrize("options", [{"max_workers": 0}, {"max_workers": 1.5}, {"rate_limits": {"gpu": 0}}])
def test_numbers_that_are_none_are_refused(flow: Any, options: dict[str, Any]) -> None:
    flow.write(CHOOSE)
    with pytest.raises(RequestError, match="must be a whole number from 1"):
        flow.task("Choose(2, 1)").run_graph(**options)
    assert not flow.cache.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"executor": 3}, "executor is 3, but must be a concurrent.futures.Executor, or None"),
        (
            {"executor": ThreadPoolExecutor},
            "executor is <class .*>, but must be a concurrent.futures.Executor, or None",
        ),
        ({"prefixes": {"gpu": 3}}, "prefix gpu is 3, but must be a command, as text"),
    ],
)
def test_what_cannot_run_tasks_is_refused(flow: Any, options: dict[str, Any], sentence: str) -> None:
    flow.write(CHOOSE)
    with pytest.raises(RequestError, match=sentence):
        flow.task("Choose(2, 1)").run_graph(**options)
    assert not flow.cache.exists()


# Executors.


SQUARES = """
class Square(Task):
    def __init__(self, n):
        self.n = n
    def run_task(self):
        note(f'{os.getpid()}')
        return self.n ** 2
class Sum(Task):
    squares: RequiresList[int]
    def __init__(self, size=4):
        self.squares = [Square(n) for n in range(size)]
    def run_task(self):
        return sum(self.squares)
"""


def process_pool() -> Executor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


@pytest.mark.parametrize("make", [None, process_pool, lambda: ThreadPoolExecutor(2)])
def test_executors(flow: Any, make: Any) -> None:
    flow.write(SQUARES)
    executor = make() if make else None
    answer, stats = flow.task("Sum()").run_graph(executor=executor)
    assert answer == 14
    pids = set(flow.notes())
    assert (str(os.getpid()) in pids) == isinstance(executor, ThreadPoolExecutor)
    assert {record.worker.rpartition(":")[2] for record in stats.tasks} >= pids
    if executor is not None:
        assert executor.submit(int, "3").result() == 3
        executor.shutdown()


def test_a_run_can_stay_in_this_very_thread(flow: Any) -> None:
    flow.write("""
    class Where(Task):
        _task_prefix_command = 'false'
        def run_task(self):
            import threading
            return os.getpid(), threading.get_ident()
    """)
    import threading

    answer, _ = flow.task("Where()").run_graph(force_interactive=True)
    assert answer == (os.getpid(), threading.get_ident())


MANY = """
from weakref import WeakSet
from taskproc import Cache, Task

class One(Task):
    def run_task(self):
        return 1

tasks = WeakSet()
for _ in range(300):
    with Cache('cache'):
        task = One()
    tasks.add(task)
    task.run_graph(force_interactive=True)
print(len(tasks))
"""


def test_what_many_runs_drop_does_not_pile_up(python: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(MANY)
    # Tasks and nodes know each other, so that only the garbage collector ends them.
    assert int(python("script.py").stdout) < 200


SCRIPT = """
from taskproc import Cache, Requires, Task

class Low(Task):
    def run_task(self):
        return help_me(3)

class Top(Task):
    low: Requires[int]
    def __init__(self):
        self.low = Low()
    def run_task(self):
        return self.low + 1

def help_me(x):
    return x * 2

with Cache('cache'):
    task = Top()
answer, stats = task.run_graph()
print(answer, stats.executed, Low.task_name)
"""


def test_a_script_needs_no_main_guard(python: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    assert python("script.py").stdout == "7 {'script.Low': 1, 'script.Top': 1} script.Low\n"
    assert python("-m", "script").stdout == "7 {} script.Low\n"
    assert python("-c", "import script").stdout == "7 {} script.Low\n"


def test_a_script_in_a_package_has_the_packages_name(python: Any, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    (tmp_path / "pack" / "script.py").write_text(SCRIPT)
    assert python("-m", "pack.script").stdout == "7 {'pack.script.Low': 1, 'pack.script.Top': 1} pack.script.Low\n"
    assert python(Path("pack", "script.py")).stdout == "7 {} pack.script.Low\n"


def test_code_without_a_file_runs_in_workers_too(python: Any) -> None:
    assert python("-c", SCRIPT).stdout == "7 {'__main__.Low': 1, '__main__.Top': 1} __main__.Low\n"
    assert python("-c", SCRIPT).stdout == "7 {} __main__.Low\n"
    edited = SCRIPT.replace("x * 2", "x * 3")
    assert python("-c", edited).stdout == "10 {'__main__.Low': 1, '__main__.Top': 1} __main__.Low\n"


def test_classes_of_a_module_made_by_hand_run_in_workers(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    exec(SCRIPT[: SCRIPT.index("with Cache")], vars(notebook))
    flow.module = notebook
    assert flow.run("Top()", executor="process").value == 7


# Workers that die.


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("sys.exit(4)", "SystemExit: 4"),
    ],
)
def test_the_task_that_killed_its_worker_is_blamed(flow: Any, death: str, reason: str) -> None:
    flow.write(SQUARES)
    flow.run("Sum(20)")
    flow.edit(("        note(f'{os.getpid()}')", f"        note(f'{{self.n}}')\n        if self.n == 7: {death}"))
    flow.notes()
    with pytest.raises(ExceptionGroup) as caught:
        flow.run("Sum(20)", executor="process", workers=1, keep_going=True)
    (error,) = caught.value.exceptions
    assert isinstance(error, FailedTaskError)
    assert error.label == "Square(n=7)"
    assert reason in error.reason
    assert flow.notes() == {str(n): 1 for n in range(20)}


def test_a_broken_foreign_pool_is_a_failure_and_no_hang(flow: Any) -> None:
    flow.write(SQUARES)
    flow.edit(("        note(f'{os.getpid()}')", "        os._exit(3)"))
    with process_pool() as executor, pytest.raises(FailedTaskError, match="the executor lost it"):
        flow.run("Square(1)", executor=executor)


# Limits and prefix commands.


CROWD = """
class Member(Task):
    _task_channel = ['gpu', 'licence']
    def __init__(self, n):
        pass
    def run_task(self):
        import time, uuid
        mark = HERE / 'crowd' / uuid.uuid4().hex
        mark.touch()
        crowd = 0
        for _ in range(20):
            crowd = max(crowd, len(list(mark.parent.iterdir())))
            time.sleep(0.001)
        mark.unlink()
        return crowd
class Crowd(Task):
    members: RequiresList[int]
    def __init__(self, size):
        self.members = [Member(n) for n in range(size)]
    def run_task(self):
        return max(self.members)
"""


@pytest.mark.parametrize("name", ["gpu", "licence", "Member"])
def test_a_limit_bounds_how_many_run_at_once(flow: Any, name: str) -> None:
    flow.write(CROWD)
    (flow.folder / "crowd").mkdir()
    limit = {flow.module.Member.task_name if name == "Member" else name: 2}
    assert flow.run("Crowd(12)", executor="thread", workers=6, limits=limit).value <= 2
    assert flow.run("Crowd(12)", executor="thread", workers=6, limits={name: 1}, force="all").value <= (
        6 if name == "Member" else 1
    )


PREFIXED = """
class Env(Task):
    _task_channel = ['gpu', 'cpu']
    _task_prefix_command = 'env WHO=own'
    def run_task(self):
        return os.environ.get('WHO')
"""


@pytest.mark.parametrize(
    ("prefixes", "found"),
    [
        ({}, "own"),
        ({"gpu": "env WHO=gpu", "cpu": "env WHO=cpu"}, "gpu"),
        ({"NAME": "env WHO='its name'", "gpu": "env WHO=gpu"}, "its name"),
        ({"NAME": ""}, None),
    ],
)
def test_prefix_commands(flow: Any, prefixes: dict[str, str], found: str | None) -> None:
    flow.write(PREFIXED)
    name = flow.module.Env.task_name
    prefixes = {name if key == "NAME" else key: command for key, command in prefixes.items()}
    answer, stats = flow.task("Env()").run_graph(prefixes=prefixes)
    assert (answer, stats.executed) == (found, {name: 1})


# What tasks leave.


FOLDER = """
class Writer(Task):
    def __init__(self, text='a'):
        self.text = text
    def run_task(self):
        folder = self.task_directory
        assert not list(folder.iterdir())
        (folder / 'a.txt').write_text(self.text)
        return folder / 'a.txt'
class Reader(Task):
    path: Requires[Path]
    def __init__(self):
        self.path = Writer()
    def run_task(self):
        return str(self.path), self.path.read_text()
"""


def test_a_task_directory_is_fresh_private_and_found_at_one_path(flow: Any) -> None:
    flow.write(FOLDER)
    task = flow.task("Writer()")
    shown = task.task_directory
    assert list(shown.iterdir()) == []
    path = flow.run("Writer()").value
    assert task.task_directory == shown
    assert path.read_text() == (shown / "a.txt").read_text() == "a"
    assert flow.task("Writer('b')").task_directory != shown
    flow.edit(("self.text)", "self.text * 2)"))
    flow.run("Writer()")
    assert flow.task("Writer()").task_directory == shown
    assert (shown / "a.txt").read_text() == "aa"
    flow.task("Writer()").clear_task()
    assert list(flow.task("Writer()").task_directory.iterdir()) == []


def test_a_path_into_a_cache_that_was_moved_is_made_anew(flow: Any) -> None:
    flow.write(FOLDER)
    old, _ = flow.run("Reader()").value
    flow.cache = flow.cache.rename(flow.cache.with_name("moved"))
    ran = flow.run("Reader()")
    assert (ran.executed, Path(old).exists()) == ({"Writer": 1, "Reader": 1}, False)
    assert Path(ran.value[0]).is_relative_to(flow.cache)
    assert flow.run("Reader()").executed == {}


def test_paths_given_to_readers_stay_true(flow: Any) -> None:
    flow.write(FOLDER)
    first = flow.run("Reader()").value
    flow.edit(("write_text(self.text)", "write_text(str(self.text))"))
    ran = flow.run("Reader()")
    assert (ran.value, ran.executed, ran.reused) == (first, {"Writer": 1}, {"Reader": 1})
    assert Path(first[0]).read_text() == "a"
    flow.edit(("write_text(str(self.text))", "write_text('b')"))
    path, text = flow.run("Reader()").value
    assert (text, Path(path).read_text()) == ("b", "b")


THREAD_BOUND = """
import threading
class Bound:
    def __init__(self):
        self.data = os.urandom(200_000)
    def __getstate__(self):
        return self.data
    def __setstate__(self, data):
        self.data, self.made_in = data, threading.current_thread()
class Make(Task):
    def __init__(self, n):
        self.n = n
    def run_task(self):
        return Bound()
class Use(Task):
    made: RequiresList[Bound]
    def __init__(self):
        self.made = [Make(n) for n in range(3)]
    def run_task(self):
        return {one.made_in is threading.current_thread() for one in self.made}
"""


@pytest.mark.parametrize("executor", ["process", "thread"])
def test_no_class_that_was_sent_by_value_is_kept_after_its_run(flow: Any, executor: str) -> None:
    flow.write("""
        def make(number: int) -> type[Task]:
            class Local(Task):
                def run_task(self) -> int:
                    return number
            return Local
    """)

    def sent() -> int:
        gc.collect()
        return sum(type(thing) is ClassRef and bool(thing.blob) for thing in gc.get_objects())

    before = sent()
    assert [flow.run(f"make({number})()", executor=executor).value for number in range(3)] == [0, 1, 2]
    assert sent() == before


def test_objects_of_the_users_are_made_in_the_thread_that_uses_them(flow: Any) -> None:
    flow.write(THREAD_BOUND)
    assert flow.task("Use()").run_graph(max_workers=2)[0] == {True}


@pytest.mark.parametrize("level", range(10))
def test_values_come_back_at_every_compression_level(flow: Any, level: int) -> None:
    flow.write(f"""
    class Big(Task):
        _task_compress_level = {level}
        def run_task(self):
            return [os.urandom(3000), 'text' * 3000, list(range(3000))]
    """)
    value = flow.run("Big()").value
    assert value[1:] == ["text" * 3000, list(range(3000))]
    assert flow.run("Big()").value == value


@pytest.mark.parametrize("how", ["remove", "truncate", "flip"])
@pytest.mark.parametrize("name", ["result.pkl.gz", "a.txt"])
def test_what_is_damaged_is_made_again(flow: Any, how: str, name: str) -> None:
    flow.write("""
    class Both(Task):
        def run_task(self):
            note('Both')
            (self.task_directory / 'a.txt').write_text('text')
            return os.urandom(1) * 0 + bytes(range(256)) * 1000 + os.urandom(9000) * 0
    """)
    value = flow.run("Both()").value
    path = next(path for path in flow.cache.rglob(name) if not path.is_symlink())
    data = path.read_bytes()
    if how == "remove":
        path.unlink()
    elif how == "truncate":
        path.write_bytes(data[:-1])
    else:
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(LookupError, match="damaged"):
        flow.task("Both()").get_task_result()
    ran = flow.run("Both()")
    assert (ran.value, ran.executed) == (value, {"Both": 1})
    assert ran.reasons["Both()"].startswith(f"damaged: {'data/' if name == 'a.txt' else ''}{name} ")
    assert (flow.task("Both()").task_directory / "a.txt").read_text() == "text"
    assert flow.run("Both()").executed == {}


def test_a_value_that_only_reading_shows_damaged_is_no_result(flow: Any) -> None:
    flow.write("""
    class Big(Task):
        def run_task(self):
            return bytes(range(256)) * 1000
    """)
    flow.edit(("bytes(range(256)) * 1000", "os.urandom(9000)"))
    flow.run("Big()")
    path = next(flow.cache.rglob("result.pkl.gz"))
    before = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(LookupError, match=r"Big\(\) has no up-to-date result \(damaged"):
        flow.task("Big()").get_task_result()
    ran = flow.run("Big()")
    assert (len(ran.value), ran.executed, ran.reused) == (9000, {"Big": 1}, {})


def test_runs_leave_nothing_behind(flow: Any) -> None:
    flow.write(SQUARES)
    for _ in range(3):
        flow.run("Sum()", force="all", executor="process")
    left = {path.relative_to(flow.cache).parts[0] for path in flow.cache.rglob("*")}
    assert not left & {"flow.Sum", f"{flow.path.stem}.Square"}
    assert list((flow.cache / ".runs").iterdir()) == []
    flow.edit(("return self.n ** 2", "return os.urandom(10_000)"), ("sum(self.squares)", "len(self.squares)"))
    for _ in range(3):
        flow.run("Sum(2)", force="all")
    assert len(list(flow.cache.rglob("result.pkl.gz"))) == 2


def test_signals_are_the_callers(flow: Any) -> None:
    flow.write(CHOOSE)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    flow.run("Choose(3, 1)", executor="process")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)] == before


def test_tasks_have_the_callers_surroundings(flow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flow.write("""
    class Around(Task):
        def run_task(self):
            return os.getcwd(), os.environ['MINE'], sys.path, sys.stdin.read()
    """)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("MINE", "yes")
    monkeypatch.setattr(sys, "path", [*sys.path, "/nowhere"])
    cwd, mine, path, stdin = flow.run("Around()", executor="process").value
    assert (cwd, mine, stdin) == (str(tmp_path / "here"), "yes", "")
    assert [entry for entry in path if entry] == [entry for entry in sys.path if entry]


def test_deep_and_doubled_graphs(flow: Any) -> None:
    flow.write(
        dedent("""
    class Deep(Task):
        prev: Requires[int]
        def __init__(self, n):
            self.prev = Deep(n - 1) if n else Const(0)
        def run_task(self):
            return self.prev + 1
    class Double(Task):
        a: Requires[int]
        b: Requires[int]
        def __init__(self, n):
            self.a = Double(n - 1) if n else Const(1)
            self.b = Double(n - 1) if n else Const(1)
        def run_task(self):
            return (self.a + self.b) % 1000
    """)
    )
    assert flow.run("Deep(1999)").value == 2000
    assert flow.run("Double(199)").executed == {"Double": 200}


def test_what_cannot_be_sent_to_a_worker_fails_its_task_with_a_sentence(python: Any) -> None:
    code = """
        import threading
        from taskproc import Cache, FailedTaskError, Task

        class Holds(Task):
            def __init__(self) -> None:
                self.locks = {"a": [threading.Lock()]}

            def run_task(self) -> int:
                return 1

        def make(lock):
            class Closes(Task):
                def run_task(self) -> bool:
                    return lock.locked()

            return Closes

        def late():
            def read():
                return missing, lock

            lock = threading.Lock()
            return read
            missing = 1

        class Late(Task):
            read = staticmethod(late())

            def run_task(self) -> bool:
                return self.read()

        class Has(Task):
            lock = threading.Lock()

            def run_task(self) -> bool:
                return self.lock.locked()

        for cls in (Holds, make(threading.Lock()), Late, Has):
            with Cache("cache"):
                try:
                    cls().run_graph()
                except FailedTaskError as error:
                    print(str(error).splitlines()[0])
    """
    done = python("-c", textwrap.dedent(code))
    holds, closes, late, has = done.stdout.splitlines()
    assert holds.startswith("Holds() failed: attribute locks['a'][0] can't be pickled")
    assert "class.read: its lock can't be pickled (TypeError" in late
    assert "class.lock can't be pickled (TypeError" in has
    assert "class.run_task: its lock can't be pickled (TypeError: cannot pickle '_thread.lock' object)" in closes


def test_several_tasks_are_brought_up_to_date_in_one_graph(flow: Any) -> None:
    flow.write(CHOOSE)
    with Cache(flow.cache):
        roots = [flow.module.Choose(4, k)._task_node for k in (1, 2, 1)]
    options = Options(executor="serial")
    assert len(make_plan(roots[0], options, *roots[1:]).graph.nodes) == 10
    values, stats = run_all(roots, options)
    assert {key: values[key] for key in (roots[0].key, roots[1].key)} == {roots[0].key: 4, roots[1].key: 6} == values
    assert stats.executed == {flow.module.Choose.task_name: 10}
    assert run_all(roots, options)[1].reused == {flow.module.Choose.task_name: 10}


def test_the_values_of_those_that_did_not_fail_are_there(flow: Any) -> None:
    flow.write(FAILING + "class Good(Task):\n    def run_task(self):\n        return 3\n")
    roots = [flow.task(text)._task_node for text in ("Bad(1)", "Good()")]
    options = Options(executor="serial", keep_going=True)
    with pytest.raises(ExceptionGroup):
        run_all(roots, options)
    assert recorded_values(make_plan(roots[0], options, roots[1])) == {roots[1].key: 3}


def test_runs_that_overlap_leave_the_garbage_collector_as_it_was() -> None:
    before = gc.get_threshold()
    first, second = seldom_collected(), seldom_collected()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() != before
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_a_file_that_a_class_depends_on_must_be_there_when_it_is_read(flow: Any) -> None:
    flow.write("""
        class Main(Task):
            _task_depends_on = ["data.csv"]
            def run_task(self):
                return 1
    """)
    for look in (flow.run, flow.plan):
        with pytest.raises(RequestError, match=r"Main\._task_depends_on: there is no file or folder '/.*data\.csv'"):
            look("Main()")
    (flow.folder / "data.csv").write_text("1")
    assert flow.run("Main()").value == 1
    assert flow.run("Main()").executed == {}


def test_a_file_lies_beside_the_class_that_says_it(flow: Any) -> None:
    (flow.folder / "base").mkdir()
    (flow.folder / "base" / "bases.py").write_text("""
from taskproc import Task
class Base(Task):
    _task_depends_on = "data.csv"
""")
    (flow.folder / "base" / "data.csv").write_text("1")
    flow.write("""
        import sys
        sys.path.append(__file__.rpartition("/")[0] + "/base")
        from bases import Base
        class Main(Base):
            def run_task(self):
                return 1
    """)
    assert flow.run("Main()").value == 1
    (flow.folder / "base" / "data.csv").write_text("2")
    assert flow.run("Main()").executed == {"Main": 1}
    sys.modules.pop("bases")


def test_what_is_cleared_while_a_run_plans_is_made_again(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    flow.write("""
class Up(Task):
    def run_task(self):
        (self.task_directory / "made").touch()
        return self.task_directory

class Count(Task):
    up: Requires[Path]
    def __init__(self): self.up = Up()
    def run_task(self): return len(list(self.up.iterdir()))
""")
    assert flow.run("Count()").value == 1
    flow.edit(("return len(", "return 0 + len("))
    plan = run_module.plan_graph

    def clear_meanwhile(*args: Any) -> Plan:
        planned = plan(*args)
        monkeypatch.setattr(run_module, "plan_graph", plan)
        flow.task("Up()").clear_task()
        return planned

    monkeypatch.setattr(run_module, "plan_graph", clear_meanwhile)
    told: list[Event] = []
    again = flow.run("Count()", listener=told.append)
    assert (again.value, again.executed) == (1, {"Up": 1, "Count": 1})
    assert sum(isinstance(event, Planned) for event in told) == 1


def test_what_the_requested_task_prints_in_another_run_is_told(flow: Any) -> None:
    flow.write("""
        import time
        class Talk(Task):
            def run_task(self):
                print("hello")
                while not (HERE / "go").exists(): time.sleep(0.01)
        """)
    begun, told = threading.Event(), list[Printed]()

    def hear(event: Event) -> None:
        if isinstance(event, Started):
            begun.set()

    def listen(event: Event) -> None:
        if isinstance(event, Waiting):
            (flow.folder / "go").touch()
        elif isinstance(event, Printed):
            told.append(event)

    other = threading.Thread(target=lambda: flow.run("Talk()", executor="thread", listener=hear))
    other.start()
    assert begun.wait(60)
    assert flow.run("Talk()", executor="thread", listener=listen).reused == {"Talk": 1}
    other.join()
    assert [(event.stream, event.text, event.kept) for event in told] == [("stdout", "hello\n", True)]


def test_kept_output_is_told_as_it_was_printed_and_in_pieces(flow: Any) -> None:
    flow.write("""
        class Talk(Task):
            def run_task(self):
                print(*range(50_000), sep="\\r", end="\\r\\n")
        """)
    told: list[Event] = []
    flow.run("Talk()", executor="thread")
    flow.run("Talk()", executor="thread", listener=told.append)
    texts = [event.text for event in told if isinstance(event, Printed)]
    assert "".join(texts) == "\r".join(map(str, range(50_000))) + "\r\n"
    assert max(map(len, texts)) < 100_000
