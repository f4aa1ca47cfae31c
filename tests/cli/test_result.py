"""Results as they are printed."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from taskproc_cli.views.result import json_of, pretty, text_of, write_lines

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
).filter(lambda value: not isinstance(value, str))


class Out(io.StringIO):
    """A stdout whose reader goes after so many letters."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.sizes: list[int] = []

    def write(self, text: str) -> int:
        if self.tell() >= self.most:
            raise BrokenPipeError
        self.sizes.append(len(text))
        return super().write(text)


class Pair(NamedTuple):
    one: Any
    two: int


@dataclass
class Held:
    value: Any
    secret: int = field(default=1, repr=False)


@dataclass
class Shown:
    value: Any


@dataclass
class Own:
    value: Any

    def __repr__(self) -> str:
        return "own"


@dataclass(repr=False)
class Child(Shown):
    other: int


class Model(BaseModel):
    value: set[str]


class Kind(str, Enum):  # noqa: UP042  whose text is not its value
    A = "a"


class Plain:
    pass


@given(JSON)
def test_what_json_tells_exactly_is_a_line_of_json(value: object) -> None:
    text = text_of(value)
    assert "\n" not in text
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\nlines", "two\nlines"),
        ("", ""),
        (Kind.A, "a"),
        ({"a": [1, None, True]}, '{"a": [1, null, true]}'),
        (["é"], '["é"]'),
        ((1,), "[1]"),
        ([(1, 2)], "[[1, 2]]"),
        (Pair(1, 2), "[1, 2]"),
        ({1: 2}, '{"1": 2}'),
        ({"a": {1: 2}}, '{"a": {"1": 2}}'),
        (float("nan"), "nan"),
        ([float("inf")], "[inf]"),
        ({"b", "a"}, "{'a', 'b'}"),
        ([frozenset({"b", "a"})], "[frozenset({'a', 'b'})]"),
        (set(), "set()"),
        (frozenset(), "frozenset()"),
        (b"x", "b'x'"),
        ({"a": np.int64(3), "b": [np.bool_(True)]}, '{"a": 3, "b": [true]}'),
        (np.float64("nan"), repr(np.float64("nan"))),
        (Held([{"b", "a"}]), "Held(value=[{'a', 'b'}])"),
        (Pair({"b", "a"}, 1), "Pair(one={'a', 'b'}, two=1)"),
        (Model(value={"b", "a"}), "Model(value={'a', 'b'})"),
        (Own({1}), "own"),
        (Child({1}, 2), "Child(value={1})"),
        (np.datetime64("2020-01-01"), repr(np.datetime64("2020-01-01"))),
        (np.array([1]), "array([1])"),
    ],
)
def test_each_kind_of_value_has_its_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_no_address_is_shown() -> None:
    assert " at 0x" in repr(Plain())
    assert " at 0x" not in text_of(Plain())


def test_a_value_within_itself_has_a_text() -> None:
    value: list[object] = []
    value.append(value)
    assert text_of(value) == "[[...]]"


@dataclass
class Score:
    name: str
    values: list[float]


@pytest.mark.parametrize(
    ("value", "shown", "as_json"),
    [
        ("two\nlines", "two\nlines", '"two\\nlines"'),
        ([math.nan, None, math.inf], "[nan, None, inf]", "[null,null,null]"),
        (None, "None", "null"),
        ("x" * 9999, "x" * 9999, '"' + "x" * 9999 + '"'),
        (Score("a", [1.5]), "Score(name='a', values=[1.5])", '{"name":"a","values":[1.5]}'),
        (Path("a"), f"{Path('a')!r}", '"a"'),
        (b"\xff", "b'\\xff'", '"_w=="'),
        (["\udcff", None], "['\\udcff', None]", '["\udcff",null]'),
        (["word"] * 12, "['word', " + "'word', " * 8 + "'word',\n 'word', 'word']", json.dumps(["word"] * 12)),
    ],
)
def test_a_result_is_shown_for_people_and_as_json(value: object, shown: str, as_json: str) -> None:
    assert pretty(value, 80, coloured=False) == shown
    assert json_of(value) == as_json.replace(", ", ",")
    assert re.sub(r"\x1b\[[\d;]*m", "", pretty(value, 80, coloured=True)) == shown


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(ValueError, match="object has no form in JSON"):
        json_of(object())
    with pytest.raises(ValueError, match="longdouble has no form in JSON"):
        json_of({"error": np.array([1.5], np.longdouble)})


def test_many_lines_are_written_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", out := Out(10**9))
    write_lines(f"{number:07}" for number in range(100_000))
    assert out.getvalue().splitlines() == [f"{number:07}" for number in range(100_000)]
    assert max(out.sizes) < 100_000
    assert len(out.sizes) < 100


@pytest.mark.parametrize("form", ["json", "trace"])
def test_json_says_all_and_has_no_letter_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str], form: str) -> None:
    value = "\x1b[1m\x7f\x85\x9b2Jä"
    write_lines([json.dumps(value, ensure_ascii=False)], form)
    line = capsys.readouterr().out.removesuffix("\n")
    assert json.loads(line) == value
    assert line.isprintable()


def test_a_table_for_programs_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(["a,\x1b[2J…"], "csv")
    assert capsys.readouterr().out == "a,\x1b[2J…\n"


def test_no_more_lines_are_made_once_the_reader_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Out(100))
    lines = iter([f"{number:07}" for number in range(100_000)])
    write_lines(lines)
    assert len(list(lines)) > 50_000
