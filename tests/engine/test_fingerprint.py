"""A matrix of edits: which change a task's fingerprint, and which must not."""

# ruff: noqa: E501, ISC004  edits are read best in one line
from __future__ import annotations

import functools
import importlib
import itertools
import json
import sys
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest import mock

import pytest

from taskproc import Task, fingerprint, source
from taskproc.fingerprint import CodePart, Fingerprint, Fingerprinter, untracked
from taskproc.reduction import reduce


class Base:
    """Stands for Task."""


_folders = itertools.count()


class Project:
    """Modules written to a folder and imported afresh, as a new process would."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._tmp_path = tmp_path
        self._monkeypatch = monkeypatch
        self.folder = tmp_path
        self._loaded: set[str] = set()

    def take(self, files: dict[str, str], target: str = "Main") -> Fingerprint:
        self.write(files)
        return Fingerprinter(Base).of(getattr(importlib.import_module("tasks"), target))

    def write(self, files: dict[str, str]) -> None:
        self.forget()
        self.folder = self._tmp_path / f"copy{next(_folders)}"
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        self._monkeypatch.syspath_prepend(str(self.folder))
        importlib.invalidate_caches()

    def forget(self) -> None:
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
            if str(file).startswith(str(self._tmp_path)):
                del sys.modules[name]
        if str(self.folder) in sys.path:
            sys.path.remove(str(self.folder))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "base", types.ModuleType("base"))
    sys.modules["base"].Base = Base  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(tmp_path, monkeypatch)
    yield made
    made.forget()


Taken = tuple[bytes, tuple[CodePart, ...]]


@pytest.fixture(scope="module")
def _taken() -> list[Taken]:
    return []


@pytest.fixture
def unedited(project: Project, _taken: list[Taken]) -> Taken:
    """The digest and the parts of the files as they are, which all edits are compared with: taken once."""
    if not _taken:
        fingerprint = project.take(FILES)
        _taken.append((fingerprint.digest, fingerprint.parts))
    return _taken[0]


TASKS = '''
    import dataclasses
    import enum
    import functools
    import re
    import threading
    from functools import partial
    from typing import NamedTuple

    import helpers
    import pkg.sub
    from base import Base
    from helpers import scale as rescale
    from helpers import FACTOR, Model, lonely
    from pkg import sub as under

    LIMIT = 10
    NAMES = {"a", "b"}
    WORD = re.compile("a+")
    LOCK = threading.Lock()
    GUARDED = (threading.Lock(), helpers.guard(3))

    def twice(number: int) -> int:
        """ Double it. """
        return number * 2  # by two

    def thrice(number):
        return number * 3

    def unrelated(number):
        return number

    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    def shout(factor):
        plus = 1
        def decorator(function):
            @functools.wraps(function)
            def wrapper(*args):
                return function(*args) * factor + plus
            return wrapper
        return decorator

    @shout(2)
    def decorated(number):
        return number + 5

    @functools.lru_cache(maxsize=None)
    def cached(number):
        return number + 6

    @functools.singledispatch
    def dispatched(value):
        return 1

    @dispatched.register
    def _(value: int):
        return 2

    def power(number, exponent):
        return number ** exponent

    square = partial(power, exponent=2)
    increment = lambda number: number + 1
    TABLE = {"twice": twice, "minus": lambda number: number - 1}

    def make(offset):
        def shifted(number):
            return number + offset
        return shifted

    shift = make(7)

    class Gear:
        teeth = 12
        def __init__(self, ratio):
            self.ratio = ratio
        def turn(self):
            return self.ratio * self.teeth + thrice(1)

    GEAR = Gear(3)

    @dataclasses.dataclass
    class Options:
        depth: int = 3
        def double(self) -> int:
            return self.depth * 2

    class Color(enum.Enum):
        RED = 1

    class Point(NamedTuple):
        x: int = 0

    def default_of(number, more=LIMIT + 1):
        return number + more

    class Mixin:
        def mixed(self):
            return 1

    class Parent(Mixin, Base):
        slot: int
        def inherited(self):
            return decorated(1)

    class Other(Base):
        RATE = 4
        def run_task(self):
            return 0
        @staticmethod
        def shared(number):
            return number + 8
        @classmethod
        def unused(cls):
            return 9

    class Main(Parent):
        """ What it is. """

        _task_channel = "cpu"
        _task_compress_level = 3
        size = 5

        def __init__(self, n: int):
            self.other = Other(n)
            self._task_prefix_command = "nice"

        def run_task(self) -> int:
            """ Run. """
            from late import delayed
            import later
            from pkg.deep import bottom
            from pkg import low
            import pkg.far.away as distant
            total: int = twice(3) + rescale(2) + helpers.shrink(9) + pkg.sub.down(1) + under.up(1)
            total += FACTOR + LIMIT + len(NAMES) + Other.RATE + Other.shared(1) + even(4)
            total += square(3) + increment(1) + TABLE["twice"](1) + shift(1) + GEAR.turn() + cached(1)
            total += Options().double() + Color.RED.value + Point().x + default_of(1) + Model().predict(1)
            total += sum(lonely(i) for i in range(3)) + dispatched(1) + GUARDED[1] + helpers.TABLE["a"]
            return total + delayed() + later.slow() + bottom() + low.rise() + distant.fly()

        @property
        def area(self):
            return self.size ** 2

        @functools.cached_property
        def volume(self):
            return self.size ** 3
'''

FILES = {
    "tasks.py": TASKS,
    "helpers.py": """
        from constants import BASE

        FACTOR = BASE * 2
        TABLE = {"a": 1}

        def scale(number):
            return _inner(number) * FACTOR

        def _inner(number):
            return number + 1

        def shrink(number):
            return number - 1

        def unreached():
            return 0

        def lonely(number):
            return number

        def guard(number):
            return number + 20

        class Layer:
            width = 3

        class Model:
            layer = Layer
            def predict(self, number):
                return number * self.layer.width
    """,
    "constants.py": "BASE = 3\nUNUSED = 4\n",
    "late.py": "def delayed():\n    return 1\n\ndef never():\n    return 2\n",
    "later.py": "def slow():\n    return quick()\n\ndef quick():\n    return 3\n\ndef never():\n    return 4\n",
    "pkg/__init__.py": "",
    "pkg/sub.py": """
        from .deep import bottom
        def down(number):
            return bottom() + number
        def up(number):
            return number + 1
        def aside():
            return 0
    """,
    "pkg/low.py": "def rise():\n    return 6\n\ndef sink():\n    return 7\n",
    "pkg/far/__init__.py": "",
    "pkg/far/away.py": "from ..low import rise\ndef fly():\n    from ..soon import land\n    return land()\n",
    "pkg/soon.py": "def land():\n    return 8\n\ndef crash():\n    return 9\n",
    "pkg/deep.py": "def bottom():\n    return 5\n",
}

Edit = tuple[str, str, str]

MUST_CHANGE: dict[str, Edit] = {
    "own method": ("tasks.py", "return total + delayed()", "return 1 + total + delayed()"),
    "own init": ("tasks.py", "self.other = Other(n)", "self.other = Other(n + 1)"),
    "own attribute": ("tasks.py", "size = 5", "size = 6"),
    "own property": ("tasks.py", "self.size ** 2", "self.size ** 4"),
    "own cached property": ("tasks.py", "self.size ** 3", "self.size ** 5"),
    "helper": ("tasks.py", "return number * 2", "return number * 4"),
    "helper's default": ("tasks.py", "more=LIMIT + 1", "more=LIMIT + 2"),
    "inherited method": ("tasks.py", "return decorated(1)", "return decorated(2)"),
    "mixin": ("tasks.py", "return 1\n\n    class Parent", "return 2\n\n    class Parent"),
    "bases": ("tasks.py", "class Main(Parent):", "class Main(Mixin, Base):"),
    "what an inherited method reaches": ("tasks.py", "return number + 5", "return number + 55"),
    "decorator's wrapper": ("tasks.py", "function(*args) * factor", "function(*args) + factor"),
    "decorator's argument": ("tasks.py", "@shout(2)", "@shout(3)"),
    "decorator's own computation": ("tasks.py", "plus = 1", "plus = 2"),
    "decorator taken off": ("tasks.py", "@shout(2)\n", "\n"),
    "function behind lru_cache": ("tasks.py", "return number + 6", "return number + 66"),
    "singledispatch implementation": ("tasks.py", "return 2\n\n    def power", "return 3\n\n    def power"),
    "function behind partial": ("tasks.py", "return number ** exponent", "return exponent ** number"),
    "argument of partial": ("tasks.py", "exponent=2", "exponent=3"),
    "lambda": ("tasks.py", "lambda number: number + 1", "lambda number: number + 2"),
    "table's lambda": ("tasks.py", "lambda number: number - 1", "lambda number: number - 2"),
    "table's keys": ("tasks.py", '"minus":', '"less":'),
    "closure's function": ("tasks.py", "return number + offset", "return number - offset"),
    "closure's value": ("tasks.py", "make(7)", "make(8)"),
    "method of an instance's class": ("tasks.py", "self.ratio * self.teeth", "self.ratio + self.teeth"),
    "attribute of an instance's class": ("tasks.py", "teeth = 12", "teeth = 13"),
    "attribute of an instance": ("tasks.py", "GEAR = Gear(3)", "GEAR = Gear(4)"),
    "what an instance's method reaches": ("tasks.py", "return number * 3", "return number * 33"),
    "dataclass default": ("tasks.py", "depth: int = 3", "depth: int = 4"),
    "dataclass annotation": ("tasks.py", "depth: int = 3", "depth: float = 3"),
    "dataclass method": ("tasks.py", "return self.depth * 2", "return self.depth * 3"),
    "enum value": ("tasks.py", "RED = 1", "RED = 2"),
    "named tuple default": ("tasks.py", "x: int = 0", "x: int = 1"),
    "constant": ("tasks.py", "LIMIT = 10", "LIMIT = 11"),
    "constant's type": ("tasks.py", "LIMIT = 10", "LIMIT = 10.0"),
    "constant set": ("tasks.py", '{"a", "b"}', '{"a", "c"}'),
    "mutual recursion": ("tasks.py", "n != 0 and even(n - 1)", "n > 0 and even(n - 1)"),
    "member of another task": ("tasks.py", "RATE = 4", "RATE = 5"),
    "function of another task": ("tasks.py", "return number + 8", "return number + 88"),
    "what a global that can't be encoded is made with": ("helpers.py", "return number + 20", "return number + 21"),
    "statement of a global that can't be encoded": ("tasks.py", "helpers.guard(3)", "helpers.guard(4)"),
    "imported helper": ("helpers.py", "return _inner(number) * FACTOR", "return _inner(number) + FACTOR"),
    "helper's helper": ("helpers.py", "return number + 1\n", "return number + 11\n"),
    "attribute of a module": ("helpers.py", "return number - 1", "return number - 11"),
    "constant of a module": ("helpers.py", '{"a": 1}', '{"a": 2}'),
    "constant through a third module": ("constants.py", "BASE = 3", "BASE = 5"),
    "imported class": ("helpers.py", "number * self.layer.width", "number + self.layer.width"),
    "class that a class holds": ("helpers.py", "width = 3", "width = 4"),
    "function in a comprehension": ("helpers.py", "return number\n", "return -number\n"),
    "function of a submodule": ("pkg/sub.py", "return bottom() + number", "return bottom() - number"),
    "function of a submodule by another name": ("pkg/sub.py", "return number + 1", "return number + 2"),
    "relative import": ("pkg/deep.py", "return 5", "return 6"),
    "name imported inside a function": ("late.py", "return 1", "return 10"),
    "module imported inside a function": ("later.py", "return quick()", "return -quick()"),
    "submodule imported inside a function": ("pkg/low.py", "return 6", "return 60"),
    "submodule imported by another name": ("pkg/far/away.py", "return land()", "return -land()"),
    "relative import inside a function": ("pkg/soon.py", "return 8", "return 80"),
    "what that module's function reaches": ("later.py", "return 3", "return 30"),
    "a name that means another function": ("tasks.py", "import scale as rescale", "import shrink as rescale"),
    "one definition behind two names": ("tasks.py", 'TABLE = {"twice": twice', 'TABLE = {"twice": thrice'),
}

MUST_NOT_CHANGE: dict[str, Edit] = {
    "comment": ("tasks.py", "# by two", "# doubled"),
    "function's docstring": ("tasks.py", '""" Double it. """', '""" Twice. """'),
    "function's docstring taken out": ("tasks.py", '""" Double it. """', ""),
    "class's docstring": ("tasks.py", '""" What it is. """', '""" Something else. """'),
    "class's docstring taken out": ("tasks.py", '""" What it is. """', ""),
    "layout": ("tasks.py", "return number * 2", "return (\n            number\n            * 2\n        )"),
    "quotes": ("tasks.py", '{"a", "b"}', "{'a', 'b'}"),
    "order of a set": ("tasks.py", '{"a", "b"}', '{"b", "a"}'),
    "blank lines": ("tasks.py", "LIMIT = 10", "\n\n\n    LIMIT = 10"),
    "layout of a lambda": ("tasks.py", "lambda number: number + 1", "(lambda number:\n        number + 1)"),
    "lambda's column": ("tasks.py", "increment = lambda", "increment =    lambda"),
    "annotation of a parameter": ("tasks.py", "number: int) -> int:", "number: float):"),
    "annotation of a local variable": ("tasks.py", "total: int =", "total ="),
    "annotation of a method": ("tasks.py", "def __init__(self, n: int):", "def __init__(self, n):"),
    "annotation of a dataclass's method": ("tasks.py", "def double(self) -> int:", "def double(self):"),
    "channel": ("tasks.py", '_task_channel = "cpu"', '_task_channel = ["cpu", "gpu"]'),
    "channel taken out": ("tasks.py", '_task_channel = "cpu"', ""),
    "compression": ("tasks.py", "_task_compress_level = 3", "_task_compress_level = 4"),
    "prefix of an instance": ("tasks.py", '_task_prefix_command = "nice"', '_task_prefix_command = "nicer"'),
    "unrelated function": ("tasks.py", "def unrelated(number):", "def unrelated(number, more):"),
    "new function": ("tasks.py", "def unrelated(number):", "def new():\n        pass\n\n    def unrelated(number):"),
    "unrelated function of a module": ("helpers.py", "return 0", "return 1"),
    "unrelated constant": ("constants.py", "UNUSED = 4", "UNUSED = 5"),
    "unrelated function of a submodule": ("pkg/sub.py", "def aside():\n            return 0", "def aside(): return 1"),
    "unrelated function beside one imported late": ("late.py", "return 2", "return 20"),
    "unrelated function of a module imported late": ("later.py", "return 4", "return 40"),
    "unrelated function of a submodule imported late": ("pkg/low.py", "return 7", "return 70"),
    "unrelated function beside a relative import": ("pkg/soon.py", "return 9", "return 90"),
    "body of a task only made": ("tasks.py", "return 0\n        @static", "return 1\n        @static"),
    "other member of a task": ("tasks.py", "return 9", "return 99"),
    "annotation of a global that nothing reads": ("tasks.py", "LOCK = threading", "LOCK: object = threading"),
    "global that nothing reads": ("tasks.py", "LOCK = threading.Lock()", "LOCK = None"),
    "order of methods": (
        "tasks.py",
        "def __init__(self, ratio):\n            self.ratio = ratio\n"
        "        def turn(self):\n            return self.ratio * self.teeth + thrice(1)",
        "def turn(self):\n            return self.ratio * self.teeth + thrice(1)\n"
        "        def __init__(self, ratio):\n            self.ratio = ratio",
    ),
    "order of functions": (
        "helpers.py",
        "def _inner(number):\n            return number + 1\n\n        def shrink(number):\n            return number - 1",
        "def shrink(number):\n            return number - 1\n\n        def _inner(number):\n            return number + 1",
    ),
    "computed constant of equal value": ("constants.py", "BASE = 3", "BASE = 1 + 2"),
    "helper moved to another file": (
        "helpers.py",
        "def _inner(number):\n            return number + 1\n",
        "from moved import _inner\n",
    ),
    "another way to import": ("tasks.py", "from pkg import sub as under", "import pkg.sub as under"),
}


def edited(edit: Edit) -> dict[str, str]:
    name, old, new = edit
    assert FILES[name].count(old) == 1, f"{old!r} stands {FILES[name].count(old)} times in {name}"
    moved = {"moved.py": "def _inner(number):\n    return number + 1\n"}
    return {**FILES, **moved, name: FILES[name].replace(old, new)}


@pytest.mark.parametrize("what", MUST_CHANGE)
def test_an_edit_that_counts(project: Project, unedited: Taken, what: str) -> None:
    assert project.take(edited(MUST_CHANGE[what])).digest != unedited[0]


@pytest.mark.parametrize("what", MUST_NOT_CHANGE)
def test_an_edit_that_does_not_count(project: Project, unedited: Taken, what: str) -> None:
    (digest, parts), after = unedited, project.take(edited(MUST_NOT_CHANGE[what]))
    different = {p.name for p in {*parts} ^ {*after.parts} if p.digest not in {q.digest for q in parts}}
    assert not different
    assert digest == after.digest


ANNOTATE = """
    def annotate(cls):
        body = [object()]

        def __annotate__(format):
            return body

        cls.__annotate_func__ = __annotate__

    for each in (Main, Parent, Options):
        annotate(each)
