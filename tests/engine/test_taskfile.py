from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from taskproc import TaskfileError
from taskproc.taskfile import find, load, module_name, path_of

SHOW = """
from taskproc import Task

class Outer(Task):
    class Inner(Task):
        pass

print(__name__, Outer.task_name, Outer.Inner.task_name)
"""


@pytest.fixture(autouse=True)
def _modules() -> Iterator[None]:
    """Leave no module and no folder of a test behind."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path


def write(path: Path, text: str = SHOW) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("packages", "file", "name", "root"),
    [
        ([], "study.py", "study", "."),
        ([], "a/b/study.py", "study", "a/b"),  # folders without __init__.py are no part of a name
        (["a/b"], "a/b/study.py", "b.study", "a"),
        (["a", "a/b"], "a/b/study.py", "a.b.study", "."),
        (["a", "a/b/c"], "a/b/c/study.py", "c.study", "a/b"),
        (["a", "a/b"], "a/b/__init__.py", "a.b", "."),
        (["a"], "a/__main__.py", "a.__main__", "."),
    ],
)
def test_a_module_is_named_from_the_nearest_folder_that_is_no_package(
    tmp_path: Path, packages: list[str], file: str, name: str, root: str
) -> None:
    for package in packages:
        write(tmp_path / package / "__init__.py", "")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    assert module_name(tmp_path / file) == (name, (tmp_path / root).resolve())


@pytest.mark.usefixtures("macos")
def test_a_module_is_named_as_its_file_where_case_is_ignored(tmp_path: Path) -> None:
    write(tmp_path / "Lab" / "__init__.py", "")
    write(tmp_path / "Lab" / "study7.py", "x = 1")
    assert module_name(tmp_path / "lab" / "Study7.py") == ("Lab.study7", tmp_path.resolve())
    assert load(tmp_path / "LAB" / "STUDY7.py") is load(tmp_path / "Lab" / "study7.py")


def test_a_script_has_the_name_of_its_file(tmp_path: Path, python: Any) -> None:
    write(tmp_path / "study.py")
    assert python("study.py").stdout.split() == ["__main__", "study.Outer", "study.Outer.Inner"]
    assert python("-m", "study").stdout.split()[1] == "study.Outer"
    assert python("-c", "import study").stdout.split() == ["study", "study.Outer", "study.Outer.Inner"]


def test_a_module_of_a_package_has_one_name_however_it_is_run(tmp_path: Path, python: Any) -> None:
    write(tmp_path / "lab" / "__init__.py", "")
    write(tmp_path / "lab" / "study.py")
    for words in (["lab/study.py"], ["-m", "lab.study"], ["-c", "import lab.study"]):
        assert python(*words).stdout.split()[1:] == ["lab.study.Outer", "lab.study.Outer.Inner"]


EDITED = """
from taskproc import Cache, Task

RATE = 1

class Rate(Task):
    def run_task(self): return RATE

with Cache("cache"):
    print(Rate().run_graph()[0], Rate.task_name)
