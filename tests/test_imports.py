"""Start-up is part of the speed: what each entry loads, in a fresh interpreter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

HEAVY = {
    "asyncio",
    "cloudpickle",
    "concurrent.futures",
    "ctypes",
    "difflib",
    "diskcache",
    "isal",
    "logging",
    "multiprocessing",
    "networkx",
    "numpy",
    "pydantic",
    "rich",
    "secrets",
    "typer",
    "zlib_ng",
}


@pytest.fixture
def loaded(python: Any) -> Any:
    """Which of the heavy modules a program has loaded by its end."""

    def run(program: str) -> set[str]:
        report = f"import json, sys\ntry:\n    {program}\nfinally:\n    print(json.dumps(list(sys.modules)))"
        return HEAVY & set(json.loads(python("-c", report).stdout.splitlines()[-1]))

    return run


@pytest.mark.parametrize("module", ["taskproc", "taskproc.worker", "taskproc.testing"])
def test_the_library_and_its_worker_load_nothing_heavy(loaded: Any, module: str) -> None:
    assert loaded(f"import {module}") == set()


STUDY = """\
from taskproc import Cache, Task

class One(Task):
    def __init__(self, n: int):
        self.n = n

    def run_task(self):
        return self.n

def make():
    with Cache('cache'):
        return One(1)
"""


def test_defining_and_making_tasks_loads_nothing_heavy(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(STUDY)
    assert loaded("import study; study.make()") == set()


def test_a_run_loads_no_drawing_no_models_and_no_command_line(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(STUDY)
    assert not loaded("import study; study.make().run_graph()") & {
        "networkx",
        "pydantic",
        "rich",
        "secrets",
        "typer",
        "asyncio",
    }


def test_the_package_as_a_program_is_the_command_line(python: Any) -> None:
    assert python("-m", "taskproc", "--help").stdout == python("-m", "taskproc_cli", "--help").stdout
    assert python("-m", "taskproc", "rum", check=False).returncode == 2


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"]])
def test_help_loads_neither_the_store_nor_the_models(loaded: Any, words: list[str]) -> None:
    program = f"sys.argv[1:] = {words!r}; import taskproc_cli.app; taskproc_cli.app.main()"
    assert not loaded(program) & {"networkx", "cloudpickle", "diskcache", "numpy", "asyncio"}
