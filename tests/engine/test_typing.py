"""What type checkers make of taskfiles: the patterns of the language pass in strict mode, misuses are found.

A line of the wrong file ends with the words that each checker must say there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

GOOD = '''
from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, Mapping, NamedTuple, Optional, Sequence, TypedDict, TypeVar, assert_type, overload

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
    def run_task(self) -> tuple[int, str]:
        return 1, ""


class Fit(NamedTuple):
    model: Path
    steps: list[int]
    error: float


class Fitted(Task):
    def run_task(self) -> Fit:
        return Fit(Path(), [], 0.1)


class Numbers(Task):
    def run_task(self) -> tuple[int, ...]:
        return ()


class Counts(Task):
    def run_task(self) -> Mapping[str, Counter[int]]:
        return {}


class Abstract(Task):
    number: Requires[int]

    @abstractmethod
    def run_task(self) -> float: ...


class Half(Abstract):
    def __init__(self) -> None:
        super().__init__()
        self.number = Count()

    def run_task(self) -> float:
        return self.number / 2


class Seeded:
    """A mixin."""

    seeds: RequiresList[int]

    def seed_with(self, *seeds: Future[int]) -> None:
        self.seeds = seeds


class Mixed(Seeded, Half):
    def __init__(self) -> None:
        super().__init__()
        self.seed_with(Count(1), Const(2))


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


class Frame:
    """As pandas has it: a column by its name, several by a list of names."""

    @overload
    def __getitem__(self, key: str) -> list[int]: ...
    @overload
    def __getitem__(self, key: list[str]) -> "Frame": ...
    def __getitem__(self, key: str | list[str]) -> "list[int] | Frame":
        return [1] if isinstance(key, str) else self


class Framed(Task):
    def run_task(self) -> Frame:
        return Frame()


class Study(Task):
    column: Requires[list[int]]
    cell: Requires[int]
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
    text: Requires[str]
    error: Requires[float]
    steps: Requires[int]
    third: Requires[int]
    counter: Requires[int]
    letter: Requires[str]
    every: RequiresList[int]
    mixed: RequiresList[int]
    widened: RequiresList[float]
    by_name: RequiresDict[str, int]
    joined: RequiresDict[str, float]
    numbered: RequiresDict[int, float]

    def __init__(
        self, up: Future[int], flag: bool, counts: list[Count], table: dict[str, Count], more: Mapping[str, Future[int]]
    ) -> None:
        self.column = Framed()["a"]
        self.cell = Framed()["a"][0]
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
        self.text = Pair()[1]
        self.error = Fitted()[2]
        self.steps = Fitted()[1][0]
        self.third = Numbers()[2]
        self.counter = Counts()["a"][1]
        self.letter = Name()[0]
        fans: list[Future[int]] = [Count(seed) for seed in range(3)]
        self.every = counts
        self.mixed = [Count(), Const(1), up, *counts, Tree()["a"]["b"][1], Pair()[0], *fans]
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
    """Generic in what it reads."""

    inner: Requires[T]

    def __init__(self, inner: Future[T]) -> None:
        self.inner = inner

    def run_task(self) -> list[T]:
        return [self.inner]


class Flexible(Task):
    number: Requires[int]
    path: Requires[Path | None]

    def __init__(self, number: Future[int] | int, path: Future[Path] | None = None) -> None:
        self.number = number if isinstance(number, Future) else Const(number)
        self.path = path or Const(None)

    def run_task(self) -> int:
        return self.number


class Twice(Wrap[int]):
    def run_task(self) -> list[int]:
        return [*super().run_task(), self.inner]


def total(futures: Sequence[Future[int]]) -> None: ...


def fan(seeds: range, flag: bool) -> list[Future[float]]:
    return [Mean() if flag else Count(seed) for seed in seeds]


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
    assert_type(Wrap(Const("a")).run_graph()[0], list[str])
    assert_type(Twice(Const(1)).run_graph()[0], list[int])
    assert_type(Mixed().run_graph()[0], float)
    assert_type(Flexible(3).run_graph()[0], int)
    assert_type(Tree()["a"].run_task(), dict[str, list[int]])
    assert_type(Fitted()[1].run_task(), list[int])
    assert_type(Pair()[1].run_task(), str)
    assert_type(Numbers()[0].run_task(), int)
    assert_type(Const({"a": 1.5})["a"].run_task(), float)
    assert_type(Table()["text"].run_task(), Any)
    assert_type(study.task_args, dict[str, Any])
    assert_type(study.to_json(), dict[str, Any])
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


class Pair(Task):
    def run_task(self) -> tuple[int, str]:
        return 1, ""


class Study(Task):
    number: Requires[int]
    several: RequiresList[int]
    named: RequiresDict[str, int]
    _task_compress_level = "high"  # wrong: int
    _task_prefix_command = ["srun"]  # wrong: str
    _task_channel = 3  # wrong: str + list[str]

    def __init__(self, up: Future[str], perhaps: Future[int] | None, counts: dict[str, Count]) -> None:
        self.number = 1  # wrong: Future[int]
        self.number = up  # wrong: Future[int] + Future[str]
        self.number = perhaps  # wrong: Future[int] + None
        self.number = Const("a")  # wrong: int
        self.number = Name()["a"]  # wrong: Future[int] + Item[str]
        self.number = Pair()[1]  # wrong: Future[int] + Item[str]
        self.number = [Count(1)]  # wrong: Future[int]
        self.number = Count  # wrong: Count
        self.number = Count(1)[0]  # wrong
        self.several = Count(1)  # wrong: Sequence[Future[int]]
        self.several = [1]  # wrong: Future[int]
        self.several = [Name()]  # wrong: Future[int]
        self.several = {"a": Count(1)}  # wrong: Sequence[Future[int]]
        self.several = counts  # wrong: Sequence[Future[int]]
        self.named = [Count(1)]  # wrong: Mapping[str, Future[int]]
        self.named = {"a": 1}  # wrong: Future[int]
        self.named = {1: Count(1)}  # wrong: str
        Name()[0]  # wrong
        Count("a")  # wrong: int
        Count()  # wrong: start
        Count(stop=1)  # wrong: stop
        for _ in Count(1): ...  # wrong
        1 in Count(1)  # wrong

    def run_task(self) -> int:
        text: str = self.number  # wrong: int + str
        self.several["a"]  # wrong
        self.named[0]  # wrong: str
        return text  # wrong: int


with Cache("cache"):
    answer, _ = Count(1).run_graph()
    answer.upper()  # wrong: upper
    Count(1).run_graph(workers=2)  # wrong: workers
    Count(1).run_graph(rate_limits={"gpu": "1"})  # wrong: int
    Pair().get_task_result().count  # fine
    Name().get_task_result().count  # wrong: count
"""


