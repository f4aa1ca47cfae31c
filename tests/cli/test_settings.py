"""What stands for options that are not given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from taskproc.errors import RequestError
from taskproc_cli.commands.config import config
from taskproc_cli.settings import SETTINGS, Settings, variable

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Settings]:
    """The settings of a folder whose `[tool.taskproc]` says this, with these variables of the environment."""

    def run(toml: str = "", **environ: str) -> Settings:
        (tmp_path / "pyproject.toml").write_text(f"[tool.taskproc]\n{toml}\n")
        (tmp_path / "deep").mkdir(exist_ok=True)
        return Settings(tmp_path / "deep", environ)

    return run


def texts(settings: Settings, *given: str) -> dict[str, list[str]]:
    return {name: [*each.texts] for name, each in settings.standing_in({each: ["true"] for each in given}).items()}


def test_the_environment_beats_pyproject_and_an_option_beats_both(configure: Any, tmp_path: Path) -> None:
    toml = "workers = 3\nkeep-going = true\nexecutor = 'thread'"
    settings = configure(toml, TASKPROC_WORKERS="4", TASKPROC_QUIET="yes", TASKPROC_VERBOSE="0", TASKPROC_EXECUTOR="")
    assert texts(settings) == {
        "workers": ["4"],
        "executor": ["thread"],
        "keep_going": ["true"],
        "quiet": ["true"],
        "verbose": ["false"],
    }
    assert settings.standing_in({})["workers"].origin == "TASKPROC_WORKERS"
    assert settings.standing_in({})["executor"].origin == f"executor in {tmp_path / 'pyproject.toml'}"
    assert "workers" not in texts(settings, "workers")


def test_the_stronger_of_quiet_and_verbose_stands(configure: Any) -> None:
    settings = configure("", TASKPROC_QUIET="1")
    assert texts(settings, "verbose") == {}
    assert settings.standing_in({"verbose": ["false"]}).keys() == {"quiet"}
    assert texts(configure("quiet = true", TASKPROC_VERBOSE="1")) == {"verbose": ["true"]}
    assert texts(configure("quiet = true", TASKPROC_VERBOSE="0")).keys() == {"quiet", "verbose"}
    assert texts(configure("quiet = true\nverbose = true")).keys() == {"quiet", "verbose"}


def test_each_option_of_run_that_is_no_request_for_once_is_a_setting() -> None:
    assert {"cache", "workers", "executor", "rate-limit", "prefix", "keep-going", "quiet"} <= SETTINGS.keys()
    assert not {"force", "dry-run", "interactive", "kwargs", "help"} & SETTINGS.keys()
    assert variable("rate-limit") == "TASKPROC_RATE_LIMIT"


def test_what_names_tasks_comes_in_layers(configure: Any) -> None:
    settings = configure("rate-limit = { gpu = 1 }", TASKPROC_RATE_LIMIT="gpu=2 'a b=3'")
    assert [layer.texts for layer in settings.layers("rate-limit")] == [("gpu=2", "a b=3"), ("gpu=1",)]
    assert texts(settings) == {}


def test_the_arguments_of_an_executor_go_with_it(configure: Any) -> None:
    toml = "executor = 'm:f'\nexecutor-args = { n = 1 }"
    assert texts(configure(toml))["executor_args"] == ['{"n": 1}']
    assert "executor_args" not in texts(configure(toml), "executor")
    assert "executor_args" not in texts(configure(toml, TASKPROC_EXECUTOR="serial"))
    both = texts(configure(toml, TASKPROC_EXECUTOR="m:g", TASKPROC_EXECUTOR_ARGS="{}"))
    assert both == {"executor": ["m:g"], "executor_args": ["{}"]}


def test_a_cache_is_relative_to_what_names_it(configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("HOME", "/home/of-somebody")
    assert texts(configure("cache = 'kept'")) == {"cache": [str(tmp_path / "kept")]}
    assert texts(configure("cache = '~/c'")) == {"cache": ["/home/of-somebody/c"]}
    assert texts(configure("cache = 'kept'", TASKPROC_CACHE="env")) == {"cache": [str(tmp_path.parent / "env")]}
    assert texts(configure("cache = ''")) == {}


def test_only_the_nearest_pyproject_counts(configure: Any, tmp_path: Path) -> None:
    assert texts(configure("workers = 3")) == {"workers": ["3"]}
    (tmp_path / "deep" / "pyproject.toml").write_text("")
    assert texts(Settings(tmp_path / "deep", {})) == {}


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("worker = 3", "[tool.taskproc] has no setting 'worker'; did you mean 'workers'?"),
        ("keep_going = true", "did you mean 'keep-going'?"),
        ("force = true", "has no setting 'force'; the settings are cache, workers, "),
        ("workers = '3'", "must be a whole number"),
        ("cache = 3", "must be text in quotes"),
        ("cache = '~nobody-of-this-name'", "begins with the home folder of an unknown user"),
        ('cache = "a\\u0000b"', "'a\\x00b' is no path: it holds a null character"),
        ("quiet = 'yes'", "must be true or false"),
        ("prefix = 'srun'", "must be a table, such as { NAME = 'CMD' }"),
        ("workers = ", "cannot be read: "),
    ],
)
def test_a_pyproject_that_says_no_setting_is_one_sentence(configure: Any, tmp_path: Path, toml: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        configure(toml)
    assert said in str(caught.value)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff", b"tool = 3", b"[tool]\ntaskproc = 3"])
def test_a_malformed_pyproject_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(RequestError, match=r"cannot be read|must hold a table"):
        Settings(tmp_path, {})


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TASKPROC_QUIET": "maybe"}, "TASKPROC_QUIET: 'maybe' is neither true nor false"),
        ({"TASKPROC_PREFIX": "a='b"}, 'TASKPROC_PREFIX: "a=\'b" is not a shell line'),
    ],
)
def test_a_variable_that_says_no_setting_is_one_sentence(configure: Any, environ: dict[str, str], said: str) -> None:
    with pytest.raises(RequestError) as caught:
        configure(**environ)
    assert said in str(caught.value)


def test_config_shows_each_setting_and_where_it_comes_from(
    configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("workers = 3\nrate-limit = { gpu = 1, cpu = 2 }")
    (tmp_path / "study.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASKPROC_RATE_LIMIT", "gpu=4")
    monkeypatch.setenv("TASKPROC_WORKER", "4")
    config("study.py")
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()]
    assert rows[:2] == [["taskfile", str(tmp_path / "study.py")], ["pyproject.toml", str(tmp_path / "pyproject.toml")]]
    assert ["cache", "default", str(tmp_path / ".taskproc")] in rows
    assert ["workers", "pyproject.toml", "3"] in rows
    assert [row[1:] for row in rows if row[0] == "rate-limit"] == [
        ["TASKPROC_RATE_LIMIT", "gpu=4"],
        ["pyproject.toml", "cpu=2"],
    ]
    assert {row[0] for row in rows[2:]} == SETTINGS.keys()
    assert err == "TASKPROC_WORKER means nothing to taskproc; did you mean 'TASKPROC_WORKERS'?\n"


def test_config_refuses_a_value_that_run_would_refuse(
    configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("executor = 'proces'")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match=r"study\.py does not exist"):
        config("study.py")
    (tmp_path / "study.py").touch()
    with pytest.raises(RequestError, match=r"executor in .*: there is no executor 'proces'; did you mean 'process'"):
        config("study.py")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TASKPROC_PREFIX", "Up=nice -n 1", "TASKPROC_PREFIX: '-n' is not of the form NAME=CMD"),
        ("TASKPROC_PREFIX", '"Up=a \'b"', 'TASKPROC_PREFIX Up: "a \'b" is not a shell line'),
        ("TASKPROC_RATE_LIMIT", "gpu=x", "TASKPROC_RATE_LIMIT gpu: 'x' is not a whole number from 1"),
    ],
)
def test_config_and_run_refuse_the_same(refused: Any, name: str, value: str, said: str) -> None:
    assert said in refused("config", **{name: value})
    assert said in refused("run", "Talk", **{name: value})
