from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from taskproc import origin
from taskproc.origin import home, is_user_code, is_user_file, reference, resolve

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_module_prints_while_a_reference_is_resolved_is_not_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noisy_module.py").write_text("print('noise')\nclass Outer:\n    class Inner: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = resolve("noisy_module:Outer.Inner")
    assert found is not None
    assert reference(found) == "noisy_module:Outer.Inner"
    assert capsys.readouterr() == ("", "noise\n")


def test_a_reference_to_what_is_gone_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raising_module.py").write_text("raise SystemError")
    monkeypatch.syspath_prepend(str(tmp_path))
    gone = ("raising_module:f", "no_such_module_anywhere:f", "taskproc.origin:no_such_function", "sys:path")
    assert [resolve(name) for name in gone] == [None] * 4


def test_modules_may_come_while_those_of_the_user_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "modules", sys.modules.copy())

    def come(*_told: object) -> None:  # as another thread may import something, while garbage is collected
        sys.modules[f"come_{len(sys.modules)}"] = ModuleType("come")

    threshold = gc.get_threshold()
    gc.callbacks.append(come)
    gc.set_threshold(1)
    try:
        found = origin.user_modules()
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(come)
    assert __name__ in found


def test_a_class_that_does_not_tell_its_module_is_not_the_user_s() -> None:
    class Meta(type):
        @property
        def __module__(cls) -> str:
            raise ValueError

    class Untold(metaclass=Meta): ...

    assert home(Untold) == "builtins"


def test_modules_of_libraries_are_asked_once_whose_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(module: ModuleType) -> bool:
        asked.append(module.__name__)
        return is_user_code(module)

    monkeypatch.setattr(origin, "is_user_code", ask)
    monkeypatch.setitem(sys.modules, "some_library", sys.modules["json"])
    assert "some_library" not in origin.user_modules()
    asked.clear()
    assert __name__ in origin.user_modules()
    assert "json" not in asked
    monkeypatch.setitem(sys.modules, "some_library", made := ModuleType("some_library"))
    assert origin.user_modules()["some_library"] is made


def test_a_library_that_is_loaded_anew_from_a_folder_of_the_user_s_is_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("site-packages", "mine"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "some_editable.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site-packages"), *sys.path])
    monkeypatch.setitem(sys.modules, "some_editable", module := importlib.import_module("some_editable"))
    assert "some_editable" not in origin.user_modules()
    sys.path[0] = str(tmp_path / "mine")
    importlib.invalidate_caches()
    assert importlib.reload(module) is module
    assert "some_editable" in origin.user_modules()


def test_what_pip_installed_into_a_folder_is_not_the_user_s_and_what_else_lies_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "libraries"
    for name in (
        *("brought/__init__.py", "brought/deep/inner.py", "brought/added.py", "brought_too.py"),
        *("own/__init__.py", "own_too.py"),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "some_brought-1.0.dist-info").mkdir()
    record = "../../bin/some,sha256=0,0\nbrought/__init__.py,,\nbrought/deep/inner.py,,\nbrought_too.py,sha256=0,0\n"
    (folder / "some_brought-1.0.dist-info" / "RECORD").write_text(record)
    (folder / "empty-1.0.dist-info").mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "link"), str(tmp_path / "no-such.zip")])
    for place in (folder, tmp_path / "link"):
        found = {path.relative_to(place).as_posix() for path in place.rglob("*.py") if is_user_file(str(path))}
        assert found == {"brought/added.py", "own/__init__.py", "own_too.py"}
        assert not is_user_file(str(place / "brought"))
        assert not is_user_file(str(place / "brought" / "deep"))


INSTALLED = """
from dataclasses import dataclass
from taskproc import Cache, Task

@dataclass
class Point:
    x: int

class Main(Task):
    def run_task(self):
        return [Point(2)]

def main():
    with Cache("cache"):
        result, stats = Main().run_graph()
    print(result[0].x, stats.executed)

if __name__ == "__main__":
    main()
"""


def test_a_module_of_an_installed_package_is_the_same_code_whether_it_is_run_or_imported(
    tmp_path: Path, python: Any
) -> None:
    package = tmp_path / "site-packages" / "lab"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "study.py").write_text(INSTALLED)
    assert python("-m", "lab.study", folder=package.parent).stdout == "2 {'lab.study.Main': 1}\n"
    assert python("-c", "from lab.study import main; main()", folder=package.parent).stdout == "2 {}\n"


def test_what_is_no_module_is_asked_for_nothing_that_could_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    class Proxy:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

    monkeypatch.setitem(sys.modules, "some_proxy", Proxy())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "some_missing", None)  # type: ignore[arg-type]
    assert "some_proxy" in origin.user_modules(), "its class is of this file"
    assert "some_missing" not in origin.user_modules()


@pytest.mark.parametrize(
    ("module", "name"),
    [("pathlib._local", "pathlib:Path"), ("pathlib", "pathlib:Path"), ("_collections", "collections:Path")],
)
def test_a_reference_is_the_same_on_every_python(module: str, name: str) -> None:
    assert reference(type("Path", (), {"__module__": module})) == name
