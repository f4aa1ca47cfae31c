from __future__ import annotations

import abc
import copy
import functools
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, Const, DefinitionError, Future, GraphError, Requires, RequiresList, Task
from taskproc.building import DEEPEST, LEVELS_A_THREAD
from taskproc.settings import BUILT_IN


class Up(Task):
    def __init__(self, x: int = 1) -> None:
        self.x = x

    def run_task(self) -> int:
        return self.x


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


def make(name: str = "Made", **members: Any) -> Any:
    """A task class with these members."""
    return type(Task)(name, (Task,), {"__module__": __name__, "__qualname__": name, **members})


# What a class may say


@pytest.mark.parametrize(
    "setting",
    [
        {"_task_compress_level": 0},
        {"_task_compress_level": 9},
        {"_task_prefix_command": "srun -c 4"},
        {"_task_channel": "gpu"},
        {"_task_channel": ["gpu", "memory"]},
        {"_task_channel": {"gpu": 2, "memory_gb": 0}},
        {"_task_resources": {"cpus": 4, "hours": 1.5, "queue": "long", "scratch": Path("/tmp")}},
    ],
)
def test_settings_may_be_said_of_the_class_and_of_the_instance(setting: dict[str, Any]) -> None:
    def init(self: Any) -> None:
        for name, value in setting.items():
            setattr(self, name, value)

    for task in (make(**setting)(), make("Other", __init__=init)()):
        node = task._task_node
        assert node.level == setting.get("_task_compress_level", 9)
        assert node.prefix == setting.get("_task_prefix_command", "")
        channel = setting.get("_task_channel", [])
        if not isinstance(channel, dict):
            channel = dict.fromkeys([channel] if isinstance(channel, str) else channel, 1)
        assert node.channels == channel
        assert node.resources == setting.get("_task_resources", {})
        assert node.attributes == {}


def test_settings_are_inherited() -> None:
    base = make(_task_channel="gpu")
    derived = type(Task)("Derived", (base,), {"_task_compress_level": 1})
    node = derived()._task_node
    assert (node.channels, node.level) == ({"gpu": 1}, 1)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"_task_chanel": "gpu"}, "_task_chanel is not a setting of tasks; did you mean _task_channel"),
    ({"_task_compression": 3}, "_task_compression is not a setting of tasks; did you mean _task_compress_level"),
    ({"_task_node": 3}, "_task_node is not a setting of tasks"),
    ({"_task_foo": 3}, "_task_foo is not a setting of tasks; the settings are _task_compress_level, "),
    ({"task_channel": "gpu"}, "task_channel sets nothing: the setting is called _task_channel"),
    ({"task_compress_level": 3}, "task_compress_level sets nothing: the setting is called _task_compress_level"),
    ({"task_prefix_command": "srun"}, "task_prefix_command sets nothing: the setting is called _task_prefix_command"),
    ({"_task_compress_level": 10}, "_task_compress_level is 10, but must be an int from 0 to 9"),
    ({"_task_compress_level": True}, "_task_compress_level is True, but must be an int from 0 to 9"),
    ({"_task_compress_level": "9"}, "_task_compress_level is '9', but must be an int from 0 to 9"),
    ({"_task_prefix_command": ["srun"]}, r"_task_prefix_command is \['srun'\], but must be a string"),
    ({"_task_channel": {"gpu": 0.5}}, "_task_channel is .*, or a dict of whole numbers from 0"),
    ({"_task_channel": {"gpu": -1}}, "_task_channel is .*, or a dict of whole numbers from 0"),
    ({"_task_resources": ["cpus"]}, "_task_resources is .*, but must be a dict of texts and numbers by name"),
    ({"_task_resources": {"cpus": None}}, "_task_resources is .*, but must be a dict of texts and numbers by name"),
    ({"_task_channel": 3}, "_task_channel is 3, but must be a string or a list of strings"),
    ({"_task_channel": ["gpu", 3]}, "_task_channel is .*, but must be a string or a list of strings"),
    *[({name: 3}, f"{name} overrides a built-in of Task") for name in sorted(BUILT_IN)],
]


