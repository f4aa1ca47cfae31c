"""Which tasks run again after an edit, and which do not: exactly."""

from __future__ import annotations

import functools
import importlib
import runpy
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, Const, FailedTaskError, taskfile
from taskproc.decision import MayRun, Run, UpToDate
from taskproc.events import Planned
from taskproc.graph import Node
from taskproc.options import Options
from taskproc.requires import slots_of
from taskproc.run import make_plan, run
from taskproc.testing import with_values

HERE = Path(__file__).parent
FILES: dict[str, str] = runpy.run_path(str(HERE / "edited_project.py"))["FILES"]
REACHED, WOVEN = (runpy.run_path(str(HERE / f"{name}_project.py")) for name in ("reached", "woven"))
HIDDEN, SPARED = (runpy.run_path(str(HERE / "hidden_projects.py"))[name] for name in ("HIDDEN", "SPARED"))


INCLUDED = Path(sysconfig.get_paths()["include"]) / "Python.h"
EXTENSION = """
#include <Python.h>
static PyObject* f(PyObject* self, PyObject* nothing) { return PyLong_FromLong(NUMBER); }
static PyMethodDef methods[] = {{"f", f, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "compiled", 0, -1, methods};
PyMODINIT_FUNC PyInit_compiled(void) { return PyModule_Create(&module); }
"""


class Project:
    """A copy of the project that is edited, imported anew and run in this process."""

    def __init__(self, folder: Path, files: dict[str, str] = FILES) -> None:
        self.folder = folder
        self.modules = {Path(name).parts[0].removesuffix(".py") for name in files} | {"moved"}
        for name, text in files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        text = (self.folder / name).read_text()
        for old, new in changes:
            assert text.count(old) >= 1, old
            text = text.replace(old, new)
        self.write(name, text)

    def load(self) -> Any:
        self.forget()
        importlib.invalidate_caches()
        return taskfile.load(self.folder / "study.py")

    def forget(self) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in self.modules]:
            del sys.modules[name]

    def node(self, task: str = "Main()") -> Node:
        """The task that an expression means, in the code as it is now."""
        module = self.load()
        with Cache(self.folder / "cache"):
            return eval(task, vars(module))._task_node

    def by_hand(self, task: str = "Main()") -> Any:
        """The result that the code as it is now gives, made by calling one `run_task` after another."""
        made: dict[Node, Any] = {}

        def value(node: Node) -> Any:
            if node not in made:
                made[node] = with_values(
                    node.task, **{slot: read(node, slot) for slot in slots_of(node.cls)}
                ).run_task()
            return made[node]

        def read(node: Node, slot: str) -> Any:
            edges = [edge for edge in node.edges if edge.slot == slot]
            sources = [edge.source.value if isinstance(edge.source, Const) else value(edge.source) for edge in edges]
            values = [functools.reduce(getitem, edge.item, whole) for edge, whole in zip(edges, sources, strict=True)]
            given = node.state[slot]
            return (
                values
                if isinstance(given, list)
                else dict(zip(given, values, strict=True))
                if isinstance(given, dict)
                else values[0]
            )

        return value(self.node(task))

    def run(self, task: str = "Main()", listener: Any = None, **settings: Any) -> tuple[Any, set[str]]:
        """The result, and the classes whose tasks ran; the plan allowed for these."""
        planned: dict[type, set[str]] = {Run: set(), MayRun: set(), UpToDate: set()}

        def tell(event: Any) -> None:
            if isinstance(event, Planned):
                for node in event.plan.graph.nodes:
                    planned[type(event.plan.decisions[node.key])].add(node.short)
            if listener is not None:
                listener(event)

        value, stats = run(self.node(task), Options(**{"executor": "serial", **settings}), tell)
        ran = {name.partition(".")[2] for name in stats.executed}
        assert planned[Run] <= ran <= (planned[Run] | planned[MayRun]) - planned[UpToDate]
        return value, ran


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would hide an edit within the same second
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr("taskproc.writer._NORMAL", 0)  # wait for no disk
    # Another test's `study`, which no file has, goes by value for as long as its process lives.
    monkeypatch.setattr("cloudpickle.cloudpickle._PICKLE_BY_VALUE_MODULES", set[str]())
    before = {*sys.modules}
    yield
    for name in sys.modules.keys() - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(tmp_path_factory.getbasetemp()):
            del sys.modules[name]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project, to be run once and copied."""
    return tmp_path_factory.mktemp("finished")


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the project that reaches code in uncommon ways left when it had run, and its value."""
    return _finished(tmp_path_factory.mktemp("reached"), REACHED)


