"""What editors show on hover: every public name has a docstring with an example, and the examples are true."""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import taskproc
from taskproc import Cache, Task, testing
from taskproc.settings import BUILT_IN

STUDY = """
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from taskproc import *
from taskproc.testing import with_values


class Choose(Task):
    prev1: Requires[int]
    prev2: Requires[int]

    def __init__(self, n: int, k: int):
        self.prev1 = Choose(n - 1, k - 1) if 0 < k < n else Const(0)
        self.prev2 = Choose(n - 1, k) if 0 < k < n else Const(1)

    def run_task(self) -> int:
        return self.prev1 + self.prev2
"""

NAMES = {name: getattr(taskproc, name) for name in taskproc.__all__} | {"with_values": testing.with_values}
MEMBERS = {f"Task.{name}": member for name, member in vars(Task).items() if name in BUILT_IN - {"task_name"}}


@pytest.fixture(scope="module", autouse=True)
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The names that examples use, in a folder of their own and a cache that they share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("study"))
        Path("words.txt").write_text("two words")
        module = ModuleType("study")
        patch.setitem(sys.modules, "study", module)
        exec(compile(STUDY, "<study>", "exec", dont_inherit=True), vars(module))
        yield vars(module)


@pytest.mark.parametrize("name", [*NAMES, *MEMBERS])
def test_a_public_name_has_a_docstring_with_an_example_that_is_true(name: str, study: dict[str, Any]) -> None:
    text = {**NAMES, **MEMBERS}[name].__doc__
    assert "Example:\n" in text or re.search(r"`[^`]+[. ][^`]+`", text)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    example = doctest.DocTestParser().get_doctest(text, dict(study), name, None, None)
    told: list[str] = []
    with Cache("./cache"):
        doctest.DocTestRunner(optionflags=flags).run(example, out=told.append)
    assert not told, "".join(told)
