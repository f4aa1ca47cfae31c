"""A task's parameters, their values and the task these make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from taskproc import Cache, Future, Task
from taskproc_cli.options import parameter_options
from taskproc_cli.parameters import parameters_of
from taskproc_cli.problems import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from nowhere import Unknown


class Named(Task):
    """Something.

    Args:
        rate: How fast.
    """

    def __init__(self, rate: float, deep: bool = False, _under_score: int = 3, other: Unknown = None) -> None: ...


class Positional(Task):
    def __init__(self, a: int, b: int = 2, /, c: int = 3, *rest: int, d: int = 4, **more: int) -> None:
        self.got = (a, b, c, rest, d, more)


class Bare(Task): ...


class Needs(Task):
    def __init__(self, up: Future[int]) -> None: ...


def test_each_parameter_is_an_option_of_typer() -> None:
    found = {(*each.opts, *each.secondary_opts): each for each in parameter_options(parameters_of(Named))}
    assert list(found) == [("--rate",), ("--deep", "--no-deep"), ("--_under-score",), ("--other",)]
    rate = found["--rate",]
    assert (rate.required, rate.metavar, rate.help) == (True, "<float>", "How fast.")
    assert found["--_under-score",].help == "[default: 3]"
    assert found["--other",].metavar == "<value>"


def test_a_class_without_init_has_none() -> None:
    assert parameters_of(Bare).named == {}
    assert parameters_of(Bare).extra is None


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ({"a": 1}, (1, 2, 3, (), 4, {})),
        ({"a": 1, "d": 5, "z": 6}, (1, 2, 3, (), 5, {"z": 6})),
        ({"a": 1, "rest": [7, 8]}, (1, 2, 3, (7, 8), 4, {})),
        ({"a": 1, "c": 9, "rest": [7], "z": 6}, (1, 2, 9, (7,), 4, {"z": 6})),
    ],
)
def test_a_task_is_made_of_values(tmp_path: Path, values: dict[str, Any], got: object) -> None:
    with Cache(tmp_path):
        task: Any = parameters_of(Positional).make(values)
    assert task.got == got


def test_texts_and_json_become_values() -> None:
    parameters = parameters_of(Positional)
    assert parameters.values({"a": ["1"], "rest": ["2", "3"], "z": ["4"]}) == {"a": 1, "rest": [2, 3], "z": 4}
    assert parameters.values_of_json('{"a": "1", "z": null}') == {"a": "1", "z": None}


def test_what_cannot_be_given_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Named needs --rate"):
        parameters_of(Named).make({})
    with pytest.raises(UsageError, match="Named has no parameter rat; did you mean rate"):
        parameters_of(Named).values_of_json('{"rat": 1}')
    with Cache(tmp_path), pytest.raises(UsageError, match="Needs: up must be a Future"):
        parameters_of(Needs).make({})
    with pytest.raises(UsageError, match="Needs: up must be a Future"):
        parameters_of(Needs).values({"up": ["1"]})