@pytest.mark.parametrize(
    ("members", "sentence"), WRONG, ids=lambda value: "-".join(value) if type(value) is dict else ""
)
def test_a_wrong_member_is_an_error_where_it_is_said(members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=f"Made.{sentence}"):
        make(**members)

    mixin = type("Mixin", (), members)
    with pytest.raises(DefinitionError, match=f"Mixed.{sentence}"):
        type(Task)("Mixed", (mixin, Task), {})

    def init(self: Any) -> None:
        for name, value in members.items():
            setattr(self, name, value)

    with pytest.raises(DefinitionError, match=f"Made.{sentence}"):
        make(__init__=init)()


@pytest.mark.parametrize("name", ["_task_chanel", "task_channel", "task_id"])
def test_a_wrong_member_is_an_error_where_it_is_only_declared(name: str) -> None:
    with pytest.raises(DefinitionError, match=f"Made.{name} "):
        make(__annotations__={name: "str"})


def test_a_mixin_may_declare_what_it_finds_in_a_task() -> None:
    mixin = type("Mixin", (), {"__annotations__": {"task_id": "int", "task_name": "str"}})
    assert type(Task)("Mixed", (mixin, Task), {"__module__": __name__}).task_name == "test_definition.Mixed"


def test_a_setting_may_be_changed_later_and_not_to_anything() -> None:
    cls = make()
    cls._task_channel = "gpu"
    assert cls()._task_node.channels == {"gpu": 1}
    with pytest.raises(DefinitionError, match=r"Made\._task_prefix_command is 3, but must be a string"):
        cls._task_prefix_command = 3


@pytest.mark.parametrize("value", [3, None, [None], {"data.csv": 1}, {"data.csv"}, ["data.csv", b"more.csv"], object()])
def test_what_results_cannot_depend_on_is_an_error_where_it_is_said(value: object) -> None:
    sentence = "_task_depends_on is .*, but must be a function, class, module or path of a file, or a list of them"
    with pytest.raises(DefinitionError, match=f"Made.{sentence}"):
        make(_task_depends_on=value)


@pytest.mark.parametrize(
    "value", ["data.csv", Path("data.csv"), make, functools.cache(make), Path, pytest, [], ("a", make)]
)
def test_what_results_may_depend_on(value: object) -> None:
    make(_task_depends_on=value)


def test_a_slot_cannot_take_the_name_of_a_built_in() -> None:
    with pytest.raises(DefinitionError, match=r"Made\.task_id overrides a built-in"):
        make(__annotations__={"task_id": "Requires[int]"})


@pytest.mark.parametrize("slots", ["x", ("x",)])
def test_attributes_cannot_be_in_slots(slots: Any) -> None:
    with pytest.raises(DefinitionError, match="Made has __slots__, in which a task's attributes would get lost"):
        make(__slots__=slots)
    make(__slots__=())


def test_what_counts_as_built_in_is_all_that_a_task_offers() -> None:
    public = {name for name in vars(Task) if not name.startswith("_")}
    assert public - {"run_task"} == BUILT_IN


def test_a_class_has_its_name_without_a_cache() -> None:
    class Inner(Task):
        pass

    qualname = "test_a_class_has_its_name_without_a_cache.<locals>.Inner"
    assert Inner.task_name == Inner().task_name == f"test_definition.{qualname}"


def test_an_abstract_class_cannot_be_called() -> None:
    class Abstract(Task):
        @abc.abstractmethod
        def run_task(self) -> int: ...

    class Concrete(Abstract):
        def run_task(self) -> int:
            return 1

    with pytest.raises(TypeError, match="abstract"):
        Abstract()  # type: ignore[abstract]
    assert Concrete().run_graph(force_interactive=True)[0] == 1


# What a task is once it is defined


def test_a_task_cannot_be_modified_after_its_init() -> None:
    class Holder(Task):
        up: Requires[int]

        def __init__(self) -> None:
            self.up = Up()
            self.label = "a"
            self.label = "b"
            self.gone = 1
            del self.gone

    task = Holder()
    assert task.label == "b"
    assert not hasattr(task, "gone")
    changes: list[Any] = [
        lambda: setattr(task, "label", "c"),
        lambda: setattr(task, "fresh", 1),
        lambda: setattr(task, "up", Up(2)),
        lambda: setattr(task, "_task_channel", "gpu"),
        lambda: delattr(task, "label"),
    ]
    for change in changes:
        with pytest.raises(
            AttributeError, match=r"Holder\(\) cannot be modified after its __init__: (set|delete) \w+ there"
        ):
            change()