@pytest.fixture(scope="module")
def woven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the project in which definitions are woven together."""
    return _finished(tmp_path_factory.mktemp("woven"), WOVEN)


def _finished(folder: Path, made: dict[str, Any]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        project = Project(folder, made["FILES"])
        (folder / "value").write_text(project.run()[0])
        project.forget()
    return folder


@pytest.fixture
def project(tmp_path: Path, finished: Path) -> Project:
    """The project, when it has run."""
    if not (finished / "cache").exists():
        Project(finished).run()
    shutil.copytree(finished / "cache", tmp_path / "cache")
    return Project(tmp_path)


@dataclass(frozen=True)
class Edit:
    """An edit of files, and the classes that must run again because of it."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    runs: frozenset[str]


EDITS: list[Edit] = []


def edit(name: str, runs: str, *changes: tuple[str, str, str]) -> None:
    EDITS.append(Edit(name, changes, frozenset(runs.split())))


H, S, OPS, C, P = "helpers.py", "study.py", "pkg/ops.py", "pkg/consts.py", "pkg/shapes.py"

# What counts: each way in which code is reached. Main runs where the value came out different.
edit("own code", "Nested Main", (S, "range(3)", "range(4)"))
edit("own code, same value", "Nested", (S, "range(3)", "range(0, 3)"))
edit("helper", "Direct Main", (H, "return x - base(x)", "return x - base(x) - 1"))
edit("helper of a helper", "Direct Main", (H, "def base(x: int):\n    return 1", "def base(x: int):\n    return 2"))
edit("helper, same value", "Direct", (H, "return x - base(x)", "return -base(x) + x"))
edit("default of a helper's parameter", "Direct", (H, "def base(x: int):", "def base(x: int, y=1):"))
edit("function of a decorator", "Renamed Main", (H, "def factor():\n    return 2", "def factor():\n    return 3"))
edit("decorator", "Renamed Main", (H, "* factor()", "* factor() + 1"))
edit(
    "decorated function", "Renamed Main", (H, "def decorated(x):\n    return x", "def decorated(x):\n    return x + 1")
)
edit("decorator taken away", "Renamed Main", (H, "@twice\n", ""))
edit(
    "decorator of an own method",
    "Nested Main",
    (
        S,
        "    def run_task(self) -> int:\n        def inner",
        "    @helpers.twice\n    def run_task(self) -> int:\n        def inner",
    ),
)
edit("mutual recursion", "Recursive Main", (H, "return False if n == 0", "return None if n == 4 else 7 if n == 1"))
edit("function of a partial", "Partial Main", (H, "return x * by", "return x * by + 1"))
edit("argument of a partial", "Partial Main", (H, "by=3", "by=4"))
edit("lru_cache's function", "Cached Main", (H, "return inner(x)", "return inner(x) + 1"))
edit(
    "what lru_cache's function calls",
    "Cached Main",
    (H, "def inner(x):\n    return x + 1", "def inner(x):\n    return x + 2"),
)
edit("lru_cache taken away", "Cached", (H, "@functools.lru_cache\n", ""))
edit("function in a table", "Table Main", (H, "return a + b", "return a + b + 1"))
edit("other function in a table", "Table", (H, "return a - b", "return b - a"))
edit("entry of a table", "Table Main", (H, '"add": add', '"add": sub'))
edit("closure", "Closure Main", (H, "return x + n", "return x - n"))
edit("value in a closure", "Closure Main", (H, "make(5)", "make(6)"))
edit("lambda", "Lambda Main", (H, "lambda x: 2 * x", "lambda x: 3 * x"))
edit("lambda's parameter renamed", "Lambda", (H, "lambda x: 2 * x", "lambda y: 2 * y"))
edit("method of an instance's class", "Instance Main", (H, "return x * self.weight", "return x + self.weight"))
edit("attribute of an instance's class", "Instance Main", (H, "weight = 2", "weight = 3"))
edit(
    "other method of the class",
    "Instance",
    (H, "def unused(self):\n        return 1", "def unused(self):\n        return 2"),
)
edit("base of an instance's class", "Instance", (H, "class Model:", "class Above:\n    pass\n\n\nclass Model(Above):"))
edit("constant", "Constants Default Attribute Main", (H, "RATE = 3", "RATE = 4"))
edit("constant inside a dict", "Constants Main", (H, '"a": 1', '"a": 2'))
edit("constant inside a list in a dict", "Constants", (H, "[1, 2]", "[1, 3]"))
edit("set", "Constants Main", (H, '{"x", "y"}', '{"x", "z"}'))
edit("type of a constant", "Constants", (H, '"b": [1, 2]', '"b": (1, 2)'))
edit("pattern", "Regex Main", (H, '"a+"', '"a*"'))
edit("default from a constant", "Default Main", (H, "y=RATE", "y=RATE + 1"))
edit("function by a dotted name", "Dotted Main", (OPS, "return x * SCALE", "return x * SCALE + 1"))
edit("constant by a relative import", "Dotted Imported Main", (C, "SCALE = 2", "SCALE = 3"))
edit(
    "function imported inside",
    "Inside Main",
    (OPS, "def local(x):\n    return x + 1", "def local(x):\n    return x + 2"),
)
edit(
    "method of a base",
    "Parent Child Main",
    (S, "def step(self, x):\n        return x + 1", "def step(self, x):\n        return x + 3"),
)
edit("method of a subclass", "Child Main", (S, "super().step(x) * 2", "super().step(x) * 3"))
edit(
    "override taken away",
    "Child Main",
    (S, "    def step(self, x):\n        return super().step(x) * 2\n", "    pass\n"),
)
edit("method of a mixin", "Mixed Main", (H, "def bonus(self):\n        return 1", "def bonus(self):\n        return 2"))
edit(
    "base taken away",
    "Mixed",
    (S, "class Mixed(helpers.Mixin, Task):", "class Mixed(Task):\n    def bonus(self):\n        return 1\n"),
)
edit("member of another task", "Parent Child Member Main", (S, "LIMIT = 7", "LIMIT = 8"))
edit(
    "attribute computed in __init__", "Attribute Main", (S, "self.rate = helpers.RATE", "self.rate = helpers.RATE + 1")
)
edit(
    "attribute more in __init__",
    "Attribute",
    (S, "self.rate = helpers.RATE", "self.rate = helpers.RATE; self.more = 1"),
)
edit("default of an argument", "Argument Main", (S, "n: int = 2", "n: int = 3"))
edit("default of a dataclass's field", "Data Main", (P, "depth: int = 2", "depth: int = 3"))
edit("field more in a dataclass", "Data", (P, "depth: int = 2", "depth: int = 2\n    width: int = 1"))
edit("annotation of a dataclass's field", "Data", (P, "depth: int = 2", "depth: float = 2"))
edit("value of an enum", "Enumerated Main", (H, "LOW = 1", "LOW = 3"))
edit("other member of an enum", "Enumerated", (H, "HIGH = 2", "HIGH = 5"))
edit("method of a returned value", "Make Read Main", (P, "return self.x + self.y", "return self.x * self.y"))
edit("what the upstream returns", "Make Read Main", (S, "Point(1, 2)", "Point(2, 2)"))
edit("function that was declared", "Wide", (H, "def by_name(x):\n    return x", "def by_name(x):\n    return -x"))
edit("file that was declared", "Wide Main", ("data.txt", "some data", "other data"))
edit(
    "declaration taken away",
    "Wide",
    (S, '_task_depends_on = [helpers.by_name, "data.txt"]', "_task_depends_on = [helpers.by_name]"),
)
edit("slots of the root", "Main", (S, "Wide, Untracked, Nested]", "Wide, Untracked, Nested, Direct]"))
edit("name that means another function", "Renamed Main", (S, "import decorated as deco", "import inner as deco"))
edit("name that means another module's function", "Direct Main", (S, "helpers.normalize(10)", "pkg.ops.area(10)"))

