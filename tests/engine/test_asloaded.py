"""Code that is loaded may not be what its file says any more: workers, which import the file, must not run another."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from taskproc.source import Sources

HELPER = """
RATE = 1
TABLE = {}

def entry(function):
    TABLE[function.__name__] = function
    return function

@entry
def three(): return 3

def other(): return 0
"""

TASKS = """
import helper
from taskproc import Task

class Rate(Task):
    def run_task(self): return helper.RATE

class Three(Task):
    def run_task(self): return helper.TABLE["three"]()

class Other(Task):
    def run_task(self): return helper.other()
"""

SCRIPT = """
import sys
from pathlib import Path
import helper, tasks
from taskproc import Cache, FailedTaskError

path = Path("helper.py")
text = path.read_text()

def run():
    for cls in (tasks.Rate, tasks.Three):
        with Cache("cache"):
            cls.clear_all_tasks()
            try:
                print(cls().run_graph(max_workers=1)[0])
            except FailedTaskError as error:
                print("refused" if "is not what was loaded for it" in str(error) else error)

run()
helper.RATE = 5
run()
helper.RATE = 1
path.write_text(text.replace("return 0", "return 100"))
run()
path.write_text(text.replace("return 3", "return 3000"))
run()
"""


def test_what_is_not_as_loaded_is_refused_where_it_matters(tmp_path: Path, python: Any) -> None:
    for name, text in (("helper", HELPER), ("tasks", TASKS), ("script", SCRIPT)):
        (tmp_path / f"{name}.py").write_text(text)
    said = python("script.py").stdout.split()
    assert said[:2] == ["1", "3"]
    assert said[2:4] == ["refused", "3"]  # a value was set
    assert said[4:6] == ["1", "3"]  # an edit that concerns neither
    assert said[6:8] == ["1", "refused"]


CONFIGS = """
from dataclasses import dataclass

@dataclass
class Lazy:
    n: int = 1
    def value(self):
        import helper
        return self.n + helper.other()
"""

HELD = """
from dataclasses import dataclass
from pathlib import Path
import helper
from configs import Lazy
from taskproc import Cache, Const, FailedTaskError, Requires, Task

@dataclass
class Plain:
    n: int = 1
    def value(self): return self.n

class Calls(Plain):
    def value(self): return self.n + helper.other()

class Reads(Plain):
    def value(self): return self.n + helper.RATE

class Argument(Task):
    def __init__(self, held): self.held = held
    def run_task(self): return self.held.value()

class Make(Task):
    def __init__(self, kind, n): self.kind, self.n = kind, n
    def run_task(self): return {each.__name__: each for each in (Plain, Calls, Reads, Lazy)}[self.kind](self.n)

class Result(Task):
    held: Requires[object]
    def __init__(self, kind, n): self.held = Make(kind, n)
    def run_task(self): return self.held.value()

def run(made):
    with Cache("cache"):
        try:
            print(made().run_graph(max_workers=1)[0])
        except FailedTaskError as error:
            print("refused" if "is not what was loaded for it" in str(error) else error)

kinds = [Plain, Calls, Reads, Lazy]
with Cache("cache"):
    for kind in kinds: Make(kind.__name__, 1).run_graph()
path = Path("helper.py")
path.write_text("RATE = 100\\ndef other(): return RATE\\n")
for kind in kinds:
    run(lambda: Argument(kind(1)))
    run(lambda: Result(kind.__name__, 1))
"""


def test_what_a_value_of_a_task_reaches_must_be_as_loaded_too(tmp_path: Path, python: Any) -> None:
    helper = "RATE = 1\ndef other(): return RATE\n"
    for name, text in (("helper", helper), ("configs", CONFIGS), ("script", HELD)):
        (tmp_path / f"{name}.py").write_text(text)
    said = python("script.py").stdout.split("\n")
    assert said[:2] == ["1"] * 2
    assert said[2:8] == ["refused"] * 6


CHAIN = """
from pathlib import Path
from taskproc import Const, Future, Requires, Task

class Step(Task):
    up: Requires[object]
    def __init__(self, up: Future[object], n: int = 0): self.up, self.n = up, n

class Lazy(Step):
    def run_task(self):
        if self.n:
            import helper
            return helper.other()

class Edit(Step):
    def run_task(self): Path("helper.py").write_text("def other(): return 100\\ndef same(): return 0\\n")