"""


def test_what_python_makes_of_annotations_is_no_code(project: Project) -> None:
    """Since 3.14 a class has a function that gives them, and whose closure holds its body with all line numbers."""
    annotated = {**FILES, "tasks.py": FILES["tasks.py"] + ANNOTATE}
    assert project.take(annotated).digest == project.take(FILES).digest


def test_what_is_imported_when_it_is_read_counts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since 3.15 `lazy import` leaves such an object in a module, until code asks for it by its name."""

    class Lazy:
        def __init__(self, name: str) -> None:
            self.resolve = functools.partial(importlib.import_module, name)

    monkeypatch.setattr("taskproc.origin._LAZY", Lazy)
    monkeypatch.setattr(sys.modules["base"], "Lazy", Lazy, raising=False)
    tasks = """
        from base import Base, Lazy

        asked = Lazy("asked")

        class Main(Base):
            def run_task(self):
                return asked.double(2)
    """
    first = {"tasks.py": tasks, "asked.py": "def double(number):\n    return number * 2\n"}
    second = {**first, "asked.py": "def double(number):\n    return number + number\n"}
    before = project.take(first)
    assert {part.name: part.unseen for part in before.parts} == {"asked:double": False, "tasks:Main": False}
    assert project.take(second).digest != before.digest == project.take(first).digest


