from __future__ import annotations

import gc
import inspect
import json
import multiprocessing
import os
import pickle
import pydoc
import random
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import cloudpickle
import pytest

from taskproc import Cache, Const, DefinitionError, FailedTaskError, Future, NoResultError, Requires, RunStats, Task
from taskproc.errors import RequestError
from taskproc.testing import with_values


class Up(Task):
    def __init__(self, x: Any = 1) -> None:
        self.x = x

    def run_task(self) -> Any:
        return self.x


class Down(Task):
    up: Requires[Any]

    def __init__(self, up: Future[Any]) -> None:
        self.up = up

    def run_task(self) -> Any:
        return self.up


class Seen(Task):
    """Tells how a task sees itself while it runs."""

    def __init__(self, other: Future[Any]) -> None:
        self.other = other
        self.notes = [1]
        self._task_channel = ["gpu"]

    def run_task(self) -> dict[str, Any]:
        (self.task_directory / "file.txt").write_text("kept")
        print("out")
        print("err", file=sys.stderr)
        self.notes.append(2)
        self.fresh = "set while running"
        return {
            "name": self.task_name,
            "id": self.task_id,
            "args": self.task_args,
            "json": self.to_json(),
            "notes": self.notes,
            "channel": self._task_channel,
            "files": [self.task_directory.is_dir(), self.task_stdout.is_file(), self.task_stderr.is_file()],
        }


class Asking(Task):
    """Uses something of another task, or of itself, while it runs."""

    def __init__(self, other: Any, what: str) -> None:
        self.other = other
        self.what = what

    def run_task(self) -> None:
        found = getattr(self.other or self, self.what)
        found()


class Starting(Task):
    def run_task(self) -> Any:
        with Cache("inner"):
            return Up().run_graph()


class Leaves(Task):
    def __init__(self, text: str) -> None:
        self.text = text

    def run_task(self) -> str:
        print("printed", self.text)
        (self.task_directory / "file").write_text(self.text)
        return self.text


class Unsaid(Task):
    pass


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


def run(task: Any) -> Any:
    return task.run_graph(force_interactive=True)[0]


def test_a_graph_runs_outside_its_block_too(tmp_path: Path) -> None:
    with Cache(tmp_path / "another"):
        task = Down(Up())
    value, stats = task.run_graph()
    assert value == 1
    assert isinstance(stats, RunStats)
    assert stats.executed == {Up.task_name: 1, Down.task_name: 1}
    assert stats.reused == {}
    _, stats = task.run_graph()
    assert stats.executed == {}
    assert task.get_task_result() == 1


@pytest.mark.parametrize("how", ["interactive", "threads", "processes"])
def test_a_task_sees_itself_as_it_is_seen_from_outside(how: str) -> None:
    task = Seen(Up())
    if how == "threads":
        with ThreadPoolExecutor(1) as executor:
            value = task.run_graph(executor=executor)[0]
            assert executor.submit(int, "3").result() == 3  # it is the caller's, and still open
    else:
        value = task.run_graph(force_interactive=how == "interactive")[0]
    assert value == {
        "name": task.task_name,
        "id": task.task_id,
        "args": task.task_args,
        "json": task.to_json(),
        "notes": [1, 2],
        "channel": ["gpu"],
        "files": [True, True, True],
    }
    assert task.notes == [1]  # run_task works on a copy
    assert not hasattr(task, "fresh")
    assert (task.task_directory / "file.txt").read_text() == "kept"
    if how != "interactive":  # where a terminal is at hand, it gets what is printed
        assert "out\n" in task.task_stdout.read_text()
        assert "err\n" in task.task_stderr.read_text()


def test_ids_are_unique_in_the_class_and_survive_runs_and_clears() -> None:
    tasks = [Up(i) for i in range(5)]
    ids = [task.task_id for task in tasks]
    assert all(type(task_id) is int for task_id in ids)
    assert len(set(ids)) == 5
    run(Down(Up(3)))
    tasks[3].clear_task()
    Up.clear_all_tasks()
    run(Up(5))
    assert [task.task_id for task in tasks] == ids
    assert Up(5).task_id not in ids


def test_ids_are_the_same_in_another_block(tmp_path: Path) -> None:
    task_id = Up(7).task_id
    with Cache(tmp_path / "cache"):
        assert Up(7).task_id == task_id