def test_init_runs_once_for_equal_arguments() -> None:
    calls = []

    class Counted(Task):
        def __init__(self, x: int) -> None:
            calls.append(x)

    assert Counted(1) is Counted(x=1) is Counted("1")  # type: ignore[arg-type]
    assert calls == [1]
    assert copy.deepcopy(Counted(1)) is Counted(1)


def test_an_init_that_raises_defines_nothing_and_its_error_comes_through() -> None:
    calls = []

    class Failing(Task):
        def __init__(self) -> None:
            calls.append(1)
            if len(calls) == 1:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Failing()
    assert Failing() is Failing()
    assert len(calls) == 2


def test_a_task_whose_init_failed_cannot_be_used() -> None:
    leaked: list[Any] = []

    class Failing(Task):
        def __init__(self) -> None:
            leaked.append(self)
            raise KeyError

    class Using(Task):
        up: Requires[Any]

        def __init__(self) -> None:
            self.up = leaked[0]

    with pytest.raises(KeyError):
        Failing()
    with pytest.raises(GraphError, match=r"Failing\(\) is not defined"):
        Using()


def test_what_is_not_there_yet_in_init_says_so() -> None:
    class Early(Task):
        def __init__(self, what: str) -> None:
            getattr(self, what)

    for what in ("task_id", "task_args", "task_directory", "task_stdout"):
        with pytest.raises(RuntimeError, match="is not available while __init__ runs"):
            Early(what)
    assert Early("task_name").task_args == {"what": "task_name"}


def test_an_init_that_takes_a_future_for_its_value_is_told_where_that_is() -> None:
    class Part(Task):
        def run_task(self) -> Any:
            return {}

    class Slots(Task):
        parts: RequiresList[Any]

        def __init__(self) -> None:
            self.parts = [Part()["x"]]
            sum(self.parts)

    class Argument(Task):
        def __init__(self, part: Future[Any]) -> None:
            part.keys()  # type: ignore[attr-defined]

    class Other(Task):
        def __init__(self, part: Future[Any]) -> None:
            len(5)  # type: ignore[arg-type]

    class Outer(Task):
        def __init__(self, part: Future[Any]) -> None:
            Argument(part)

    class Lacking(Task):
        def __init__(self, part: Future[Any] | None) -> None:
            if part is None:
                return
            self.missing  # type: ignore[attr-defined]  # noqa: B018

    made = ((Slots, (), "Item"), (Argument, (Part(),), Part.__name__), (Outer, (Part(),), Part.__name__))
    told = "is a future: run_task reads its value, from the slot that it was assigned to"
    for cls, args, kind in (*made, (Other, (Part(),), ""), (Lacking, (Lacking(None),), "")):
        with pytest.raises((AttributeError, TypeError)) as raised:
            cls(*args)
        assert getattr(raised.value, "__notes__", []) == [f"{kind} {told}"] * bool(kind)


# Cycles and depth


class Loop(Task):
    up: Requires[Any]

    def __init__(self, i: int, how: str = "call") -> None:
        if how == "call":
            self.up = Loop((i + 1) % 3)
        elif how == "self":
            self.up = self
        elif how == "item":
            self.up = self["a"]
        elif how == "other cache":
            with Cache("another"):
                self.up = Loop(i, how)
        else:
            self.up = Around(i, self)


class Around(Task):
    up: Requires[Any]

    def __init__(self, i: int, up: Any) -> None:
        self.up = up


class Below(Task):
    ups: RequiresList[Any]

    def __init__(self, above: list[Any]) -> None:
        self.ups = above


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0,), r"a task needs itself: Loop\(i=0, how='call'\) → Loop\(i=1, .*\) → Loop\(i=2, .*\) → Loop\(i=0, .*\)$"),
        ((0, "self"), r"a task needs itself: Loop\(i=0, how='self'\) → Loop\(i=0, how='self'\)$"),
        ((0, "item"), r"a task needs itself: Loop\(i=0, how='item'\) → Loop\(i=0, how='item'\)$"),
        ((0, "argument"), r"a task needs itself: Loop\(i=0, how='argument'\) → Loop\(i=0, how='argument'\)$"),
        ((0, "other cache"), r"a task needs itself: Loop\(i=0, how='other cache'\) → Loop\(i=0, how='other cache'\)$"),
    ],
)
def test_a_task_that_needs_itself_is_an_error_that_names_the_cycle(arguments: Any, sentence: str) -> None:
    with pytest.raises(GraphError, match=sentence):
        Loop(*arguments)
    assert Up() is Up()


