from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import math
import pickle
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    LiteralString,
    NewType,
    NotRequired,
    Optional,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
)

import numpy as np
import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskproc import ArgumentError, Cache, Const, Future, Requires, Task
from taskproc.arguments import Parameters

X = TypeVar("X")
UserId = NewType("UserId", int)


class Rates(TypedDict):
    rate: float
    batch: NotRequired[int]


class Unpacked(Task):
    def __init__(self, **rates: Unpack[Rates]) -> None: ...


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Settings:
    rate: float
    layers: list[int] = field(default_factory=list)
    up: Future[int] | None = None


@dataclass
class Incomplete:
    x: Missing  # type: ignore[name-defined]  # noqa: F821


class Model(pydantic.BaseModel):
    depth: int
    up: Future[Any] | None = None


class Up(Task):
    def __init__(self, x: Any = 1) -> None:
        self.x = x

    def run_task(self) -> Any:
        return self.x


class Typed(Task):
    """Takes arguments of many types, all with defaults."""

    def __init__(
        self,
        number: int = 1,
        ratio: float = 0.5,
        text: str = "a",
        flag: bool = False,
        path: Path = Path("a"),
        colour: Colour = Colour.RED,
        when: dt.datetime = dt.datetime(2020, 1, 1),  # noqa: DTZ001
        pair: tuple[int, str] = (1, "a"),
        names: set[str] = frozenset(),  # type: ignore[assignment]
        settings: Settings | None = None,
        model: Model | None = None,
        ups: list[Future[int]] | None = None,
        tasks: tuple[Up, ...] = (),
        kind: Literal["x", "y", 1] = "x",
        short: Annotated[int, pydantic.Field(gt=0), ["not hashable"]] = 1,
        user: UserId = UserId(1),
        either: Union[int, list[int]] = 1,  # noqa: UP007
        maybe: Optional[dict[int, float]] = None,  # noqa: UP045
        by_name: dict[str, Future[int]] | None = None,
        wrong: int = None,  # type: ignore[assignment]  # noqa: RUF013
    ) -> None:
        self.given = dict(locals())
        del self.given["self"]

    def run_task(self) -> None: ...


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


def test_however_an_argument_is_written_it_is_one_task() -> None:
    assert Up() is Up(1) is Up(x=1)
    assert Up().task_args == Up(1).task_args == {"x": 1}


def test_positional_variadic_and_keyword_only_arguments_are_bound_to_names() -> None:
    class Many(Task):
        def __init__(self, a: int, /, b: int = 2, *rest: int, c: int = 3, **more: float) -> None:
            self.given = (a, b, rest, c, more)

        def run_task(self) -> Any:
            return self.given

    task = Many(1, 5, "6", 7, c=8, z=1, y=2)  # type: ignore[arg-type]
    assert task.given == (1, 5, (6, 7), 8, {"y": 2.0, "z": 1.0})
    assert task.task_args == {"a": 1, "b": 5, "rest": [6, 7], "c": 8, "y": 2.0, "z": 1.0}
    assert task is Many(1, 5, 6, 7, y=2.0, z=1.0, c=8)
    assert Many(1) is Many(1, 2, c=3)
    assert Many(1, 2, 3) is not Many(1, 2, c=3, d=3)


def test_unpacked_keywords_are_validated() -> None:
    wide: Any = Unpacked
    assert wide(rate="1", batch=2) is wide(batch=2, rate=1.0)
    assert wide(rate=1.0).task_args == {"rate": 1.0}
    with pytest.raises(ArgumentError, match=r"Unpacked: argument rates\.rate: "):
        wide(batch=2)
    with pytest.raises(ArgumentError, match=r"Unpacked: argument rates\.other: "):
        wide(rate=1, other=2)


def test_a_literal_string_is_a_text() -> None:
    class Literally(Task):
        def __init__(self, texts: list[LiteralString]) -> None: ...

    with pytest.raises(ArgumentError, match=r"Literally: argument texts\[0\]: "):
        Literally([3])  # type: ignore[list-item]


