from __future__ import annotations

import cmath
import collections
import copy
import copyreg
import ctypes
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import types
import uuid
import zoneinfo
from collections.abc import Callable
from struct import pack
from typing import Annotated, Any, NamedTuple

import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskproc import AddedLater
from taskproc.canonical import Canonical, Unencodable, canonical, digest

numpy = pytest.importorskip("numpy")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class Celsius(float):
    pass


class Label(str):
    __slots__ = ()


class Bag(set):  # type: ignore[type-arg]
    pass


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass
class Options:
    depth: object = 1
    width: object = 2

    @functools.cached_property
    def area(self) -> object:
        return (self.depth, self.width)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    depth: object = 1


class Model(pydantic.BaseModel):
    depth: int = 1
    more: dict[str, Any] = {}


class Plain:
    def __init__(self, value: object) -> None:
        self.value = value

    def method(self) -> None: ...


class Known:
    def __init__(self, key: object) -> None:
        self.key = key

    def __taskproc_canonical__(self) -> object:
        return ("known", self.key)


def encode(value: object) -> bytes:
    return canonical(value, plain=True).data


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2024, 5, 1, 12)  # noqa: DTZ001

# ruff: noqa: E501  a table is read best in few lines
DISTINCT: list[object] = [
    None, True, False, 0, 1, -1, 255, 2**31, 2**63, 10**5000, 0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 1j, complex(1, 0),
    "", "a", "1", "é", "\ud800", b"", b"a", bytearray(b"a"), (), [], {}, set(), frozenset(), (1,), [1], {1}, frozenset({1}),
    (1, 2), (1, (2,)), ((1,), 2), [1, 2], [[1], 2], [[1, 2]], {1: 2}, {"1": 2}, {1.0: 2}, {1: 2, 3: 4}, {3: 4, 1: 2}, {1: {2: 3}},
    {"a": {1}}, {"a": [1]}, {"a": (1,)}, (True,), (1.0,), ("1",), ("ab", "c"), ("a", "bc"), ("abc",), [None], [()], [[]], [{}],
    Color.RED, Color.BLUE, Mode.READ, Mode.READ | Mode.WRITE, Level.LOW, Celsius(1.0), Label("a"), Bag({1}),
    Pair(1, 2), Pair(1, (2,)), Options(), Options(2), Options(1.0), Options(True), Options(Options()), Frozen(), Frozen(2),
    Model(), Model(depth=2), Model(more={"a": 1}), Model(more={"a": 1.0}),
    pathlib.Path("a"), pathlib.PurePosixPath("a"), pathlib.Path("a/b"), pathlib.PureWindowsPath("a"),
    NOON, NOON.replace(tzinfo=BERLIN), NOON.replace(tzinfo=dt.UTC), NOON.replace(fold=1), NOON.date(), NOON.time(),
    dt.timedelta(days=1), dt.timedelta(seconds=1), dt.UTC, BERLIN, zoneinfo.ZoneInfo("Asia/Tokyo"),
    dt.timezone(dt.timedelta(hours=1)), dt.timezone(dt.timedelta(hours=1), "X"),
    decimal.Decimal(1), decimal.Decimal("1.0"), decimal.Decimal("NaN"), uuid.UUID(int=1), uuid.UUID(int=2),
    range(3), range(1, 3), slice(3), slice(1, 3), collections.defaultdict(list, {1: 2}), collections.defaultdict(set, {1: 2}),
    collections.OrderedDict({1: 2}), collections.Counter({1: 2}),
    numpy.int32(1), numpy.int64(1), numpy.float64(1), numpy.float32(1), numpy.bool_(True), numpy.str_("a"),
    numpy.datetime64("2024-01-01"), numpy.datetime64("2024-01-01", "s"), Known(b"a"), Known(b"b"), [Known(b"a")],
]  # fmt: skip


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": v}, lambda v: (0, v, {1})])
def test_values_that_differ_have_other_bytes(wrap: Callable[[object], object]) -> None:
    seen: dict[bytes, object] = {}
    for value in DISTINCT:
        data = encode(wrap(value))
        assert data not in seen, (value, seen[data])
        seen[data] = value


class Tagged:
    pass