def test_arguments_of_two_classes_of_one_name_make_two_tasks() -> None:
    def model(n: int) -> Any:
        @dataclass
        class Model:
            a: int = 0

            def value(self) -> int:
                return n

        return Model()

    class Use(Task):
        def __init__(self, model: Any) -> None:
            self.model = model

        def run_task(self) -> int:
            value: int = self.model.value()
            return value

    class Up(Task):
        up: Requires[int]

        def __init__(self, up: Any) -> None:
            self.up = up

        def run_task(self) -> int:
            return self.up

    one, two = model(1), model(2)
    assert Use(one) is Use(one)
    assert [Use(each).run_graph(force_interactive=True)[0] for each in (one, two, one)] == [1, 2, 1]
    assert [Up(Use(each)).run_graph(force_interactive=True)[0] for each in (one, two, one)] == [1, 2, 1]
    first, second = make()(), make()()
    assert Up(first) is Up(first) is not Up(second)
    swapped = Given([first, second]), Given([second, first])
    assert swapped[0] is Given([first, second]) is not swapped[1]


def test_a_task_may_define_one_of_another_class_of_its_name() -> None:
    def nested(depth: int) -> Any:
        def init(self: Any) -> None:
            self.inner = nested(depth - 1)() if depth else Const(0)

        return make(__annotations__={"inner": Requires[int]}, __init__=init)

    with pytest.raises(GraphError, match=r"needs tasks of two classes named .*Made"):
        nested(2)().run_graph()


class Given(Task):
    def __init__(self, task: Any) -> None:
        self.task = task


@pytest.mark.parametrize("arguments", [(), (1,), (Const(1),)])
def test_tasks_of_two_classes_of_one_name_are_two_arguments(arguments: Any, tmp_path: Path) -> None:
    def init(self: Any, *given: Any) -> None: ...

    first, second = make(__init__=init), make(__init__=init)
    assert Given(first(*arguments)) is Given(first(*arguments)) is not Given(second(*arguments))
    with Cache(tmp_path / "other"):
        foreign = first(*arguments), second(*arguments)
    assert Given(foreign[0]) is Given(foreign[0]) is not Given(foreign[1])


def test_a_reference_stands_for_its_task_also_where_that_is_of_the_second_class_of_a_name() -> None:
    for cls in (make(), make()):
        task = cls()
        (copy_of, parts), item = task.__reduce__(), task["a"]
        assert Given(copy_of(*parts)) is Given(task)
        assert Given(copy_of(*parts)["a"]) is Given(item) is not Given(task)
    assert Given(copy_of(*parts)) is not Given(make()())


def test_a_task_of_another_cache_does_not_stand_for_one_of_this(tmp_path: Path) -> None:
    with Cache(tmp_path / "other"):
        foreign = Up()
    assert Given(foreign) is not Given(Up())
    with Cache(tmp_path / "here"):
        mine = Up()
        with Cache(tmp_path / "here"):
            assert Given(mine) is Given(Up())


def test_a_class_defined_anew_in_a_block_has_tasks_of_its_own() -> None:
    first, second = make(run_task=lambda self: 1), make(run_task=lambda self: 2)
    tasks = [first(), second()]
    assert [first(), second()] == tasks
    assert [task.run_graph(force_interactive=True)[0] for task in (*tasks, *tasks)] == [1, 2, 1, 2]


DEEP = """
import sys
from taskproc import *

class Deep(Task):
    up: Requires[int]
    def __init__(self, n: int):
        self.up = Deep(n - 1) if n else Const(0)
    def run_task(self):
        return self.up + 1

class Chain(Task):
    up: Requires[int]
    def __init__(self, up: Future[int]):
        self.up = up
    def run_task(self):
        return self.up + 1

class Endless(Task):
    def __init__(self, n: int):
        Endless(n + 1)

class Helped(Task):
    ups: RequiresDict[str, int]
    def __init__(self, n: int):
        self.ups = {key: future for key, future in self.upstreams(n)}
    def upstreams(self, n):
        yield from ([('a', max([Helped(n - 1)], key=lambda _: 0))] if n else [])

def passed(n):
    task = Const(0)
    for _ in range(n):
        task = Chain(task)
    return task
"""


@pytest.fixture
def deep(tmp_path: Path, python: Any) -> Any:
    """Run a line of a script in which deep definitions are at hand; what it prints."""

    def run(line: str) -> str:
        (tmp_path / "study.py").write_text(f"{DEEP}\nwith Cache('cache'):\n    {line}\n")
        return str(python("study.py").stdout)

    return run


