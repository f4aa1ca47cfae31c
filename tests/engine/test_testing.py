from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, Const, Future, Requires, RequiresDict, RequiresList, Task
from taskproc.testing import with_values


class Up(Task):
    def __init__(self, x: int = 1) -> None:
        self.x = x

    def run_task(self) -> list[int]:
        raise AssertionError("nothing upstream runs")


class Sum(Task):
    one: Requires[int]
    several: RequiresList[int]
    named: RequiresDict[str, list[int]]

    def __init__(self, one: Future[int], scale: int = 1) -> None:
        self.one = one
        self.several = [Const(1), Const([2])[0]]
        self.named = {"a": Up(), "b": Const([3])}
        self.scale = [scale]
        self._task_channel = "gpu"

    def run_task(self) -> Any:
        assert self._task_channel == "gpu"
        self.scale.append(0)
        self.named["b"].append(4)
        (self.task_directory / "file").write_text(self.task_stdout.name)
        return self.one, self.several, self.named, self.scale, self.task_args["scale"]


def test_run_task_is_called_on_plain_values(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache"):
        task = Sum(Up()[0], 5)
        given = {"a": [1], "b": [3]}
        for _ in range(2):
            copy = with_values(task, one=7, named={name: [*value] for name, value in given.items()})
            assert copy.run_task() == (7, [1, 2], {"a": [1], "b": [3, 4]}, [5, 0], 5)
            assert [path.name for path in copy.task_directory.iterdir()] == ["file"]
        assert copy.task_directory != with_values(task, one=7, named={}).task_directory
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_value_is_told(tmp_path: Path) -> None:
    with Cache(tmp_path):
        task = Sum(Up()[0])
    with pytest.raises(TypeError, match=r"Sum has no slot scale: it has one, several, named"):
        with_values(task, scale=3)
    with pytest.raises(TypeError, match=r"slot one needs Up\(x=1\), which has not run: give its value, one=\.\.\."):
        with_values(task)


TESTS = """
from taskproc import Cache, Task

class Up(Task):
    def run_task(self):
        return 3

def test_one(tmp_cache, tmp_path):
    assert isinstance(tmp_cache, Cache) and tmp_cache.path.parent == tmp_path
    assert Up().run_graph(force_interactive=True)[0] == 3
    assert tmp_cache.path.is_dir()

def test_other(tmp_cache):
    assert not tmp_cache.path.exists()
"""


def test_the_plugin_gives_each_test_a_cache_of_its_own(tmp_path: Path, root: Path) -> None:
    (tmp_path / "test_study.py").write_text(TESTS)
    assert 'pytest11]\ntaskproc = "taskproc.pytest_plugin"' in (root / "pyproject.toml").read_text()
    words = [sys.executable, "-m", "pytest", "-q", "-p", "taskproc.pytest_plugin", "-p", "no:cacheprovider"]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