class Same(Step):
    def run_task(self):
        import helper
        return helper.same()

class Main(Step):
    def __init__(self): self.up = Lazy(Same(Edit(Lazy(Const(None)))), 1)
    def run_task(self): return self.up
"""


def test_what_another_task_has_imported_meanwhile_must_be_as_loaded_too(tmp_path: Path, taskproc: Any) -> None:
    (tmp_path / "helper.py").write_text("def other(): return 1\ndef same(): return 0\n")
    (tmp_path / "taskfile.py").write_text(CHAIN)
    done = taskproc("run", "-j", "1", check=False)
    assert re.search(r"Lazy\(up=Same\(…\), n=1\) failed: .*helper\.py is not what was loaded for it", done.stderr)


USED = """
import os
import re
from pathlib import Path
from taskproc import Const, Future, Requires, RequiresList, Task

class Slow(Task):
    def run_task(self):
        if "EDIT" in os.environ: Path("helper.py").write_text("def other(): return 100\\n")
        return os.urandom(3)

class Use(Task):
    slow: Requires[bytes]
    held: Requires[object]
    def __init__(self, held: Future[object]): self.slow, self.held = Slow(), held
    def run_task(self):
        print("printed")
        return self.held.value() if hasattr(self.held, "value") else self.held

class Several(Task):
    uses: RequiresList[object]
    def __init__(self, uses: list[Future[object]]): self.uses = uses
    def run_task(self): return self.uses
"""

USING = """
import os, sys, tasks
from configs import Lazy
from taskproc import Cache, Const

os.environ.update(dict.fromkeys(sys.argv[1:], "1"))
with Cache("cache"):
    several = tasks.Several([tasks.Use(Const(held)) for held in (2, Lazy(3), 4)])
    if "EDIT" in os.environ: tasks.Slow().clear_task()
try: print(several.run_graph(max_workers=1, keep_going=True)[0])
except ExceptionGroup as group: print([str(error).partition(" failed: taskfile changed")[0] for error in group.args[1]])
"""


def test_what_only_a_value_leads_to_must_be_as_loaded_and_fails_no_other_task(tmp_path: Path, python: Any) -> None:
    for name, text in (("configs", CONFIGS), ("tasks", USED), ("script", USING)):
        (tmp_path / f"{name}.py").write_text(text)
    for words, said in (((), "[2, 3, 4]"), (("EDIT",), "['Use(held=Const(Lazy(n=3)))']"), ((), "[2, 3, 4]")):
        (tmp_path / "helper.py").write_text("def other(): return 0\n")
        assert python("-B", "script.py", *words).stdout == f"{said}\n"
        assert len([*tmp_path.glob("cache/tasks.Use/*/*/stdout.txt")]) == 3  # nothing is left of what was refused


RELOADED = """
import importlib
from pathlib import Path
import helper, tasks
from taskproc import Cache, FailedTaskError

path = Path("helper.py")

def run():
    with Cache("cache"):
        try:
            print(tasks.Other().run_graph(max_workers=1)[0] == helper.other())
        except FailedTaskError as error:
            print("refused" if "is not what was loaded for it" in str(error) else error)

run()
text = path.read_text()
path.write_text(text.replace("return 0", "return 22"))
importlib.reload(helper)
path.write_text(text.replace("return 0", "return 333"))
run()
path.write_text(text.replace("return 0", "return 22"))
run()
"""


def test_a_module_that_is_loaded_again_is_not_taken_for_its_file(tmp_path: Path, python: Any) -> None:
    for name, text in (("helper", HELPER), ("tasks", TASKS), ("script", RELOADED)):
        (tmp_path / f"{name}.py").write_text(text)
    assert python("-B", "script.py").stdout.split() == ["True", "refused", "True"]


RENEWED = """
import os
import re
from itertools import count
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
path, times = Path("edited.py"), count(2_000_000_000)
text = '''
from taskproc import Task
RATE = 2
def scale(x): return x * RATE
class Scaled(Task):
    offset = 1
    def __init__(self, x: int): self.x = x
    def run_task(self): return scale(self.x) + self.offset
'''

def write():
    path.write_text(text)
    os.utime(path, (next(times),) * 2)

def run():
    shell.run_cell("with Cache('cache'): print(Scaled(3).run_graph(max_workers=1)[0])").raise_error()

def edit(old, new):
    global text
    text = text.replace(old, new)
    write()
    run()

