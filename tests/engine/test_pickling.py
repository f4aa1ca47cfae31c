"""What a script defines, in worker processes and in its own."""

from __future__ import annotations

import pickle
from io import BufferedReader, BytesIO
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskproc import pickling
from taskproc.sink import Sink

SCRIPT = """
import dataclasses
import functools

from typing import NamedTuple, NewType, ParamSpec

from taskproc import Cache, Requires, Task

COUNT = [0]
Data = NewType("Data", str)
P = ParamSpec("P")


@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@functools.singledispatch
def kind(value):
    return "any"


@kind.register
def _(value: int):
    return "int"


@dataclasses.dataclass
class Top:
    x: int = 2

    def count(self):
        return COUNT

    @functools.cached_property
    def kept(self):
        return self.x + 1

    @functools.lru_cache(maxsize=1)
    def doubled(self):
        return 2

    __hash__ = object.__hash__


def local():
    @dataclasses.dataclass
    class Local:
        x: int = 2

        def count(self):
            return COUNT

    return Local


Local = local()


class Functions(Task):
    def run_task(self):
        return fibonacci(20), kind(1), kind(""), Top().kept, Top().doubled()


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int = 3


class Row(NamedTuple):
    name: Data


class Makes(Task):
    def run_task(self) -> tuple[Slotted, Row]:
        return Slotted(4), Row(Data("a"))


class Reads(Task):
    made: Requires[tuple[Slotted, Row]]

    def __init__(self):
        self.made = Makes()

    def run_task(self) -> Data:
        slotted, row = self.made
        return slotted == Slotted(4), hasattr(slotted, "__dict__"), type(row) is Row, Data("b")


class Classes(Task):
    def __init__(self, how: str):
        self.made = [Top(3), Local(3)]

    def run_task(self):
        top, inner = self.made
        return type(top) is Top, top.count() is COUNT, dataclasses.replace(inner, x=4).x, inner.count()[:]


def members():
    fields = dataclasses.fields(Local)
    return Local.count, Top.count, [field.default_factory is dataclasses.MISSING for field in fields]


with Cache("cache"):
    print(Functions().run_graph(max_workers=1)[0])
    print(Reads().run_graph(max_workers=1)[0], *Makes().get_task_result())
    before = members()
    for how in "processes", "here":
        print(Classes(how).run_graph(force_interactive=how == "here", max_workers=1)[0])
    print(members() == before)
    COUNT[0] = 1
    print(Local().count(), Top().count())
"""


def test_what_a_script_defines_works_in_workers_and_stays_itself_in_the_script(tmp_path: Path, python: Any) -> None:
    (tmp_path / "study.py").write_text(SCRIPT)
    assert python("study.py").stdout.splitlines() == [
        "(6765, 'int', 'any', 3, 2)",
        "(True, False, True, 'b') Slotted(x=4) Row(name='a')",
        "(True, True, 4, [0])",
        "(True, True, 4, [0])",
        "True",
        "[1] [1]",
    ]


class Kept(Sink):
    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def take(self, view: memoryview) -> None:
        self.data += view


@given(st.text(st.characters(codec=None), max_size=60), st.integers(4, 9))
def test_a_text_in_pieces_is_the_same_pickle(text: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pickling, "_PIECE", piece)
        patch.setattr(pickling, "_READ", piece)
        sink = pickling.text_into(text, Kept)
        assert pickle.loads(sink.data) == text
        assert pickling.load_from(BufferedReader(BytesIO(sink.data))) == text  # type: ignore[arg-type]


def test_paths_that_python_3_13_has_pickled_are_read_by_those_before() -> None:
    words = [pickle.SHORT_BINUNICODE + bytes([len(word)]) + word for word in (b"pathlib._local", b"PurePath", b"a/b")]
    made = [*words[:2], pickle.STACK_GLOBAL, words[2], pickle.TUPLE1, pickle.REDUCE, pickle.STOP]
    data = b"".join([pickle.PROTO, bytes([pickling.PROTOCOL]), *made])
    assert pickling.unpickled(data) == PurePath("a/b")
    assert pickling.load_from(BufferedReader(BytesIO(data))) == PurePath("a/b")  # type: ignore[arg-type]


def test_the_parents_of_a_path_are_read_by_the_python_that_has_pickled_them() -> None:
    data = pickling.pickled(PurePath("a/b").parents)
    assert [*pickling.unpickled(data)] == [PurePath("a"), PurePath()]
    assert [*pickling.load_from(BufferedReader(BytesIO(data)))] == [PurePath("a"), PurePath()]  # type: ignore[arg-type]
