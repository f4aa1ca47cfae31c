from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, Const, DefinitionError, Future, Requires, Task
from taskproc.future import FutureBase, Item, own_copy


class Source(Task):
    def __init__(self, x: int = 0) -> None:
        pass

    def run_task(self) -> dict[str, list[int]]:
        return {"foo": [7, 8]}


class Reader(Task):
    value: Requires[Any]

    def __init__(self, value: Future[Any]) -> None:
        self.value = value

    def run_task(self) -> Any:
        return self.value


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


def test_an_item_is_a_future_at_any_depth() -> None:
    item = Source()["foo"][1]
    assert isinstance(item, FutureBase)
    assert (item.source, item.path) == (Source(), ("foo", 1))
    assert Reader(item).run_graph(force_interactive=True)[0] == 8


def test_items_of_constants_and_of_slots_are_futures() -> None:
    assert Reader(Const({"a": [1, 2]})["a"][1]).run_graph(force_interactive=True)[0] == 2

    class Inner(Task):
        whole: Requires[Any]
        part: Requires[Any]

        def __init__(self) -> None:
            self.whole = Source()
            self.part = self.whole["foo"]

        def run_task(self) -> Any:
            return self.part

    assert Inner().run_graph(force_interactive=True)[0] == [7, 8]


@pytest.mark.parametrize("make", [Source, lambda: Source()["foo"], lambda: Const([1])])
def test_futures_refuse_iteration_and_in(make: Any) -> None:
    future = make()
    for use in (iter, list, lambda f: [*f], lambda f: dict(a=1, **f)):
        with pytest.raises(TypeError):
            use(future)
    with pytest.raises(TypeError, match="cannot be iterated over before it has run"):
        _first, _second = future
    with pytest.raises(TypeError, match="cannot be searched before it has run"):
        _ = 1 in future


def test_a_future_is_no_key_of_an_item() -> None:
    with pytest.raises(DefinitionError, match="a future cannot be a key"):
        Source()[Source()]  # type: ignore[index]


def test_a_constant_is_a_copy_of_its_value() -> None:
    value = {"a": [1]}
    const = Const(value)
    digest = Const({"a": [1]}).digest
    value["a"].append(2)
    assert const.value == {"a": [1]}
    assert const.digest == digest != Const(value).digest


def test_constants_of_equal_values_identify_one_task() -> None:
    assert Reader(Const([1, {"a": 2}])) is Reader(Const([1, {"a": 2}]))
    assert Reader(Const(1)) is not Reader(Const(True))
    assert Reader(Const((1,))) is not Reader(Const([1]))
    assert Reader(Source()["foo"]) is Reader(Source()["foo"])
    assert Reader(Source()["foo"]) is not Reader(Source()["bar"])
    assert Reader(Source()[1]) is not Reader(Source()["1"])
    assert Reader(Source(1)["foo"]) is not Reader(Source(2)["foo"])


def test_a_future_is_its_own_copy() -> None:
    for future in (Source(), Source()["foo"], Const([1])):
        assert copy.copy(future) is future
        assert copy.deepcopy([future])[0] is future
        assert own_copy({"a": (future,)})["a"][0] is future


def test_items_and_constants_can_be_pickled() -> None:
    item: Item[Any] = pickle.loads(pickle.dumps(Const({"a": [5]})["a"][0]))
    assert item.path == ("a", 0)
    assert item.source.value == {"a": [5]}  # type: ignore[attr-defined]


def test_futures_are_shown_as_they_were_written() -> None:
    assert repr(Source(3)["foo"][0]) == "Source(x=3)['foo'][0]"
    assert repr(Const("a")) == "Const('a')"


def test_what_only_looks_like_a_future_is_none() -> None:
    class Lookalike:
        def run_task(self) -> int:
            return 1

    assert not isinstance(Lookalike(), Future)
    assert all(isinstance(future, Future) for future in (Source(), Source()["foo"], Const(1)))
    with pytest.raises(DefinitionError, match=r"slot Reader\.value cannot take .*Const\("):
        Reader.value.__set__(Reader.__new__(Reader), Lookalike())


def test_constants_that_hold_functions_are_told_apart_by_their_code() -> None:
    def adder(n: int) -> Any:
        return lambda x, by=n: x + by + n

    functions = [lambda: 1, lambda: 2, adder(1), adder(2), *map(functools.wraps(adder), (adder(3), adder(4)))]
    assert len({id(Reader(Const(function))) for function in functions}) == len(functions)
    assert len({Const(function).digest for function in functions}) == len(functions)
    assert Reader(Const(adder(1))) is Reader(Const(adder(1)))
    assert Reader(Const([adder(1)])) is not Reader(Const([adder(2)]))


CONSTANTS = """
from taskproc import Cache, Const, Requires, Task

def helper():
    return {0}

class Holder:
    def get(self):
        return {0}

class Reader(Task):
    value: Requires[object]

    def __init__(self, value):
        self.value = value

    def run_task(self):
        return self.value.get() if isinstance(self.value, Holder) else self.value()

class Inner(Task):
    value: Requires[object]

    def __init__(self):
        self.value = Const(globals()["hel" + "per"])

    def run_task(self):
        return self.value()

with Cache("cache"):
    tasks = [Reader(Const(helper)), Reader(Const(Holder())), Reader(Const([helper])[0]), Inner()]
    print(*[task.run_graph(force_interactive=True)[0] for task in tasks])
"""


def test_the_code_of_what_a_constant_refers_to_counts(tmp_path: Path, python: Any) -> None:
    for version in (1, 2):
        (tmp_path / "study.py").write_text(CONSTANTS.replace("{0}", str(version)))
        assert python("study.py").stdout.split() == [str(version)] * 4


def test_a_constant_that_cannot_be_told_from_others_names_the_slot() -> None:
    with pytest.raises(TypeError, match=r"Reader: argument value cannot identify a task \(a generator"):
        Reader(Const(i for i in range(3)))

    class Inner(Task):
        value: Requires[Any]

        def __init__(self) -> None:
            self.value = Const(i for i in range(3))

    with pytest.raises(DefinitionError, match=r"slot .*Inner\.value cannot take Const\(.*make it a task's output"):
        Inner()


def test_a_constant_is_no_future_of_a_future() -> None:
    with pytest.raises(DefinitionError, match=r"Const\(Const\(1\)\): Const\(1\) is a future already"):
        Const(Const(1))
