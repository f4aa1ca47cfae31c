"""How tasks are put together: defaults, inheritance, generics, places of definition, and classes that are redefined."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from taskproc import Cache, Const, Future, NoCacheError, Requires, RequiresDict, RequiresList, Task, taskfile

X = TypeVar("X")


class Load(Task):
    def __init__(self, n: int = 1) -> None:
        self.n = n

    def run_task(self) -> int:
        return self.n


class Add(Task):
    x: Requires[int]
    y: Requires[int]

    def __init__(self, x: Future[int], y: Future[int] = Const(10)) -> None:  # noqa: B008  a Const is never modified
        self.x = x
        self.y = y

    def run_task(self) -> int:
        return self.x + self.y


class Abstract(Task):
    source: Requires[int]

    def __init__(self, n: int) -> None:
        self.source = Load(n)

    @abstractmethod
    def combine(self, x: int) -> int: ...

    def run_task(self) -> int:
        return self.combine(self.source)


class Double(Abstract):
    def combine(self, x: int) -> int:
        return 2 * x


class More(Double):
    extra: Requires[int]

    def __init__(self, n: int, more: int = 1) -> None:
        super().__init__(n)
        self.extra = Load(more)

    def run_task(self) -> int:
        return super().run_task() + self.extra


class Negative(Double):
    def run_task(self) -> int:
        return -self.source


class Cooperative:
    """A mixin with a slot, in the chain of `super().__init__`."""

    up: Requires[int]

    def __init__(self, up: Future[int], **rest: Any) -> None:
        super().__init__(**rest)
        self.up = up


class Mixed(Cooperative, Abstract):
    def combine(self, x: int) -> int:
        return x + self.up


class Wrap(Task, Generic[X]):
    inner: Requires[X]

    def __init__(self, inner: Future[X]) -> None:
        self.inner = inner

    def run_task(self) -> list[X]:
        return [self.inner]


class WrapNumber(Wrap[int]):
    pass


class Holder(Task):
    class Part(Task):
        def run_task(self) -> str:
            return "part"

    part: Requires[str]

    def __init__(self) -> None:
        self.part = self.Part()

    def run_task(self) -> str:
        return self.part


class Variadic(Task):
    ups: RequiresDict[str, int]

    def __init__(self, *several: Future[int], **named: Future[int]) -> None:
        self.ups = {str(i): up for i, up in enumerate(several)} | named

    def run_task(self) -> dict[str, int]:
        return self.ups


class Passing(Task):
    a: Requires[int]
    b: Requires[int]
    several: RequiresList[int]
    named: RequiresDict[str, int]

    def __init__(self) -> None:
        self.a = Load(2)
        self.b = self.a  # type: ignore[assignment]  # checkers see the value that it will be
        self.b = Add(self.b)  # type: ignore[arg-type]
        self.several = [self.a, self.b]  # type: ignore[list-item]
        self.several += [Const(5)]  # type: ignore[list-item]
        self.named = {"a": self.a}  # type: ignore[dict-item]
        self.named |= {"c": Const(1)}  # type: ignore[dict-item]

    def run_task(self) -> Any:
        return self.a, self.b, self.several, self.named


def local(by: int) -> type[Any]:
    class Local(Task):
        up: Requires[int]

        def __init__(self, n: int) -> None:
            self.up = Load(n)

        def run_task(self) -> int:
            return self.up + by

    return Local


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


def run(task: Any) -> Any:
    return task.run_graph(force_interactive=True)[0]


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda: Add(Load()), 11),
        (lambda: Add(Load(), Load(5)), 6),
        (lambda: Double(4), 8),
        (lambda: More(4), 9),
        (lambda: Negative(4), -4),
        (lambda: Mixed(up=Load(9), n=3), 12),
        (lambda: Wrap(Load()), [1]),
        (lambda: Wrap[int](Load()), [1]),
        (lambda: WrapNumber(Load(2)), [2]),
        (Holder, "part"),
        (lambda: Variadic(Load(1), a=Load(2)), {"0": 1, "a": 2}),
        (Passing, (2, 12, [2, 12, 5], {"a": 2, "c": 1})),
        (lambda: local(3)(1), 4),
    ],
)
def test_tasks_are_composed_as_classes_are(make: Any, value: Any) -> None:
    assert run(make()) == value


def test_a_task_is_a_default_where_the_class_is_defined_inside_a_cache(tmp_path: Path) -> None:
    class Inside(Task):
        up: Requires[int]

        def __init__(self, up: Future[int] = Load(6)) -> None:  # noqa: B008  it is the task of the block around
            self.up = up

        def run_task(self) -> int:
            return self.up

    with Cache(tmp_path / "cache"):  # another block of the same cache
        assert run(Inside()) == 6
        assert run(Inside(Load(6))) == 6
        assert Inside() is Inside(Load(6))


def test_a_task_as_a_default_outside_of_caches_is_an_error(tmp_path: Path) -> None:
    text = "from taskproc import Task\nclass Up(Task): ...\nclass Down(Task):\n    def __init__(self, up=Up()): ...\n"
    (tmp_path / "study_outside.py").write_text(text)
    with ThreadPoolExecutor(1) as pool:  # each thread has blocks of its own
        failure = pool.submit(taskfile.load, tmp_path / "study_outside.py").exception()
    assert isinstance(failure, NoCacheError)
    assert "Up was defined outside a cache" in str(failure)


def test_modules_may_have_tasks_of_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = []
    for factor in (1, 100):
        path = tmp_path / f"study_times_{factor}.py"
        path.write_text(f"from taskproc import Task\nclass Up(Task):\n    def run_task(self): return {factor}\n")
        made.append(taskfile.load(path).Up())
    assert run(Variadic(*made)) == {"0": 1, "1": 100}


CELLS = """
from taskproc import Cache, Requires, Task
class Up(Task):
    def run_task(self): return 1
#
class Down(Task):
    up: Requires[int]
    def __init__(self): self.up = Up()
    def run_task(self): return self.up + 1
#
def show():
    with Cache('cache'):
        value, stats = Down().run_graph(max_workers=1)
    print(value, *[each.reason for each in stats.tasks])
#
show(), show()
#
class Up(Task):
    def run_task(self): return 10
#
show()
"""


def test_a_class_that_a_cell_defines_anew_is_changed_code(python: Any) -> None:
    script = "\n".join(f"exec(compile({cell!r}, '<cell {i}>', 'exec'))" for i, cell in enumerate(CELLS.split("#\n")))
    assert python("-c", script).stdout.splitlines() == [
        "2 never ran never ran",
        "2",
        "11 code of Up changed upstream Up() changed",
    ]
