"""Words, JSON, pyproject.toml and environment variables of any kind: an answer or one sentence, never our traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskproc_cli import app, grammar
from taskproc_cli.settings import SETTINGS

TASKFILE = """
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from taskproc import Future, Requires, Task

@dataclass
class Part:
    x: float = 0.5
    y: Part | None = None
    z: bool = False

class Main(Task):
    def __init__(self, n: int = 1, text: str = 'x', xs: list[float] = [], path: Path = Path('p'), flag: bool = False,
                 kind: Literal['a', 'b'] = 'a', anything=None, part: Part = Part(), table: dict[str, int] = {},
                 **rest: Any):
        self.given = [n, text]
    def run_task(self):
        return self.given

class Needs(Task):
    up: Requires[int]
    def __init__(self, up: Future[int]):
        self.up = up
    def run_task(self):
        return self.up
"""

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
NAMES = ["n", "text", "xs", "path", "flag", "kind", "anything", "up", "rest", "no-flag", "help", "kwargs", "cache"]
PARTS = [
    "part",
    "part.x",
    "part.y",
    "part.y.z",
    "no-part.z",
    "part.w",
    "table.a",
    "table.",
    "anything.a",
    "rest.b",
    ".",
]
OPTIONS = [
    *[f"--{name}" for name in [*NAMES, *PARTS]],
    "--sweep",
    *["-n", "-j", "-x", "-o", "-k", "-f", "-F", "-q", "-v", "--", "-", "--workers", "--executor", "--executor-args"],
    *["--rate-limit", "--prefix", "--format", "--stream", "--yes", "--dry-run", "--repair", "--trust-cache", "--stale"],
    *["--depth", "--by-class", "--all", "--json", "--follow"],
]
COMMANDS = [name for name in grammar.COMMANDS if name != "run"]
VALUES = st.one_of(
    TEXT,
    st.builds(repr, JSON),
    st.sampled_from(["3", "-3", "1e999", "[]", "{}", '{"n": 1}', "null", "NaN", "Main=2", "Main=", "=", "a=b=c", "~x"]),
    st.sampled_from(
        ["n=0..3", "n=1,x", "part.x=1,2", "n=3..-3", "=..", "-", "@", "@taskfile.py", "@no", '{"x": 1}', '{"z": {}}']
    ),
    st.sampled_from(["taskfile.py", "Main", "Needs", "Main#0", "Main#x", "#", ":", "a:b", "no.py", "."]),
)
WORDS = st.lists(
    st.sampled_from(OPTIONS) | VALUES | st.builds("{}={}".format, st.sampled_from(OPTIONS), VALUES), max_size=6
)
LINES = st.builds(
    lambda command, target, words: [command, *target, *words],
    st.sampled_from(COMMANDS) | TEXT,
    st.sampled_from([[], ["taskfile.py"], ["taskfile.py", "Main"], ["Main"], ["Needs"]]),
    WORDS,
)
VARIABLES = [
    "TASKPROC_CACHE",
    "TASKPROC_WORKERS",
    "TASKPROC_RATE_LIMIT",
    "TASKPROC_KEEP_GOING",
    "NO_COLOR",
    "FORCE_COLOR",
    "CI",
    "TERM",
    "COLUMNS",
    "LINES",
    "SHELL",
    "HOME",
    "PYTHONWARNINGS",
]
ENVIRONMENTS = st.dictionaries(st.sampled_from(VARIABLES), TEXT | st.sampled_from(["-1", "0", "99999999999", "x"]))
PROJECTS = st.one_of(
    st.none(),
    TEXT,
    st.builds(
        "[tool.taskproc]\ncache = {}".format, TEXT | st.sampled_from(["1", "''", "'c'", "'~x/y'", "[]", "'/dev/x'"])
    ),
    st.builds(
        "[tool.taskproc]\n{} = {}".format,
        st.sampled_from([*SETTINGS, "work", "keep_going"]),
        st.sampled_from(
            ["1", "-1", "true", "'x'", "'dask:'", "{ Main = 1 }", "{ Main = 'x' }", "{ a = {} }", "[1]", "1.5"]
        ),
    ),
    st.sampled_from(
        ["tool = 1", "[tool]\ntaskproc = 1", "[[tool.taskproc]]\ncache = 'x'", "\ufeff", "[tool.taskproc]"]
    ),
)


def check(
    words: list[str], environment: dict[str, str], project: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        Path("pyproject.toml").unlink(missing_ok=True)
        if project is not None:
            Path("pyproject.toml").write_text(project, "utf-8")
        with pytest.raises(SystemExit) as ended:
            app.main(words)
    said = capfd.readouterr().err
    assert ended.value.code in {0, 1, 2}
    assert "bug of taskproc" not in said, said
    assert "Traceback" not in said, said


def fuzz(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taskfile.py").write_text(TASKFILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    tried = 0

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(LINES, ENVIRONMENTS, PROJECTS)
    def case(words: list[str], environment: dict[str, str], project: str | None) -> None:
        nonlocal tried
        tried += 1
        check(words, environment, project, capfd)

    case()
    assert tried >= count
    print(f"{tried} command lines tried")


def test_some_hostile_command_lines(tmp_path: Path, monkeypatch: Any, capfd: Any) -> None:
    fuzz(80, tmp_path, monkeypatch, capfd)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_hostile_command_lines(tmp_path: Path, monkeypatch: Any, capfd: Any) -> None:
    fuzz(10_000, tmp_path, monkeypatch, capfd)