def test_the_whole_project_is_seen(project: Project) -> None:
    fingerprint = project.take(FILES)
    assert [part.name for part in fingerprint.parts if part.unseen] == []
    names = {part.name for part in fingerprint.parts}
    assert {"tasks:Main", "tasks:Parent", "tasks:Mixin", "helpers:scale", "helpers:_inner", "tasks:LIMIT"} <= names
    assert {"pkg.sub:down", "pkg.deep:bottom", "late:delayed", "later:quick", "tasks:Other.RATE"} <= names
    assert not {"tasks:Other", "tasks:unrelated", "helpers:unreached", "late:never"} & names
    assert len(names) == len(fingerprint.parts)
    files = {
        Path(file.path).relative_to(project.folder).as_posix() for file in fingerprint.files if "copy" in file.path
    }
    assert files == FILES.keys()  # also those of which only constants are reached


def test_a_reverted_edit_is_no_change(project: Project) -> None:
    first = project.take(FILES)
    project.take(edited(MUST_CHANGE["helper"]))
    assert project.take(FILES).digest == first.digest


def test_two_names_swapped(project: Project) -> None:
    tasks = """
        from base import Base
        from one import f as g
        from two import f as h
        class Main(Base):
            def run_task(self):
                return g() - h()
    """
    files = {
        "tasks.py": tasks,
        "one.py": "K = 1\ndef f():\n    return K\n",
        "two.py": "K = 2\ndef f():\n    return K\n",
    }
    swapped = {**files, "tasks.py": tasks.replace("one", "ONE").replace("two", "one").replace("ONE", "two")}
    assert project.take(files).digest != project.take(swapped).digest


SEES_LITTLE = {
    "eval": "eval('helper(1)')",
    "globals": "globals()['helper'](1)",
    "getattr on a module": "getattr(helpers, 'he' + 'lper')(1)",
    "a module handed on": "vars(helpers)['helper'](1)",
    "import by name": "importlib.import_module('helpers').helper(1)",
    "import by a name imported": "import_module('helpers').helper(1)",
    "sys.modules": "sys.modules['helpers'].helper(1)",
}