# What does not count.
edit("comment", "", (H, "# from each", "# from every one"), (S, "CONFIG = Config()", "CONFIG = Config()  # theirs"))
edit("docstring", "", (H, "Subtract the base.", "Take the base away."), (S, "Use a module's function.", "Use one."))
edit(
    "layout",
    "",
    (H, "return x - base(x)", "return (\n        x\n        - base(x)\n    )"),
    (S, "CONFIG = Config()", "\n\nCONFIG = Config()\n\n"),
)
edit("annotation", "", (H, "def normalize(x):", "def normalize(x: int) -> int:"), (H, "base(x: int)", "base(x)"))
edit("quotes", "", (S, 'TABLE["add"](1, 2)', "TABLE['add'](1, 2) "))
edit("what is not used", "", (H, "UNUSED = 1", "UNUSED = 2"))
edit(
    "what is not used of a package",
    "",
    (OPS, "def other(x):\n    return x", "def other(x):\n    return 2 * x"),
    (C, "OTHER = 5", "OTHER = 6"),
)
edit("setting", "", (S, "_task_compress_level = 1", "_task_compress_level = 2\n    _task_channel = 'disk'"))
edit("setting of an instance", "", (S, "self._task_compress_level += 1", "self._task_compress_level += 2"))
edit("settings at once", "", (S, '_task_resources = "a", {"cpus": 3}', '_task_resources = "b", {"cpus": 4}'))
edit("order of definitions", "", (S, "class Direct(Task)", "class Lone(Task):\n    pass\n\n\nclass Direct(Task)"))
edit("order of a dict's entries that means nothing", "Constants", (H, '{"a": 1, "b": [1, 2]}', '{"b": [1, 2], "a": 1}'))
edit("way to write a constant", "", (H, '{"x", "y"}', '{"y", "x"}'))
edit("untracked helper", "", (H, "def report(text):\n    return None", "def report(text):\n    return 1"))
edit("helper of another file, the same", "", (S, "import helpers\n", "import helpers\nimport helpers as also\n"))
edit(
    "way to import",
    "",
    (
        S,
        "from helpers import PATTERN, TABLE, even, triple",
        "from helpers import even, triple, TABLE\nfrom helpers import PATTERN",
    ),
)


