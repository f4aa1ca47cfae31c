"""A task's parameters, their values and the task these make."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypedDict, Unpack

import pytest
from pydantic import Field, HttpUrl, RootModel

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


@dataclass
class Step:
    size: float = 0.5
    kind: Literal["up", "down"] = "up"


@dataclass
class Training:
    rate: float
    batch_size: int = 32
    deep: bool = False
    step: Step = field(default_factory=Step)
    after: Training | None = None


class Structured(Task):
    def __init__(
        self,
        train: Training,
        usual: Training = Training(1.0, 64),  # noqa: B008  a default like users write it
        weights: dict[str, float] = {},  # noqa: B006
        anything={},  # noqa: ANN001, B006
        count: Annotated[int, Field(gt=0, description="How many.")] = 1,
        **more: Step,
    ) -> None:
        self.got = (train, usual, weights, anything, count, more)


class Weights(RootModel[dict[str, float]]): ...


class Colour(Enum):
    RED = 1


class Wrapped(Task):
    def __init__(self, weights: Weights = Weights({"a": 1.5}), colour: Colour = Colour.RED) -> None: ...  # noqa: B008


class Rates(TypedDict):
    rate: float
    batch_size: NotRequired[int]


class Unpacked(Task):
    def __init__(self, **rates: Unpack[Rates]) -> None: ...


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
    assert parameters_of(Bare).find("x") is None


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


def test_help_says_that_there_may_be_others() -> None:
    found = {each.opts[0]: each.help for each in parameter_options(parameters_of(Structured))}
    assert found["--NAME"] == "Any other parameter. (JSON, or part by part: --NAME.size)"
    assert "--NAME.size" in found
    assert "--NAME" not in {each.opts[0] for each in parameter_options(parameters_of(Named))}


def test_unpacked_keywords_are_parameters(tmp_path: Path) -> None:
    parameters = parameters_of(Unpacked)
    assert [each.option for each in parameters.walk()] == ["--rate", "--batch-size"]
    assert parameters.values({"rate": ["1"], "batch_size": ["2"]}) == {"rate": 1.0, "batch_size": 2}
    with Cache(tmp_path), pytest.raises(UsageError, match="--rate: 'x' is not a float"):
        parameters.make(parameters.values({"rate": ["x"]}))
    with Cache(tmp_path), pytest.raises(UsageError, match=r"^Unpacked needs --rate$"):
        parameters.make({"batch_size": 2})
    with pytest.raises(UsageError, match="Unpacked has no parameter 'rat'"):
        parameters.values_of_json('{"rat": 1}')


def test_a_reason_begins_with_a_small_letter_but_for_an_abbreviation(tmp_path: Path) -> None:
    class Fetch(Task):
        def __init__(self, url: HttpUrl, size: Annotated[int, Field(gt=1)] = 2) -> None: ...

    with Cache(tmp_path), pytest.raises(UsageError, match="--url: URL input should be"):
        parameters_of(Fetch).make({"url": 3})
    with Cache(tmp_path), pytest.raises(UsageError, match="--size: input should be greater"):
        parameters_of(Fetch).make({"url": "http://x", "size": 1})


def test_defaults_are_shown_as_they_would_be_typed() -> None:
    found = {each.opts[0]: each.help for each in parameter_options(parameters_of(Wrapped))}
    assert found["--colour"] == "[default: RED]"
    assert found["--weights"] == '(JSON, or part by part: --weights.KEY) [default: {"a": 1.5}]'
    assert parameters_of(Wrapped).values({"weights.b": ["2"]}) == {"weights": {"a": 1.5, "b": 2.0}}


def test_texts_and_json_become_values() -> None:
    parameters = parameters_of(Positional)
    assert parameters.values({"a": ["1"], "rest": ["2", "3"], "z": ["4"]}) == {"a": 1, "rest": [2, 3], "z": 4}
    assert parameters.values_of_json('{"a": "1", "z": null}') == {"a": "1", "z": None}


def test_extra_names_in_json_are_any_text(tmp_path: Path) -> None:
    assert made(tmp_path, '{"train": {"rate": 1}, "a b": {"size": 1}, "a.b": {}, "": {}, "c-d": {}}')[5].keys() == {
        *("a b", "a.b", "", "c-d")
    }
    with pytest.raises(UsageError, match="--kwargs: a b: Step has no 'siz'; did you mean 'size'"):
        made(tmp_path, '{"train": {"rate": 1}, "a b": {"siz": 1}}')


def test_what_cannot_be_given_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Named needs --rate"):
        parameters_of(Named).make({})
    with pytest.raises(UsageError, match="Named has no parameter 'rat'; did you mean 'rate'"):
        parameters_of(Named).values_of_json('{"rat": 1}')
    with Cache(tmp_path), pytest.raises(UsageError, match="Needs: up must be a Future"):
        parameters_of(Needs).make({})
    with pytest.raises(UsageError, match="Needs: up must be a Future"):
        parameters_of(Needs).values({"up": ["1"]})


@pytest.mark.parametrize(
    ("json", "values"),
    [
        ('{"ﬁt": 1, "z": 2, "y": 3}', {"fit": 1, "z": 2, "y": 3}),
        ('{"ﬁt": 1, "fit": 2}', {"fit": 2, "ﬁt": 1}),
        ('{"fit": 1, "ﬁt": 2}', {"fit": 1, "ﬁt": 2}),
        ('{"ﬁt": 1, "ｆｉｔ": 2}', {"fit": 1, "ｆｉｔ": 2}),  # noqa: RUF001
        ('{"ﬁx": 1}', {"ﬁx": 1}),
    ],
)
def test_of_two_names_that_python_takes_for_one_none_gets_lost(json: str, values: dict[str, int]) -> None:
    class Model(Task):
        def __init__(self, fit: int = 0, **more: int) -> None: ...

    class Strict(Task):
        def __init__(self, fit: int = 0) -> None: ...

    assert [*parameters_of(Model).values_of_json(json).items()] == [*values.items()]
    if values.keys() != {"fit"}:
        with pytest.raises(UsageError, match="Strict has no parameter"):
            parameters_of(Strict).values_of_json(json)


def test_a_parameter_called_help_is_asked_for_by_kwargs() -> None:
    class Manual(Task):
        def __init__(self, help: str) -> None: ...  # noqa: A002

    with pytest.raises(UsageError, match=r"""Manual needs --kwargs '\{"help": \.\.\.\}'$"""):
        parameters_of(Manual).make({})


def made(tmp_path: Path, json: str = "{}", **options: str) -> Any:
    """What `Structured` gets, options being told without their dashes, `__` standing for a dot."""
    parameters = parameters_of(Structured)
    given = {name.replace("__", "."): [text] for name, text in options.items()}
    values = parameters.values_of_json(json)
    with Cache(tmp_path):
        of_json = values.keys() - {name.partition(".")[0] for name in given}
        task: Any = parameters.make(parameters.values(given, values), of_json)
    return task.got


def test_a_part_goes_into_what_is_given_of_the_whole_or_into_its_default(tmp_path: Path) -> None:
    got = made(
        tmp_path,
        '{"train": {"rate": 2, "step": {"kind": "down"}}}',
        train__step__size="1",
        usual__rate="3",
        usual__step__kind="down",
        weights__a_b="1",
        weights="""{"c": 2}""",
        anything__x="[1]",
        other__size="4",
    )
    assert got == (
        Training(2.0, step=Step(1.0, "down")),
        Training(3.0, 64, step=Step(0.5, "down")),
        {"c": 2.0, "a_b": 1.0},
        {"x": [1]},
        1,
        {"other": Step(4.0)},
    )
    assert made(tmp_path, train="null", train__rate="3")[0] == Training(3.0)


def test_parts_are_options_with_the_defaults_of_the_whole() -> None:
    found = {each.opts[0]: each for each in parameter_options(parameters_of(Structured))}
    assert found["--usual.batch-size"].help == "[default: 64]"
    assert found["--usual.deep"].secondary_opts == ["--no-usual.deep"]
    assert found["--usual.step.kind"].metavar == "<up|down>"
    assert found["--train"].help == "(JSON, or part by part: --train.rate)"
    assert found["--weights"].help == "(JSON, or part by part: --weights.KEY) [default: {}]"
    assert found["--count"].help == "How many. [default: 1]"
    assert [name for name, each in found.items() if each.required] == ["--train.rate"]
    assert "--train.after.after" not in found  # but it is read
    parameter = parameters_of(Structured).find("train.after.after.batch-size")
    assert parameter is not None
    assert parameter.path == ("train", "after", "after", "batch_size")


@pytest.mark.parametrize(
    ("options", "json", "said"),
    [
        ({}, "{}", "Structured needs --train.rate"),
        ({"train__batch_size": "3"}, "{}", "--train.rate: field required"),
        ({"train__rate": "x"}, "{}", "--train.rate: 'x' is not a float"),
        ({"train__step__kind": "dwn"}, "{}", "--train.step.kind: 'dwn' is not one of up, down; did you mean down?"),
        (
            {"train": "3"},
            "{}",
            "--train: input should be a dictionary or an instance of Training (got 3) (JSON, or part",
        ),
        ({"train": "rate=3"}, "{}", "--train: 'rate=3' is not a Training (JSON, or part by part: --train.rate)"),
        ({"train__rate": "1", "count": "0"}, "{}", "--count: input should be greater than 0 (got 0)"),
        (
            {},
            '{"train": {"rate": 1, "step": {"sise": 3}}}',
            "--kwargs: train.step: Step has no 'sise'; did you mean 'size'?",
        ),
        ({}, '{"train": {"rate": "x"}}', "--kwargs: train.rate: input should be a valid number"),
        ({}, '{"train": {"rate": 1}, "weights": {"a": "x"}}', "--kwargs: weights.a: input should be a valid number"),
        ({}, '{"train": {"rate": 1}, "z": {"size": "x"}}', "--kwargs: z.size: input should be a valid number"),
        ({"train__step__size": "3"}, '{"train": 4}', "--train.step.size: --train is 4, of which no part can be given"),
    ],
)
def test_errors_point_at_the_option(tmp_path: Path, options: dict[str, str], json: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(tmp_path, json, **options)
    assert str(caught.value).startswith(said)


def test_json_comes_from_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = parameters_of(Named)
    (tmp_path / "k.json").write_text('{"rate": 1}')
    (tmp_path / "bad.json").write_text("rate")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"rate": 2}')))
    assert parameters.values_of_json(f"@{tmp_path}/k.json") == {"rate": 1}
    assert parameters.values_of_json("-") == {"rate": 2}
    for text, said in {
        f"@{tmp_path}/bad.json": "bad.json is not JSON",
        f"@{tmp_path}/no.json": "no.json cannot be read (no such file or directory)",
        "@": "the name of a file must follow the @",
        "-": "stdin is not JSON",
    }.items():
        with pytest.raises(UsageError, match="--kwargs: ") as caught:
            parameters.values_of_json(text)
        assert said in str(caught.value)


def test_keys_below_keys_are_given_where_nothing_is_said_of_them(tmp_path: Path) -> None:
    got = made(tmp_path, train__rate="1", anything__a__b="1", anything__a__c="x")
    assert got[3] == {"a": {"b": 1, "c": "x"}}
