from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from taskproc import taskfile
from taskproc.stale import stale_names

TASK = "from taskproc import Task\n\nclass Kept(Task):\n    class Inner(Task): ...\n\nAlias = Kept\n"


class Finder:
    """Finds modules that no file has, or fails to."""

    @staticmethod
    def find_spec(name: str, *_: object) -> ModuleSpec | None:
        if name.endswith(".broken"):
            raise OSError
        return ModuleSpec(name, None) if name.endswith(".made") else None


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Loads a package of two modules, of which one is not loaded; gives its name."""
    name = f"pack_{tmp_path.name}"
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / name).mkdir()
    for module in ("__init__", "loaded", "other"):
        (tmp_path / name / f"{module}.py").write_text(TASK)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    taskfile.load(tmp_path / name / "loaded.py")
    return name


@pytest.mark.parametrize(
    ("name", "stale"),
    [
        ("loaded.Kept", False),
        ("loaded.Kept.Inner", False),
        ("loaded.Gone", True),
        ("loaded.Kept.Gone", True),
        ("loaded.Alias", True),
        ("loaded.make.<locals>.Made", False),
        ("other.Kept", False),
        ("other.Gone", False),
        ("made.Gone", False),
        ("broken.Gone", False),
        ("gone.Kept", True),
        ("gone.package.Kept", True),
        ("Gone", True),
        ("Kept", False),
        ("Kept.Inner", False),
        ("Kept.Gone", True),
    ],
)
def test_only_what_a_loaded_module_would_define_is_stale(load: str, name: str, stale: bool) -> None:
    assert stale_names([f"{load}.{name}"]) == ([f"{load}.{name}"] if stale else [])


def test_what_is_of_no_module_is_never_stale() -> None:
    assert stale_names(["Lone", "nowhere.Task", "taskproc.task.Task", "os.Gone"]) == []
