from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Generic, Optional, TypeVar

import pytest
from pydantic import BaseModel, PrivateAttr
from typing_extensions import TypeAliasType

import taskproc
import taskproc as tp
from taskproc import (
    Cache,
    Const,
    DefinitionError,
    FailedTaskError,
    Future,
    GraphError,
    Requires,
    RequiresDict,
    RequiresList,
    Task,
)
from taskproc.requires import slots_of

X = TypeVar("X")
Alias = Requires[int]
Statement = TypeAliasType("Statement", Requires[int])  # type Statement = Requires[int]
Several = TypeAliasType("Several", "RequiresList[X]", type_params=(X,))  # type Several[X] = RequiresList[X]
Noted = Annotated[Requires[int], "a note"]


class One(Task):
    def __init__(self, x: int = 1) -> None:
        self.x = x

    def run_task(self) -> Any:
        return [self.x]


class Holder(Task):
    """Takes whatever it is given into its slots."""

    single: Requires[Any]
    several: RequiresList[Any]
    named: RequiresDict[Any, Any]

    def __init__(self, single: Any = None, several: Any = None, named: Any = None) -> None:
        self.single = Const(0) if single is None else single
        self.several = [] if several is None else several
        self.named = {} if named is None else named

    def run_task(self) -> Any:
        return self.single, self.several, self.named


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


def run(task: Any) -> Any:
    return task.run_graph(force_interactive=True)[0]


def slots(cls: type) -> dict[str, str]:
    return {name: type(slot).__name__ for name, slot in slots_of(cls).items()}


def test_slots_are_installed_from_every_kind_of_annotation() -> None:
    class Written(Task):
        a: Requires[int]
        b: RequiresList[int]
        c: RequiresDict[str, int]
        d: tp.Requires[int]
        e: taskproc.RequiresList[Optional["int"]]  # noqa: UP037, UP045
        f: "Requires[int]"  # noqa: UP037
        g: Alias
        h: Requires  # type: ignore[type-arg]
        i: "taskproc.Requires[list[str]]"  # noqa: UP037
        j: int
        k: list[Requires[int]]
        l: typing.ClassVar[int] = 3  # noqa: E741

    assert slots(Written) == {
        **dict.fromkeys("adfghi", "Requires"),
        **dict.fromkeys("be", "RequiresList"),
        "c": "RequiresDict",
    }


def test_slots_are_installed_from_annotations_that_are_objects() -> None:
    namespace: dict[str, Any] = {"Requires": Requires, "RequiresList": RequiresList, "Task": Task, "__name__": __name__}
    exec(
        compile("class Made(Task):\n a: Requires[int]\n b: 'RequiresList[int]'", "<made>", "exec", dont_inherit=True),
        namespace,
    )
    assert slots(namespace["Made"]) == {"a": "Requires", "b": "RequiresList"}


def test_slots_are_installed_from_what_names_or_annotates_the_kind_of_slot() -> None:
    class Written(Task):
        a: Statement
        b: Several[int]
        c: Annotated[Requires[int], "a note"]
        d: typing.Annotated[Several[int], "a note"]
        e: Noted
        f: Annotated[int, Requires]
        g: TypeAliasType
        h: Annotated[Statement, "a note"]

    assert slots(Written) == {**dict.fromkeys("aceh", "Requires"), **dict.fromkeys("bd", "RequiresList")}