@pytest.mark.parametrize("what", ["task_id", "task_directory", "task_stdout", "task_stderr"])
def test_asking_for_an_id_or_a_path_is_what_writes(tmp_path: Path, what: str) -> None:
    task = Up()
    assert not (tmp_path / "cache").exists()
    found = getattr(task, what)
    assert (tmp_path / "cache").is_dir()
    if what != "task_id":
        assert found.exists()
        assert str(task.task_id) in found.parts
        assert getattr(task, what) == found


def test_the_paths_of_a_task_stay_the_same() -> None:
    task = Seen(Up())
    before = (task.task_directory, task.task_stdout, task.task_stderr)
    assert all(path.exists() for path in before)
    for _ in range(2):
        run(task)
        assert (task.task_directory, task.task_stdout, task.task_stderr) == before
        assert (task.task_directory / "file.txt").is_file()
        task.clear_task()
        assert not list(task.task_directory.iterdir())
    assert (task.task_directory, task.task_stdout, task.task_stderr) == before


def test_a_result_that_is_not_there_is_a_lookup_error_naming_task_and_reason() -> None:
    task = Up(5)
    with pytest.raises(LookupError, match=r"Up\(x=5\).*never ran"):
        task.get_task_result()
    assert run(task) == 5
    assert task.get_task_result() == 5
    task.clear_task()
    with pytest.raises(NoResultError, match=r"Up\(x=5\).*cleared"):
        task.get_task_result()


def test_clearing_a_class_clears_the_cache_of_the_block_alone(tmp_path: Path) -> None:
    run(Up(1))
    with Cache(tmp_path / "another"):
        run(Up(1))
        Up.clear_all_tasks()
        with pytest.raises(LookupError):
            Up(1).get_task_result()
    assert Up(1).get_task_result() == 1


def test_a_task_in_json() -> None:
    task = Down(Up([1, {"a": (2,)}])["x"])
    told = json.loads(json.dumps(task.to_json()))
    assert told["__task__"] == "test_task.Down"
    assert told["__item__"] == []
    assert told["__args__"]["up"].keys() == {"__task__", "__key__", "__item__"}
    assert (told["__args__"]["up"]["__task__"], told["__args__"]["up"]["__item__"]) == ("test_task.Up", ["x"])
    assert set(told) == {"__task__", "__key__", "__item__", "__args__"}
    assert told["__key__"] != Down(Up()).to_json()["__key__"]


@pytest.mark.parametrize("what", ["run_graph", "get_task_result", "clear_task"])
@pytest.mark.parametrize("whose", ["its own", "another's"])
def test_what_belongs_outside_is_refused_inside_run_task(what: str, whose: str) -> None:
    task = Asking(Up() if whose == "another's" else None, what)
    with pytest.raises(FailedTaskError, match="slot") as caught:
        run(task)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.task is task


def test_a_task_defined_inside_run_task_belongs_in_a_slot() -> None:
    class Inner(Task): ...

    class Outer(Task):
        def run_task(self) -> None:
            Inner()

    outer = Outer()
    with pytest.raises(FailedTaskError, match=r"Inner was defined inside run_task: tasks are made in __init__"):
        run(outer)


def test_a_future_without_a_slot_is_pointed_at_where_it_is_taken_for_its_value() -> None:
    class Undeclared(Task):
        def __init__(self, part: Future[int], parts: list[Future[int]]) -> None:
            self.part = part
            self.parts = parts

        def run_task(self) -> Any:
            return self.part + 1  # type: ignore[operator]

    with pytest.raises(FailedTaskError) as caught:
        run(Undeclared(Const(1), [Const(2)]))
    assert caught.value.__cause__ is not None
    one, several = caught.value.__cause__.__notes__
    assert one.endswith(
        "Undeclared.part is no slot, and has no value here: declare it as Requires to take a single future"
    )
    assert several.endswith(": declare it as RequiresList to take several futures")


@pytest.mark.parametrize("interactive", [True, False])
def test_a_graph_cannot_be_run_inside_run_task(interactive: bool) -> None:
    with pytest.raises(FailedTaskError, match=r"inside run_task.*slot"):
        Starting().run_graph(force_interactive=interactive)


@pytest.mark.parametrize("what", ["task_id", "task_directory", "task_stdout"])
def test_another_task_in_an_attribute_is_a_reference_without_folders(what: str, tmp_path: Path) -> None:
    before = set(Path().iterdir())
    with pytest.raises(FailedTaskError, match=r"Up\(x=1\) is only a reference here"):
        run(Asking(Up(), what))
    assert set(Path().iterdir()) == before