class Maker(type):
    """Its classes say themselves what they are, as those of sympy's functions do."""


copyreg.pickle(Maker, lambda made: (NoModule, (made.size,)))


def NoModule(size: int) -> Any:  # noqa: N802  it makes a class
    noise: dict[str, Any] = {"__module__": None, "size": size, "noise": threading.Lock()}
    return Maker("NoModule", (), noise)()


def made_with(default: int) -> Any:
    """A class of a library's, whose name leads nowhere; since 3.12 `make_dataclass` takes it for its caller's."""
    whose: Any = {"module": "types"} if sys.version_info >= (3, 12) else {}
    return dataclasses.make_dataclass("D", [("a", int, default)], **whose)


def holding(held: object) -> Any:
    """An instance of a class that a library made, which holds all of its instances, a lock, and something else."""
    cls = types.new_class("Holding", (), {}, lambda held_by: held_by.update(lock=threading.Lock()))
    found: Any = cls()
    found.__class__.instances, found.__class__.held = {found}, held
    return found


def ring(size: int) -> set[Any]:
    """Classes each of which holds the next one."""
    made: list[Any] = [types.new_class(f"Ring{number}") for number in range(size)]
    for number, each in enumerate(made):
        each.following = made[number - 1]
    return set(made)


def fields(x: float, y: int) -> Any:
    return numpy.array([(x, y)], [("x", "f8"), ("y", "i4")])


def gapped(noise: bytes) -> Any:
    made = numpy.frombuffer(noise * 32, numpy.dtype("i1,f8", align=True)).copy()
    for name, values in {"f0": [1, 2], "f1": [0.5, math.nan]}.items():
        made[name] = values
    return made


def extended(noise: bytes) -> Any:
    """Numbers of which some machines use ten bytes of sixteen."""
    made = numpy.array([1, 2], "g") / 3
    size, used = made.itemsize, 10 if numpy.finfo("g").nmant == 63 else made.itemsize
    made.view("u1").reshape(-1, size)[:, used:] = noise[0]
    return made


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (math.nan, -math.nan),
        ([math.nan, "a"], [math.inf - math.inf, "a"]),
        (complex(math.nan, 1), complex(-math.nan, 1)),
        ("".join("long"), "long"),
        ({3, 1, 2}, {2, 3, 1}),
        ({"b", "a", ("c",)}, {("c",), "a", "b"}),
        (Bag({"x", "y"}), Bag({"y", "x"})),
        (Model(), Model(depth=1)),
        ([[1], [1]], [[1]] * 2),
        (Options([2], [2]), Options(*[[2]] * 2)),
        (Color.RED, Color(1)),
        (numpy.arange(10)[::2], numpy.array([0, 2, 4, 6, 8])),
        (numpy.eye(3).T.copy(order="F"), numpy.eye(3)),
        (numpy.array([{1}, "a"], dtype=object), numpy.array([{1}, "a"], dtype=object)),
        (gapped(b"\0"), gapped(b"\1")),
        (gapped(b"\0")[0], gapped(b"\1")[0]),
        (extended(b"\0"), extended(b"\1")),
        (extended(b"\0")[0], extended(b"\1")[0]),
        (extended(b"\0").astype("G"), extended(b"\1").astype("G")),
        (re.compile("a+"), re.compile("a+")),
        (Plain({"a"}), Plain({"a"})),
        (functools.partial(max, 3), functools.partial(max, 3)),
        (made_with(1), made_with(1)),
        (NoModule(1), NoModule(1)),
        (holding(1), holding(1)),
        (type(holding(1)), type(holding(1))),
        (ring(4), ring(4)),
        (ctypes.create_string_buffer(b"a"), ctypes.create_string_buffer(b"a")),
    ],
)
def test_equal_values_have_equal_bytes(one: object, other: object) -> None:
    assert canonical(one) == canonical(other)


@dataclasses.dataclass(slots=True)
class Row(list):  # type: ignore[type-arg]
    name: str = ""


@dataclasses.dataclass(frozen=True, slots=True, init=False)
class Holiday(dt.date):
    name: str = ""


@dataclasses.dataclass(slots=True)
class Base:
    depth: int = 1