def test_parameters_may_have_any_name() -> None:
    class Odd(Task):
        def __init__(self, dict: Any, sorted: Any, default_1: Any = 4, bind: Any = 5, **kwargs: Any) -> None:  # noqa: A002
            self.given = (dict, sorted, default_1, bind, kwargs)

    class Odder(Task):
        def __init__(self, cls: Any, args: Any, kwargs: Any) -> None:
            self.given = (cls, args, kwargs)

    assert Odd(1, 2, b=1, a=2).given == (1, 2, 4, 5, {"a": 2, "b": 1})
    assert Odder(cls=1, args=2, kwargs=3).given == (1, 2, 3)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"number": "3"}, 3),
        ({"number": 3.0}, 3),
        ({"number": True}, 1),
        ({"ratio": 1}, 1.0),
        ({"flag": 1}, True),
        ({"path": "b"}, Path("b")),
        ({"colour": "blue"}, Colour.BLUE),
        ({"when": "2024-05-06T07:08:09Z"}, dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)),
        (
            {"when": "2024-05-06T07:08:09-02:30"},
            dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.timezone(dt.timedelta(hours=-2.5))),
        ),
        ({"pair": ["1", "b"]}, (1, "b")),
        ({"names": ["a", "b", "a"]}, {"a", "b"}),
        ({"settings": {"rate": 1, "layers": ("1",)}}, Settings(1.0, [1])),
        ({"model": {"depth": "3"}}, Model(depth=3)),
        ({"kind": "y"}, "y"),
        ({"short": "2"}, 2),
        ({"user": "2"}, 2),
        ({"either": ["2"]}, [2]),
        ({"maybe": {"1": 1}}, {1: 1.0}),
        ({"wrong": None}, None),
    ],
)
def test_annotated_arguments_are_coerced(given: dict[str, Any], value: Any) -> None:
    ((name, _),) = given.items()
    task = Typed(**given)
    assert task.given[name] == value
    assert type(task.given[name]) is type(value)
    assert task is Typed(**{name: value})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"number": "three"}, r"Typed: argument number: Input should be a valid integer, .* \(got 'three'\)$"),
        ({"number": 1.5}, r"Typed: argument number: .* \(got 1\.5\)$"),
        ({"text": 3}, r"Typed: argument text: "),
        ({"colour": "green"}, r"Typed: argument colour: Input should be 'red' or 'blue'"),
        ({"pair": (1, 2)}, r"Typed: argument pair\[1\]: "),
        ({"short": 0}, r"Typed: argument short: Input should be greater than 0"),
        ({"settings": {"rate": "x"}}, r"Typed: argument settings\.rate: "),
        ({"model": {"depth": []}}, r"Typed: argument model\.depth: "),
        ({"ups": [1]}, r"Typed: argument ups\[0\]: Input should be an instance of Future"),
        ({"tasks": (Const,)}, r"Typed: argument tasks\[0\]: Input should be an instance of Up"),
        ({"kind": "z"}, r"Typed: argument kind: Input should be 'x', 'y' or 1"),
        ({"strange": 1}, r"Typed\(\) got an unexpected keyword argument 'strange'"),
    ],
)
def test_an_argument_that_does_not_fit_is_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence) as caught:
        Typed(**given)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_a_missing_argument_names_task_and_parameter() -> None:
    class Needy(Task):
        def __init__(self, seed: int) -> None: ...

    with pytest.raises(TypeError, match=r"Needy\(\) missing 1 required positional argument: 'seed'"):
        Needy()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Needy\(\) takes 1 positional argument but 2 were given"):
        Needy(1, 2)  # type: ignore[call-arg]


def test_futures_are_arguments_at_any_depth() -> None:
    item = Up()["a"]
    task = Typed(
        settings=Settings(1.0, up=Up(2)),
        model=Model(depth=1, up=item),
        ups=[Up(), item, Const(3)],
        tasks=[Up(1), Up(2)],  # type: ignore[arg-type]
        by_name={"a": Up(), "b": item},
    )
    assert task.given["settings"].up is Up(2)
    assert task.given["model"].up.source is Up()
    assert task.given["ups"][0] is Up()
    assert task.given["tasks"] == (Up(1), Up(2))
    assert task is not Typed(settings=Settings(1.0, up=Up(3)))
    assert Typed(settings=Settings(1.0, up=Up(3))) is Typed(settings=Settings(1.0, up=Up(3)))


def test_a_future_is_known_by_its_class_not_by_a_method() -> None:
    class Lookalike:
        def run_task(self) -> int:
            return 1

    with pytest.raises(ArgumentError, match=r"Typed: argument ups\[0\]: Input should be an instance of Future"):
        Typed(ups=[Lookalike()])
    with pytest.raises(ArgumentError, match=r"Up: argument x cannot identify a task"):
        Up(Lookalike())


def test_annotations_that_cannot_be_evaluated_take_anything() -> None:
    class Local:
        pass

    class Unknown(Task):
        def __init__(self, a: Nowhere, b: Local, c: int) -> None:  # type: ignore[name-defined]  # noqa: F821
            self.given = (a, b, c)

    assert Unknown("1", [2], "3").given == ("1", [2], 3)  # type: ignore[arg-type]