write()
shell.run_cell("%load_ext autoreload\\n%autoreload 2").raise_error()
shell.run_cell("from taskproc import Cache; from edited import Scaled").raise_error()
run()
edit("scale(self.x) +", "scale(self.x) + 100 +")  # a method
edit("return x * RATE", "return x * RATE + 1000")  # a function
edit("offset = 1", "offset = 2")
edit("    offset", "    def more(self): return 10000\\n    offset")  # a new method
edit("100 +", "self.more() +")
edit("def scale", "def twice(x): return 2 * x\\ndef scale")  # a new function
edit("x * RATE", "twice(x) * RATE")
edit("self.x = x", "self.x = -x")
"""


def test_what_autoreload_has_renewed_is_what_its_file_says(tmp_path: Path, python: Any) -> None:
    (tmp_path / "script.py").write_text(RENEWED)
    said = [line for line in python("-B", "script.py").stdout.splitlines() if line.lstrip("-").isdigit()]
    assert [*map(int, said)] == [7, 107, 1107, 1108, 1108, 11008, 11008, 11014, 10990]


UNLOADED = """
import sys
import cmd, colorsys, fractions, wave
from pathlib import Path
from taskproc import Cache, FailedTaskError, Task

class First(Task):
    pass

for name in ("cmd", "colorsys", "fractions", "wave"):
    del sys.modules[name]
import tasks
path = Path("helper.py")
path.write_text(path.read_text().replace("return 0", "return 22"))
with Cache("cache"):
    try:
        print(tasks.Other().run_graph(max_workers=1)[0])
    except FailedTaskError as error:
        print("refused" if "is not what was loaded for it" in str(error) else error)
"""


def test_modules_that_are_loaded_after_others_were_unloaded_are_known_as_loaded(tmp_path: Path, python: Any) -> None:
    for name, text in (("helper", HELPER), ("tasks", TASKS), ("script", UNLOADED)):
        (tmp_path / f"{name}.py").write_text(text)
    assert python("-B", "script.py").stdout.split() == ["refused"]


SET = """
import time
from functools import cached_property
from types import SimpleNamespace
from taskproc import Task, untracked

def fetch(): return "real"

class Config:
    def __init__(self): self.steps = {"first": 1}

config, names, START = Config(), SimpleNamespace(seed=1), time.time()
calls, made = [], 0

class Train(Task):
    epochs = 1
    made = 0
    options = dict(depth=1)
    def __init__(self):
        global made
        made += 1
        Train.made += 1
        calls.append(made)
    def rate(self): return 0.5
    def run_task(self): return [self.epochs, fetch(), self.rate()]

@untracked
class Log:
    def __init__(self): self.lines = []
    def write(self, line): self.lines.append(line)

log = Log()

class Helper:
    @property
    def one(self): return 1
    @cached_property
    def two(self): return 2
    @classmethod
    def make(cls): return cls()

helper = Helper()

class Later(Task):
    def __init__(self):
        self.two = helper.two
        log.write("made")
    def run_task(self):
        log.write("runs")
        return [START < 0, Helper.make().one, helper.two]

class Configured(Task):
    rates = dict(first=1)
    def run_task(self): return [config.steps, names.seed, Train.options, below.seed, self.rates]

