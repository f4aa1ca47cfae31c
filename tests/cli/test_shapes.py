"""What annotations make of words."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, LiteralString, NewType, Optional
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BeforeValidator, RootModel
from typing_extensions import TypeAliasType

from taskproc import Future, Task
from taskproc_cli.shapes import shape_of, type_name

Name = NewType("Name", str)


Number = NewType("Number", int)
Alias = TypeAliasType("Alias", int | date)


class Numbers(RootModel[list[int]]): ...


class Even:
    def __init__(self, text: str) -> None:
        if text != "two":
            raise KeyError(text)


class Colour(Enum):
    RED = "red"
    BLUE = 2


class Level(IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    ("annotation", "words", "value"),
    [
        (str, ["3"], "3"),
        (str | None, ["null"], "null"),
        (int | str, ["3"], "3"),
        (Name, ["3"], "3"),
        (Annotated[str, "x"], ["[1]"], "[1]"),
        (int, ["-3"], -3),
        (int, ["1", "2"], 2),
        (float, ["1e-3"], 0.001),
        (float, [".5"], 0.5),
        (float, ["3"], 3.0),
        (int | None, ["1_000"], 1000),
        (Optional[int], ["null"], None),  # noqa: UP045  the old spelling
        (dict[str, int], ['{"a": 1}'], {"a": 1}),
        (Any, ["3"], 3),
        (Any, ["three"], "three"),
        (Path, ["3"], Path("3")),
        (Path | None, ["a/b"], Path("a/b")),
        (Path | None, ["null"], Path("null")),
        (date | None, ["null"], None),
        (Literal["null"] | None, ["null"], "null"),
        (UUID | Decimal | None, ["null"], None),
        (Colour, ["red"], Colour.RED),
        (Colour, ["BLUE"], Colour.BLUE),
        (Colour, ["2"], Colour.BLUE),
        (Level, ["1"], Level.LOW),
        (Literal["a", 3], ["3"], 3),
        (Literal[3, "3"], ["3"], 3),
        (Literal["a", 3] | None, ["a"], "a"),
        (Literal["a", None], ["null"], None),  # noqa: PYI061  what is read
        (Literal["auto", True], ["true"], True),
        (Literal["auto", True], ["True"], True),
        (Literal["auto", False] | None, ["false"], False),
        (Literal[True, "true"], ["true"], "true"),
        (complex, ["1+2j"], 1 + 2j),
        (date, ["2024-02-03"], date(2024, 2, 3)),
        (timedelta, ["PT1H"], timedelta(hours=1)),
        (timedelta | None, ["90"], timedelta(seconds=90)),
        (list[float] | None, ["null"], None),
        (list[str] | None, ["null"], ["null"]),
        (UUID, ["12345678123456781234567812345678"], UUID("12345678123456781234567812345678")),
        (Decimal, ["0.10"], Decimal("0.10")),
        (list[int], ["[1, 2]"], [1, 2]),
        (list[int], ["1", "2"], [1, 2]),
        (list[int], ["1"], [1]),
        (list[str], ["1", "[2]"], ["1", "[2]"]),
        (list[str] | None, ['["a"]'], ["a"]),
        (list[bool], ["true", "no"], [True, False]),
        (list[Path], ["a", "b"], [Path("a"), Path("b")]),
        (tuple[int, ...], ["1", "2"], [1, 2]),
        (list, ["1", "x"], [1, "x"]),
        (bool, ["false"], False),
        (int | Path, ["3"], 3),
        (int | Path, ["a"], Path("a")),
        (Colour, ["RED"], Colour.RED),
        (LiteralString, ["3"], "3"),
        (list[LiteralString], ["3"], ["3"]),
        (Numbers, ["[3, 4]"], [3, 4]),
        (Numbers, ["3", "4"], [3, 4]),
        (Alias, ["3"], 3),
        (IPv4Address, ["4.3.2.1"], "4.3.2.1"),
        (Fraction | None, ["1/3"], "1/3"),
        (Annotated[int, BeforeValidator(len)], ["0-9"], "0-9"),
        (list[IPv4Address], ["4.3.2.1"], ["4.3.2.1"]),
        (Annotated[Even, BeforeValidator(Even)], ["two"], "two"),
    ],
)
def test_words_are_read_as_the_annotation_says(annotation: Any, words: list[str], value: object) -> None:
    found = shape_of(annotation).value(words)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "word", "said"),
    [
        (int, "abc", "'abc' is not an int"),
        (int, "0-9", "'0-9' is not an int"),
        (int | None, "0-9", "'0-9' is not an int"),
        (list[int], "0-9", "'0-9' is not an int"),
        (float | None, "x", "'x' is not a float"),
        (Colour, "gren", "'gren' is not one of red, BLUE"),
        (Colour, "blue", "'blue' is not one of red, BLUE; did you mean BLUE?"),
        (Level | None, "lw", "'lw' is not a LOW; did you mean LOW?"),
        (Number, "x", "'x' is not an int"),
        (Alias, "x", "'x' is not one of int, date"),
        (IPv4Address, "4.3.2", "'4.3.2' is not an IPv4Address"),
        (Literal["logistic", "svm"], "logstic", "did you mean logistic?"),
        (timedelta, "5x", "'5x' is not a timedelta, such as PT1H30M, 01:30:00, or 90 for seconds"),
        (date, "2024", "'2024' is not a date, such as 2024-12-31"),
        (list[int], "1,2", "'1,2' is not an int; give a list as a JSON array, or the option once for each item"),
        (UUID, "3", "'3' is not a UUID, such as"),
        (date, "null", "'null' is not a date"),
        (bool, "maybe", "'maybe' is neither true nor false"),
        (int, "[" * 100_000, "is not an int"),
    ],
)
def test_what_is_no_value_is_said(annotation: Any, word: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  what it says is looked at below
        shape_of(annotation).value([word])
    assert said in str(caught.value)


def test_flags_and_futures_are_told() -> None:
    class Train(Task):
        pass

    assert shape_of(bool).flag
    assert shape_of(bool | None).flag
    assert not shape_of(bool | int).flag
    assert shape_of(Future[int]).future
    assert shape_of(Train).future
    assert shape_of(list[Future[int]]).future
    assert not shape_of(Future[int] | int).future


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (list[Path], "list[Path]"),
        (int | None, "int"),
        (Literal["a", "b"], "a|b"),
        (Colour, "red|BLUE"),
        (dict[str, int], "dict[str,int]"),
        (tuple[int, ...], "tuple[int,...]"),
    ],
)
def test_types_have_short_names(annotation: Any, name: str) -> None:
    assert type_name(annotation) == name


@given(st.text())
def test_a_text_is_the_value_where_text_is_admitted(text: str) -> None:
    assert shape_of(str | int).value([text]) == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_json_is_the_value_where_nothing_is_said(value: object) -> None:
    assert shape_of(Any).value([json.dumps(value)]) == value