class Derived(Base):
    __slots__ = ("width",)

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width


class Tags(frozenset):  # type: ignore[type-arg]
    __slots__ = ("name",)


def row(*entries: int) -> Row:
    made = Row()
    made.extend(entries)
    return made


def tags(name: str) -> Tags:
    made = Tags({1})
    made.name = name
    return made


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (row(1), row(1), row(2)),
        (Holiday(2000, 1, 1), Holiday(2000, 1, 1), Holiday(2000, 1, 2)),
        (Derived(1), Derived(1), Derived(2)),
        (tags("a"), tags("a"), tags("b")),
    ],
)
def test_what_slots_and_bases_hold_counts(one: object, same: object, other: object) -> None:
    assert encode(one) == encode(same) != encode(other)


def test_what_an_object_remembers_does_not_count() -> None:
    fresh, read = Options(), Options()
    assert read.area == (1, 2)
    assert encode(fresh) == encode(read)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Plain(1), Plain(2)),
        (Plain(1), Options(1)),
        (numpy.arange(4), numpy.arange(4.0)),
        (numpy.arange(4), numpy.arange(4).reshape(2, 2)),
        (numpy.zeros(2, ">i4"), numpy.zeros(2, "<i4")),
        (numpy.array([1, "1"], dtype=object), numpy.array([1, 1], dtype=object)),
        (numpy.array(["2024"], "M8[Y]"), numpy.array(["2025"], "M8[Y]")),
        (fields(math.nan, 1), fields(math.nan, 2)),
        (fields(math.nan, 1)[0], fields(math.nan, 2)[0]),
        (fields(1, 1), fields(1, 1).astype([("x", "f8"), ("z", "i4")])),
        (numpy.zeros(2, numpy.dtype("i4", metadata={"a": 1})), numpy.zeros(2, "i4")),
        (numpy.zeros(2, numpy.dtype("i4", metadata={"a": 1})), numpy.zeros(2, numpy.dtype("i4", metadata={"a": 2}))),
        (numpy.array([(1, [1])], "i4,O"), numpy.array([(1, [2])], "i4,O")),
        (numpy.longdouble(1), numpy.longdouble(1) + numpy.finfo("g").eps),
        (numpy.array([1], "g"), numpy.array([1], "g") + numpy.finfo("g").eps),
        (numpy.array([1], "G"), numpy.array([1], "G") + 1j * numpy.finfo("g").eps),
        (numpy.array([1], "g").astype(">g"), (numpy.array([1], "g") + numpy.finfo("g").eps).astype(">g")),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (functools.partial(max, 3), functools.partial(max, 4)),
        (functools.partial(max, 3), functools.partial(min, 3)),
        (Plain(1).method, Plain(2).method),
        ([].append, [1].append),
        (math, re),
        (int, float),
        (made_with(1), made_with(2)),
        (types.new_class("N", (), {}, lambda held: held.update(a=1)), types.new_class("N")),
        (types.new_class("N", (int,))(1), types.new_class("N", (bool.__base__, Tagged))(1)),
        (NoModule(1), NoModule(2)),
        (holding(1), holding(2)),
        (ring(4), ring(5)),
        (enum.Enum("E", "A B", module="json")["A"], enum.Enum("E", "A C", module="json")["A"]),
        (ctypes.create_string_buffer(b"a"), ctypes.create_string_buffer(b"b")),
        (pydantic.RootModel[list[int]], pydantic.RootModel[list[float]]),
        (collections.deque([1], 3), collections.deque([1])),
        (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
        (types.MappingProxyType({1: 2}), {1: 2}),
        (Exception("a"), Exception("b")),
    ],
)
def test_objects_that_differ_have_other_bytes(one: object, other: object) -> None:
    assert canonical(one).data != canonical(other).data


scalars = (
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers())
    | st.sampled_from([Color.RED, Color.BLUE, Mode.READ, Level.LOW, pathlib.Path("a"), pathlib.Path("b"), Label("a")])
    | st.one_of(st.decimals(allow_nan=False), st.uuids(), st.dates(), st.times(), st.timedeltas(), st.fractions())
    | st.datetimes(timezones=st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=1)), BERLIN]))
    | st.one_of(st.integers(0, 3).map(numpy.int64), st.floats(width=32).map(numpy.float32))
)
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(hashables, inner, max_size=3)
        | st.sets(hashables, max_size=3)
        | st.builds(Options, inner, inner)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)


