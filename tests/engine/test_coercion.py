"""Arguments of many types: what they become, what is said when they do not fit, what their JSON makes of them again."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import itertools
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskproc import ArgumentError, Cache, Const, Future, InputFile, Task
from taskproc.canonical import canonical
from taskproc.coercion import coercion
from taskproc.fitting import fits
from taskproc.future import FutureBase

X = TypeVar("X")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Layer:
    width: int
    name: str = ""
    up: Future[int] | None = None


@dataclass
class Train:
    rate: float
    layers: list[int] = field(default_factory=list)
    first: Layer | None = None
    loose: int = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Named(Layer):
    more: int = 5


@dataclass
class Doubled:
    """Must not be made twice."""

    number: Any

    def __post_init__(self) -> None:
        self.number = self.number * 2


@dataclass
class Box(Generic[X]):
    value: X


class Model(pydantic.BaseModel):
    rate: float
    layers: list[Layer] = []


@dataclass
class Loose:
    rate: float = 1
    loose: int = None  # type: ignore[assignment]
    also: int = "a"  # type: ignore[assignment]
    made: list[float] = field(default_factory=lambda: [1])


@dataclass
class LooseDoubled(Doubled):
    number: int = 1
    rate: float = 1


class LooseModel(pydantic.BaseModel):
    rate: float = 1
    layers: list[float] = [1]
    inner: Loose = Loose()
    more: dict[str, list[Loose]] = {}


class LoosePair(NamedTuple):
    left: float = 1
    right: int = None  # type: ignore[assignment]


@dataclass
class Source:
    file: InputFile = "a.txt"  # type: ignore[assignment]


class Open(pydantic.BaseModel, extra="allow"):
    rate: float


class Row(TypedDict):
    rate: float
    layers: NotRequired[list[int]]


class Pair(NamedTuple):
    left: int
    right: float = 2.0
    up: Future[int] | None = None


class Up(Task):
    def __init__(self, x: Any = 1) -> None:
        self.x = x


_numbers = itertools.count()


def task(annotation: Any) -> Any:
    """A Task class whose one parameter, `train`, has this annotation."""

    def init(self: Any, train: Any) -> None:
        self.train = train

    init.__annotations__ = {"train": annotation}
    name = f"Task{next(_numbers)}"
    return type(Task)(name, (Task,), {"__init__": init, "__module__": __name__, "__qualname__": name})


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


@pytest.mark.parametrize(
    ("annotation", "given", "value"),
    [
        (Row, {"rate": 1}, {"rate": 1.0}),
        (Row, {"rate": "1", "layers": ("2",)}, {"rate": 1.0, "layers": [2]}),
        (list[Row], [{"rate": 1}], [{"rate": 1.0}]),
        (Pair, ("1",), Pair(1)),
        (Pair, Pair("1"), Pair(1)),  # type: ignore[arg-type]
        (Pair, {"left": 1}, Pair(1)),
        (Train, {"rate": 1}, Train(1.0)),
        (Train, Train("1", ("2",), Layer("3"), 4), Train(1.0, [2], Layer(3), 4)),  # type: ignore[arg-type]
        (Train, Train(1.0), Train(1.0)),
        (dict[str, list[Train]], {"a": [Train("1", loose=1)]}, {"a": [Train(1.0, loose=1)]}),  # type: ignore[arg-type]
        (Box[int], Box("1"), Box(1)),
        (Model, {"rate": "1", "layers": [{"width": "2"}]}, Model(rate=1.0, layers=[Layer(2)])),
        (Model | None, {"rate": 1}, Model(rate=1)),
        (int | list[int], ["1"], [1]),
        (Literal["a", 1], 1, 1),
        (Annotated[list[Annotated[int, pydantic.Field(gt=0)]], pydantic.Field(min_length=1)], ["1"], [1]),
        (Iterable[int], iter("12"), [1, 2]),
        (Sequence[int], ("1",), (1,)),
        (Mapping[int, float], {"1": 2}, {1: 2.0}),
        (collections.deque[int], ["1"], collections.deque([1])),
        (np.float64, 1, np.float64(1)),
        (np.int32, "7", np.int32(7)),
        (list[np.bool_], [True], [np.True_]),
        (float, np.float32(0.5), 0.5),
        (decimal.Decimal, "1.50", decimal.Decimal("1.50")),
        (uuid.UUID, f"{uuid.UUID(int=3)}", uuid.UUID(int=3)),
        (fractions.Fraction, "1/3", fractions.Fraction(1, 3)),
        (ipaddress.IPv4Address, "10.0.0.1", ipaddress.IPv4Address("10.0.0.1")),
        (bytes, "é", "é".encode()),
        (complex, "1+2j", 1 + 2j),
    ],
)
def test_values_become_what_the_annotation_says(annotation: Any, given: Any, value: Any) -> None:
    cls = task(annotation)
    made = cls(given)
    assert canonical(made.train).data == canonical(value).data
    assert made is cls(value)


@pytest.mark.parametrize(
    ("annotation", "given", "sentence"),
    [
        (Train, {"rate": 1, "layers": [1, 2, "x"]}, "train.layers[2]: Input should be a valid integer"),
        (Train, Train(1.0, [1, 2, "x"]), "train.layers[2]: Input should be a valid integer"),  # type: ignore[list-item]
        (Train, {"rate": 1, "more": 1}, "train.more: Unexpected keyword argument (got 1)"),
        (Train, {}, "train.rate: Field required"),
        (Train, {"rate": 1, "first": {"width": 1, "up": 3}}, "train.first.up: Input should be an instance of Future"),
        (Model, {"rate": 1, "layers": [{"width": "x"}]}, "train.layers[0].width: Input should be a valid integer"),
        (Row, {}, "train.rate: Field required"),
        (Row, {"rate": 1, "layer": []}, "train.layer: Extra inputs are not permitted"),
        (
            Model,
            type("Model", (pydantic.BaseModel,), {})(),
            "train: Input should be a valid dictionary or instance of Model (got Model()), of another class",
        ),
        (Pair, (1, "x"), "train[1]: Input should be a valid number"),
        (dict[str, Row], {"a b": {"rate": "x"}}, "train['a b'].rate: Input should be a valid number"),
        (dict[int, list[float]], {1: ["x"]}, "train[1][0]: Input should be a valid number"),
        (set[int], {"x"}, "train[0]: Input should be a valid integer"),
        (int | list[int], {}, "train: Input should be a valid integer or a valid list (got {})"),
        (int | list[int], ["x"], "train[0]: Input should be a valid integer"),
        (Row | Train, {"rate": "x"}, "train.rate: Input should be a valid number"),
        (Future[int] | int, "x", "train: Input should be an instance of Future or a valid integer"),
        (Literal["a", 1], "1", "train: Input should be 'a' or 1 (got '1')"),
        (Annotated[int, pydantic.Field(gt=0)], 0, "train: Input should be greater than 0 (got 0)"),
        (np.int64, 1.5, "train: Input should be a valid integer"),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_its_place(annotation: Any, given: Any, sentence: str) -> None:
    cls = task(annotation)
    with pytest.raises(ArgumentError) as caught:
        cls(given)
    assert str(caught.value).startswith(f"{cls.__qualname__}: argument {sentence}")
    assert "\n" not in str(caught.value)


def test_a_dataclass_that_runs_code_when_it_is_made_is_taken_as_it_is() -> None:
    assert task(Doubled)(Doubled(2)).train == Doubled(2)
    assert task(dict[str, Doubled | int])({"a": Doubled("x"), "b": "1"}).train == {"a": Doubled("x"), "b": 1}
    assert task(Doubled)({"number": 2}).train == Doubled(2)


@pytest.mark.parametrize("cls", [Loose, LooseDoubled, LooseModel, LoosePair])
def test_a_default_is_coerced_whoever_made_the_instance(cls: Any) -> None:
    taking = task(cls)
    made = taking(cls())
    assert made is taking({} if cls is not LooseDoubled else cls(rate=1.0))
    first = made.train.rate if cls is not LoosePair else made.train.left
    assert type(first) is float
    if cls is LooseModel:
        assert [*map(type, made.train.layers), type(made.train.inner.rate)] == [float, float]
    if cls is Loose:  # what cannot be is its author's own word
        assert made.train == Loose()
        assert made is taking(Loose(1.0)) is taking(Loose(rate=1, loose=None, made=[1.0]))  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match=r"train\.also: Input should be a valid integer"):
            taking(Loose(also="b"))  # type: ignore[arg-type]


def test_a_default_is_coerced_in_what_a_model_holds() -> None:
    taking = task(LooseModel)
    made = taking(LooseModel(more={"a": [Loose()]}))
    assert type(made.train.more["a"][0].rate) is float
    assert made is taking({"more": {"a": [{}]}})


@dataclass(frozen=True)
class Cell:
    rate: float = 1


@pytest.mark.parametrize(
    "annotation",
    [
        set[Cell],
        frozenset[Cell],
        collections.deque[Cell],
        collections.OrderedDict[str, Cell],
        collections.defaultdict[str, Annotated[Cell, pydantic.Field(default_factory=Cell)]],
    ],
)
def test_a_default_is_coerced_in_each_container_that_a_model_holds(annotation: Any) -> None:
    holding = pydantic.create_model("Holding", cells=(annotation, ...))
    is_dict = issubclass(annotation.__origin__, dict)
    given = holding(cells={"a": Cell()} if is_dict else [Cell()])
    (cell,) = given.cells.values() if is_dict else given.cells  # type: ignore[attr-defined]
    assert type(cell.rate) is int
    cells = task(holding)(given).train.cells
    (cell,) = cells.values() if is_dict else cells
    assert type(cell.rate) is float
    assert type(cells) is annotation.__origin__


def test_a_default_of_an_input_file_is_one_and_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reads(Task):
        def __init__(self, source: Source = Source(), file: InputFile = "a.txt") -> None:  # type: ignore[assignment]  # noqa: B008
            self.found = [source.file, file]

    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=r"source\.file: there is no file or folder 'a\.txt'"):
        Reads()
    with pytest.raises(ArgumentError, match=r"argument file: there is no file or folder 'a\.txt'"):
        Reads(Source("."))  # type: ignore[arg-type]
    Path("a.txt").touch()
    assert [*map(type, Reads().found)] == [InputFile, InputFile]


def test_what_is_annotated_with_a_constraint_is_checked_in_instances_too() -> None:
    @dataclass
    class Positive:
        number: Annotated[int, pydantic.Field(gt=0)]

    with pytest.raises(ArgumentError, match=r"train\.number: Input should be greater than 0"):
        task(Positive)(Positive(0))


@pytest.mark.parametrize("given", [Named(1, more=2), Named("x", more=2)])  # type: ignore[arg-type]
def test_an_instance_of_a_derived_dataclass_stays_one(given: Named) -> None:
    assert task(Layer)(given).train == given
    assert task(list[Layer])([given, {"width": "1"}]).train == [given, Layer(1)]
    assert task(Train)(Train("1", first=given, loose=1)).train.first == given  # type: ignore[arg-type]


def test_an_instance_is_coerced_in_a_copy_of_it() -> None:
    @dataclass
    class Kept:
        number: int
        default: int = None  # type: ignore[assignment]
        made: int = field(init=False, default=3)

    given = Kept("1")  # type: ignore[arg-type]
    given.made = 7
    given.more = 8  # type: ignore[attr-defined]
    found = task(list[Kept])([given, Kept(1)]).train
    assert [vars(each) for each in found] == [
        {"number": 1, "default": None, "made": 7, "more": 8},
        {"number": 1, "default": None},
    ]
    assert given.number == "1"  # type: ignore[comparison-overlap]


def test_a_variable_of_the_class_is_no_field(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Shared:
        number: int
        count: ClassVar[int] = 1

    monkeypatch.setattr(Shared, "count", 2)
    assert task(Shared)(Shared("1")).train == Shared(1)  # type: ignore[arg-type]


@dataclass
class Linked:
    next: Linked | None = None


def test_a_typed_value_that_contains_itself_is_refused() -> None:
    loop = Linked()
    loop.next = loop
    with pytest.raises(ArgumentError, match=r"an argument contains itself, or is nested too deeply"):
        task(Linked)(loop)


# What `task_args` tells makes the same task again

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ZONES = st.none() | st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-5.5))])
FLOATS = st.floats()
INTEGERS = st.integers()
FUTURES = st.builds(Up, INTEGERS) | st.builds(lambda x, key: Up(x)["a"][key], INTEGERS, INTEGERS | TEXT)
MAYBE = st.none() | FUTURES
LAYERS = st.builds(Layer, INTEGERS, TEXT, MAYBE)
KINDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "a": (int, INTEGERS),
    "b": (float, FLOATS),
    "c": (str, TEXT),
    "d": (bool | None, st.none() | st.booleans()),
    "e": (bytes, TEXT.map(str.encode)),
    "f": (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    "g": (uuid.UUID, st.uuids()),
    "h": (dt.date, st.dates()),
    "i": (dt.datetime, st.datetimes(timezones=ZONES, allow_imaginary=False).map(lambda time: time.replace(fold=0))),
    "j": (dt.timedelta, st.timedeltas(dt.timedelta(days=-(10**6)), dt.timedelta(days=10**6))),
    "k": (Path, st.sampled_from([Path("a"), Path("/a/b.csv"), Path()])),
    "l": (Colour, st.sampled_from(Colour)),
    "m": (tuple[int, ...], st.lists(INTEGERS).map(tuple)),
    "n": (set[str], st.sets(TEXT)),
    "o": (dict[int, list[float]], st.dictionaries(INTEGERS, st.lists(FLOATS))),
    "p": (dict[Colour, frozenset[int]], st.dictionaries(st.sampled_from(Colour), st.frozensets(INTEGERS))),
    "q": (Train, st.builds(Train, FLOATS, st.lists(INTEGERS), st.none() | LAYERS, INTEGERS)),
    "r": (Model, st.builds(Model, rate=FLOATS, layers=st.lists(LAYERS))),
    "s": (Open, st.builds(Open, rate=FLOATS, more=INTEGERS | TEXT)),
    "t": (Row, st.fixed_dictionaries({"rate": FLOATS}, optional={"layers": st.lists(INTEGERS)})),
    "u": (Pair, st.builds(Pair, INTEGERS, FLOATS, MAYBE)),
    "v": (np.float32, st.floats(width=32).map(np.float32)),
    "w": (complex, st.complex_numbers()),
    "x": (Literal["a", 1] | None, st.sampled_from(["a", 1, None])),
    "y": (list[Future[int]], st.lists(FUTURES)),
    "z": (dict[str, Future[Any]], st.dictionaries(TEXT, FUTURES)),
}


def references(value: Any, futures: Mapping[str, Any]) -> Any:
    """A value from JSON in which references are futures again."""
    if isinstance(value, dict):
        if value.keys() == {"__task__", "__key__", "__item__"}:
            return futures[json.dumps(value)]
        return {key: references(entry, futures) for key, entry in value.items()}
    return [references(entry, futures) for entry in value] if isinstance(value, list) else value


def futures_in(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for entry in value:
            yield from futures_in(entry)
    elif isinstance(value, Mapping):
        yield from futures_in([*value.values()])
    elif dataclasses.is_dataclass(value) or isinstance(value, pydantic.BaseModel):
        yield from futures_in([*vars(value).values()])
    elif isinstance(value, FutureBase):
        yield value


TASKS = {name: task(annotation) for name, (annotation, _) in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=settings.default.max_examples // 4)
@given(data=st.data())
def test_the_json_of_arguments_makes_the_same_task_again(kind: str, data: st.DataObject) -> None:
    cls = TASKS[kind]
    with Cache("cache"):
        value = data.draw(KINDS[kind][1])
        told = json.loads(json.dumps(cls(value).task_args))
        futures = {json.dumps(Up(future).task_args["x"]): future for future in futures_in(value)}
        assert cls(**references(told, futures)) is cls(value)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=settings.default.max_examples // 4)
@given(data=st.data())
def test_what_is_told_to_fit_is_what_pydantic_would_return(kind: str, data: st.DataObject) -> None:
    annotation, values = KINDS[kind]
    with Cache("cache"):
        value = data.draw(values)
        if fits(annotation)(value):
            assert canonical(coercion(annotation)(value)).data == canonical(value).data


def test_a_constant_and_a_task_are_references_in_json() -> None:
    told = task(Layer)(Layer(1, up=Const(3))).task_args
    assert told["train"]["up"].keys() == {"__task__", "__key__", "__item__"}
    assert told != task(Layer)(Layer(1, up=Up())).task_args