@pytest.mark.parametrize("what", SEES_LITTLE)
def test_where_it_cannot_see_the_whole_module_counts(project: Project, what: str) -> None:
    tasks = f"""
        import importlib
        import sys
        from importlib import import_module
        import helpers
        from base import Base
        def helper(n):
            return n + 1
        class Main(Base):
            def run_task(self):
                return {SEES_LITTLE[what]}
    """
    helpers = "def helper(n):\n    return n + 1\n"
    before = project.take({"tasks.py": tasks, "helpers.py": helpers})
    assert "tasks:Main" in {part.name for part in before.parts if part.unseen}
    place = "tasks.py" if what in {"eval", "globals"} else "helpers.py"
    files = {"tasks.py": tasks, "helpers.py": helpers}
    after = project.take({**files, place: files[place].replace("return n + 1", "return n + 2")})
    assert before.digest != after.digest


def test_untracked_definitions_do_not_count(project: Project) -> None:
    tasks = """
        from base import Base
        from taskproc.fingerprint import untracked
        @untracked
        def report(n):
            print(n)
        TABLE = [report]
        class Main(Base):
            def run_task(self):
                report(1)
                return len(TABLE)
    """
    before = project.take({"tasks.py": tasks})
    assert before.digest == project.take({"tasks.py": tasks.replace("print(n)", "print(n, n)")}).digest
    assert before.digest != project.take({"tasks.py": tasks.replace("        @untracked\n", "")}).digest


def test_untracked_returns_what_it_marks() -> None:
    def helper() -> None: ...

    assert untracked(helper) is helper


def test_a_class_may_depend_on_more(project: Project) -> None:
    tasks = """
        import helpers
        from helpers import extra
        from base import Base
        class Main(Base):
            _task_depends_on = [WHAT]
            def run_task(self):
                return 1
    """
    files = {"helpers.py": "def extra():\n    return 1\n", "table.csv": "1,2\n", "more/deep.txt": "x"}

    def take(what: str, **changed: str) -> Fingerprint:
        changes = {name.replace("_", "."): text for name, text in changed.items()}
        return project.take({"tasks.py": tasks.replace("WHAT", what), **files, **changes})

    edit = {"helpers_py": "def extra():\n    return 2\n"}
    assert take("extra").digest != take("extra", **edit).digest
    assert take("helpers").digest != take("helpers", **edit).digest
    assert take("'table.csv'").digest == take("'table.csv'", **edit).digest
    assert take("'table.csv'").digest != take("'table.csv'", table_csv="1,3\n").digest
    before = take("'more'")
    assert before.digest == take("'more'").digest
    files["more/deep.txt"] = "y"
    assert before.digest != take("'more'").digest
    missing = take("'missing.csv'")
    assert any(part.unseen for part in missing.parts)


def test_a_method_that_is_another_class_s_is_read_where_it_is_defined(project: Project) -> None:
    text = """
        from base import Base
        class One:
            def go(self): return 1
        class Two:
            def go(self): return 2
        class Three:
            go = One.go
        Two.go = One.go
        class Main(Base):
            def run_task(self): return Two().go() + Three().go()
        """
    before = project.take({"tasks.py": text})
    assert not [part.name for part in before.parts if part.unseen]
    assert before != project.take({"tasks.py": text.replace("return 1", "return 3")})


def test_loaded_code_counts_not_the_file(project: Project) -> None:
    tasks = "from base import Base\nclass Main(Base):\n    def run_task(self):\n        return 1\n"
    project.write({"tasks.py": tasks})
    main = importlib.import_module("tasks").Main
    before = Fingerprinter(Base).of(main)
    (project.folder / "tasks.py").write_text(tasks.replace("return 1", "return 2"))
    after = Fingerprinter(Base).of(main)
    assert [part.unseen for part in after.parts] == [True]
    assert after.digest not in {before.digest, project.take({"tasks.py": tasks.replace("return 1", "return 2")}).digest}


def test_code_without_source_counts_by_its_bytecode() -> None:
    def made(text: str) -> Fingerprint:
        namespace: dict[str, Any] = {"Base": Base, "__name__": "made"}
        exec(dedent(text), namespace)
        return Fingerprinter(Base).of(namespace["Main"])

    text = """
        LIMIT = 3
        def helper(n):
            return n + LIMIT
        class Main(Base):
            def run_task(self):
                ''' Run. '''
                return helper(1)
    """
    before = made(text)
    assert {part.name: part.unseen for part in before.parts} == {
        "made:LIMIT": False,
        "made:Main": True,
        "made:helper": True,
    }
    assert before.digest == made(text.replace("return helper", "\n\n                return helper")).digest
    assert before.digest == made(text.replace("Run.", "Run it.")).digest
    assert before.digest != made(text.replace("LIMIT = 3", "LIMIT = 4")).digest
    assert before.digest != made(text.replace("n + LIMIT", "n * LIMIT")).digest
    assert before.digest != made(text.replace("helper(1)", "helper(2)")).digest


def test_broken_objects_are_unseen_not_raised(project: Project) -> None:
    tasks = """
        from base import Base
        class Awkward:
            def __reduce_ex__(self, protocol):
                raise RuntimeError
            def __repr__(self):
                raise RuntimeError
        THING = Awkward()
        class Main(Base):
            def run_task(self):
                return THING
    """
    before = project.take({"tasks.py": tasks})
    assert (
        before.digest != project.take({"tasks.py": tasks.replace("THING = Awkward()", "THING = (Awkward(),)")}).digest
    )


def helper() -> int:
    return 1