def batches(edits: list[Edit], files: dict[str, str]) -> list[list[Edit]]:
    """The edits, those together that can be made at once and concern different tasks: it saves runs."""
    made: list[Batch] = []
    for each in edits:
        batch = next((batch for batch in made if batch.takes(each, files)), None)
        if batch is None:
            batch = Batch([], set(), {**files})
            made.append(batch)
        batch.edits.append(each)
        batch.runs.update(each.runs - {"Main"})
        for name, old, new in each.changes:
            batch.texts[name] = batch.texts[name].replace(old, new)
    return [batch.edits for batch in made]


@dataclass
class Batch:
    """Edits that are made at once: what they concern, and the files that they leave."""

    edits: list[Edit]
    runs: set[str]
    texts: dict[str, str]

    def takes(self, edit: Edit, files: dict[str, str]) -> bool:
        """Whether an edit finds what it changes as it was, and concerns other tasks."""
        found = all(self.texts[name].count(old) == files[name].count(old) > 0 for name, old, _ in edit.changes)
        return found and self.runs.isdisjoint(edit.runs - {"Main"})


BATCHES = batches(EDITS, FILES)


def _batches_of(made: dict[str, Any]) -> list[list[Edit]]:
    edits = [Edit(name, changes, frozenset(runs.split())) for name, (runs, changes) in made["EDITS"].items()]
    return batches(edits, made["FILES"])


REACHED_BATCHES, WOVEN_BATCHES = _batches_of(REACHED), _batches_of(WOVEN)


@pytest.mark.parametrize("batch", BATCHES, ids=[batch[0].name for batch in BATCHES])
def test_edits_run_exactly_what_they_concern(project: Project, batch: list[Edit]) -> None:
    for case in batch:
        for name, old, new in case.changes:
            project.edit(name, (old, new))
    value, ran = project.run()
    assert ran == frozenset[str]().union(*[case.runs for case in batch])
    assert value == project.by_hand()


@pytest.mark.parametrize("number", range(len(REACHED_BATCHES)))
def test_edits_of_what_is_reached_in_uncommon_ways(tmp_path: Path, reached: Path, number: int) -> None:
    _check(REACHED, reached, REACHED_BATCHES[number], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(WOVEN_BATCHES)))
def test_edits_of_what_is_woven_together(tmp_path: Path, woven: Path, number: int) -> None:
    _check(WOVEN, woven, WOVEN_BATCHES[number], tmp_path)