def test_a_task_travels_as_a_reference() -> None:
    task = Down(Up([1] * 1000)["a"])
    dumped = pickle.dumps(task)
    assert len(dumped) < 500
    reference = pickle.loads(dumped)
    assert type(reference) is Down
    assert reference.task_name == task.task_name
    assert reference.task_args == task.task_args
    assert reference.to_json() == task.to_json()
    assert pickle.loads(pickle.dumps(reference)).to_json() == task.to_json()
    with pytest.raises(RuntimeError, match="slot"):
        reference.run_graph()


class Bound(Task):
    """Holds itself in what it can call, and so do its attributes."""

    rate = 1.0
    up: Requires[int]

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.up = Up(2)
        self.step = self.stepped
        self.table = {"step": [self.stepped], "partial": partial(Bound.stepped, self)}
        self.later = lambda: self.rate

    def stepped(self) -> Any:
        return self.rate * self.up

    def run_task(self) -> Any:
        self.rate += 1
        return [self.step(), self.table["step"][0](), self.table["partial"](), self.later(), self.step.__self__ is self]


@pytest.mark.parametrize("how", ["process", "thread", "interactive", "prefix"])
def test_what_leads_back_to_the_task_finds_the_copy_that_runs(how: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "process": {},
        "thread": {"executor": ThreadPoolExecutor(1)},
        "interactive": {"force_interactive": True},
        "prefix": {"prefixes": {Bound.task_name: "env"}},
    }
    assert Bound(0.5).run_graph(**ways[how])[0] == [3.0, 3.0, 3.0, 1.5, True]
    assert with_values(Bound(0.5), up=10).run_task()[:3] == [15.0] * 3


@pytest.mark.parametrize(
    "use",
    ["self.held.depth + 1", "self.held.told()", "f'{self.held.depth}'", "[self.held.depth]", "self.held.depth(x=1)"],
)
def test_what_only_a_task_itself_has_is_not_read_from_its_class_by_a_reference(flow: Any, use: str) -> None:
    flow.write(f"""
from taskproc import Future, Requires, Task
class Model(Task):
    depth, width = 1, 2
    def __init__(self, n: int): self.depth = n
    def run_task(self): return 0
    def told(self): return 2 * self.depth
class Width(Task):
    model: Requires[int]
    def __init__(self, model: Future[int]): self.model = self.held = model
    def run_task(self): return self.held.width
class Main(Width):
    def run_task(self): return {use}
""")
    assert flow.run("Width(Model(2))").value == 2
    with pytest.raises(FailedTaskError, match=r"Model\(n=2\) is only a reference here, without depth; .* as a slot"):
        flow.run("Main(Model(2))")


def test_tasks_may_be_results_and_constants() -> None:
    assert run(Down(Const({"a": Up(3)})))["a"].to_json() == Up(3).to_json()


class Offering(Task):
    """Gives a method of its own, a function that refers to itself, and itself."""

    up: Requires[int]

    def __init__(self, x: int, k: int) -> None:
        self.up = Up(x)
        self.k = k

    def run_task(self) -> Any:
        self.me = self
        return self.plus, lambda y: self.k * y, self

    def plus(self, y: int) -> int:
        return self.up + y


class Using(Task):
    offered: Requires[Any]

    def __init__(self, offered: Future[Any]) -> None:
        self.offered = offered

    def run_task(self) -> Any:
        plus, times, offering = self.offered
        return plus(1), times(2), offering.me is offering, offering.task_args


def test_the_copy_that_runs_takes_what_it_has_along_in_its_result() -> None:
    for interactive in (True, False):
        task = Using(Offering(3 + interactive, 5))
        value, stats = task.run_graph(force_interactive=interactive)
        assert value == (4 + interactive, 10, True, {"x": 3 + interactive, "k": 5})
        assert stats.executed[Using.task_name] == 1


class Sharing(Task):
    up: Requires[int]

    def __init__(self, k: int) -> None:
        self.up = Up(k)
        self.k = k

    def run_task(self) -> list[object]:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(self.told, [1])

    def told(self, x: int) -> object:
        (self.task_directory / "told").touch()
        return x + self.up + self.k, self.task_id


@pytest.mark.parametrize("interactive", [True, False])
def test_a_task_calls_its_methods_in_processes_that_it_starts(*, interactive: bool) -> None:
    task = Sharing(2 + interactive)
    assert task.run_graph(force_interactive=interactive)[0] == [(5 + 2 * interactive, task.task_id)]
    assert [each.name for each in task.task_directory.iterdir()] == ["told"]