DIFFERENT: list[Any] = [
    *(1, True, 1.0, "1", b"1", None, 0, False, 0.0, -0.0, "", math.nan, math.inf),
    *([1], (1,), {1}, frozenset({1}), [True], [1.0], [[1]], [1, 1], [], (), {}, set()),
    *({1: 0}, {"1": 0}, {True: 0}, {1.0: 0}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": [1]}, {"a": (1,)}),
    *(Colour.RED, Level.LOW, "red", Path("a"), "a", Path("b"), dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)),  # noqa: DTZ001
    *(
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        "2020-01-01",
        dt.timedelta(1),
        decimal.Decimal(1),
        decimal.Decimal("1.0"),
    ),
    *(Settings(1.0), Settings(2.0), {"rate": 1.0, "layers": [], "up": None}, Model(depth=1), {"depth": 1, "up": None}),
    *(Const(1), Const(True), Const([1]), Const((1,))),
]


def test_arguments_that_differ_are_different_tasks() -> None:
    futures = [Up(1), Up(True), Up("a"), Up(1)["a"], Up(1)["b"], Up(1)["a"]["a"], Up(1)[1], Up(1)[True]]
    arguments = [*DIFFERENT, *futures, *([argument] for argument in futures), {"x": Up(1)}, {"y": Up(1)}]
    tasks = [Up(argument) for argument in arguments]
    assert len({id(task) for task in tasks}) == len(arguments)
    assert [Up(argument) for argument in arguments] == tasks


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=8,
    )
)
def test_equal_arguments_are_one_task_and_json(value: Any) -> None:
    with Cache("cache"):
        assert Up(value) is Up(pickle.loads(pickle.dumps(value)))
        assert json.loads(json.dumps(Up(value).task_args)).keys() == {"x"}


def test_nan_equals_itself() -> None:
    assert Up(math.nan) is Up(float("nan")) is Up(-math.nan)
    assert Up([1, {"a": math.nan}]) is Up([1, {"a": float("nan")}])
    assert Typed(ratio=math.nan) is Typed(ratio="nan")  # type: ignore[arg-type]


def test_init_gets_copies_and_so_does_the_task() -> None:
    class Mutating(Task):
        def __init__(self, values: list[int], table: dict[str, list[int]], options: Settings) -> None:
            values.append(0)
            table["a"].append(0)
            options.layers.append(0)
            self.values = values

    values, table, options = [1], {"a": [1]}, Settings(1.0)
    task = Mutating(values, table, options)
    assert (values, table, options) == ([1], {"a": [1]}, Settings(1.0))
    values.append(2)
    table["b"] = [3]
    options.layers.append(4)
    assert task.values == [1, 0]
    assert task.task_args == {
        "values": [1],
        "table": {"a": [1]},
        "options": {"rate": 1.0, "layers": [], "up": None},
    }
    task.task_args["values"].append(5)
    assert task.task_args["values"] == [1]
    assert Mutating([1], {"a": [1]}, Settings(1.0)) is task


def test_defaults_are_never_shared() -> None:
    class Default(Task):
        def __init__(self, i: int, values: list[int] = []) -> None:  # noqa: B006
            values.append(i)
            self.values = values

    assert [Default(i).values for i in range(3)] == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("make", "at"),
    [
        (object, ""),
        (lambda: open, ""),
        (lambda: int, ""),
        (lambda: lambda: 0, ""),
        (threading.Lock, ""),
        (lambda: [1, {"a": object()}], r"\[1\]\['a'\]"),
        (lambda: Settings(1.0, [1, object()]), r"\.layers\[1\]"),  # type: ignore[list-item]
        (lambda: (i for i in range(3)), ""),
        (lambda: math, ""),
    ],
)
def test_what_cannot_be_encoded_is_a_type_error_that_says_what_to_do(make: Any, at: str) -> None:
    with pytest.raises(
        TypeError, match=rf"^Up: argument x{at} cannot identify a task \(.*\); pass it as a task's output$"
    ):
        Up(make())


class AnyAttribute(dict[str, int]):
    """As many a project has: no attribute is missing."""

    __getattr__ = dict.get


def test_a_dict_that_has_any_attribute_is_shown_as_a_dict() -> None:
    assert Up(AnyAttribute(a=1)).task_args == {"x": {"a": 1}}


