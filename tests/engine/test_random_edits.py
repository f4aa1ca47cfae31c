"""Programs made by chance, edited by chance: what a cache gives is what a run in an empty one gives."""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskproc import Cache, taskfile
from taskproc.options import Options
from taskproc.run import run

FUNCTIONS, TASKS = 5, 4

FORMS = (
    "def f{i}(x):\n    return {k}\n",
    "def f{i}(x):\n    return x + {k}\n",
    "def f{i}(x, y={k}):\n    return x + y\n",
    "def f{i}(x):\n    return f{j}(x) + {k}\n",
    "def f{i}(x):\n    def inner(y):\n        return f{j}(y) + {k}\n    return inner(x)\n",
    "def f{i}(x):\n    return C{i} + x\n",
    "def f{i}(x):\n    return {{'a': f{j}, 'b': abs}}['a'](x) - {k}\n",
    "f{i} = partial(lambda x, y: f{j}(x) + y, y={k})\n",
    "f{i} = lru_cache(lambda x: x * {k})\n",
    "def f{i}(x):\n    return K{i}(x).value()\n",
    "def f{i}(x):\n    from lib_data import D{i}\n    return x + D{i}\n",
    "def make{i}(n):\n    return lambda x: x - n\nf{i} = make{i}({k})\n",
    "f{i} = [lambda x: x, lambda x: f{j}(x) * {k}][{k} % 2]\n",
    "from operator import {op} as op{i}\ndef f{i}(x):\n    return op{i}(x, 2)\n",
    "@contextmanager\ndef cm{i}():\n    yield f{j}({k})\ndef f{i}(x):\n    with cm{i}() as y:\n        return x + y\n",
    "reg{i} = Registry()\nreg{i}.table['a'] = f{j}\ndef f{i}(x):\n    return reg{i}.table['a'](x) + {k}\n",
    "def f{i}(x):\n    from importlib import import_module\n    return x + import_module('lib_data').D{i}\n",
    "def f{i}(x):\n    return x + K{i}.kind()\nK{i}.kind = [K{i}.one, K{i}.two][{k} % 2]\n",
    "def f{i}(x, g=[f{j}, abs][{k} % 2]):\n    return g(x)\n",
    "E{i} = Enum('E{i}', ['A', 'B', 'C'][{k}:] + ['A', 'B', 'C'][:{k}])\ndef f{i}(x):\n    return E{i}.A.value * x\n",
    "def h{i}(a: Literal[{k}]): ...\ndef f{i}(x):\n    return x + get_type_hints(h{i})['a'].__args__[0]\n",
    "class P{i}:\n    v = cached_property(id)\np{i} = P{i}()\np{i}.v = {k}\ndef f{i}(x):\n    return x + p{i}.v\n",
    "q{i} = Queue()\nr{i} = q{i}\nr{i}.put({k})\ndef f{i}(x):\n    return x + q{i}.queue[0]\n",
    "def f{i}(x):\n    match x % 3:\n        case {k}:\n            return f{j}(x)\n    return -x\n",
)
"""Ways to write a function of a number: `k` is a small number, `j` a later function, the last one being `abs`."""

IMPORTS = """
from contextlib import contextmanager
from enum import Enum
from functools import cached_property, lru_cache, partial
from queue import Queue
from threading import Lock
from typing import Literal, get_type_hints
"""

REGISTRY = "class Registry:\n    def __init__(self):\n        self.lock = Lock()\n        self.table = {}\n"

number = st.integers(0, 2)
function = st.tuples(st.sampled_from(FORMS), st.integers(1, FUNCTIONS), number)
task = st.tuples(st.integers(0, FUNCTIONS - 1), number, st.booleans())
Program = dict[str, Any]
program = st.fixed_dictionaries(
    {
        **{f"f{i}": function for i in range(FUNCTIONS)},
        **{f"C{i}": number for i in range(FUNCTIONS)},
        **{f"T{i}": task for i in range(TASKS)},
    }
)
edits = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([f"f{i}" for i in range(FUNCTIONS)]), function),
        st.tuples(st.sampled_from([f"C{i}" for i in range(FUNCTIONS)]), number),
        st.tuples(st.sampled_from([f"T{i}" for i in range(TASKS)]), task),
        st.tuples(st.just("before"), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=4,
)