def test_slots_that_are_objects_are_installed_from_what_names_or_annotates_them() -> None:
    annotations = {"a": Statement, "b": Several[int], "c": Noted, "d": Annotated, "e": Annotated[int, Requires]}
    made = type(Task)("Made", (Task,), {"__annotations__": annotations, "__module__": __name__})
    assert slots(made) == {"a": "Requires", "b": "RequiresList", "c": "Requires"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no type statements")
@pytest.mark.parametrize("what", ["list[Leaf]", "Missing", "'Later' | None", "Alias"])
def test_a_type_statement_that_cannot_be_evaluated_declares_no_slot(what: str) -> None:
    namespace: dict[str, Any] = {"Task": Task, "__name__": __name__}
    exec(
        compile(
            f"type Alias = {what}\nclass Made(Task):\n a: Alias",
            "<made>",
            "exec",
            dont_inherit=True,
        ),
        namespace,
    )
    assert not slots(namespace["Made"])


def test_slots_are_found_where_the_module_has_imported_them_for_type_checkers_alone() -> None:
    namespace: dict[str, Any] = {"Task": Task, "__name__": __name__}
    exec(
        "from __future__ import annotations\nclass Made(Task):\n a: Requires[int]\n b: tp.RequiresDict[str, int]",
        namespace,
    )
    assert slots(namespace["Made"]) == {"a": "Requires", "b": "RequiresDict"}


def test_slots_are_found_where_the_annotation_names_something_local() -> None:
    import taskproc as local
    from taskproc import RequiresList as RequiresList  # noqa: PLC0414

    class Written(Task):
        a: local.Requires[int]
        b: RequiresList[int]

    assert slots(Written) == {"a": "Requires", "b": "RequiresList"}


def test_slots_are_inherited_from_tasks_mixins_and_generics() -> None:
    class Mixin:
        mixed: RequiresList[int]

    class Base(Task, Generic[X]):
        first: Requires[X]

    class Derived(Mixin, Base[int]):
        second: Requires[int]

        def __init__(self) -> None:
            self.first = self.second = Const(1)
            self.mixed = [Const(2)]

        def run_task(self) -> Any:
            return self.first, self.second, self.mixed

    class Redefined(Derived):
        second = 5  # type: ignore[assignment]

    assert slots(Derived) == {"first": "Requires", "mixed": "RequiresList", "second": "Requires"}
    assert set(slots(Redefined)) == {"first", "mixed"}
    assert run(Derived()) == (1, 1, [2])


def test_a_slot_reads_as_what_was_assigned_then_as_its_value() -> None:
    seen: list[Any] = []

    class Passing(Task):
        up: Requires[Any]
        again: Requires[Any]
        several: RequiresList[Any]
        named: RequiresDict[str, Any]

        def __init__(self) -> None:
            self.up = One(1)
            self.again = self.up
            self.up = One(2)  # reassigned: the last one counts
            self.several = [self.up, self.again]
            self.named = {"a": self.several[0]}
            seen.extend([self.up, self.again, self.several, self.named])

        def run_task(self) -> Any:
            return self.up, self.again, self.several, self.named

    task = Passing()
    assert seen == [One(2), One(1), [One(2), One(1)], {"a": One(2)}]
    assert run(task) == ([2], [1], [[2], [1]], {"a": [2]})


def test_a_list_or_dict_slot_can_be_filled_step_by_step() -> None:
    class Filling(Task):
        several: RequiresList[Any]
        named: RequiresDict[str, Any]

        def __init__(self, stray: bool) -> None:
            self.several = []
            self.named = {}
            for i in range(3):
                self.several.append(One(i))  # type: ignore[arg-type]
                self.named[str(i)] = One(i)  # type: ignore[assignment]
            if stray:
                self.several.append(3)

        def run_task(self) -> Any:
            return self.several, self.named

    assert run(Filling(False)) == ([[0], [1], [2]], {"0": [0], "1": [1], "2": [2]})
    with pytest.raises(DefinitionError, match=r"slot .*Filling\.several cannot take 3: .*Const"):
        Filling(True)


def test_the_slots_of_a_task_that_is_defined_cannot_be_added_to(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache"):
        task = Holder(several=[One(1)], named={"a": One(2)})
    task.several.append(One)
    task.named["b"] = One
    assert task.run_graph()[0] == (0, [[1]], {"a": [2]})


def test_each_reader_gets_a_value_of_its_own() -> None:
    class Writing(Task):
        up: Requires[list[int]]
        again: Requires[list[int]]

        def __init__(self, i: int) -> None:
            self.up = self.again = One(1)

        def run_task(self) -> Any:
            self.up.append(9)
            return self.up, self.again

    class Both(Task):
        ups: RequiresList[Any]

        def __init__(self) -> None:
            self.ups = [Writing(0), Writing(1), One(1)]

        def run_task(self) -> Any:
            return self.ups

    assert run(Both()) == [([1, 9], [1]), ([1, 9], [1]), [1]]


def test_values_come_as_plain_lists_and_dicts_in_order() -> None:
    value = run(Holder(One(5), (One(1), Const(2)), {(1, 2): One(3), "x": Const(4)}))
    assert value == ([5], [[1], 2], {(1, 2): [3], "x": 4})
    assert type(value[1]) is list
    assert list(value[2]) == [(1, 2), "x"]
    assert run(Holder()) == (0, [], {})


def test_only_slots_are_edges() -> None:
    class Apart(Task):
        def __init__(self, other: Future[Any], nested: Any) -> None:
            self.kept = other

        def run_task(self) -> int:
            return 1

    task = Apart(One(1), {"a": [One(2)]})
    assert task._task_node.edges == ()
    _, stats = task.run_graph(force_interactive=True)
    assert stats.executed == {Apart.task_name: 1}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"single": 3}, r"slot Holder\.single cannot take 3: .*Const\("),
        ({"single": "x" * 500}, r"slot Holder\.single cannot take 'x{40,60}\.\.\.: .*Const\("),
        ({"single": [1, 2]}, r"slot Holder\.single cannot take \[1, 2\]: .*Const\("),
        ({"single": "list"}, r"slot Holder\.single .*RequiresList"),
        ({"single": "dict"}, r"slot Holder\.single .*RequiresDict"),
        ({"several": 3}, r"slot Holder\.several cannot take 3: assign a list of futures"),
        ({"several": "task"}, r"slot Holder\.several .*declare it as Requires to"),
        ({"several": "dict"}, r"slot Holder\.several .*declare it as RequiresDict"),
        ({"several": [1]}, r"slot Holder\.several cannot take 1: .*Const\("),
        ({"several": "nested"}, r"slot Holder\.several .*nested too deeply; .*\(RequiresList\)"),
        ({"several": "deep"}, r"slot Holder\.several .*nested too deeply"),
        ({"named": [1]}, r"slot Holder\.named cannot take \[1\]: assign a dict of futures"),
        ({"named": "list"}, r"slot Holder\.named .*declare it as RequiresList"),
        ({"named": {"a": 1}}, r"slot Holder\.named cannot take 1: .*Const\("),
    ],
)
def test_a_slot_that_is_given_something_else_says_so(given: dict[str, Any], sentence: str) -> None:
    made: dict[str, Any] = {"list": [One()], "dict": {"a": One()}, "task": One(), "nested": [[One()]]}
    made["deep"] = [[{"a": (One(),)}]]
    given = {name: made.get(value, value) if isinstance(value, str) else value for name, value in given.items()}
    with pytest.raises(DefinitionError, match=sentence) as caught:
        Holder(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("slot", "given"), [("single", One), ("several", One), ("several", [One]), ("named", One)])
