"""What a script defines itself, wherever it is: in its workers, in its next session, and where it is imported."""

from __future__ import annotations

import importlib
import json
import py_compile
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, imported
from taskproc.batch import CodeFile
from taskproc.filedigest import digest_if_there
from taskproc.taskfile import load

SCRIPT = """
import concurrent.futures, dataclasses, enum, json, multiprocessing, pickle, sys
from pathlib import Path
from typing import Any
from taskproc import Cache, Const, Requires, Task

SIZE = 1

class Base: pass

class Net(Base):
    size = SIZE
    def __init__(self): self.weights = [1]

class Colour(enum.Enum):
    RED = "red"

@dataclasses.dataclass
class Point:
    x: int

def double(x): return 2 * x

class Make(Task):
    def run_task(self): return {"net": Net(), "colour": Colour.RED, "point": Point(3), "big": [Net(), bytes(300_000)]}

class Use(Task):
    made: Requires[Any]
    def __init__(self): self.made = Make()
    def run_task(self):
        made = self.made
        return [
            isinstance(made["net"], Net), made["colour"] is Colour.RED, made["point"] == Point(3),
            isinstance(made["big"][0], Net),
        ]

class Write(Task):
    def run_task(self):
        Path(self.task_directory, "net").write_bytes(pickle.dumps(Net()))
        with multiprocessing.get_context("fork").Pool(1) as pool:
            return pool.map(double, [1, 2])

class Share(Task):
    def __init__(self, how: str):
        self.how = how
    def run_task(self):
        with multiprocessing.get_context(self.how).Pool(1) as pool:
            return pool.map(double, [1]) + pool.map(self.half, [2])
    def half(self, x):
        return x // 2

def counts(task, **how):
    result, stats = task.run_graph(**how)
    return [result, {name.partition(".")[2]: count for name, count in stats.executed.items()}]

if __name__ == "__main__":
    with Cache("cache"):
        use, make, write = Use(), Make(), Write()
    say = [counts(use)]
    if "--share" in sys.argv:
        with Cache("cache"):
            say += [Share(how).run_graph()[0] for how in ("spawn", "forkserver")]
    if "--write" in sys.argv:
        say.append(write.run_graph()[0])
    if "--prefix" in sys.argv:
        make.clear_task()
        say.append(counts(use, prefixes={use.task_name: "env", make.task_name: "env"}))
        say.append(counts(use))
    made = make.get_task_result()
    say.append([isinstance(made["net"], Net), made["colour"] is Colour.RED, made["point"] == Point(3)])
    use.clear_task()
    print(json.dumps(say))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "the_script.py"
    path.write_text(SCRIPT)
    return path


def run(script: Path, *arguments: str) -> object:
    command = [sys.executable, script.name, *arguments]
    said: object = json.loads(subprocess.run(command, cwd=script.parent, check=True, stdout=subprocess.PIPE).stdout)
    return said


def test_processes_that_a_task_starts_find_what_is_in_the_script(script: Path) -> None:
    assert run(script, "--share") == [[[True] * 4, {"Make": 1, "Use": 1}], [2, 1], [2, 1], [True] * 3]


def test_a_script_gets_its_own_classes_back_in_each_session(script: Path) -> None:
    assert run(script) == [[[True] * 4, {"Make": 1, "Use": 1}], [True] * 3]
    assert run(script) == [[[True] * 4, {"Use": 1}], [True] * 3]


def test_a_script_and_the_module_in_its_file_get_their_own_classes_from_each_other(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(script.parent))
    run(script)
    module = load(script)
    try:
        with Cache(script.parent / "cache"):
            use, make = module.Use(), module.Make()
        result, stats = use.run_graph()
        assert (result, stats.executed) == ([True] * 4, {"the_script.Use": 1})
        assert make.get_task_result()["colour"] is module.Colour.RED
        make.clear_task()
        use.run_graph()
        use.clear_task()
    finally:
        del sys.modules["the_script"]
    assert run(script) == [[[True] * 4, {"Use": 1}], [True] * 3]


def test_tasks_of_a_script_can_pickle_what_it_defines(script: Path) -> None:
    assert run(script, "--write") == [[[True] * 4, {"Make": 1, "Use": 1}], [2, 4], [True] * 3]


def test_what_a_script_defines_is_its_own_under_a_prefix_command(script: Path) -> None:
    assert run(script, "--prefix") == [
        [[True] * 4, {"Make": 1, "Use": 1}],
        [[True] * 4, {"Make": 1, "Use": 1}],
        [[True] * 4, {}],
        [True] * 3,
    ]


PAIRED = """
import sys
sys.path.insert(1, "first")
import steps
sys.path[1] = "second"
from taskproc import Cache, Task