"""


@pytest.mark.parametrize(
    "words",
    [
        ("-m", "cProfile", "-o", "profile"),
        pytest.param(("-m", "trace", "--listfuncs"), marks=pytest.mark.long),  # it traces all that is imported
        (),
    ],
)
def test_a_script_that_a_program_of_a_library_runs_is_the_user_s(
    tmp_path: Path, python: Any, words: tuple[str, ...]
) -> None:
    for rate in ("1", "2"):
        write(tmp_path / "study.py", EDITED.replace("RATE = 1", f"RATE = {rate}"))
        for before in dict.fromkeys((words, ())):
            assert python(*before, "study.py").stdout.splitlines()[0] == f"{rate} study.Rate"


@pytest.mark.parametrize(
    ("main", "argument", "meant"),
    [
        ("site-packages/tool/__main__.py", "study.py", "study.py"),
        ("site-packages/tool/alone.py", "site-packages/tool/alone.py", "site-packages/tool/alone.py"),
        ("site-packages/tool/reader.py", "data.csv", "site-packages/tool/reader.py"),
        ("site-packages/tool/maker.py", "new.py", "site-packages/tool/maker.py"),
        ("own.py", "study.py", "own.py"),
    ],
)
def test_a_script_is_looked_for_in_the_arguments_of_a_program_of_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: str, argument: str, meant: str
) -> None:
    for name in (main, "study.py", "data.csv", "other.py"):
        write(tmp_path / name, "")
    monkeypatch.chdir(tmp_path)
    module = ModuleType("__main__")
    module.__file__ = str(tmp_path / main)
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr("taskproc.taskfile._main", list[str]())
    for given in (argument, "other.py"):  # the script has changed it
        monkeypatch.setattr(sys, "argv", [given])
        assert path_of("__main__") == str(tmp_path / meant)


def test_what_is_typed_in_a_program_of_a_library_is_the_user_s(tmp_path: Path) -> None:
    run = 'with Cache("cache"): print(Rate().run_graph()[0], Rate.task_name)\n'
    lines = ("from taskproc import Cache, Task", "RATE = 1", "class Rate(Task): run_task = lambda self: RATE\n", run)
    typed = "\n".join([*lines, "RATE = 2", run, ""])
    done = subprocess.run(
        [sys.executable, "-m", "asyncio"], input=typed, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "1 __main__.Rate" in done.stdout, done.stderr
    assert "2 __main__.Rate" in done.stdout


def test_the_path_stays_as_it_is_for_a_module_that_python_has_found_itself(tmp_path: Path, python: Any) -> None:
    write(tmp_path / "tools" / "lab" / "__init__.py", "")
    text = "import sys\nbefore = [*sys.path]\nimport taskproc\nprint(sys.path == before, sys.path[0])"
    write(tmp_path / "tools" / "lab" / "show.py", text)
    found = f"import runpy, sys; sys.path.append({str(tmp_path / 'tools')!r}); "
    run = "runpy.run_module('lab.show', run_name='__main__', alter_sys=True)"
    assert python("-c", found + run).stdout.split()[0] == "True"


def test_code_without_a_file_is_main(tmp_path: Path, python: Any) -> None:
    assert python("-c", SHOW).stdout.split()[1] == "__main__.Outer"
    notebook = "import sys, types\nexec(sys.argv[1], vars(sys.modules['__main__']))"
    assert python("-c", notebook, SHOW).stdout.split()[1] == "__main__.Outer"
    done = subprocess.run([sys.executable, "-"], input=SHOW, capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == "__main__.Outer"


def test_a_taskfile_is_loaded_once_under_its_own_name_its_folder_first(tmp_path: Path) -> None:
    write(tmp_path / "lab_of_load" / "__init__.py", "")
    file = write(tmp_path / "lab_of_load" / "study.py", "import helper_of_load\n" + SHOW)
    write(tmp_path / "helper_of_load.py", "")
    module = load(file)
    assert (module.__name__, module.Outer.task_name) == ("lab_of_load.study", "lab_of_load.study.Outer")
    assert sys.path[0] == str(tmp_path.resolve())
    assert load(file) is module


def test_the_running_script_is_not_loaded_a_second_time(tmp_path: Path, python: Any) -> None:
    write(
        tmp_path / "study.py",
        "import sys; from pathlib import Path; from taskproc.taskfile import load\n"
        "print(load(Path('study.py')) is sys.modules['__main__'], 'study' in sys.modules)",
    )
    assert python("study.py").stdout == "True False\n"


IN_A_PACKAGE = """
import sys
import beside
from taskproc import Cache, Task
from lab.helper import double

class Main(Task):
    def run_task(self):
        from lab import helper
        return double(beside.one) + helper.zero

if __name__ == '__main__':
    if sys.argv[1:] == ['library']:
        with Cache('cache'):
            print(Main().run_graph()[0])
    else:
        Main.cli()
"""


@pytest.mark.parametrize("how", [(), ("-x", "thread"), ("-i",), ("library",)])
def test_a_script_inside_a_package_imports_as_its_module_does(
    tmp_path: Path, python: Any, how: tuple[str, ...]
) -> None:
    for folder in ("lab", "lab/part"):
        write(tmp_path / folder / "__init__.py", "")
    write(tmp_path / "lab" / "helper.py", "zero = 0\ndef double(n): return n * 2")
    write(tmp_path / "lab" / "part" / "beside.py", "one = 1")
    write(tmp_path / "lab" / "part" / "study.py", IN_A_PACKAGE)
    assert python("lab/part/study.py", *how).stdout == "2\n"  # what Python puts first on sys.path is there too


def test_a_script_in_a_package_and_its_module_have_one_cache(tmp_path: Path, python: Any, taskproc: Any) -> None:
    for folder in ("lab", "lab/part"):
        write(tmp_path / folder / "__init__.py", "")
    write(tmp_path / "lab" / "helper.py", "zero = 0\ndef double(n): return n * 2")
    text = IN_A_PACKAGE.replace("import beside", "one = 1").replace("beside.one", "one")
    write(tmp_path / "lab" / "part" / "study.py", text)
    python("lab/part/study.py")
    for again in (python("-m", "lab.part.study"), taskproc("run", "lab/part/study.py")):
        assert "1 reused" in again.stderr


def test_what_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TaskfileError, match=r"taskfile .*nowhere\.py does not exist"):
        load(tmp_path / "nowhere.py")
    with pytest.raises(TaskfileError, match="is a folder; name the taskfile in it"):
        load(tmp_path)
    with pytest.raises(TaskfileError, match="cannot be imported: its name must be like"):
        load(write(tmp_path / "my.study.py"))
    with pytest.raises(TaskfileError, match="has the name of another module, 'json'; rename the file"):
        load(write(tmp_path / "json.py"))
    with pytest.raises(ZeroDivisionError):
        load(write(tmp_path / "broken_of_load.py", "1 / 0"))


def test_the_default_taskfile_is_the_nearest_above(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    upper = write(tmp_path / "taskfile.py").resolve()
    assert find(deep) == upper
    nearer = write(tmp_path / "a" / "taskfile.py").resolve()
    assert find(deep) == nearer
    assert find(tmp_path) == upper


def test_a_module_that_another_thread_is_importing_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    begun, go = threading.Event(), threading.Event()
    monkeypatch.setattr(sys, "slow_import", (begun, go), raising=False)
    path = tmp_path / "slow_to_import.py"
    path.write_text("import sys\nsys.slow_import[0].set()\nsys.slow_import[1].wait()\nvalue = 1\n")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(load, path)
        begun.wait()
        second = pool.submit(lambda: load(path).value)
        wait([second], 0.2)  # time to come back too early
        go.set()
        assert first.result().value == second.result() == 1
    del sys.modules["slow_to_import"]


PLUGINS = """
import importlib.util, sys, types
from taskproc import Cache