def test_arguments_are_shown_as_json_in_which_a_future_is_a_reference() -> None:
    reference = {"__task__": Up.task_name, "__key__": Up().to_json()["__key__"], "__item__": []}
    task = Typed(
        path="/data/x",  # type: ignore[arg-type]
        names={"b", "a"},
        settings=Settings(1.0, [1], Up()),
        model=Model(depth=2, up=Up()["a"][0]),
        maybe={1: 2.0},
        ups=[Const(3)],
    )
    args = json.loads(json.dumps(task.task_args))
    assert list(args) == list(Parameters(Typed).signature.parameters)
    assert (args["path"], args["colour"], args["when"]) == ("/data/x", "red", "2020-01-01T00:00:00")
    assert (args["pair"], sorted(args["names"]), args["maybe"]) == ([1, "a"], ["a", "b"], {"1": 2.0})
    assert args["settings"] == {"rate": 1.0, "layers": [1], "up": reference}
    assert args["model"] == {"depth": 2, "up": {**reference, "__item__": ["a", 0]}}
    assert args["ups"][0]["__task__"] == "Const"
    assert task.to_json()["__args__"] == task.task_args


class Decaying(pydantic.BaseModel):
    lr: float = pydantic.Field(0.1, alias="learningRate")
    decay: float = pydantic.Field(0.2, validation_alias="weightDecay")


class Pair(pydantic.RootModel[list[Decaying]]): ...


class Given(Task):
    def __init__(self, pair: Pair) -> None: ...


def test_a_model_is_shown_as_it_is_given() -> None:
    made: Any = Given
    task = made([{"learningRate": 1, "weightDecay": 2}])
    assert task.task_args == {"pair": [{"learningRate": 1.0, "weightDecay": 2.0}]}
    assert made(**task.task_args) is task


class ByName(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(validate_by_alias=False, validate_by_name=True)
    lr: float = pydantic.Field(alias="learningRate")


class ByAny(pydantic.BaseModel):
    lr: float = pydantic.Field(validation_alias=pydantic.AliasChoices("rate", "learningRate"))


@pydantic.dataclasses.dataclass
class ByAlias:
    lr: float = pydantic.Field(alias="learningRate")
    made: int = pydantic.Field(2, init=False)


class Named(Task):
    def __init__(self, name: ByName, any_: ByAny, alias: ByAlias) -> None: ...


def test_fields_are_shown_by_what_gives_them() -> None:
    made: Any = Named
    args = {"name": {"lr": 1.0}, "any_": {"rate": 1.0}, "alias": {"learningRate": 1.0}}
    assert made(**args).task_args == args
    assert made(**made(**args).task_args) is made(**args)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.float32(0.5), 0.5),
        (np.datetime64("2020-01-01"), "2020-01-01"),
        (np.datetime64("2020-01-01T00:00:01", "s"), "2020-01-01T00:00:01"),
        (np.timedelta64(90, "s"), "0:01:30"),
        (np.complex64(1j), "1j"),
        ([np.datetime64("2020-01-01")], ["2020-01-01"]),
        (np.array([(1.5, [1, 2])], [("x", "f8"), ("y", "i4", 2)])[0], [1.5, [1, 2]]),
    ],
)
def test_scalars_of_numpy_are_shown_as_what_they_stand_for(value: Any, told: object) -> None:
    assert json.loads(json.dumps(Up(value).task_args)) == {"x": told}


@pytest.fixture
def usual_limit() -> Iterator[None]:
    """Python's own bound on the digits of a number that is written out."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(4300)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("usual_limit")
def test_an_integer_that_python_does_not_write_out_is_shown_by_its_size() -> None:
    assert repr(Up(10**5000)) == "Up(x=<int of 16,610 bits>)"
    assert Up([10**5000]).run_graph(force_interactive=True)[0] == [10**5000]


def test_the_size_of_json_does_not_grow_with_what_lies_upstream() -> None:
    class Chain(Task):
        up: Requires[Any]

        def __init__(self, up: Future[Any] | None, both: list[Future[Any]]) -> None:
            self.up = up if up is not None else Const(0)

    task: Any = Chain(None, [])
    sizes = set()
    for i in range(50):
        task = Chain(task, [task, task["a"]])
        if i:
            sizes.add((len(json.dumps(task.task_args)), len(json.dumps(task.to_json())), len(repr(task))))
    assert len(sizes) == 1


def test_a_task_is_shown_briefly() -> None:
    assert repr(Up(2)) == "Up(x=2)"
    assert len(repr(Up("x" * 10_000))) < 100
    assert len(repr(Up([Up(list(range(1000)))] * 1000))) < 200


def test_an_argument_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ArgumentError, match=r"argument x .*contains itself"):
        Up(loop)


class Unfinished(Task):
    def __init__(self, entries: list[Incomplete]) -> None:
        pass


def test_an_annotation_that_pydantic_cannot_take_is_one_sentence(tmp_path: Path) -> None:
    sentence = "Unfinished: the annotation of argument entries cannot be validated: name 'Missing' is not defined"
    with Cache(tmp_path), pytest.raises(ArgumentError, match=sentence):
        Unfinished(({"x": 1},))  # type: ignore[arg-type]
