"""What came of a sweep, as a table, JSON or CSV."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taskproc_cli.outcomes import Came
from taskproc_cli.sweep import Point, Sweep, Swept
from taskproc_cli.views import terminal
from taskproc_cli.views.table import sweep_lines


def lines(values: list[Any], form: str = "table", names: tuple[str, ...] = ("n",)) -> list[str]:
    came = [value if isinstance(value, Came) else Came(value) for value in values]
    points = [Point((Swept(f"{i}", i),) * len(names), {}) for i in range(len(came))]
    return "\n".join(sweep_lines(Sweep(names, tuple(points)), came, form)).splitlines()


def test_results_that_are_small_dicts_have_columns() -> None:
    found = lines([{"loss": 0.5, "kind": "a"}, Came(problem="KeyError: 1"), {"loss": 10, "n": None}])
    assert found == [
        "n  loss  kind  result.n",
        "0   0.5  a",
        "1  ✘ KeyError: 1",
        "2    10",
    ]


@pytest.mark.parametrize("value", [{"a": [1]}, {1: 2}, {f"k{i}": i for i in range(20)}])
def test_other_dicts_are_one_result(value: object) -> None:
    header, row = lines([value])
    assert header.split() == ["n", "result"]
    assert row.startswith("0  {")


def test_a_table_has_a_line_for_each_point_whatever_the_results() -> None:
    assert lines([None, "a\n\x1b[2Jb", "x" * 100]) == ["n  result", "0", "1  a b", f"2  {'x' * 59}…"]
    assert lines([{"a\n\x1b[2Jb": 1}]) == ["n  a b", "0    1"]
    assert lines([Came(problem="bad")] * 2) == ["n  result", "0  ✘ bad", "1  ✘ bad"]


def test_a_terminal_cuts_lines_at_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "width_out", lambda: 12)
    assert max(map(len, lines(["x" * 40, Came(problem="y" * 40)]))) == 12


def test_the_widest_column_gives_way_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "width_out", lambda: 34)
    found = lines([{"words": "w" * 50, "loss": 0.25, "kind": "some kind"}])
    assert found == [f"n  {'words':<14}  loss  kind", f"0  {'w' * 13}…  0.25  some kind"]


def test_a_table_rounds_what_a_program_gets_whole() -> None:
    assert lines([0.1 + 0.2, 0.0, 12345678.9])[1:] == ["0          0.3", "1          0.0", "2  1.23457e+07"]
    assert lines([0.1 + 0.2], "csv")[1] == "0,0.30000000000000004"


def test_json_says_what_it_can_and_text_for_the_rest() -> None:
    found = json.loads("\n".join(lines([{"a": (1, 2)}, {1, 2}, object, float("nan"), None], "json")))
    assert [row["result"] for row in found] == [{"a": [1, 2]}, [1, 2], "<class 'object'>", None, None]
    assert [row["n"] for row in found] == [0, 1, 2, 3, 4]


def test_csv_quotes_what_it_must() -> None:
    assert lines(['a,"b"', None], "csv") == ["n,result", '0,"a,""b"""', "1,"]
    assert lines([{"a": 1}, Came(problem="bad")], "csv") == ["n,a,error", "0,1,", "1,,bad"]
