"""The command that runs a task again: made for tasks of all kinds, and read as the command line reads it."""

from __future__ import annotations

import shlex
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, taskfile
from taskproc_cli.again import debug_command, program, script
from taskproc_cli.app import load_command

TASKS = """
import datetime, enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from taskproc import Future, Requires, Task

class Colour(enum.Enum):
    RED = 1

@dataclass
class Config:
    rate: float = 0.1

class All(Task):
    def __init__(self, n: int = 0, text: str = "t", flag: bool = False, path: Path = Path("a"),
                 choice: Literal["a", 3] = "a", colour: Colour | None = None, day: datetime.date | None = None,
                 xs: list[int] = [], pair: tuple[str, ...] = (), config: Config = Config(), anything=None,
                 help: str = "", odd_name: float = 1):
        pass

class Rest(Task):
    def __init__(self, first, /, *rest: int, **others: Any):
        pass

class Open(Task):
    def __init__(self, b: bool = False, **others: Any):
        pass

class After(Task):
    before: Requires[Any]
    def __init__(self, before: Future[Any]):
        self.before = before
"""
CALLS = {
    "All()": "All",
    "All(-3, flag=True, odd_name=2)": "All --n -3 --flag --odd-name 2.0",
    "All(text='-i', path='/a b')": "All --text -i --path '/a b'",
    "All(text='', choice=3)": "All --text '' --choice 3",
    "All(colour=Colour.RED, day='2020-02-03')": "All --colour 1 --day 2020-02-03",
    "All(xs=[1, 2], pair=['3', 'x'], config=Config(0.5))": "",
    "All(text='a\\n\\x1b[31m')": r"""All --kwargs '{"text": "a\n\u001b[31m"}'""",
    "All(anything='3')": "All --anything '\"3\"'",
    "All(anything='three')": "All --anything three",
    "All(anything=[1, {'a': None}])": "",
    "All(help='me')": 'All --kwargs \'{"help": "me"}\'',
    "Rest('x')": "Rest --first x",
    "Rest(1, 2, 3, a=4, b_c='5')": "",
    "Open(**{'learning rate': 3})": "Open --kwargs '{\"learning rate\": 3}'",
    "Open(**{'a.b': 1, '': 2})": 'Open --kwargs \'{"": 2, "a.b": 1}\'',
    "Open(cache='x')": 'Open --kwargs \'{"cache": "x"}\'',
    "Open(kwargs='{}', k=True)": 'Open --k true --kwargs \'{"kwargs": "{}"}\'',
    "Open(no_b=1)": "Open --kwargs '{\"no_b\": 1}'",
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A taskfile of its own name for each test, in the working folder, with the program on the path."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"again_{abs(hash(tmp_path))}.py"
    path.write_text(TASKS)
    yield taskfile.load(path)
    del sys.modules[path.stem]


def made(module: Any, call: str, cache: str = ".taskproc") -> Any:
    with Cache(cache):
        return eval(call, dict(vars(module)))._task_node


@pytest.mark.parametrize("call", CALLS)
def test_the_command_means_the_task(module: Any, call: str) -> None:
    node = made(module, call)
    command = debug_command(node)
    assert command is not None
    start = f"taskproc run -i {module.__name__}.py "
    assert command.startswith(start)
    if CALLS[call]:
        assert command == start + CALLS[call]
    ctx = load_command("run").make_context("run", shlex.split(command)[2:])
    assert ctx.params["interactive"]
    assert ctx.obj.node().key == node.key


@pytest.mark.parametrize(
    "call", ["After(All())", "All(anything=(1, 2))", "All(anything=All())", "All(anything='x' * 200_000)"]
)
def test_a_task_that_cannot_be_typed_has_none(module: Any, call: str) -> None:
    assert debug_command(made(module, call)) is None


def test_another_cache_is_named(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = made(module, "All()", "else where")
    assert debug_command(node) == f"taskproc run -i --cache 'else where' {module.__name__}.py All"
    monkeypatch.setenv("TASKPROC_CACHE", "else where")
    assert debug_command(node) == f"taskproc run -i {module.__name__}.py All"


def test_the_program_is_called_as_it_can_be_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = Path(sys.executable).parent
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sub/study.py"])
    monkeypatch.setattr("taskproc.taskfile._main", list[str]())  # another test may have been a worker here
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert (program(), script()) == (["taskproc"], ["python", "sub/study.py"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (program(), script()) == ([str(folder / "taskproc")], [sys.executable, "sub/study.py"])
    monkeypatch.chdir(folder)
    assert program() == ["./taskproc"]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", ModuleSpec("package.study", None, origin=__file__))
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
    assert program() == [str(tmp_path / "python"), "-m", "taskproc"]
    assert script() == [str(tmp_path / "python"), "-m", "package.study"]
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", ModuleSpec("cProfile", None, origin="cProfile.py"))
    assert script() == [str(tmp_path / "python"), "sub/study.py"]
