"""The parts of structured values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, NotRequired

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from taskproc_cli.fields import MISSING, fields_of


def fail() -> int:
    raise ValueError


@dataclass
class Data:
    """Rows.

    Attributes:
        path: Where they are.
    """

    path: str
    rows: int = 3
    tags: list[str] = field(default_factory=list)
    made: int = field(default_factory=fail)
    later: int = field(init=False, default=0)


class Model(BaseModel):
    depth: int = Field(2, description="How deep.")
    kind: str = Field(alias="type")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: int = 0


class Typed(TypedDict):
    a: int
    b: NotRequired[Annotated[str, Field(description="Second.")]]


def told(annotation: Any) -> dict[str, tuple[str, Any, Any, str]]:
    found = fields_of(annotation)
    assert found is not None
    return {
        key: (each.name, each.annotation, "MISSING" if each.default is MISSING else each.default, each.about)
        for key, each in found.named.items()
    }


def test_the_fields_of_a_dataclass_are_what_its_init_takes() -> None:
    assert told(Data | None) == {
        "path": ("path", str, "MISSING", "Where they are."),
        "rows": ("rows", int, 3, ""),
        "tags": ("tags", list[str], [], ""),
        "made": ("made", int, None, ""),
    }


def test_the_fields_of_a_model_go_by_their_aliases() -> None:
    assert told(Model) == {"depth": ("depth", int, 2, "How deep."), "type": ("kind", str, "MISSING", "")}


def test_the_fields_of_a_model_that_takes_names_go_by_these() -> None:
    class ByName(BaseModel):
        model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
        kind: str = Field(alias="type")

    assert told(ByName) == {"kind": ("kind", str, "MISSING", "")}


def test_the_keys_of_a_typed_dict_are_fields() -> None:
    found = told(Annotated[Typed, "x"])
    assert found["a"] == ("a", int, "MISSING", "")
    assert (found["b"][2], found["b"][3]) == (None, "Second.")


def test_a_named_tuple_has_fields() -> None:
    class Pair(NamedTuple):
        x: int
        y: float = 0.5

    assert told(Pair) == {"x": ("x", int, "MISSING", ""), "y": ("y", float, 0.5, "")}


@pytest.mark.parametrize(
    ("annotation", "others"), [(dict[str, int], int), (dict, Any), (Open, Any), (Data, MISSING), (Model, MISSING)]
)
def test_some_take_other_keys_too(annotation: Any, others: Any) -> None:
    found = fields_of(annotation)
    assert found is not None
    assert found.others is others


def test_a_union_has_the_fields_of_all_its_members() -> None:
    @dataclass
    class Other:
        rows: str
        more: int

    found = told(Data | Other)
    assert found.keys() == {"path", "rows", "tags", "made", "more"}
    assert found["rows"][1] == int | str


@pytest.mark.parametrize("annotation", [int, str | None, list[Data], Any, "Data"])
def test_other_values_have_no_parts(annotation: Any) -> None:
    assert fields_of(annotation) is None


def test_a_value_that_is_there_has_parts() -> None:
    found = fields_of(Data)
    assert found is not None
    assert found.parts_of(Data("p", made=4)) == {"path": "p", "rows": 3, "tags": [], "made": 4}
    assert found.parts_of({"path": "q"}) == {"path": "q"}
    assert found.parts_of(None) == found.parts_of(MISSING) == {}
    with pytest.raises(ValueError, match="3"):
        found.parts_of(3)