def _check(made: dict[str, Any], finished: Path, batch: list[Edit], folder: Path) -> None:
    before = (finished / "value").read_text()
    shutil.copytree(finished / "cache", folder / "cache")
    project = Project(folder, made["FILES"])
    for case in batch:
        for name, old, new in case.changes:
            project.edit(name, (old, new))
    value, ran = project.run()
    assert value == project.by_hand()
    expected = frozenset[str]().union(*[case.runs for case in batch])
    assert ran - made["BLIND"] == expected | ({"Main"} if value != before else set())


@pytest.mark.parametrize("name", HIDDEN)
def test_edits_of_what_names_do_not_tell_run_what_they_concern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    files, (file, old, new) = HIDDEN[name]
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path, files)
    before, _ = project.run()
    assert project.run() == (before, set())
    project.edit(file, (old, new))
    value, ran = project.run()
    assert value == project.by_hand() != before
    assert ran == {"Main"}


@pytest.mark.parametrize("name", SPARED)
def test_edits_beside_what_names_do_not_tell_run_nothing(tmp_path: Path, name: str) -> None:
    files, (file, old, new) = SPARED[name]
    project = Project(tmp_path, files)
    before, _ = project.run()
    project.edit(file, (old, new))
    assert project.run() == (before, set())


RUNNING = """
import sys
from taskproc import Cache, Task
class Main(Task):
    def run_task(self):
        BODY
if __name__ == "__main__":
    with Cache(sys.argv[1]): main = Main()
    print(main.run_graph(executor=None)[0])
"""


def test_asserts_that_are_left_out_count(python: Any, tmp_path: Path) -> None:
    body = "try: assert False; return 1\n        except AssertionError: return 2"
    (tmp_path / "study.py").write_text(RUNNING.replace("BODY", body))
    assert [python(*words, "study.py", "cache").stdout for words in ((), ("-O",), ())] == ["2\n", "1\n", "2\n"]


@pytest.mark.skipif(not (shutil.which("gcc") and INCLUDED.is_file()), reason="there is no C compiler")
def test_a_compiled_module_counts_by_its_file(python: Any, tmp_path: Path) -> None:
    def build(number: int) -> None:
        code = EXTENSION.replace("NUMBER", str(number))
        command = ["gcc", "-shared", "-fPIC", f"-I{INCLUDED.parent}", "-x", "c", "-", "-o", str(tmp_path / "new")]
        subprocess.run(command, input=code, text=True, check=True)
        (tmp_path / "new").rename(tmp_path / "compiled.so")

    (tmp_path / "study.py").write_text("import compiled" + RUNNING.replace("BODY", "return compiled.f()"))
    build(1)
    assert python("study.py", "cache").stdout == "1\n"
    build(2)
    assert python("study.py", "cache").stdout == "2\n"


def test_what_has_run_does_not_run_again(project: Project) -> None:
    value, ran = project.run()
    assert ran == set()
    assert project.run(force="all")[0] == value
    assert project.run() == (value, set())


# Edits that take several files, or several steps.


def test_a_helper_that_moves_to_another_file_runs_nothing(project: Project) -> None:
    project.edit(H, ("def base(x: int):\n    return 1\n", "from moved import base\n"))
    project.write("moved.py", "def base(x: int):\n    return 1\n")
    assert project.run()[1] == set()
    project.edit("moved.py", ("return 1", "return 2"))
    assert project.run()[1] == {"Direct", "Main"}


def test_a_task_s_helpers_moved_to_another_module_run_what_names_them_otherwise(project: Project) -> None:
    project.write("moved.py", (project.folder / H).read_text())
    project.edit(
        S,
        ("return helpers.normalize(10)", "return moved.normalize(10)"),
        ("import helpers\n", "import helpers\nimport moved\n"),
    )
    assert project.run()[1] == {"Direct"}


def test_a_renamed_helper_runs_what_calls_it(project: Project) -> None:
    project.edit(H, ("base(", "basis("))
    assert project.run()[1] == {"Direct"}


def test_a_renamed_task_runs_and_what_reads_it_takes_the_new_one(project: Project) -> None:
    before, _ = project.run()
    project.edit(S, ("class Direct(", "class Straight("), ("[Direct,", "[Straight,"))
    assert project.run() == (before, {"Straight", "Main"})