class Keeping(Sharing):
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def run_task(self) -> list[object]:
        self.lock = threading.Lock()
        return super().run_task()


class Telling(Keeping):
    def __getstate__(self) -> Any:  # what `object` says, from Python 3.11 on
        return super().__getstate__(), {"_task_node": None, "_task_place": self._task_place}


@pytest.mark.parametrize("kind", [Keeping, Telling])
def test_a_task_says_itself_what_it_takes_along(kind: type[Sharing]) -> None:
    assert run(kind(2)) == [(5, kind(2).task_id)]


class Drawing(Task):
    def __init__(self) -> None:
        self.generator = random._inst  # type: ignore[attr-defined]

    def run_task(self) -> float:
        return self.generator.random()


def test_an_attribute_counts_with_the_state_that_goes_to_workers() -> None:
    task, drawn = Drawing(), [random.Random(seed).random() for seed in (1, 1, 2)]
    state = random.getstate()
    for seed, expected, ran in zip((1, 1, 2), drawn, (1, 0, 1), strict=True):
        random.seed(seed)
        value, stats = task.run_graph(force_interactive=True)
        assert (value, sum(stats.executed.values())) == (expected, ran)
    random.setstate(state)


def test_a_result_that_holds_its_task_changes_with_what_that_has(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Using(Offering(3, 5))
    assert run(task)[0] == 4
    monkeypatch.setattr(Up, "run_task", lambda self: 7)
    assert run(task)[0] == 8


class Told(Task):
    def __init__(self, of: Future[Any]) -> None: ...

    def run_task(self) -> None: ...


def test_what_comes_back_is_the_same_task_to_others() -> None:
    task = Offering(3, 5)
    offered = run(task)[2]
    assert offered.k == 5
    assert Told(offered) is Told(task)
    assert Told(offered).task_args["of"]["__task__"] == Offering.task_name
    assert Const([offered]).digest == Const([task]).digest


def test_a_task_that_does_not_say_what_to_do_says_so() -> None:
    with pytest.raises(DefinitionError, match=r"Unsaid does not say what to do: define run_task"):
        run(Unsaid())
    assert repr(Task()) == "Task()"


def test_what_only_a_class_can_depend_on_is_refused_on_an_instance() -> None:
    class Late(Task):
        def __init__(self) -> None:
            self._task_depends_on = ["data.csv"]

    with pytest.raises(DefinitionError, match=r"_task_depends_on counts in the class only: set it there"):
        run(Late())


def test_a_failure_tells_task_cause_and_output() -> None:
    class Failing(Task):
        def __init__(self, n: int) -> None: ...

        def run_task(self) -> None:
            print("before the end", flush=True)
            raise ZeroDivisionError("mine")

    task = Failing(4)
    with pytest.raises(FailedTaskError, match=r"Failing\(n=4\) failed: ZeroDivisionError: mine") as caught:
        Down(task).run_graph(max_workers=1)
    assert caught.value.task is task
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "before the end" in str(caught.value)


def test_with_keep_going_failures_come_as_a_group_after_all_that_could_run() -> None:
    class Failing(Task):
        def __init__(self, n: int) -> None: ...

        def run_task(self) -> None:
            raise ZeroDivisionError

    class Both(Task):
        a: Requires[Any]
        b: Requires[Any]
        c: Requires[Any]

        def __init__(self) -> None:
            self.a, self.b, self.c = Failing(1), Failing(2), Down(Up(2))

        def run_task(self) -> None: ...

    with pytest.raises(ExceptionGroup) as caught:
        Both().run_graph(keep_going=True, force_interactive=True)
    assert [error.task for error in caught.value.exceptions] == [Failing(1), Failing(2)]  # type: ignore[union-attr]
    assert Down(Up(2)).get_task_result() == 2


def test_a_task_may_return_what_only_cloudpickle_can_take() -> None:
    class Local(Task):
        def run_task(self) -> Any:
            return lambda x: x + 1

    assert run(Local())(1) == 2


def test_workers_have_the_path_environment_and_folder_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Where(Task):
        def run_task(self) -> Any:
            return os.environ["MARK_OF_THE_TEST"], sys.path[0], str(Path.cwd())

    monkeypatch.setenv("MARK_OF_THE_TEST", "yes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/mark/of/the/test", *sys.path])
    assert Where().run_graph(max_workers=1)[0] == ("yes", "/mark/of/the/test", str(tmp_path))