def test_a_slot_that_is_given_a_class_says_to_call_it(slot: str, given: Any) -> None:
    class Classy(Holder):
        def __init__(self) -> None:
            setattr(self, slot, given)

    with pytest.raises(DefinitionError, match=rf"Classy\.{slot} .*call it, One\(\.\.\.\)"):
        Classy()


def test_a_slot_that_is_given_what_contains_itself_says_so() -> None:
    class Endless(Holder):
        def __init__(self) -> None:
            entry: list[Any] = [1]
            entry.append(entry)
            self.several = [entry]

    with pytest.raises(DefinitionError, match=r"Endless\.several .*every entry must be a future"):
        Endless()


def test_a_slot_cannot_be_assigned_to_where_it_has_its_value() -> None:
    class Replacing(Task):
        up: Requires[int]

        def __init__(self) -> None:
            self.up = One()

        def run_task(self) -> None:
            self.up = [*self.up, 1]  # type: ignore[assignment]

    sentence = r"Replacing\.up is a slot, .* read-only in run_task"
    with pytest.raises(FailedTaskError, match=sentence):
        Replacing().run_graph(force_interactive=True)


def test_a_slot_never_assigned_says_so() -> None:
    class Forgetful(Task):
        up: Requires[int]

        def __init__(self, read: bool) -> None:
            if read:
                _ = self.up

    with pytest.raises(GraphError, match=r"Forgetful\.up was never assigned: give it a future .*Const"):
        Forgetful(False)
    with pytest.raises(AttributeError, match=r"Forgetful\.up was read before a future was assigned to it in __init__"):
        Forgetful(True)