class Here(Task):
    def run_task(self):
        return steps.f()

if __name__ == "__main__":
    with Cache("cache"):
        task = {task}
    print(task.run_graph()[0])
"""


@pytest.mark.parametrize("task", ["Here()", "steps.There()"])
def test_another_file_of_the_same_name_is_not_taken_for_it(tmp_path: Path, task: str) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper.py").write_text(f"def f(): return {folder!r}")
    there = "from helper import f\nfrom taskproc import Task\nclass There(Task):\n    def run_task(self): return f()\n"
    (tmp_path / "steps.py").write_text(there)
    (tmp_path / "study.py").write_text(PAIRED.format(task=task))
    done = subprocess.run([sys.executable, "study.py"], cwd=tmp_path, check=False, capture_output=True, text=True)
    first, second = (tmp_path / folder / "helper.py" for folder in ("first", "second"))
    assert f"failed: a worker imports {second} in place of {first}: leave the folder of that on" in done.stderr


PACKED = """
from taskproc import Requires, Task

class Inverse(Task):
    def __init__(self, x: int):
        self.x = x
    def run_task(self): return 1 / self.x

class Twice(Task):
    inverse: Requires[float]
    def __init__(self, x: int):
        self.inverse = Inverse(x)
    def run_task(self): return 2 * self.inverse
"""


@pytest.mark.parametrize("how", ["archive", "bytecode"])
def test_tasks_of_a_module_without_a_file_of_its_own_run_in_workers(
    tmp_path: Path, taskproc: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "archive":
        with zipfile.ZipFile(tmp_path / "flow.zip", "w") as archive:
            archive.writestr("packed.py", PACKED)
    else:
        (tmp_path / "source").write_text(PACKED)
        py_compile.compile(str(tmp_path / "source"), str(tmp_path / "packed.pyc"), doraise=True)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'flow.zip'}:{tmp_path}")
    words = ["run", "packed:Twice", "--cache", "cache"]
    assert taskproc(*words, "--x", "4").stdout == "0.5\n"
    assert "2 reused" in taskproc(*words, "--x", "4").stderr
    failed = taskproc(*words, "--x", "0", check=False).stderr
    assert "Inverse(x=0) failed: ZeroDivisionError" in failed
    assert "run -i packed:Twice --cache cache --x 0" in failed  # as typed, since no words name a taskfile for `Inverse`


READS = """
import multiprocessing, sys
from taskproc import Cache, Task
PLACE = sys.argv[1]

def told(n):
    return PLACE * n

