"""What type checkers make of taskfiles: the patterns of the language pass in strict mode, misuses are found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

GOOD = '''
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, Mapping, Optional, Sequence, TypedDict, TypeVar, assert_type

import taskproc as tp
from taskproc import Cache, Const, Future, Requires, RequiresDict, RequiresList, RunStats, Task


class Count(Task):
    def __init__(self, start: int = 0) -> None:
        self.start = start

    def run_task(self) -> int:
        return self.start


class Recount(Count):
    """Inherits what it gives."""


class Check(Task):
    def run_task(self) -> bool:
        return True


class Mean(Task):
    def run_task(self) -> float:
        return 0.5


class Name(Task):
    def run_task(self) -> str:
        return ""


class Tree(Task):
    def run_task(self) -> dict[str, dict[str, list[int]]]:
        return {}


class Words(Task):
    def run_task(self) -> Sequence[str]:
        return ()


class Pair(Task):
    def run_task(self) -> tuple[int, int]:
        return 1, 2


class Row(TypedDict):
    number: int
    text: str


class Table(Task):
    def run_task(self) -> Row:
        return {"number": 1, "text": ""}


class Model(Task):
    _task_prefix_command = "srun -c 4"
    _task_compress_level = 1
    _task_channel = ["gpu", "memory"]

    def run_task(self) -> Path:
        return self.task_directory / "model.bin"


class Study(Task):
    passed: Requires[int]
    chosen: tp.Requires[int]
    either: "Requires[int]"
    narrow: Requires[int]
    inherited: Requires[int]
    deep: Requires[int]
    member: Requires[int]
    wide: Requires[float]
    perhaps: Requires[Optional[int]]
    union: Requires[int | str]
    listed: Requires[list[int]]
    path: Requires[Path]
    every: RequiresList[int]
    mixed: RequiresList[int]
    widened: RequiresList[float]
    by_name: RequiresDict[str, int]
    joined: RequiresDict[str, float]
    numbered: RequiresDict[int, float]

    def __init__(
        self, up: Future[int], flag: bool, counts: list[Count], table: dict[str, Count], more: Mapping[str, Future[int]]
    ) -> None:
        self.passed = up
        self.chosen = Count(1) if flag else Const(0)
        if flag:
            self.either = Count(2)
        else:
            self.either = Const(3)
        self.narrow = Check()
        self.inherited = Recount()
        self.deep = Tree()["a"]["b"][0]
        self.member = Table()["number"]
        self.wide = Count()
        self.perhaps = Count() if flag else Const(None)
        self.union = Name() if flag else Count()
        self.listed = Const([1, 2])
        self.path = Model()
        self.every = counts
        self.mixed = [Count(), Const(1), up, *counts, Tree()["a"]["b"][1], Pair()[0]]
        self.widened = [Mean(), Count(), Const(1)]
        self.by_name = table
        self.joined = {name: Count(3) for name in table} | {"last": Const(1.5)}
        self.numbered = {1: Mean(), 2: Count()}
        self.kept = more
        self._task_channel = "gpu"

    def run_task(self) -> float:
        assert_type(self.passed, int)
        assert_type(self.chosen, int)
        assert_type(self.perhaps, Optional[int])
        assert_type(self.union, int | str)
        assert_type(self.every, list[int])
        assert_type(self.joined, dict[str, float])
        assert_type(self.numbered, dict[int, float])
        self.every.append(3)
        return self.passed + self.deep + sum(self.every) + self.by_name["a"] + len(self.path.name)


T = TypeVar("T")


class Wrap(Task, Generic[T]):
    inner: Requires[T]

    def __init__(self, inner: Future[T]) -> None:
        self.inner = inner

    def run_task(self) -> list[T]:
        return [self.inner]


def total(futures: Sequence[Future[int]]) -> None: ...


@Cache("./cache")
def build(seed: int) -> Study:
    return Study(Count(), True, [Count()], {"a": Count()}, {"b": Const(1)})


with Cache("./cache") as cache:
    assert_type(cache, Cache)
    study = Study(Const(1), flag=False, counts=[], table={}, more={"a": Count(), "b": Const(2)})
    result, stats = study.run_graph(
        executor=ThreadPoolExecutor(), max_workers=2, rate_limits={"gpu": 1}, prefixes={Count.task_name: ""},
        detect_source_change=False, keep_going=True, force_interactive=False, show_progress=True,
    )
    assert_type(result, float)
    assert_type(stats, RunStats)
    assert_type(stats.executed["x"], int)
    assert_type(Wrap(Count()).run_graph()[0], list[int])
    assert_type(Tree()["a"].run_task(), dict[str, list[int]])
    assert_type(Words()[0].run_task(), str)
    assert_type(Count().get_task_result(), int)
    assert_type(Count().task_id, int)
    assert_type(Count.task_name, str)
    assert_type(Model().task_directory, Path)
    assert_type(Model().task_stdout, Path)
    assert_type(build(seed=3), Study)
    total([Count(), Const(2), Tree()["a"]["b"][0]])
    Count(3).clear_task()
    Count.clear_all_tasks()
assert_type(Study.passed, Requires[int])

if __name__ == "__main__":
    Study.cli()
'''

BAD = """
from __future__ import annotations