def test_a_slot_that_is_deleted_in_init_counts_as_never_assigned() -> None:
    class Emptied(Task):
        up: Requires[Any]

        def __init__(self, then: str) -> None:
            self.up = One(1)
            del self.up
            if then == "assign":
                self.up = One(2)
            elif then == "delete":
                del self.up

        def run_task(self) -> Any:
            kept = self.up
            del self.up
            return kept

    with pytest.raises(GraphError, match=r"Emptied\.up was never assigned"):
        Emptied("nothing")
    with pytest.raises(AttributeError, match=r"Emptied\.up was read before a future was assigned"):
        Emptied("delete")
    with pytest.raises(FailedTaskError, match=r"Emptied\.up is a slot, and read-only in run_task"):
        run(Emptied("assign"))


@pytest.mark.parametrize(("kind", "what"), [(RequiresList, "a list of futures"), (RequiresDict, "a dict of futures")])
def test_what_a_slot_takes_is_said_where_it_was_never_assigned(kind: Any, what: str) -> None:
    class Forgetful(Task):
        ups = kind()

    with pytest.raises(GraphError, match=rf"Forgetful\.ups was never assigned: give it {what}"):
        Forgetful()


@pytest.mark.parametrize(
    ("make", "slot"),
    [
        (One, "Requires"),
        (lambda: One()["a"], "Requires"),
        (lambda: [One(), One(2)], "RequiresList"),
        (lambda: {"a": One()}, "RequiresDict"),
    ],
)
def test_a_future_that_nothing_would_run_is_refused(make: Any, slot: str) -> None:
    class Forgotten(Task):
        def __init__(self) -> None:
            self.numbers = [1]
            self.parts = make()

    line = rf"Forgotten\.parts is no slot, .* declare it in the class, `parts: {slot}\[\.\.\.\]`$"
    with pytest.raises(DefinitionError, match=line):
        Forgotten()


@pytest.mark.parametrize("make", [lambda: {"a": [One()]}, lambda: [(One(), "a")], lambda: ([{"a": One()["b"]}],)])
def test_so_is_one_that_lies_too_deep_for_a_slot(make: Any) -> None:
    class Forgotten(Task):
        def __init__(self) -> None:
            self.parts = make()

    with pytest.raises(DefinitionError, match=r"Forgotten\.parts is no slot, .* assign the futures to slots, a list"):
        Forgotten()


def test_a_future_may_be_kept_that_is_an_argument_or_runs_all_the_same() -> None:
    class Keeping(Task):
        up: Requires[int]

        def __init__(self, given: dict[str, Any]) -> None:
            self.given = given
            self.item = given["a"]["b"]
            self.source = One(3)
            self.up = self.same = Taking(Taking(self.source))

    class Taking(Task):
        up: Requires[int]

        def __init__(self, up: Future[int]) -> None:
            self.up = up

    assert Keeping({"a": One(2)}).source is One(3)


def test_a_future_may_be_kept_that_a_model_holds_for_itself() -> None:
    class Secret(BaseModel):
        _future: Any = PrivateAttr(None)

    class Keeping(Task):
        def __init__(self, secret: Secret) -> None:
            self.future = secret._future

    secret = Secret()
    secret._future = One(2)
    assert Keeping(secret).future is One(2)


def test_a_slot_read_from_the_class_is_the_slot() -> None:
    assert isinstance(Holder.single, Requires)
    assert isinstance(Holder.several, RequiresList)
    assert isinstance(Holder.named, RequiresDict)


def test_a_value_in_the_class_is_no_default_of_a_slot() -> None:
    with pytest.raises(DefinitionError, match=r"slot .*Given\.up has a value in the class: assign .* in __init__"):

        class Given(Task):
            up: Requires[int] = Const(3)  # type: ignore[assignment]