below = SimpleNamespace(seed=1)
"""


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("base.Train.epochs = 99", [99, "real", 0.5]),
        ("base.fetch = lambda: 'fake'", [1, "fake", 0.5]),
        ("base.Train.rate = lambda self: 9", [1, "real", 9]),
        ("base.Train.run_task = lambda self: 3", 3),
    ],
)
def test_what_is_set_elsewhere_is_never_recorded_as_what_a_worker_ran(
    tmp_path: Path, python: Any, change: str, value: object
) -> None:
    assert ran(tmp_path, python, "Train", change) == ["True", str(value)]


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("base.config.steps['first'] = 2", [{"first": 2}, 1, {"depth": 1}, 1, {"first": 1}]),
        ("base.config.steps = 3", [3, 1, {"depth": 1}, 1, {"first": 1}]),
        ("base.config = type(base.config)(); base.config.steps = 4", [4, 1, {"depth": 1}, 1, {"first": 1}]),
        ("base.names.seed = 2", [{"first": 1}, 2, {"depth": 1}, 1, {"first": 1}]),
        ("base.Train.options['depth'] = 2", [{"first": 1}, 1, {"depth": 2}, 1, {"first": 1}]),
        ("base.below.seed = 2", [{"first": 1}, 1, {"depth": 1}, 2, {"first": 1}]),
        ("base.Configured.rates['first'] = 2", [{"first": 1}, 1, {"depth": 1}, 1, {"first": 2}]),
    ],
)
def test_what_an_object_holds_is_as_loaded_or_refused(tmp_path: Path, python: Any, change: str, value: object) -> None:
    assert ran(tmp_path, python, "Configured", change) == ["True", str(value)]


@pytest.mark.parametrize(
    ("task", "change", "value"),
    [
        ("Train", "", [1, "real", 0.5]),  # what its `__init__` counts is nothing that a worker reads
        ("Configured", "base.Train(); base.unused = 2", [{"first": 1}, 1, {"depth": 1}, 1, {"first": 1}]),
        ("Later", "", [False, 1, 2]),  # a value that each process has its own of
    ],
)
def test_what_no_worker_reads_may_be_set(tmp_path: Path, python: Any, task: str, change: str, value: object) -> None:
    assert ran(tmp_path, python, task, change) == [str(value)] * 2


def ran(folder: Path, python: Any, task: str, change: str) -> list[str]:
    """What a script prints that sets something in the module `base`, and runs a task in a worker, then by itself."""
    (folder / "base.py").write_text(SET)
    (folder / "script.py").write_text(
        f"import base\nfrom taskproc import Cache, FailedTaskError\n"
        f"with Cache('cache'):\n    {change or 'pass'}\n    task = base.{task}()\n"
        "try: print(task.run_graph()[0])\n"
        "except FailedTaskError as error: print('is not what was loaded for it' in str(error))\n"
        "print(task.run_graph(force_interactive=True)[0])\n"
    )
    lines: list[str] = python("script.py").stdout.splitlines()
    return lines


REGISTRY = """
from taskproc import Task

TABLE = {}
SETTINGS = {"rate": 1}

class Apply(Task):
    def __init__(self, name: str): self.name = name
    def run_task(self): return TABLE[self.name]() * SETTINGS["rate"]
"""

REGISTERS = """
import base
from taskproc import Requires, Task

base.SETTINGS["rate"] = 10
base.TABLE["mine"] = lambda: 7

class Main(Task):
    value: Requires[int]
    def __init__(self): self.value = base.Apply("mine")
    def run_task(self): return self.value
"""


def test_what_the_requested_tasks_module_sets_is_set_in_workers(tmp_path: Path, taskproc: Any) -> None:
    (tmp_path / "base.py").write_text(REGISTRY)
    (tmp_path / "taskfile.py").write_text(REGISTERS)
    assert taskproc("run").stdout == "70\n"
    assert "2 reused" in taskproc("run", "-x", "serial").stderr


def test_what_a_refusal_is_about_is_named(tmp_path: Path, python: Any) -> None:
    (tmp_path / "base.py").write_text(SET)
    script = (
        "import base\nfrom taskproc import Cache, Task\nbase.config.steps = 3\n"
        "class ByValue(Task):\n    def run_task(self): return base.config.steps\n"
        "with Cache('cache'):\n    for task in (base.Configured(), ByValue()):\n"
        "        try: task.run_graph()\n        except Exception as error: print(error)\n"
    )
    said = python("-c", script).stdout
    assert said.count("its config was set, or modified); give the value as an argument or,") == 2


ODD = """
import sys
from taskproc import Task

class Bare:
    __slots__ = ("__file__", "__name__")

sys.modules["bare"] = bare = Bare()
bare.__file__, bare.__name__ = __file__, "bare"

class Meta(type):
    def __getattribute__(cls, name):
        if name == "__module__": raise SystemError
        return super().__getattribute__(name)

class Proxy:
    def __getattr__(self, name): sys.exit(name)
    __class__ = property(lambda self: sys.exit("class"))

class Odd(metaclass=Meta):
    proxy = Proxy()

proxy = Proxy()

class Main(Task):
    def run_task(self): return 1
