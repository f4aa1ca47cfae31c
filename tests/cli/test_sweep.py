"""Sweeps: the points that words span, and the run of them all."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from taskproc import Task
from taskproc_cli.parameters import parameters_of
from taskproc_cli.problems import UsageError
from taskproc_cli.sweep import read_sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class Step:
    size: float = 0.5
    kind: str = "up"


class Main(Task):
    def __init__(
        self,
        seed: int,
        xs: list[int] = [],  # noqa: B006
        step: Step = Step(),  # noqa: B008
        text: str = "",
        flag: bool = False,
    ) -> None: ...


PARAMETERS = parameters_of(Main)


def values_of(word: str) -> list[Any]:
    """The values that one word makes its parameter take."""
    sweep = read_sweep([word], PARAMETERS, {})
    return [point.values[sweep.names[0].partition(".")[0]] for point in sweep.points]


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("seed=0..3", [0, 1, 2, 3]),
        ("seed=2..0,-1..1,9", [2, 1, 0, -1, 0, 1, 9]),
        ("--seed=3", [3]),
        ("text=a,3,b c", ["a", "3", "b c"]),
        ('text="a,b",c', ["a,b", "c"]),
        ('text="a,\\"b\\"",5"', ['a,"b"', '5"']),
        ('text="a"b', ['"a"b']),
        ("xs=[1,2],[3]", [[1, 2], [3]]),
        ("flag=true,no", [True, False]),
        ("step.size=1,2", [{"size": 1, "kind": "up"}, {"size": 2, "kind": "up"}]),
        ('step={"size": 1, "kind": "a"},{}', [{"size": 1, "kind": "a"}, {}]),
    ],
)
def test_a_word_says_the_values_of_a_parameter(word: str, values: list[Any]) -> None:
    assert values_of(word) == values


def test_several_words_span_all_combinations_the_last_changing_fastest() -> None:
    sweep = read_sweep(["seed=0,1", "step.kind=a,b"], PARAMETERS, {"seed": 7, "step": {"size": 3}})
    assert sweep.names == ("seed", "step.kind")
    assert [sweep.label(point) for point in sweep.points] == [
        "seed=0, step.kind=a",
        "seed=0, step.kind=b",
        "seed=1, step.kind=a",
        "seed=1, step.kind=b",
    ]
    assert sweep.points[-1].values == {"seed": 1, "step": {"size": 3, "kind": "b"}}


def test_no_words_are_the_one_point_that_is_given() -> None:
    (point,) = read_sweep([], PARAMETERS, {"seed": 7}).points
    assert point.values == {"seed": 7}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["seed=0.1..0.3"], "seed: '0.1..0.3' is not an int; a range is of whole numbers, such as 0..9"),
        (["seed"], "'seed' is not of the form NAME=VALUES, such as lr=0.1,0.01 or seed=0..9"),
        (["=3"], "'=3' is not of the form"),
        (["seed="], "'seed=' names no value"),
        (["seed=1,x"], "seed: 'x' is not an int"),
        (["sed=1"], "Main has no parameter 'sed'; did you mean 'seed'?"),
        (["size=1"], "Main has no parameter 'size'; did you mean 'step.size'?"),
        (["zzz=1"], "Main has no parameter 'zzz'; it has seed, xs, step, text, flag"),
        (["seed=1", "seed=2"], "seed is there twice; say all its values in one, seed=A,B"),
        (["text=a"], "text is given by its own option too; leave one out"),
        (["seed=0..100000"], "seed=0..100000 is more than 100,000 values"),
        (["seed=0..999", "step.size=0..999"], "these are 1,000,000 points, more than the 100,000"),
    ],
)
def test_what_spans_no_points_is_said(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_sweep(words, PARAMETERS, {}, {"text"})
    assert str(caught.value).startswith(f"--sweep: {said}")


STUDY = """
from taskproc import Requires, Task

class Data(Task):
    def __init__(self, seed: int):
        self.seed = seed

    def run_task(self) -> int:
        if self.seed == 2:
            raise ValueError("bad data")
        return self.seed

class Main(Task):
    data: Requires[int]

    def __init__(self, seed: int, factor: float = 1.0):
        if seed == 9:
            raise ValueError("no seed 9")
        self.data, self.factor = Data(seed), factor

    def run_task(self) -> float:
        if self.factor == 3:
            raise KeyError("three")
        return self.data * self.factor
"""


@pytest.fixture
def sweep(cli: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "study.py").write_text(STUDY)
    return lambda *words: cli("run", "study.py", "Main", *words)


def test_a_sweep_is_one_graph_and_a_table_of_results(sweep: Callable[..., Any]) -> None:
    words = ["--sweep", "seed=0..1", "--sweep", "factor=1,0.5"]
    plan = sweep(*words, "--dry-run")
    assert plan.stdout.splitlines()[-1] == "6 tasks would run, 0 up to date"
    done = sweep(*words)
    table = ["seed  factor  result", "   0       1     0.0", "   0     0.5     0.0", "   1       1     1.0"]
    assert (done.returncode, done.stdout.splitlines()) == (0, [*table, "   1     0.5     0.5"])
    assert "6 ran" in done.stderr


def test_a_point_that_failed_is_told_in_its_row(sweep: Callable[..., Any]) -> None:
    words = ["-q", "-x", "serial", "--sweep", "seed=1..2", "--sweep", "factor=1,3"]
    done = sweep(*words)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "   1       1     1.0",
        "   1       3  ✘ KeyError: 'three'",
        "   2       1  ✘ Data(seed=2): ValueError: bad data",
        "   2       3  ✘ Data(seed=2): ValueError: bad data",
    ]
    assert done.stderr.count("failed: ") == 2
    found = json.loads(sweep(*words, "--format", "json").stdout)
    assert found[:2] == [
        {"seed": 1, "factor": 1, "result": 1.0},
        {"seed": 1, "factor": 3, "error": "KeyError: 'three'"},
    ]
    rows = list(csv.DictReader(sweep(*words, "--format", "csv").stdout.splitlines()))
    assert rows[0] == {"seed": "1", "factor": "1", "result": "1.0", "error": ""}
    assert rows[2] == {"seed": "2", "factor": "1", "result": "", "error": "Data(seed=2): ValueError: bad data"}


def test_a_point_that_cannot_be_made_is_named(sweep: Callable[..., Any]) -> None:
    done = sweep("--sweep", "seed=8..9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("taskproc: Main cannot be made: ValueError: no seed 9 (at seed=9)\n")


@pytest.mark.parametrize("words", [["--format", "json"], ["--sweep", "seed=1", "--format", "jsn"]])
def test_a_format_needs_a_sweep_and_a_known_name(sweep: Callable[..., Any], words: list[str]) -> None:
    done = sweep(*words, "--seed", "1") if len(words) == 2 else sweep(*words)
    assert done.returncode == 2
    assert "--format" in done.stderr