BARE = """
from taskproc import Task
def three(): return 3
class Base:
    def value(self): return three()
class Bare(Base, Task):
    def run_task(self): return self.value()
"""


@pytest.mark.parametrize("namespace", [{}, {"__name__": None}], ids=str)
def test_a_class_of_a_bare_namespace_travels_by_value_and_leaves_others_alone(namespace: dict[str, Any]) -> None:
    exec(BARE, namespace)
    assert namespace["Bare"].task_name == "__main__.Bare"
    assert run(namespace["Bare"]()) == 3
    assert "builtins" not in cloudpickle.list_registry_pickle_by_value()


def test_what_a_class_of_a_bare_namespace_inherits_counts() -> None:
    for number in (3, 4):
        namespace: dict[str, Any] = {}
        exec(BARE.replace("return 3", f"return {number}"), namespace)
        assert run(namespace["Bare"]()) == number


def test_paths_asked_for_before_a_run_show_what_it_left(tmp_path: Path) -> None:
    with Cache(tmp_path):
        task = Leaves("one")
        directory, printed = task.task_directory, task.task_stdout
        assert list(directory.iterdir()) == []
        task.run_graph(executor=ThreadPoolExecutor(1))
    assert [path.read_text() for path in directory.iterdir()] == ["one"]
    assert printed.read_text() == "printed one\n"


def test_fields_that_only_the_class_has_are_no_part_of_an_argument(flow: Any) -> None:
    flow.write("""
    from dataclasses import InitVar, dataclass
    from typing import ClassVar

    @dataclass
    class Made:
        a: int
        b: InitVar[int]
        KIND: ClassVar[int] = 3
        def __post_init__(self, b): self.c = b

    @dataclass(slots=True)
    class Slotted:
        a: int
        b: InitVar[int] = 1

    class Use(Task):
        def __init__(self, x: Any): self.x = x
        def run_task(self): return self.x.a
    """)
    for text in ("Use(Made(1, 2))", "Use(Slotted(1))"):
        assert flow.run(text).value == 1
        assert flow.task(text).task_args["x"].get("KIND") is None


def test_an_executor_that_is_none_is_refused_also_where_it_is_false(flow: Any) -> None:
    flow.write("class Nothing(Task):\n    def run_task(self): pass")
    for executor in (0, []):
        with pytest.raises(RequestError, match=r"must be a concurrent\.futures\.Executor"):
            flow.task("Nothing()").run_graph(executor=executor)


def test_a_bare_object_is_a_constant(flow: Any) -> None:
    flow.write("""
    class Same(Task):
        thing: Requires[object]
        def __init__(self, thing): self.thing = thing
        def run_task(self): return type(self.thing).__name__
    """)
    assert flow.run("Same(Const(object()))").value == "object"


@pytest.mark.parametrize("name", ["task_directory", "task_stdout"])
def test_what_is_not_to_be_had_yet_goes_by_its_name(flow: Any, name: str) -> None:
    flow.write(f"class Early(Task):\n    def __init__(self): self.{name}\n    def run_task(self): pass")
    with pytest.raises(Exception, match=f"{name} is not available"):
        flow.task("Early()")


class Documented(Task):
    number: Requires[int]

    def __init__(self, number: Future[int], /, *more: int, scale: float = 0.5, **rest: str) -> None:
        self.number = number

    def run_task(self) -> int:
        return self.number


def test_tools_see_what_a_class_takes_and_declares() -> None:
    taken = "(number: taskproc.future.Future[int], /, *more: int, scale: float = 0.5, **rest: str)"
    assert str(inspect.signature(Documented)) == taken
    assert str(inspect.signature(Task)) == "()"
    assert "|  Documented(number: taskproc" in "".join(pydoc.plain(pydoc.render_doc(Documented)).split("\n |      "))
    assert get_type_hints(Documented)["number"] == Requires[int]


def test_what_a_class_says_of_its_signature_counts() -> None:
    class Told(Documented): ...

    told = Told.__signature__ = inspect.Signature([inspect.Parameter("told", inspect.Parameter.KEYWORD_ONLY)])  # type: ignore[attr-defined]
    assert inspect.signature(Told) == told
    assert inspect.signature(Documented) != told
    assert "mcs" not in str(inspect.signature(type(Task)))


def test_a_class_that_was_only_looked_at_goes_when_nothing_has_it() -> None:
    class Passing(Documented): ...

    seen = weakref.ref(Passing)
    inspect.signature(Passing)
    del Passing
    gc.collect()
    assert seen() is None