def spelled(value: Any) -> object:
    """A value spelled out with its types, so that `==` tells exactly what the encoding must."""
    if isinstance(value, (float, complex, numpy.floating)):
        return type(value).__name__, _spelled_nan(value) if cmath.isnan(value) else repr(value)
    if isinstance(value, (decimal.Decimal, dt.datetime, dt.time)):
        return type(value).__name__, repr(value)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [spelled(item) for item in value]
    if isinstance(value, dict):
        return "dict", [(spelled(key), spelled(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, sorted(repr(spelled(item)) for item in value)
    if isinstance(value, Options):
        return "Options", spelled(value.depth), spelled(value.width)
    return type(value).__name__, value


def _spelled_nan(value: complex) -> str:
    return repr([abs(part) if math.isnan(part) else part for part in (value.real, value.imag)])


@given(values, values)
def test_bytes_are_equal_just_when_values_are(one: object, other: object) -> None:
    assert (encode(one) == encode(other)) == (spelled(one) == spelled(other))


@given(values)
def test_a_rebuilt_value_has_the_same_bytes(value: object) -> None:
    def rebuilt(part: Any) -> Any:
        if isinstance(part, Pair):
            return Pair(*map(rebuilt, part))
        if isinstance(part, (list, tuple, set, frozenset)):
            return type(part)([rebuilt(item) for item in part])
        if isinstance(part, dict):
            return {rebuilt(key): rebuilt(item) for key, item in part.items()}
        if isinstance(part, Options):
            return Options(rebuilt(part.depth), rebuilt(part.width))
        return "".join([*part]) if type(part) is str else copy.deepcopy(part)

    assert encode(value) == encode(rebuilt(value))
    assert encode([value, value]) == encode([value, rebuilt(value)])


@given(values)
def test_every_encoding_is_short_or_a_digest(value: object) -> None:
    assert len(encode(value)) <= 64


@given(st.lists(st.binary(), max_size=4), st.lists(st.binary(), max_size=4))
def test_digest_tells_parts_apart(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)
    assert len(digest(*one)) == 16


def test_a_class_that_a_library_made_is_the_same_after_its_instances_were_copied() -> None:
    made = made_with(1)
    before = canonical(made)
    copy.copy(made(1))  # notes in the class which slots there are
    assert canonical(made) == before


def test_a_member_of_an_enum_that_a_library_made_is_plain() -> None:
    made: Any = enum.Enum("E", "A B", module="json")
    assert canonical(made.A, plain=True).data != canonical(made.B, plain=True).data


def test_no_code_of_the_user_s_module_runs_for_its_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> object:
        raise KeyError(name)

    monkeypatch.setattr(sys.modules[__name__], "__getattr__", fail, raising=False)
    made = collections.namedtuple("Unnamed", "a")  # noqa: PYI024
    assert encode(made(1)) == encode(made(1))


def test_the_format() -> None:
    assert encode((3, 4)).hex() == "28020000006903000000" + "6904000000"
    assert encode({"a": None}).hex() == "7b7501000000614e30"
    assert encode({2, 1}).hex() == "3c02000000" + "6901000000" + "6902000000"
    assert encode(2**70).hex() == "6c05000000" + "0000" * 4 + "0004"
    assert encode("a" * 60).hex() == "23" + digest(b"u\x3c\0\0\0" + b"a" * 60).hex()
    assert encode(decimal.Decimal(1)) == b":" + encode("decimal.Decimal") + encode("1")
    assert encode(Known(b"k")) == b"!" + encode(("known", b"k"))
    empty = b"*" + encode("numpy.generic") + pack("<I", 2) + encode("|S0") + encode(b"\0") + bytes(8)
    assert encode(numpy.bytes_(b"")) == empty, "of which numpy tells a byte"


def test_bytes_do_not_depend_on_the_hash_seed(root: pathlib.Path) -> None:
    program = (
        "from taskproc.canonical import canonical; import pathlib, enum, dataclasses, json; E = enum.Enum('E', 'A B C');"
        "made = dataclasses.make_dataclass('D', [('a', set, {'x', 'y'}.union)], frozen=True);"
        "import pydantic; model = (lambda: pydantic.RootModel[list[int]])()([1]);"
        "checks = {'check': pydantic.field_validator('a')(lambda cls, value: value)};"
        "checked = pydantic.create_model('M', __module__='json', __validators__=checks, a=(int, 1));"
        "L = enum.Enum('L', 'A B C', module='json');"
        "print(canonical([model, checked(), {*L}, {made(1), made(2)}, {'a', 'b', 'c', ('d', 1)}, frozenset('xyz'), {E.A, E.B, E.C}, pathlib.Path('p')]).data.hex())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            cwd=root,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(told) == 1
    assert len(told.pop()) > 10


def test_deep_sharing_costs_what_is_shared() -> None:
    shared: Any = [1]
    for _ in range(200):
        shared = [shared, {"a": shared}]
    assert len(encode(shared)) <= 64


def ring(*values: object) -> Plain:
    first = last = Plain(None)
    for value in values:
        last.value = [value, Plain(None)]
        last = last.value[1]
    last.value = first
    return first


def test_values_that_contain_themselves() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    other: list[object] = [1]
    other.append([1, other])
    assert canonical(loop).data == canonical(loop).data
    assert canonical(loop).data != canonical(other).data
    with pytest.raises(Unencodable, match="contains itself"):
        encode(loop)
    assert canonical(ring(1, 2)).data == canonical(ring(1, 2)).data
    assert canonical(ring(1, 2)).data != canonical(ring(2, 1)).data
    assert canonical(ring(1, {2})).data != canonical(ring(1, {3})).data


def test_what_says_itself_what_it_is_is_told() -> None:
    known, inner = Known(b"k"), Known(b"inner")
    loop: list[object] = [known]
    loop.append(loop)
    for value in (
        known,
        [known, known],
        {"a": known},
        {(1, known)},
        Plain(known),
        Model(more={"a": known}),
        loop,
        ring(1, {known}),
    ):
        assert set(canonical(value).own) == {known}
    outer = Known((b"outer", inner))
    assert canonical([outer]).own == (outer,)
    assert canonical([1, {"a": (2,)}]).own == ()


def test_a_dense_web_of_objects() -> None:
    nodes = [Plain(None) for _ in range(60)]
    for node in nodes:
        node.value = nodes
    assert canonical(nodes).refs == (Plain,)


def test_a_set_whose_element_contains_it() -> None:
    thing = Plain(None)
    thing.value = {thing}
    with pytest.raises(Unencodable, match="contains it"):
        canonical(thing)


def test_what_is_nested_too_deeply() -> None:
    value: list[object] = []
    for _ in range(sys.getrecursionlimit() * 3):
        value = [value]
    with pytest.raises(Unencodable, match="nested too deeply"):
        encode(value)


class OddlyMade(dt.date):
    """As one of pandas, whose maker is of Cython's own kind of function."""

    maker: Callable[..., Any] = math.sqrt

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self).maker, (self.toordinal(),)


class OddlyHeld(OddlyMade):
    maker = functools.partial(math.sqrt, threading.Lock())


@pytest.mark.parametrize(
    "shared",
    [random.random, random.choice, numpy.random.rand, numpy.random.mtrand._rand, Plain(random.shuffle), os.environ],
)
def test_the_state_of_what_a_process_shares_does_not_count(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = canonical(shared)
    random.random()
    numpy.random.random()
    monkeypatch.setenv("OTHER", "1")
    assert canonical(shared) == before


def test_the_state_of_a_generator_counts_where_a_copy_goes_on_with_it() -> None:
    for shared in (random.choice, [numpy.random.mtrand._rand], {"a": (numpy.random.mtrand._rand,)}):
        before = canonical(shared, travels=True)
        assert canonical(shared, travels=True) == before
        random.random()
        numpy.random.random()
        assert canonical(shared, travels=True) != before


def test_of_a_generator_of_ones_own_the_state_counts() -> None:
    for own in (random.Random(1), numpy.random.RandomState(1)):
        before = canonical([own, own.choice])
        own.random()
        assert canonical([own, own.choice]) != before


def test_what_is_made_by_something_odd_is_plain_data_too() -> None:
    day, same, other = OddlyMade(2020, 1, 1), OddlyMade(2020, 1, 1), OddlyMade(2020, 1, 2)
    assert encode({"day": day}) == encode({"day": same}) != encode({"day": other})
    with pytest.raises(Unencodable, match="an OddlyHeld cannot be taken apart: a lock cannot be taken apart"):
        encode({"day": OddlyHeld(2020, 1, 1)})
    with pytest.raises(Unencodable, match="a builtin_function_or_method is not plain data"):
        encode([day, math.sqrt])


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        (object(), "", "an object is not plain data"),
        ([1, 2, {"layers": Plain(1)}], "[2]['layers']", "a Plain is not plain data"),
        (Options(depth=(1, len)), ".depth[1]", "a builtin_function_or_method is not plain data"),
        (Model(more={"a": [Plain]}), ".more['a'][0]", "a class is not plain data"),
        (lambda: 0, "", "a function is not plain data"),
        ((math,), "[0]", "a module is not plain data"),
        ({"a": numpy.arange(3)}, "['a']", "a ndarray is not plain data"),
        (Pair(1, threading.Lock()), "", "a lock is not plain data"),
    ],
)
def test_what_is_not_plain_names_its_place(value: object, path: str, reason: str) -> None:
    with pytest.raises(Unencodable) as caught:
        encode(value)
    assert caught.value.reason == reason
    assert caught.value.path == path
    assert str(caught.value) == (f"{reason} (at {path})" if path else reason)


def test_what_cannot_be_taken_apart() -> None:
    with pytest.raises(Unencodable, match=r"a lock cannot be taken apart.*\(at \[0\]\.value\)"):
        canonical([Plain(threading.Lock())])


def shift(number: int) -> int:
    return number + 1


def test_references_to_user_code() -> None:
    double: Callable[[int], int] = lambda number: number * 2  # noqa: E731
    halve: Callable[[int], int] = lambda number: number // 2  # noqa: E731
    assert canonical([Plain(1), Options(), Plain(2), int, len, shift]).refs == (Plain, Options, shift)
    assert canonical(functools.partial(shift, 1)).refs == (shift,)
    assert canonical(functools.lru_cache(shift)).refs == (shift,)
    assert canonical(Plain(1).method).refs == (Plain.method, Plain)
    assert canonical([double, halve]).refs == (double, halve)
    assert canonical([double, halve, double]).data != canonical([double, halve, halve]).data
    assert encode(Options()) == encode(Options())
    assert canonical({"a": Options}).data != canonical({"a": Plain}).data


def test_scalars_refer_to_nothing() -> None:
    assert canonical((1, "a")) == Canonical(encode((1, "a")), ())


def test_large_values() -> None:
    text = "é" * 2_000_000
    assert encode(text) == encode("".join(["é" * 1_000_000] * 2))
    assert encode(text) != encode(text.encode())
    assert encode(b"a" * 2_000_000) != encode(b"a" * 2_000_001)
    large = numpy.zeros(1_000_000)
    assert canonical(large).data == canonical(large.copy()).data


def test_a_field_that_was_added_later_counts_where_it_has_not_its_default() -> None:
    class Before(pydantic.BaseModel):
        __qualname__ = "Config"
        depth: int

    class After(Before):
        __qualname__ = "Config"
        rate: Annotated[float, AddedLater] = 0.1
        layers: Annotated[list[Any], AddedLater] = [1]  # noqa: RUF012

    @dataclasses.dataclass
    class Old:
        __qualname__ = "Settings"
        depth: int

    @dataclasses.dataclass(frozen=True, slots=True)
    class New:
        __qualname__ = "Settings"
        rate: Annotated[float, AddedLater] = 0.1
        layers: Annotated[list[Any], AddedLater] = dataclasses.field(default_factory=lambda: [1])
        depth: int = 3

    @pydantic.dataclasses.dataclass
    class Less:
        __qualname__ = "Options"
        depth: int

    @pydantic.dataclasses.dataclass
    class More:
        __qualname__ = "Options"
        depth: int
        rate: Annotated[float, AddedLater] = pydantic.Field(0.1)
        layers: Annotated[list[Any], AddedLater] = pydantic.Field(default_factory=lambda: [1])

    for old, new in (Before, After), (Old, New), (Less, More):
        assert encode(old(depth=3)) == encode(new(depth=3)) == encode(new(depth=3, rate=0.1, layers=[1]))  # type: ignore[operator]
        others = [{"depth": 4}, {"rate": 0.2}, {"layers": [True]}, {"layers": [1.0]}, {"layers": []}]
        assert len({encode(new(**{"depth": 3, **given})) for given in [{}, *others]}) == 6  # type: ignore[operator]


def test_a_class_that_only_looks_like_a_model_has_no_fields() -> None:
    class Table:
        model_fields = ("a", "b")

    assert canonical(Table()).data == canonical(Table()).data


def test_a_field_that_was_added_later_needs_a_default() -> None:
    @dataclasses.dataclass
    class Config:
        depth: Annotated[int, AddedLater]

    with pytest.raises(Unencodable, match=r"Config\.depth is marked as added later, but has no default"):
        encode(Config(3))


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (1, "b43a4514"),
        (True, "1d33c0bd"),
        (1.0, "c5cfbc0f"),
        ("1", "45a9f183"),
        (b"1", "72256563"),
        (None, "626d368f"),
        (10**30, "ac415c97"),
        (1j, "0de03d51"),
        (math.nan, "e3202fac"),
        ("é" * 100, "eab5d7aa"),
        ((1, [2, {3: {4, 5}}]), "b283c2ce"),
        ({"a": 1, "b": 2}, "593f0e99"),
        (frozenset("ab"), "f097fbe2"),
        (Color.RED, "d62d8e20"),
        (Mode.READ | Mode.WRITE, "5f099ab6"),
        (Level.LOW, "7767ae3c"),
        (Pair(1, 2), "65ca60a3"),
        (Options(), "b8ea7687"),
        (Frozen(), "4805fa3f"),
        (Model(), "70fddcbb"),
        (Label("a"), "9838932f"),
        (Bag({1}), "01a2013d"),
        (Celsius(1.5), "78623475"),
        (pathlib.Path("a/b"), "3762f4c3"),
        (NOON, "cafdb6da"),
        (NOON.replace(tzinfo=BERLIN), "ade5faa5"),
        (NOON.date(), "0e7ba34b"),
        (NOON.time(), "39e9a039"),
        (dt.timedelta(1, 2, 3), "7f39dc67"),
        (dt.UTC, "6e30ff01"),
        (decimal.Decimal("1.50"), "749ede6a"),
        (fractions.Fraction(1, 3), "e0910f7a"),
        (uuid.UUID(int=7), "6e54553f"),
        (range(1, 9, 2), "269cc3f9"),
        (collections.OrderedDict(a=1), "c4fc6038"),
        (collections.Counter("aab"), "d3ee928c"),
        (collections.defaultdict(list, a=[1]), "e8ce7e3f"),
        (collections.deque([1], 3), "06930978"),
        (re.compile("a+", re.IGNORECASE), "8a522392"),
        (numpy.float32(1.5), "71024cc7"),
        (numpy.int64(-1), "349c6140"),
        (numpy.bool_(True), "8837c3fd"),
        (numpy.str_("a"), "b57364af"),
        (numpy.datetime64("2024-01-01", "s"), "623aa921"),
        (bytearray(b"a"), "1f3984e6"),
        (Known(b"k"), "3c6991c0"),
        ([Known(b"k")], "e54506a6"),
    ],
)
def test_encodings_stay_the_same(value: object, begins: str) -> None:
    """On every Python, machine and release, or all that was ever kept would run again."""
    assert digest(encode(value)).hex()[:8] == begins


@dataclasses.dataclass
class Singleton:
    x: int

    def __reduce__(self) -> str:
        return "SINGLETON"


def test_an_argument_that_pickles_by_its_name_is_that_name() -> None:
    assert canonical(Singleton(1), plain=True) == canonical(Singleton(2), plain=True)
    assert canonical(Singleton(1)) != canonical(Singleton(2))