def test_definitions_may_recurse_two_thousand_deep_and_run(deep: Any) -> None:
    assert deep("print(Deep(2000).run_graph()[0], sys.getrecursionlimit())") == "2001 1000\n"
    assert deep("print(Helped(2000))") == "Helped(n=2000)\n"


def test_a_chain_of_ten_thousand_may_be_passed_on(deep: Any) -> None:
    lines = "task = passed(10_000); print(len(task.to_json()), Chain(task)); print(task.run_graph()[0])"
    assert deep(lines) == "4 Chain(up=Chain(…))\n10000\n"


def test_a_definition_without_end_is_one_sentence(deep: Any) -> None:
    line = "exec('try: Endless(0)\\nexcept ValueError as error: print(error, type(error).__name__)')"
    assert deep(line) == (
        f"Endless(n=0) has a definition without end, or one over {DEEPEST:,} tasks deep (at Endless(n={DEEPEST}));"
        " stop its recursion, or pass futures instead GraphError\n"
    )


def test_a_definition_without_end_has_a_short_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Task):
        def __init__(self, n: int) -> None:
            Endless(n + 1)

    monkeypatch.setattr("taskproc.building.DEEPEST", 5 * LEVELS_A_THREAD)
    with pytest.raises(GraphError) as caught:
        Endless(0)
    assert [each.name for each in caught.traceback].count("__init__") <= LEVELS_A_THREAD


def test_an_error_deep_down_comes_through_with_its_own_traceback() -> None:
    class Falling(Task):
        def __init__(self, n: int) -> None:
            if n:
                Falling(n - 1)
            else:
                raise LookupError("at the bottom")

    with pytest.raises(LookupError, match="at the bottom") as caught:
        Falling(120)
    assert caught.traceback[-1].name == "__init__"


def test_doubling_diamonds_cost_a_task_each() -> None:
    calls = []

    class Diamond(Task):
        left: Requires[int]
        right: Requires[int]

        def __init__(self, n: int, up: Future[Any] | None = None) -> None:
            calls.append(n)
            self.left = Diamond(n - 1) if n else Const(1)
            self.right = Diamond(n - 1) if n else Const(0)

        def run_task(self) -> int:
            return self.left + self.right

    value, stats = Diamond(199).run_graph(force_interactive=True)
    assert value == 2**199
    assert len(calls) == stats.executed[Diamond.task_name] == 200


def test_diamonds_of_arguments_cost_a_task_each() -> None:
    calls = []

    class Diamond(Task):
        ups: RequiresList[int]

        def __init__(self, ups: list[Future[int]], table: dict[str, Future[int]]) -> None:
            calls.append(1)
            self.ups = [*ups, *table.values()]

    task: Future[int] = Const(1)
    for _ in range(200):
        task = Diamond([task, task], {"a": task, "b": task})
    assert len(calls) == 200


def test_a_class_made_without_a_class_statement_is_of_the_module_that_makes_it() -> None:
    made: Any = type("Made", (Task,), {})
    assert made.task_name == "test_definition.Made"


@pytest.mark.long  # `.ci/run` checks all modules so
@pytest.mark.parametrize("module", ["taskproc.requires", "taskproc.arguments"])
def test_the_module_is_ready_for_lazy_annotations(module: str) -> None:
    """From Python 3.14 on, what lacks the future import has annotations that are evaluated when asked for."""
    source = Path(sys.modules[module].__file__ or "").read_text()
    assert "annotationlib.Format.FORWARDREF" in source
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.14", "-m", module],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named mypy" in done.stderr:
        pytest.skip("mypy is not installed")
    assert done.returncode == 0, done.stdout


def test_a_body_that_returns_no_result_is_refused_where_it_is_defined() -> None:
    def generator(self: Any) -> Iterator[int]:
        yield 1

    async def coroutine(self: Any) -> int:
        return 1

    async def both(self: Any) -> AsyncIterator[int]:
        yield 1

    said = "run_task yields, but a task's result is what it returns: return a list"
    with pytest.raises(DefinitionError, match=f"Made.{said}"):
        make(run_task=generator)
    for body in (coroutine, both):
        with pytest.raises(DefinitionError, match=r"Made.run_task is async, .* call asyncio\.run\(\.\.\.\) in it"):
            make(run_task=body)
