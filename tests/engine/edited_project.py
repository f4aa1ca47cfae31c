"""A small project of several modules, with a task for each way in which code can be reached."""

from __future__ import annotations

HELPERS = '''
"""Helpers."""
import functools
import re
from enum import Enum

import taskproc
from pkg.consts import SCALE

RATE = 3
UNUSED = 1
OPTIONS = {"a": 1, "b": [1, 2]}
NAMES = {"x", "y"}
PATTERN = re.compile("a+")


def normalize(x):
    """Subtract the base."""
    # from each
    return x - base(x)


def base(x: int):
    return 1


def unused(x):
    return x


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def twice(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) * factor()
    return wrapper


def factor():
    return 2


@twice
def decorated(x):
    return x


def scaled(x, by):
    return x * by


triple = functools.partial(scaled, by=3)


@functools.lru_cache
def cached(x):
    return inner(x)


def inner(x):
    return x + 1


def add(a, b):
    return a + b


def sub(a, b):
    return a - b


TABLE = {"add": add, "sub": sub}


def make(n):
    def closure(x):
        return x + n
    return closure


plus = make(5)
double = lambda x: 2 * x


def default(x, y=RATE):
    return x + y


class Model:
    weight = 2

    def predict(self, x):
        return x * self.weight

    def unused(self):
        return 1


MODEL = Model()


class Mixin:
    def bonus(self):
        return 1


class Level(Enum):
    LOW = 1
    HIGH = 2


@taskproc.untracked
def report(text):
    return None


def by_name(x):
    return x


def scale(x):
    return x * SCALE
'''

CONSTS = """
SCALE = 2
OTHER = 5
"""

OPS = """
from .consts import SCALE


def area(x):
    return x * SCALE


def local(x):
    return x + 1


def other(x):
    return x
"""

SHAPES = """
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int

    def norm(self):
        return self.x + self.y


@dataclass(frozen=True)
class Config:
    depth: int = 2
"""

STUDY = '''
from __future__ import annotations

from pathlib import Path
from typing import Any

from taskproc import Requires, RequiresList, Task

import helpers
import pkg.ops
from helpers import decorated as deco
from helpers import PATTERN, TABLE, even, triple
from pkg.shapes import Config, Point

CONFIG = Config()


class Direct(Task):
    """Use a module's function."""

    def run_task(self) -> int:
        return helpers.normalize(10)


class Renamed(Task):
    def run_task(self) -> int:
        return deco(4)


class Recursive(Task):
    def run_task(self) -> bool:
        return even(4)


class Partial(Task):
    def run_task(self) -> int:
        return triple(2)


class Cached(Task):
    def run_task(self) -> int:
        return helpers.cached(1)


class Table(Task):
    def run_task(self) -> int:
        return TABLE["add"](1, 2)


class Closure(Task):
    def run_task(self) -> int:
        return helpers.plus(1)


class Lambda(Task):
    def run_task(self) -> int:
        return helpers.double(1)


class Instance(Task):
    def run_task(self) -> int:
        return helpers.MODEL.predict(3)


class Constants(Task):
    def run_task(self) -> list[Any]:
        return [helpers.RATE, helpers.OPTIONS["a"], sorted(helpers.NAMES)]


class Regex(Task):
    def run_task(self) -> bool:
        return bool(PATTERN.match("aa"))


class Default(Task):
    def run_task(self) -> int:
        return helpers.default(1)


class Dotted(Task):
    def run_task(self) -> int:
        return pkg.ops.area(3)


class Inside(Task):
    def run_task(self) -> int:
        from pkg import ops

        return ops.local(1)


class Imported(Task):
    def run_task(self) -> int:
        return helpers.scale(1)


class Parent(Task):
    LIMIT = 7

    def run_task(self) -> int:
        return self.step(1)

    def step(self, x):
        return x + 1


class Child(Parent):
    def step(self, x):
        return super().step(x) * 2


class Mixed(helpers.Mixin, Task):
    def run_task(self) -> int:
        return self.bonus()


class Member(Task):
    def run_task(self) -> int:
        return Parent.LIMIT


class Attribute(Task):
    def __init__(self):
        self.rate = helpers.RATE

    def run_task(self) -> int:
        return self.rate


class Argument(Task):
    def __init__(self, n: int = 2):
        self.n = n

    def run_task(self) -> int:
        return self.n


class Data(Task):
    def run_task(self) -> int:
        return CONFIG.depth


class Enumerated(Task):
    def run_task(self) -> int:
        return helpers.Level.LOW.value


class Make(Task):
    def run_task(self) -> Any:
        return Point(1, 2)


class Read(Task):
    point: Requires[Any]

    def __init__(self):
        self.point = Make()

    def run_task(self) -> int:
        return self.point.norm()


class Blind(Task):
    def run_task(self) -> int:
        return eval("helpers.unused(1)")


class Wide(Task):
    _task_depends_on = [helpers.by_name, "data.txt"]

    def run_task(self) -> int:
        return len(Path(Wide.run_task.__code__.co_filename).with_name("data.txt").read_text())


class Untracked(Task):
    def run_task(self) -> int:
        helpers.report("hello")
        return 1


class Nested(Task):
    _task_compress_level = 1

    def __init__(self) -> None:
        self._task_compress_level += 1
        self._task_channel, self._task_resources = "a", {"cpus": 3}

    def run_task(self) -> int:
        def inner(x):
            return x + 1
        return sum([inner(x) for x in range(3)])


class Main(Task):
    parts: RequiresList[Any]

    def __init__(self):
        classes = [Direct, Renamed, Recursive, Partial, Cached, Table, Closure, Lambda, Instance, Constants, Regex]
        classes += [Default, Dotted, Inside, Imported, Parent, Child, Mixed, Member, Attribute, Argument, Data]
        classes += [Enumerated, Read, Wide, Untracked, Nested]
        self.parts = [cls() for cls in classes]

    def run_task(self) -> str:
        return repr(self.parts)
'''

FILES = {
    "helpers.py": HELPERS,
    "pkg/__init__.py": "",
    "pkg/consts.py": CONSTS,
    "pkg/ops.py": OPS,
    "pkg/shapes.py": SHAPES,
    "study.py": STUDY,
    "data.txt": "some data",
}