class Reads(Task):
    def run_task(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return sys.argv[1], pool.map(told, [2])

with Cache(PLACE):
    task = Reads()
if __name__ == "__main__":
    print(task.run_graph(prefixes={prefixes})[0])
"""


@pytest.mark.parametrize("prefixes", [{}, {"study.Reads": "env"}])
def test_workers_have_the_arguments_of_the_program(tmp_path: Path, prefixes: dict[str, str]) -> None:
    (tmp_path / "study.py").write_text(READS.format(prefixes=prefixes))
    command = [sys.executable, "study.py", "place"]
    done = subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "('place', ['placeplace'])\n"


MIXED = """
import enum
from collections import namedtuple
from dataclasses import dataclass
from helper import There
from taskproc import Cache, Requires, Task
Point = namedtuple("Another", "x")

@dataclass
class Here:
    x: int
    def told(self): return self.x

class Make(Task):
    def run_task(self):
        return [Here(1), There(1), Point(1), namedtuple("Row", "x")(1), enum.Enum("Kind", "x").x]

class Main(Task):
    made: Requires[list]
    def __init__(self): self.made = Make()
    def run_task(self):
        here, there, point, row, kind = self.made
        return here.told() + there.told() + point.x + row.x + kind.value

if __name__ == "__main__":
    with Cache("cache"):
        main = Main()
    value, stats = main.run_graph(max_workers=1)
    print(value, *stats.executed)
"""


def test_a_script_makes_a_result_of_several_modules_once(tmp_path: Path) -> None:
    helper = tmp_path / "helper.py"
    helper.write_text("class There:\n    def __init__(self, x): self.x = x\n    def told(self): return self.x\n")
    (tmp_path / "study.py").write_text(MIXED)

    def said() -> str:
        command = [sys.executable, "study.py"]
        return subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    assert [said(), said()] == ["5 study.Make study.Main", "5"]
    helper.write_text(helper.read_text().replace("return self.x", "return self.x + 1"))
    assert [said(), said()] == ["6 study.Make study.Main", "6"]
    (tmp_path / "study.py").write_text(MIXED.replace("return self.x", "return self.x + 1"))
    assert [said(), said()] == ["7 study.Make study.Main", "7"]


BARE = """
import sys
from taskproc import Cache, Task

class Main(Task):
    def run_task(self):
        return sys.argv

if __name__ == "__main__":
    del sys.argv
    with Cache("cache"):
        task = Main()
    print(task.run_graph()[0])
"""


def test_a_program_may_have_no_arguments_at_all(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(BARE)
    done = subprocess.run([sys.executable, "study.py"], cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "['']\n"


@pytest.mark.parametrize(
    ("where", "how"),
    [
        ((), "import lazy"),
        (("--prefix", "Main=env"), "import lazy"),
        ((), "del sys.modules['wave']; import lazy"),
        ((), "importlib.reload(lazy)"),
    ],
)
def test_what_a_task_imports_must_be_what_the_run_began_with(
    tmp_path: Path, taskproc: Any, where: tuple[str, ...], how: str
) -> None:
    """Else its result would count as made by code that is put back meanwhile."""
    lazy, other = tmp_path / "lazy.py", tmp_path / "other"
    lazy.write_text("def g(): return 1\n")
    other.write_text("def g(): return 22\n")
    (tmp_path / "taskfile.py").write_text(f"""
import {"lazy, " if "reload" in how else ""}importlib, os, sys, wave
from taskproc import Task

class Main(Task):
    def run_task(self):
        if os.path.exists("other"):
            os.replace("other", "lazy.py")
        {how}
        return lazy.g()
""")
    done = taskproc("run", *where, check=False)
    assert done.returncode == 1
    assert f"taskfile changed during the run: {lazy} is not what was loaded for it (it was edited)" in done.stderr
    lazy.write_text("def g(): return 1\n")
    assert taskproc("run").stdout == "1\n"


@pytest.mark.parametrize("how", ["importlib.reload(lazy)", "del sys.modules['lazy']; import lazy"])
def test_what_a_task_loads_anew_may_be_the_last_that_was_imported(tmp_path: Path, taskproc: Any, how: str) -> None:
    lazy = tmp_path / "lazy.py"
    lazy.write_text("def g(): return 1\n")
    (tmp_path / "taskfile.py").write_text(f"""
import importlib, os, sys
from pathlib import Path
from taskproc import Requires, Task

class First(Task):
    def run_task(self): return 0

class Last(Task):
    first: Requires[int]
    def __init__(self): self.first = First()
    def run_task(self):
        import lazy
        return lazy.g()

class Main(Task):
    last: Requires[int]
    def __init__(self): self.last = Last()
    def run_task(self):
        import lazy
        if list(sys.modules)[-1] == "lazy":
            Path("lazy.py").write_text("def g(): return 22\\n")
        {how}
        return lazy.g()
""")
    done = taskproc("run", "Main", "-j", "1", check=False)
    assert f"taskfile changed during the run: {lazy} is not what was loaded for it (it was edited)" in done.stderr


def test_a_module_that_is_gone_has_no_others_taken_for_newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(imported, "_digests", {})
    (tmp_path / "noted_before.py").write_text("VALUE = 1\n")
    (tmp_path / "noted_last.py").touch()
    for name in ("noted_before", "noted_last"):
        last = imported.newest()
        monkeypatch.setitem(sys.modules, name, importlib.import_module(name))
        imported.note_since(last)
    last = imported.newest()
    (tmp_path / "noted_before.py").write_text("VALUE = 22\n")
    del sys.modules["noted_last"]
    imported.note_since(last)
    path = str(tmp_path / "noted_before.py")
    assert imported.is_other(CodeFile(path, digest_if_there(path)))


@pytest.mark.parametrize("executor", ["process", "serial"])
def test_a_task_may_leave_anything_among_the_modules(tmp_path: Path, taskproc: Any, executor: str) -> None:
    (tmp_path / "taskfile.py").write_text("""
import sys
from types import ModuleType
from taskproc import Requires, Task

class Closed(ModuleType):
    def __getattr__(self, name):
        raise RuntimeError(name)

class Open:
    def __getattr__(self, name):
        raise RuntimeError(name)

class Told(ModuleType):
    __file__ = 5

class Up(Task):
    def run_task(self):
        sys.modules.update(closed=Closed("closed"), other=Open(), told=Told("told"), taskfile_copy=None)
        return 1

class Main(Task):
    up: Requires[int]
    def __init__(self):
        self.up = Up()
    def run_task(self):
        sys.modules["more"] = Open()
        return self.up
""")
    assert taskproc("run", "-x", executor).stdout == "1\n"