class Helped(Task):
    def run_task(self) -> Any:
        return helper(), json.dumps([])


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("helper", lambda: mock.create_autospec(helper, return_value=2)),
        ("helper", lambda: mock.MagicMock(spec=helper, return_value=2)),
        ("helper", lambda: mock.Mock(return_value=2)),
        ("json", lambda: mock.create_autospec(json)),
        ("json", lambda: mock.MagicMock(spec=json)),
        ("Helped.run_task", lambda: mock.create_autospec(Helped.run_task, return_value=2)),
    ],
    ids=["autospec", "spec", "plain", "autospec of a module", "spec of a module", "autospec of a method"],
)
def test_a_mock_is_equal_to_nothing(name: str, made: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    before = Fingerprinter(Task).of(Helped)
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.{name}", made())
        digests = {Fingerprinter(Task).of(Helped).digest for _ in range(2)}
    assert len(digests | {before.digest}) == 3
    assert Fingerprinter(Task).of(Helped).digest == before.digest


def test_a_function_that_stands_for_another_is_a_mock_of_a_library_s_too() -> None:
    """The module that it says it is of is the program, which `python -m pytest` takes from a library."""
    made = mock.create_autospec(helper)
    assert reduce(made) != reduce(made)


def test_references_of_a_value(project: Project) -> None:
    project.write(FILES)
    module = importlib.import_module("tasks")
    fingerprinter = Fingerprinter(Base)
    assert fingerprinter.refs(()) == b""
    assert fingerprinter.refs((module.Gear, module.Point)) == fingerprinter.refs((module.Point, module.Gear))
    assert fingerprinter.refs((module.Gear,)) != fingerprinter.refs((module.Point,))


def test_a_script_is_what_importing_it_gives(python: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        dedent("""
        import sys
        from pathlib import Path
        from taskproc.fingerprint import Fingerprinter
        class Base: pass
        class Model: pass
        MODEL = Model()
        class Main(Base):
            def run_task(self):
                return MODEL
        if __name__ == "__main__":
            import script
            ours, theirs = Fingerprinter(Base).of(Main), Fingerprinter(script.Base).of(script.Main)
            assert [part.name for part in ours.parts] == ["script:MODEL", "script:Main", "script:Model"]
            assert ours.digest == theirs.digest
            print("same")
    """)
    )
    assert python("script.py").stdout == "same\n"


def test_the_folder_does_not_matter(project: Project, tmp_path: Path) -> None:
    before = project.take(FILES)
    assert str(project.folder).encode() not in b"".join(part.text.encode() for part in before.parts)
    assert before.digest == project.take(FILES).digest


def test_what_lies_at_a_path_that_is_a_constant_does_not_count(project: Project) -> None:
    task = """
        from pathlib import Path
        from base import Base
        NOTES = Path(__file__).with_name("notes")
        class Main(Base):
            def run_task(self):
                return NOTES.read_text()
    """
    assert project.take({"tasks.py": task}).watched == ()


@pytest.mark.parametrize("body", ['"""What it is."""', "_task_channel = 'cpu'", "pass"])
def test_a_class_that_says_nothing_else_has_its_bases(project: Project, body: str) -> None:
    tasks = f"""
        from base import Base
        class Above:
            RATE = 3
        class Bare(Above):
            {body}
        class Main(Base):
            def run_task(self):
                return Bare().RATE
    """
    before = project.take({"tasks.py": tasks})
    assert not any(part.unseen for part in before.parts)
    assert before.digest != project.take({"tasks.py": tasks.replace("RATE = 3", "RATE = 4")}).digest
    assert before.digest == project.take({"tasks.py": tasks.replace(body, "pass")}).digest


@pytest.mark.parametrize(
    ("old", "new"), [("RED = 1", "RED = 2"), ("lambda: [1]", "lambda: [2]"), ("SIZE = 3", "SIZE = 4")]
)
def test_loaded_classes_count_not_what_their_file_has_become(project: Project, old: str, new: str) -> None:
    tasks = """
        import dataclasses
        import enum
        from base import Base
        class Color(enum.Enum):
            RED = 1
        @dataclasses.dataclass
        class Options:
            items: list = dataclasses.field(default_factory=lambda: [1])
        class Sizes:
            SIZE = 3
        class Main(Base):
            def run_task(self):
                return Color.RED, Options(), Sizes.SIZE
    """
    project.write({"tasks.py": tasks})
    main = importlib.import_module("tasks").Main
    (project.folder / "tasks.py").write_text(dedent(tasks.replace(old, new)))
    after = Fingerprinter(Base).of(main)
    assert after.digest != project.take({"tasks.py": tasks.replace(old, new)}).digest


# Through tasks, what names do not tell.

OTHER = """
import inspect
from operator import attrgetter

NAME = "k"

class Other(Task):
    k = 1
    @staticmethod
    def step_1(): return 1
    def run_task(self): return 0

class Base:
    @classmethod
    def all(cls): return [derived().f() for derived in cls.__subclasses__()]

class Derived(Base):
    def f(self): return 1

class Further(Other):
    j = 1
    def run_task(self): return 0

class Main(Task):
    def __init__(self):
        self.n = 1
    def run_task(self):
        return {}
"""


@pytest.mark.parametrize(
    ("read", "edit"),
    [
        ("getattr(Other, f'step_{self.n}')()", "return 1"),
        ("getattr(Other, NAME)", "k = 1"),
        ("getattr(Other, 'k' + '', None)", "k = 1"),
        ("getattr(Other, NAME, 'none')", "k = 1"),
        ("getattr(Other, ''.join(['k']))", "k = 1"),
        ("Other.__dict__[NAME]", "k = 1"),
        ("vars(Other)['k']", "k = 1"),
        ("[getattr(Other, name) for name in dir(Other) if name == 'k']", "k = 1"),
        ("attrgetter(NAME)(Other)", "k = 1"),
        ("dict(inspect.getmembers(Other))['k']", "k = 1"),
        ("[derived.k for derived in Other.__subclasses__()]", "k = 1"),
        ("[derived.j for derived in Other.__subclasses__()]", "j = 1"),
        ("[derived().f() for derived in Base.__subclasses__()]", "def f(self): return 1"),
        ("Base.all()", "def f(self): return 1"),
    ],
)
def test_what_is_read_by_names_that_are_made_meanwhile_counts(flow: Any, read: str, edit: str) -> None:
    flow.write(OTHER.format(read))
    before = flow.run("Main()").value
    flow.edit((edit, edit.replace("1", "2")))
    assert flow.run("Main()").value != before


@pytest.mark.parametrize("read", ["getattr(Other, 'k')", "getattr(Other, 'k', 3)", "getattr(self, f'n') and Other.k"])
def test_what_is_read_by_a_name_alone_counts_alone(flow: Any, read: str) -> None:
    flow.write(OTHER.format(read))
    flow.run("Main()")
    flow.edit(("return 0", "return 3"))
    assert flow.run("Main()").executed == {}
    flow.edit(("k = 1", "k = 2"))
    assert flow.run("Main()").executed == {"Main": 1}


@pytest.mark.parametrize(
    ("held", "task"),
    [
        ("t", "self.t"),
        ("[t]", "self.t[0]"),
        ("{'a': [t]}", "self.t['a'][0]"),
        ("types.SimpleNamespace(u=t)", "self.t.u"),
    ],
)
def test_the_methods_of_a_task_in_an_attribute_count(flow: Any, held: str, task: str) -> None:
    flow.write(f"""
        import types
        class Other(Task):
            def m(self): return 1
            def run_task(self): return 0
        class Main(Task):
            up: Requires[int]
            def __init__(self):
                t = Other()
                self.up, self.t = t, {held}
            def run_task(self): return {task}.m()
        """)
    assert flow.run("Main()").value == 1
    flow.edit(("return 0", "return 0 + 0"))
    assert flow.run("Main()").executed == {"Other": 1}
    flow.edit(("return 1", "return 2"))
    ran = flow.run("Main()")
    assert (ran.value, ran.executed) == (2, {"Other": 1, "Main": 1})


def test_a_known_value_in_a_class_counts(flow: Any) -> None:
    flow.write("""
from taskproc import Const, Requires, Task

RATE = 1

class Held(Task):
    up: Requires[int]
    RATE = Const(RATE)
    def __init__(self): self.up = Const(1)
    def run_task(self): return self.up

class Main(Task):
    def run_task(self): return Held.RATE.value
""")
    assert flow.run("Main()").value == 1
    flow.edit(("RATE = 1", "RATE = 2"))
    assert (flow.run("Main()").value, flow.run("Held()").executed) == (2, {"Held": 1})


@pytest.mark.parametrize(
    ("cls", "value"),
    [
        ("@dataclass\nclass Config: x: str = {}", "Config().x"),
        ("@dataclass(slots=True)\nclass Config: x: str = {}", "Config().x"),
        ("@attrs.define\nclass Config: x: str = {}", "Config().x"),
        ("@attrs.frozen(slots=False)\nclass Config:\n    y: int\n    x: str = attrs.field(default={})", "Config(1).x"),
        ("class Config(BaseModel): x: str = {}", "Config().x"),
        ("class Config(BaseModel): _x: str = {}", "Config()._x"),
        ("class Config(BaseModel): _x: str = PrivateAttr(default={})", "Config()._x"),
        ("class Config(NamedTuple): x: str = {}", "Config().x"),
    ],
)
def test_the_defaults_of_fields_count(flow: Any, monkeypatch: pytest.MonkeyPatch, cls: str, value: str) -> None:
    imports = "import attrs, os\nfrom dataclasses import dataclass\nfrom typing import NamedTuple\n"
    imports += "from pydantic import BaseModel, PrivateAttr\n"
    body = cls.format("os.environ['DEFAULT']")
    for default in "ab":
        monkeypatch.setenv("DEFAULT", default)
        flow.write(f"{imports}{body}\nclass Main(Task):\n    def run_task(self): return {value}\n")
        assert flow.run("Main()").value == default
    assert flow.run("Main()").executed == {}


@pytest.mark.parametrize("cls", ["Main(Task)", "Helper"])
def test_which_of_several_definitions_a_class_has_counts(flow: Any, monkeypatch: pytest.MonkeyPatch, cls: str) -> None:
    main = "" if "Main" in cls else "class Main(Task):\n    def run_task(self): return Helper().run_task()\n"
    monkeypatch.setenv("SPEED", "slow")
    flow.write(f"""
class {cls}:
    if os.environ["SPEED"] == "fast":
        def run_task(self): return "fast"
    else:
        def run_task(self): return "slow"
{main}""")
    for speed in ("slow", "fast"):
        monkeypatch.setenv("SPEED", speed)
        flow.reload()
        assert flow.run("Main()").value == speed
    assert flow.run("Main()").executed == {}


@pytest.mark.parametrize(
    ("made", "read"),
    [
        ('Level = TypeAliasType("Level", Literal[{}])', "get_args(Level.__value__)[0]"),
        ('Deep = TypeAliasType("Deep", list["Deep"] | Literal[{}])', "get_args(get_args(Deep.__value__)[1])[0]"),
        ('Rate = NewType("Rate", Literal[{}])', "get_args(Rate.__supertype__)[0]"),
        ('T = TypeVar("T", bound=Literal[{}])', "get_args(T.__bound__)[0]"),
        ('T = TypeVar("T", Literal[{}], str)', "get_args(T.__constraints__[0])[0]"),
        ('T = typing_extensions.TypeVar("T", default=Literal[{}])', "get_args(T.__default__)[0]"),
        ("CONFIG = Config({})", "CONFIG.rate"),
        ("CONFIG = Slotted({})", "CONFIG.rate"),
        ("CONFIG = Table(rate={})", "CONFIG['rate']"),
        ("MORE = np.frompyfunc(lambda x: x + {}, 1, 1)", "MORE(0)"),
        ("def more(x): return x + {}\nMORE = np.frompyfunc(more, 1, 1)", "MORE(0)"),
        ("def more(x): return x + {}\nMORE = [np.frompyfunc(more, 1, 1)]", "MORE[0](0)"),
    ],
)
def test_what_pickles_by_its_name_counts_by_what_it_is(flow: Any, made: str, read: str) -> None:
    flow.write(f"""
import numpy as np, typing_extensions
from typing import Any, Literal, NewType, TypeVar, get_args
from typing_extensions import TypeAliasType
from taskproc import Task

class Config:
    def __init__(self, rate): self.rate = rate
    def __reduce__(self): return "CONFIG"

class Slotted:
    __slots__ = "rate"
    def __init__(self, rate): self.rate = rate
    def __reduce__(self): return "CONFIG"

class Table(dict):
    def __reduce__(self): return "CONFIG"

{made.format(1)}

class Main(Task):
    def run_task(self): return {read}
""")
    assert flow.run("Main()").value == 1
    assert flow.run("Main()").executed == {}
    flow.edit((made.format(1), made.format(2)))
    assert flow.run("Main()").value == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no type statements")
def test_a_type_statement_counts_by_what_it_says(flow: Any) -> None:
    flow.write("""
from typing import get_args
from pydantic import BaseModel
from taskproc import Task

type Tree = int | list[Tree]
type Odd = Missing
type Pair[T: int] = tuple[T, T]

class Row(BaseModel):
    x: Tree

class Model(Task):
    def run_task(self): return Row(x="3").x

class Broken(Task):
    def run_task(self): return str(Odd) and 1

class Bound(Task):
    def run_task(self): return Pair.__type_params__[0].__bound__.__name__
""")
    for task in ("Model", "Broken", "Bound"):
        flow.run(f"{task}()")
        assert flow.run(f"{task}()").executed == {}
    flow.edit(("= int", "= str"), ("= Missing", "= Absent"), ("T: int", "T: str"))
    assert flow.run("Model()").value == "3"
    assert flow.run("Broken()").executed == {"Broken": 1}
    assert flow.run("Bound()").value == "str"


def test_what_pickles_by_its_name_and_is_in_an_attribute_counts(flow: Any) -> None:
    flow.write("""
import functools
import numpy as np
from taskproc import Task

class Missing:
    rate = 1
    def __reduce__(self): return "MISSING"

MISSING = Missing()

class Cached:
    def __init__(self, function): functools.update_wrapper(self, function)
    def __call__(self, x): return self.__wrapped__(x)
    def __reduce__(self): return self.__name__

@Cached
def more(x):
    "More."
    return x

class Main(Task):
    def __init__(self): self.held = MISSING, np.sin, len
    def run_task(self): return self.held[0].rate * more(1)
""")
    assert flow.run("Main()").value == 1
    flow.edit(("More.", "Yet more."))
    assert flow.run("Main()").executed == {}
    flow.edit(("rate = 1", "rate = 2"))
    assert flow.run("Main()").value == 2


@pytest.mark.parametrize(
    "line", ["Closed.register(Square)", "Inner.register(Square)", "Inner.register(Other); Other.register(Square)"]
)
@pytest.mark.parametrize("closed", ["class Closed(ABC): pass", "Closed = Sized"])
def test_what_an_abstract_class_takes_for_a_subclass_counts(flow: Any, closed: str, line: str) -> None:
    flow.write(f"""
from abc import ABC
from collections.abc import Sized
from taskproc import Task

{closed}
class Inner(Closed): pass
class Other(ABC): pass
class Square: pass
class Unlike: pass
pass

class Main(Task):
    def run_task(self): return isinstance(Square(), Closed)
""")
    assert flow.run("Main()").value is False
    flow.edit(("\npass\n", f"\n{line}\n"))
    assert flow.run("Main()").value is True
    assert flow.run("Main()", executor="process").executed == {}
    flow.edit((line, f"{line}; Unlike.x = 1"))
    assert flow.run("Main()").executed == {}


def test_what_python_notes_in_a_module_as_it_warns_is_no_code(flow: Any) -> None:
    flow.write("""
import warnings
def warn(): warnings.warn("old", DeprecationWarning, stacklevel=1)
class Model: rate = 1
class Main(Task):
    def __init__(self, name: str): self.name = name
    def run_task(self): return getattr(sys.modules[__name__], self.name).rate
""")
    assert flow.run("Main('Model')").value == 1
    with pytest.warns(DeprecationWarning, match="old"):
        flow.module.warn()
    assert vars(flow.module)["__warningregistry__"]
    assert flow.run("Main('Model')").executed == {}


@pytest.mark.parametrize("read", ["__file__", "os.path.basename(__file__)"])
def test_the_path_of_a_file_counts_where_code_reads_it(flow: Any, read: str) -> None:
    flow.write(f"""
import os
class Main(Task):
    def run_task(self): return {read}
class Other(Task):
    def run_task(self): return __name__
""")
    assert flow.run("Main()").value.endswith(flow.path.name)
    flow.run("Other()")
    flow.module.__file__ = flow.module.__file__.replace("/", "//", 1)
    assert flow.run("Main()").executed
    assert flow.run("Other()").executed == {}


@pytest.mark.parametrize("found", ["TABLE[name]", "5"])
def test_a_module_may_have_attributes_that_it_makes(flow: Any, found: str) -> None:
    name = f"made_{flow.path.stem}_{len(found)}"
    (flow.folder / f"{name}.py").write_text(f"TABLE = {{'K': 5}}\ndef __getattr__(name): return {found}\n")
    flow.write(f"""
import {name}
class Main(Task):
    def run_task(self): return '{{0.K}}'.format({name})
""")
    assert flow.run("Main()").value == "5"
    assert flow.run("Main()").executed == {}


READS = (
    "TABLE.query('@limit(1)')",
    "TABLE.query(ASKED)",
    "TABLE.query(self.asked)",
    "TABLE.query(ALL[0])",
    "ask('@LIMIT + 1')",
    "frames.eval('LIMIT + 1')",
)


@pytest.mark.parametrize("read", READS)
def test_what_a_library_finds_by_names_in_a_text_counts(flow: Any, read: str) -> None:
    library = flow.folder / "site-packages"
    library.mkdir()
    (library / "frames.py").write_text("""
import builtins, sys
class Table:
    def query(self, text): return builtins.eval(text.replace("@", ""), sys._getframe(1).f_globals)
def eval(text): return builtins.eval(text, sys._getframe(1).f_globals)
""")
    flow.write(f"""
sys.path.append({str(library)!r})
import frames
LIMIT, OTHER, ASKED = 5, 5, "@LIMIT + 1"
TABLE = frames.Table()
ALL = ["@LIMIT + 1"]
def limit(a): return LIMIT + a
def ask(text): return TABLE.query(text)
class Main(Task):
    asked = "@LIMIT + 1"
    def run_task(self): return {read}
""")
    assert flow.run("Main()").value == 6
    flow.edit(("LIMIT, OTHER, ASKED = 5, 5", "LIMIT, OTHER, ASKED = 5, 6"))
    assert flow.run("Main()").executed == {}
    flow.edit(("LIMIT, OTHER, ASKED = 5, 6", "LIMIT, OTHER, ASKED = 6, 6"))
    assert flow.run("Main()").value == 7


LONG_SUM = " + ".join(["x"] * 1000)
LONG_CHOICE = "\n".join(f"    {'elif' if i else 'if'} x == {i}: return {i}" for i in range(700))


@pytest.mark.parametrize(
    "code", [f"def f(x): return {LONG_SUM}\n", f"f = lambda x: {LONG_SUM}\n", f"def f(x):\n{LONG_CHOICE}\n"]
)
def test_code_that_nests_deep_counts_as_all_code_does(flow: Any, code: str) -> None:
    flow.write(code + "class Main(Task):\n    def run_task(self): return f(5)\n")
    first = flow.run("Main()").value
    flow.edit(("def run_task", "# a comment\n    def run_task"))
    assert (flow.run("Main()").executed, flow.run("Main()").value) == ({}, first)
    flow.edit((code, code.replace("x + x", "x + 1", 1).replace("return 5", "return -5")))
    assert flow.run("Main()").executed == {"Main": 1}
    assert flow.run("Main()").value != first


def test_what_many_classes_reach_is_digested_and_compared_once(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, classes = 40, 10
    functions = [f"def f{i}(): return f{i + 1}()\n" for i in range(shared - 1)] + [f"def f{shared - 1}(): return 1\n"]
    tasks = [f"class Task{i}(Task):\n    def run_task(self): return f0()\n" for i in range(classes)]
    flow.write("".join(functions + tasks))
    calls: Counter[str] = Counter()

    def counted(module: Any, name: str) -> None:
        called = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args: calls.update([name]) or called(*args))

    counted(fingerprint, "digest")
    counted(source, "was_set")
    codes = Fingerprinter(Task)
    needed: list[Counter[str]] = []
    for i in range(classes):
        before = calls.copy()
        assert len(codes.of(getattr(flow.module, f"Task{i}")).parts) == shared + 1
        needed.append(calls - before)
    assert min(needed[0].values()) >= shared
    assert max(max(each.values()) for each in needed[1:]) <= 4


def test_what_code_amounts_to_does_not_depend_on_what_was_imported_before(project: Project) -> None:
    files = {
        "tasks.py": """
            import some_library
            from base import Base
            class First(Base):
                def run_task(self): return some_library.late()
            class Main(Base):
                def run_task(self): return some_library.some(1)
            """,
        "some_library.py": """
            def some(x): return eval("x")
            def late():
                import some_package.inner
                return some_package.inner.value()
            """,
        "some_package/__init__.py": "",
        "some_package/inner.py": "LIMIT = 1\ndef value(): return LIMIT",
    }
    alone = project.take(files)
    project.write(files)
    tasks, fingerprints = importlib.import_module("tasks"), Fingerprinter(Base)
    fingerprints.of(tasks.First)
    assert fingerprints.of(tasks.Main).running == alone.running


# One cache, several Pythons

SAME = """
from __future__ import annotations
import abc, collections, contextlib, dataclasses, enum, functools, itertools, math, re, typing
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Generic, NamedTuple, NewType, Protocol, TypedDict, TypeVar
from base import Base

T = TypeVar("T")
Id = NewType("Id", int)

@functools.lru_cache(maxsize=None)
def remembered(n): return n * 2
@functools.cache
def kept(n): return n
@dataclass
class Plain:
    a: int = 1
    b: list = field(default_factory=list)
@dataclass(frozen=True, order=True, slots=True, kw_only=True)
class Frozen:
    a: int = 1
class Pair(NamedTuple):
    a: int
    b: str = "x"
Old = collections.namedtuple("Old", "x y", defaults=(1,))
class Proto(Protocol):
    def f(self) -> int: ...
@typing.runtime_checkable
class Checkable(Protocol):
    x: int
class Typed(TypedDict, total=False):
    a: int
class Box(Generic[T]):
    def get(self): return [i for i in range(3)]
class Kind(enum.Enum):
    A = 1
    B = "b"
class Flags(enum.IntFlag):
    X = enum.auto()
    Y = enum.auto()
class Words(enum.StrEnum):
    Q = enum.auto()
class Abstract(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
    @classmethod
    def make(cls): return cls
    @staticmethod
    def pairs(): return {k: v for k, v in [(1, 2)]}
    @property
    def pi(self): return math.pi
    @functools.cached_property
    def once(self): return 1
class Derived(Abstract):
    def f(self): return super().pi
class Meta(type):
    def __call__(cls, *a): return super().__call__(*a)
class Made(metaclass=Meta):
    def __init__(self): self.attribute = 1
@functools.singledispatch
def dispatched(x): return 1
@dispatched.register
def _(x: int): return 2
@contextlib.contextmanager
def context():
    yield 1
def decorator(f):
    @functools.wraps(f)
    def inner(*a, **k):
        try:
            return f(*a, **k)
        except (ValueError, TypeError) as e:
            raise RuntimeError from e
        finally:
            pass
    return inner
class Held(Base):
    weight = 1
    csr = 2
@decorator
def decorated(x, how="weight", *, y=lambda z: z + 1, kind="csr"): return y(x), Held
part = functools.partial(decorated, y=abs)
pattern = re.compile(r"\\d+", re.I)
here = Path("a/b")
table = {"a": [1, 2.5, None, True], "b": (1, {2, 3}), "c": frozenset({"x"})}
lists = collections.defaultdict(list, {"a": [1]})
lambdas = {1: lambda: "x", 2: lambda: None, 3: lambda a: a + 1, 4: lambda a, b=(1, "c"): -1}
counting = itertools.count
class TotalBase:
    def __lt__(self, o): return True
Total = functools.total_ordering(TotalBase)
def looking(): return vars(Plain), Pair, Proto, Path, FrameType
def texts(x, c, d):
    'One line.'
    a = f'{x!r:>{c}} {c=} {d["a"]} {{}} {x:%Y} {"q"} {x + 1 if c else 2}'
    b = f"it's {d['a']} {f'{x}'} " 'b' f"{x}"
    return a, b, (-1) ** 2, not x == 1, 1e1000, 0x10, 1_000, -1 ** 2
async def waiting():
    async with open("x") as f: return [x async for x in f]
def much():
    x = yield from range(3)
    match x:
        case {"a": [1, *rest], **kw} if kw: return rest
        case Plain(a=1) | Pair(): return 1
        case [_, "x", None, -1 + 1j] | (): pass
        case _: pass
    with context() as c, context(): pass
    assert x, f"{x!r:>{c}} {c=}"
    global more
    more = (y := 1) < 2 <= 3
    del c
    try: pass
    except* ValueError as error: pass
    return [*range(3), *[y]], {x for x in ()}, (x for x in ()), [y for x in range(3) if x for y in [x]]
"""

DIGESTS = {
    "T": "d3942389",
    "Id": "343d1e0e",
    "remembered": "f418cb92",
    "kept": "82678ef0",
    "Plain": "a9923f8a",
    "Frozen": "d4bd0af0",
    "Pair": "6782f6a2",
    "Old": "0985690d",
    "Proto": "45da2225",
    "Checkable": "9596b405",
    "Typed": "f52c9fe7",
    "Box": "ffe2fa22",
    "Kind": "c6234e24",
    "Flags": "9e376cef",
    "Words": "7ae55a31",
    "Abstract": "d6894234",
    "Derived": "84d95c18",
    "Meta": "d3e4e215",
    "Made": "200a751f",
    "dispatched": "0ef5fd88",
    "context": "daaffbdf",
    "decorator": "b4d309cb",
    "Held": "8a5ddaea",
    "decorated": "0f8aa449",
    "part": "67af0023",
    "pattern": "7d2ffb0b",
    "here": "51d7b9a4",
    "table": "f8607904",
    "lists": "0c68f001",
    "lambdas": "885f78e1",
    "counting": "13e3e190",
    "Total": "839e070c",
    "looking": "c5e0a7bd",
    "texts": "f94a81aa",
    "waiting": "31dc3bee",
    "much": "f3909729",
}


def test_fingerprints_are_the_same_on_every_python(project: Any) -> None:
    tasks = "".join(f"class Of_{name}(Base):\n    def run_task(self): return {name}\n" for name in DIGESTS)
    project.write({"tasks.py": SAME + tasks})
    module, codes = importlib.import_module("tasks"), Fingerprinter(Base)
    assert {name: codes.of(getattr(module, f"Of_{name}")).digest.hex()[:8] for name in DIGESTS} == DIGESTS


def test_the_quotes_of_f_strings_do_not_count(project: Any) -> None:
    texts = ("""f"{a['b']}" """, """f'{a["b"]}'""", "f((a['b'], -1))")
    one, same, other = (project.take({"tasks.py": f"def Main(a): return {text}\n"}).digest for text in texts)
    assert one == same != other


def test_f_strings_count_by_what_they_say_where_python_writes_that_wrongly(project: Any) -> None:
    specs = (r"\\n", r"\n", "'>9", r"\\", r"\x7b", r"\ud800")
    digests = {project.take({"tasks.py": f'def Main(a): return f"{{a:{spec}}}"\n'}).digest for spec in specs}
    assert len(digests) == len(specs)


def test_f_strings_count_where_python_cannot_write_them(project: Any) -> None:
    texts = [f"""f"{{a.strip('{character}')}}" """ for character in "\u00a0\u200b"]
    one, other = (project.take({"tasks.py": f"def Main(a): return {text}\n"}).digest for text in texts)
    assert one != other


@pytest.mark.skipif(sys.version_info < (3, 14), reason="there are no t-strings")
def test_t_strings_count_by_what_they_say_beside_f_strings(project: Any) -> None:
    texts = [f"""f"{{a:>4}}", t"{{{said}:>{{a}}}}" """ for said in ("a + 1", "a+1", "a - 1")]
    digests = {project.take({"tasks.py": f"def Main(a): return {text}\n"}).digest for text in texts}
    assert len(digests) == len(texts)