PRETEND_STRICT = "[mypy-pydantic.*,pydantic_core.*]\nfollow_imports = skip\n"  # theirs takes seconds


class Place(NamedTuple):
    file: str
    line: int


def expected() -> dict[Place, list[str]]:
    """The lines that are wrong, each with what must be said of it."""
    found: dict[Place, list[str]] = {}
    for number, line in enumerate(BAD.splitlines(), 1):
        _, wrong, words = line.partition("  # wrong")
        if wrong:
            found[Place("bad.py", number)] = words.removeprefix(": ").split(" + ") if words else []
    return found


def told(output: str) -> dict[Place, str]:
    """What a checker says of each line; lines that name no place belong to the one before."""
    found: dict[Place, str] = {}
    place = None
    for line in output.splitlines():
        named = re.search(r"(\w+\.py):(\d+):", line)
        place = Place(named[1], int(named[2])) if named else place
        if place is not None:
            found[place] = f"{found.get(place, '')}{line}\n"
    return found


def mypy(folder: Path, root: Path) -> list[str]:
    cache = root / ".mypy_cache" / "patterns"
    settings = f"[mypy]\nstrict = true\nmypy_path = {root}\ncache_dir = {cache}\n{PRETEND_STRICT}"
    (folder / "mypy.ini").write_text(settings)
    return ["--config-file", "mypy.ini", "good.py", "bad.py"]


def pyright(folder: Path, root: Path) -> list[str]:
    off = dict.fromkeys(("reportUnusedExpression", "reportMissingModuleSource"), "none")
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(root)], **off}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return ["-p", ".", "--pythonpath", sys.executable]


def pyrefly(_: Path, root: Path) -> list[str]:
    strict = ["--preset", "strict", "--ignore", "missing-override-decorator"]  # no other checker asks for that one
    where = ["--python-interpreter-path", sys.executable, "--search-path", str(root)]
    return ["check", *strict, *where, "--output-format", "min-text", "good.py", "bad.py"]


def ty(_: Path, root: Path) -> list[str]:
    where = ["--python", sys.executable, "--extra-search-path", str(root)]
    return ["check", *where, "--output-format", "concise", "good.py", "bad.py"]


@pytest.mark.long  # `.ci/run` always makes it
@pytest.mark.parametrize("checker", [mypy, pyright, pyrefly, ty], ids=lambda checker: checker.__name__)
def test_a_type_checker_passes_what_is_right_and_says_what_is_wrong(
    checker: Callable[[Path, Path], list[str]], tmp_path: Path, root: Path
) -> None:
    if find_spec(checker.__name__) is None:
        pytest.skip(f"{checker.__name__} is not installed (pip install -e '.[check]')")
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    words = [sys.executable, "-m", checker.__name__, *checker(tmp_path, root)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = told(done.stdout)
    assert set(found) == set(expected()), done.stdout + done.stderr
    for place, words in expected().items():
        assert all(word in found[place] for word in words), found[place]


@pytest.mark.long
@pytest.mark.parametrize("page", ["README.md", "docs/big-data.md", "docs/tutorial.md"])
def test_the_examples_of_a_page_type_check(page: str, tmp_path: Path, root: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed (pip install -e '.[check]')")
    blocks = re.findall(r"^```python\n(.*?)^```$", (root / page).read_text(), re.MULTILINE | re.DOTALL)
    whole = [block for block in blocks if re.match(r"# \S+\.py\n", block)]
    texts = {"script": "\n".join(block for block in blocks if block not in whole)}
    texts |= {f"file{number}": block for number, block in enumerate(whole)}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    words = [sys.executable, "-m", "mypy", *mypy(tmp_path, root)[:2], *[f"{name}.py" for name in texts]]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