def test_a_new_module_level_name_hides_a_builtin(project: Project) -> None:
    project.edit(S, ("CONFIG = Config()", "CONFIG = Config()\n\n\ndef sum(values):\n    return 0\n"))
    assert project.run()[1] == {"Nested", "Main"}


def test_code_that_went_and_came_back_before_a_run_runs_nothing(project: Project) -> None:
    project.edit(H, ("return 1", "return 2"))
    assert not make_plan(project.node(), Options()).is_done
    project.edit(H, ("return 2", "return 1"))
    project.edit(H, ("def factor():\n    return 1", "def factor():\n    return 2"))
    assert project.run()[1] == set()


def test_code_that_went_ran_and_came_back_runs_again(project: Project) -> None:
    before, _ = project.run()
    project.edit(H, ("x - base(x)", "x + base(x)"))
    assert project.run()[1] == {"Direct", "Main"}
    project.edit(H, ("x + base(x)", "x - base(x)"))
    assert project.run() == (before, {"Direct", "Main"})


def test_code_that_failed_and_came_back_runs_nothing(project: Project) -> None:
    before, _ = project.run()
    project.edit(H, ("x - base(x)", "x / 0"))
    with pytest.raises(FailedTaskError):
        project.run()
    with pytest.raises(FailedTaskError):
        project.run()
    project.edit(H, ("x / 0", "x - base(x)"))
    assert project.run() == (before, set())


def test_an_upstream_s_code_that_went_and_came_back_spares_who_never_read_the_other(project: Project) -> None:
    before, _ = project.run()
    project.edit(S, ("Point(1, 2)", "Point(5, 6)"))
    assert project.run("Make()")[1] == {"Make"}
    project.edit(S, ("Point(5, 6)", "Point(1, 2)"))
    assert project.run() == (before, {"Make"})


def test_code_is_trusted_where_that_is_asked(project: Project) -> None:
    before, _ = project.run()
    project.edit(H, ("x - base(x)", "x + base(x)"))
    assert project.run(detect_source_change=False) == (before, set())
    assert project.run()[1] == {"Direct", "Main"}


def test_what_can_t_be_seen_counts_as_a_whole(project: Project) -> None:
    project.run("Blind()")
    project.edit(H, ("def unused(x):\n    return x", "def unused(x):\n    return x + 1"))
    assert project.run("Blind()") == (2, {"Blind"})


HOLDING = """
from typing import Any
from taskproc import Requires, Task
def helper(): return 5
class Held(Task):
    def __init__(self): self.n = 10
    def run_task(self) -> Any: return RESULT
    def plus(self, x): return self.deep(x) + x + self.n
    def deep(self, x): return helper()
    @property
    def seven(self): return 7
class Main(Task):
    held: Requires[Any]
    def __init__(self): self.held = Held()
    def run_task(self): return USE
"""


@pytest.mark.parametrize(
    ("result", "use"),
    [
        ("self", "self.held.plus(1) + self.held.seven"),
        ("[self]", "self.held[0].plus(1) + self.held[0].seven"),
        ("{self: 1}", "sum(held.plus(1) + held.seven for held in self.held)"),
        ("lambda x: self.plus(x) + self.seven", "self.held(1)"),
        ("self.plus, self", "self.held[0](1) + self.held[1].seven"),
    ],
)
def test_a_result_that_holds_its_task_changes_with_what_that_does(tmp_path: Path, result: str, use: str) -> None:
    project = Project(tmp_path, {"study.py": HOLDING.replace("RESULT", result).replace("USE", use)})
    assert project.run() == (23, {"Held", "Main"})
    assert project.run() == (23, set())
    for change in (
        ("return helper()", "return 2 * helper()"),
        ("return 5", "return 6"),
        ("n = 10", "n = 20"),
        ("7", "8"),
    ):
        project.edit("study.py", change)
        assert project.run() == (project.by_hand(), {"Held", "Main"})


NAMELESS = """
from collections import namedtuple
from functools import cache
from taskproc import Requires, Task
double = lambda x: 2 * x
triple = double
@cache
def cached(x): return x + 2
def by(n): return 1 * n
class Make(Task):
    def run_task(self): return RESULT
class Main(Task):
    made: Requires[object]
    def __init__(self): self.made = Make()
    def run_task(self): return USE
"""