def plugin(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name.partition(".")[0]] = types.ModuleType("plugins")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

module = plugin("plugins.study", "lib/study.py")
with Cache("cache"):
    for task in (module.A(1), module.local()()):
        print(task.task_name, *task.run_graph()[0])
"""

PLUGIN = """
from taskproc import Task

class Kept:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return iter([self.n, __name__])

class A(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self):
        return Kept(self.n)

def local():
    class Local(Task):
        def run_task(self):
            return Kept(2)
    return Local
"""


def test_a_module_that_is_not_called_as_its_file_is_loaded_so_in_workers(tmp_path: Path, python: Any) -> None:
    write(tmp_path / "lib" / "study.py", PLUGIN)
    write(tmp_path / "main.py", PLUGINS)
    told = ["study.A 1 plugins.study", "study.local.<locals>.Local 2 plugins.study", ""]
    assert python("main.py").stdout.split("\n") == told
    write(tmp_path / "lib" / "study.py", PLUGIN.replace("return iter", "raise SystemError"))
    assert "SystemError" in python("main.py", check=False).stderr
    write(tmp_path / "main.py", PLUGINS.replace("with", "write = open('lib/study.py', 'a').write('1 / 0')\nwith"))
    assert "division by zero" in python("main.py", check=False).stderr


def test_a_module_of_a_package_that_is_not_on_sys_path_is_loaded_in_workers(tmp_path: Path, python: Any) -> None:
    write(tmp_path / "lib" / "kit" / "__init__.py", "")
    write(tmp_path / "lib" / "kit" / "study.py", PLUGIN)
    write(tmp_path / "main.py", PLUGINS.replace('"plugins.study", "lib/', '"kit.study", "lib/kit/'))
    told = ["kit.study.A 1 kit.study", "kit.study.local.<locals>.Local 2 kit.study", ""]
    assert python("main.py").stdout.split("\n") == told


ELSEWHERE = """
import importlib.util, sys
from importlib.machinery import SourceFileLoader
from taskproc import Cache

def load(name, path):
    loader = SourceFileLoader(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module

if __name__ == "__main__":
    if "." in {name!r}:
        import types
        sys.modules["elsewhere"] = parent = types.ModuleType("elsewhere")
        parent.__path__ = ["elsewhere"]
    module = load({name!r}, {path!r})
    {then}
    with Cache("cache"):
        print(module.{task}().run_graph(max_workers=1)[0])
"""
STEP = "from taskproc import Task\nclass A(Task):\n    def run_task(self): return {}\n"
MADE = (
    "from taskproc import Task\ndef make():\n    class A(Task):\n        def run_task(self): return 4\n    return A\n"
)


@pytest.mark.parametrize(
    ("name", "path", "text", "task", "then"),
    [
        ("study", "elsewhere/thing.py", STEP.format(4), "A", ""),  # another file has that name
        ("plugin", "elsewhere/thing.tsk", STEP.format(4), "A", ""),
        ("plugin", "elsewhere/thing.tsk", MADE, "make()", ""),
        ("plugin", "elsewhere/thing.py", MADE, "make()", "import os; os.remove('elsewhere/thing.py')"),
        ("elsewhere.thing", "elsewhere/thing.py", "from .near import N\n" + STEP.format("N"), "A", ""),
    ],
)
def test_what_was_loaded_from_elsewhere_is_that_in_workers(
    tmp_path: Path, python: Any, name: str, path: str, text: str, task: str, then: str
) -> None:
    write(tmp_path / "study.py", STEP.format(666))
    write(tmp_path / "elsewhere" / "near.py", "N = 4\n")
    write(tmp_path / path, text)
    write(tmp_path / "main.py", ELSEWHERE.format(name=name, path=path, task=task, then=then))
    assert python("main.py").stdout == "4\n"