def render(made: Program) -> dict[str, str]:
    lib = [IMPORTS + REGISTRY]
    data: list[str] = []
    for i in reversed(range(FUNCTIONS)):
        form, step, k = made[f"f{i}"]
        j = min(i + step, FUNCTIONS)
        lib.append(f"C{i} = {made[f'C{i}']}\n")
        lib.append(
            f"class K{i}:\n    def __init__(self, x):\n        self.x = x\n"
            f"    def value(self):\n        return self.x + {made[f'C{i}']}\n"
            "    @staticmethod\n    def one():\n        return 1\n"
            f"    @staticmethod\n    def two():\n        return C{i}\n"
        )
        lib.append(form.format(i=i, j=j, k=k, op=("add", "sub", "mul")[k]))
        data.append(f"D{i} = {made[f'C{i}']}\n")
    lib.insert(1, f"f{FUNCTIONS} = abs\n")
    study = ["from __future__ import annotations\nfrom taskproc import Requires, Task, Const\nimport lib_code\n"]
    for i in range(TASKS):
        index, k, returns = made[f"T{i}"]
        up = f"T{i - 1}()" if i else "Const(1)"
        value = f"lib_code.K{index}(y)" if returns else "y % 4"
        read = "self.up.value() if hasattr(self.up, 'value') else self.up"
        study.append(
            f"class T{i}(Task):\n    up: Requires[object]\n    def __init__(self):\n        self.up = {up}\n"
            f"        self.k = {k}\n    def run_task(self):\n        x = {read}\n"
            f"        y = lib_code.f{index}(x) + self.k\n        return {value}\n"
        )
    study.append(
        f"class Main(Task):\n    up: Requires[object]\n    def __init__(self):\n        self.up = T{TASKS - 1}()\n"
        f"    def run_task(self):\n        return {read}\n"
    )
    return {"lib_code.py": "\n".join(lib), "lib_data.py": "".join(data), "edited_study.py": "\n".join(study)}


def forget() -> None:
    for name in ("lib_code", "lib_data", "edited_study"):
        sys.modules.pop(name, None)


def result(folder: Path, made: Program, cache: str) -> Any:
    for name, text in render(made).items():
        (folder / name).write_text(text)
    forget()
    importlib.invalidate_caches()
    module = taskfile.load(folder / "edited_study.py")
    with Cache(folder / cache):
        node = module.Main()._task_node
    return run(node, Options(executor="serial"))[0]


slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(slow, max_examples=5)
@given(first=program, steps=edits)
def test_a_cache_never_gives_what_the_code_would_not(first: Program, steps: list[tuple[str, Any]]) -> None:
    live(first, steps)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(slow, max_examples=300)
@given(first=program, steps=edits)
def test_a_cache_never_gives_what_the_code_would_not_for_long(first: Program, steps: list[tuple[str, Any]]) -> None:
    live(first, steps)


def live(first: Program, steps: list[tuple[str, Any]]) -> None:
    """Go through a history of edits, with a cache that stays and with one that is empty each time."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setattr("taskproc.writer._NORMAL", 0)
        folder = Path(name).resolve()
        programs = [first]
        try:
            for what, how in [("before", 0), *steps]:
                last = programs[max(0, len(programs) - 1 - how)] if what == "before" else {**programs[-1], what: how}
                programs.append(last)
                assert result(folder, last, "cache") == result(folder, last, "empty")
                shutil.rmtree(folder / "empty")
        finally:
            forget()