from taskproc import Cache, Const, Future, Requires, RequiresDict, RequiresList, Task


class Count(Task):
    def __init__(self, start: int) -> None: ...

    def run_task(self) -> int:
        return 1


class Name(Task):
    def run_task(self) -> dict[str, str]:
        return {}


class Study(Task):
    number: Requires[int]
    several: RequiresList[int]
    named: RequiresDict[str, int]
    _task_compress_level = "high"  # wrong
    _task_prefix_command = ["srun"]  # wrong
    _task_channel = 3  # wrong

    def __init__(self, up: Future[str]) -> None:
        self.number = 1  # wrong
        self.number = up  # wrong
        self.number = Const("a")  # wrong
        self.number = Name()["a"]  # wrong
        self.number = [Count(1)]  # wrong
        self.number = Count  # wrong
        self.number = Count(1)[0]  # wrong
        self.several = Count(1)  # wrong
        self.several = [1]  # wrong
        self.several = [Name()]  # wrong
        self.several = {"a": Count(1)}  # wrong
        self.named = [Count(1)]  # wrong
        self.named = {"a": 1}  # wrong
        self.named = {1: Count(1)}  # wrong
        Name()[0]  # wrong
        Count("a")  # wrong
        Count()  # wrong
        Count(stop=1)  # wrong

    def run_task(self) -> int:
        text: str = self.number  # wrong
        self.several["a"]  # wrong
        self.named[0]  # wrong
        return text  # wrong


with Cache("cache"):
    answer, _ = Count(1).run_graph()
    answer.upper()  # wrong
    Count(1).run_graph(workers=2)  # wrong
    Count(1).run_graph(rate_limits={"gpu": "1"})  # wrong
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    return tmp_path


def expected() -> set[tuple[str, int]]:
    return {("bad.py", number) for number, line in enumerate(BAD.splitlines(), 1) if line.endswith("# wrong")}


def test_mypy_passes_what_is_right_and_finds_what_is_wrong(files: Path, root: Path) -> None:
    if find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    (files / "mypy.ini").write_text(
        f"[mypy]\nstrict = true\nmypy_path = {root}\ncache_dir = {root / '.mypy_cache' / 'patterns'}\n"
        "[mypy-pydantic.*,pydantic_core.*]\nfollow_imports = skip\n"
    )
    words = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "good.py", "bad.py"]
    done = subprocess.run(words, cwd=files, capture_output=True, text=True, check=False)
    found = {(name, int(line)) for name, line in re.findall(r"^(\w+\.py):(\d+): error", done.stdout, re.MULTILINE)}
    assert found == expected(), done.stdout + done.stderr


def test_pyright_passes_what_is_right_and_finds_what_is_wrong(files: Path, root: Path) -> None:
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    settings = {
        "typeCheckingMode": "strict",
        "extraPaths": [str(root)],
        "reportUnusedExpression": "none",
        "reportMissingModuleSource": "none",
    }
    (files / "pyrightconfig.json").write_text(json.dumps(settings))
    words = [sys.executable, "-m", "pyright", "-p", ".", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(words, cwd=files, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)["generalDiagnostics"]
    errors = [each for each in told if each["severity"] == "error"]
    found = {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in errors}
    assert found == expected(), "\n".join(f"{each['range']['start']['line'] + 1}: {each['message']}" for each in errors)