@pytest.mark.parametrize(
    ("result", "use", "change"),
    [
        ("triple", "self.made(2)", ("2 * x", "3 * x")),
        ("cached", "self.made(2)", ("x + 2", "x + 3")),
        ("namedtuple('Row', 'x')(by(4))", "self.made.x", ("1 * n", "2 * n")),
        ("type('Made', (), {'go': lambda self: by(4)})()", "self.made.go()", ("1 * n", "2 * n")),
    ],
)
def test_a_result_with_code_that_no_name_leads_to_is_made_once(
    tmp_path: Path, result: str, use: str, change: tuple[str, str]
) -> None:
    project = Project(tmp_path, {"study.py": NAMELESS.replace("RESULT", result).replace("USE", use)})
    value, ran = project.run()
    assert (value, ran) == (4, {"Make", "Main"})
    assert project.run() == (4, set())
    project.edit("study.py", change)
    assert project.run() == (project.by_hand(), {"Make", "Main"})


@pytest.mark.parametrize("executor", ["serial", "thread", "process"])
@pytest.mark.parametrize("when", ["Planned", "Started", "Finished"])
def test_code_that_is_edited_while_it_runs_leaves_nothing_stale(project: Project, executor: str, when: str) -> None:
    """Whatever code a task ran in the end, its result is never taken for that of other code."""
    project.edit(H, ("x - base(x)", "x + base(x)"))
    edits = [("x + base(x)", "x * base(x)")]

    def listener(event: Any) -> None:
        if edits and type(event).__name__ == when:
            project.edit(H, edits.pop())

    with suppress(FailedTaskError):
        project.run(listener=listener, executor=executor, force="all")
    assert not edits
    value, _ = project.run()
    assert value == project.by_hand()
    project.edit(H, ("x * base(x)", "x + base(x)"))
    value, _ = project.run()
    assert value == project.by_hand()


@pytest.mark.parametrize(
    ("file", "old", "new"), [("pkg/consts.py", "SCALE = 2", "SCALE = 3"), ("data.txt", "some", "an")]
)
def test_a_constant_or_file_that_is_edited_before_a_worker_reads_it_leaves_nothing_stale(
    project: Project, file: str, old: str, new: str
) -> None:
    edits = [(old, new)]

    def listener(event: Any) -> None:
        if edits and type(event).__name__ == "Planned":
            project.edit(file, edits.pop())

    before, _ = project.run()
    with suppress(FailedTaskError):
        project.run(listener=listener, executor="process", force="all")
    project.edit(file, (new, old))
    assert project.run()[0] == before


GIVEN = """
from enum import Enum

class Mode(Enum):
    A = 1
    def value_of(self):
        return 10

def value_of():
    return 10

class Made:
    def value_of(self):
        return 10
"""

USING = """
class Edit(Task):
    def run_task(self):
        path = HERE / 'given_code.py'
        path.write_text(path.read_text().replace('10', '99'))

class Make(Task):
    def run_task(self):
        from given_code import Made
        return Made()

class Use(Task):
    edited: Requires[None]
    what: Requires[Any]
    def __init__(self, mode, what):
        self.edited, self.mode, self.what = Edit(), mode, what
    def run_task(self):
        what = self.mode or self.what
        return what() if callable(what) else what.value_of()
"""


@pytest.mark.parametrize(
    ("first", "text"),
    [
        ("Edit()", "Use(given_code.Mode.A, Const(0))"),
        ("Edit()", "Use(None, Const(given_code.value_of))"),
        ("Make()", "Use(None, Make())"),
    ],
)
def test_code_that_only_values_refer_to_is_not_run_in_another_version(
    flow: Any, monkeypatch: pytest.MonkeyPatch, first: str, text: str
) -> None:
    monkeypatch.delitem(sys.modules, "given_code", raising=False)
    (flow.folder / "given_code.py").write_text(GIVEN)
    flow.write(USING)
    flow.run(first)
    (flow.folder / "given_code.py").write_text(GIVEN)
    flow.module.given_code = importlib.import_module("given_code")
    flow.task("Edit()").clear_task()
    with pytest.raises(FailedTaskError, match=r"given_code\.py is not what was loaded"):
        flow.run(text, executor="process")
    (flow.folder / "given_code.py").write_text(GIVEN)
    assert flow.run(text, executor="process").value == 10