"""


def test_what_objects_do_when_they_are_looked_at_does_not_end_an_import(tmp_path: Path, python: Any) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    assert python("-c", "import odd; print(odd.Main.task_name, odd.__spec__)").stdout.startswith("odd.Main ModuleSpec(")


def test_a_base_that_is_asked_for_its_subclasses_has_the_same_in_workers(
    tmp_path: Path, python: Any, taskproc: Any
) -> None:
    (tmp_path / "base.py").write_text(
        "from taskproc import Task\nclass Base: ...\nclass Main(Task):\n"
        "    def run_task(self): return [derived.v for derived in Base.__subclasses__()]\n"
    )
    (tmp_path / "plug.py").write_text("import base\nclass Plug(base.Base):\n    v = 9\n")
    (tmp_path / "all.py").write_text("import plug\nfrom base import Main\n")
    script = (
        "import base, plug\nfrom taskproc import Cache\nwith Cache('cache'): task = base.Main()\n"
        "try: print(task.run_graph()[0])\nexcept Exception as error: print('__subclasses__()' in str(error))\n"
    )
    assert python("-c", script).stdout == "True\n"
    assert taskproc("run", "all.py", "Main").stdout == "[9]\n"
    assert taskproc("run", "base.py", "Main").stdout == "[]\n"


MADE = """
import sys
from typing import NamedTuple

from taskproc import Task

TABLE = {}

def entry(function):
    TABLE[function.__name__] = function
    return function

@entry
def three(): return 3

class Point(NamedTuple):
    x: int = 1

class Base:
    def __new__(cls): return super().__new__(cls)
    def __init_subclass__(cls): cls.made = 1
    def __class_getitem__(cls, item): return item

class Derived(Base): ...

class Own(Task):
    def run_task(self): return sys.modules[__name__].TABLE["three"]()

if __name__ == "__main__":
    ...
"""

MAKES = """
import functools
from pathlib import Path
import made
from taskproc import Cache, Task

class ByValue(Task):
    second, first = 2, 1
    place: Path

    def __init__(self): self.place = Path("here")

    @functools.cached_property
    def three(self): return 3

    @functools.lru_cache
    def four(self): return 4

    def run_task(self): return made.TABLE["three"]() + made.Derived().made + self.three

if __name__ == "__main__":
    with Cache("cache"):
        print(ByValue().run_graph(max_workers=1)[0], made.Own().run_graph(max_workers=1)[0])
"""


def test_a_script_is_refused_nothing_that_only_its_making_names(tmp_path: Path, python: Any) -> None:
    """A table that is filled has workers compare all; they have no names that only a class's body has.

    Nor do they take a name for one of the body's that `__init__` has too.
    """
    (tmp_path / "made.py").write_text(MADE)
    (tmp_path / "script.py").write_text(MAKES)
    assert python("script.py").stdout == "7 3\n"


def test_what_python_makes_of_a_class_is_not_set_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made.py").write_text(MADE)
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("made")
    sources = Sources()
    for name in ("Point.x", "Base.__new__", "Base.__init_subclass__", "Base.__class_getitem__"):
        owner, _, member = name.partition(".")
        sources.compare("made", f"made:{name}", vars(getattr(made, owner))[member])
    assert sources.rebound == {}


TRAVELS = """
import sys
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
import helper
from helper import RATE as HELD, other
from pydantic import BaseModel
from taskproc import Task
from taskproc.fingerprint import Fingerprinter

OWN = 5

class Member(Enum):
    A = 1
@dataclass
class Data:
    n: int = HELD
    member: Member = Member.A
    def value(self): return self.n * OWN * HELD
class Model(BaseModel):
    n: int = 1
class Row(NamedTuple):
    n: int = 1
class Derived(Data):
    def members(self): return list(Member)
def function(x): return x + OWN

class Reads:
    def value(self): return helper.RATE
class Imports:
    def value(self):
        from helper import RATE
        return RATE
class Calls:
    value = staticmethod(other)
class Holds:
    module = helper
class Names:
    def value(self, name): return getattr(helper, name)
class Finds:
    def value(self): return sys.modules["helper"].RATE
class Evaluates:
    def value(self, text): return eval(text)
class Below(Reads):
    pass

codes = Fingerprinter(Task)
for each in (Member, Data, Model, Row, Derived, function): assert codes.travels(each), each
for each in (Reads, Imports, Calls, Holds, Names, Finds, Evaluates, Below, other): assert not codes.travels(each), each
"""


def test_what_workers_import_nothing_for_travels_whole(tmp_path: Path, python: Any) -> None:
    (tmp_path / "helper.py").write_text("RATE = 1\ndef other(): return RATE\n")
    (tmp_path / "script.py").write_text(TRAVELS)
    python("script.py")
