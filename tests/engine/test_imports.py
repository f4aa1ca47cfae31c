from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from taskproc.imports import imported_names

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("count", [5, 20])
def test_names_are_looked_for_once_in_each_module_however_many_imports_lead_to_it(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"package_of_{count}"
    inner = [f"module_{number}" for number in range(count)]
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(f"from {name} import {', '.join(inner)}\n")
    for module in inner:
        (tmp_path / name / f"{module}.py").write_text("LIMIT = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module(name)
    words, seen = frozenset({*inner, "LIMIT"}), set[int]()
    found = [one for module in inner for one in imported_names(f"{name}.{module}", (), (), words, seen)]
    assert [one.label for one in found] == [f"{name}.{module}.LIMIT" for module in sorted(inner)]
    for module in [*sys.modules]:
        if module.partition(".")[0] == name:
            monkeypatch.delitem(sys.modules, module)


@pytest.mark.parametrize("library", ["site-packages", "brought"])
def test_a_namespace_that_libraries_share_has_the_user_s_modules_too(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = f"space_of_{library[:4]}"
    for place in (f"{library}/{space}/theirs.py", f"mine/{space}/own.py"):
        path = tmp_path / place
        path.parent.mkdir(parents=True)
        path.write_text("LIMIT = 1\n")
        monkeypatch.syspath_prepend(str(path.parents[1]))
    info = tmp_path / library / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(f"{space}/theirs.py,,\n")
    for path, expected in {f"{space}.own": ["LIMIT"], f"{space}.theirs": []}.items():
        assert [one.name for one in imported_names(path, (), (), frozenset({"LIMIT"}), set())] == expected
        assert [one.name for one in imported_names(path, ("LIMIT",), (), frozenset(), set())] == expected
    for module in (space, f"{space}.own", f"{space}.theirs"):
        monkeypatch.delitem(sys.modules, module)
