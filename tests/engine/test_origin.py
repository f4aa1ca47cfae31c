from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from taskproc.origin import home, is_user_file, reference, resolve

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


def test_a_class_that_does_not_tell_its_module_is_not_the_user_s() -> None:
    class Meta(type):
        @property
        def __module__(cls) -> str:
            raise ValueError

    class Untold(metaclass=Meta): ...

    assert home(Untold) == "builtins"


def install(folder: Path, name: str, **files: str) -> None:
    """Do what `pip install --target` does."""
    record = folder / f"{name}-1.0.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    paths = [*files, f"{name}-1.0.dist-info/RECORD", "../../bin/tool"]
    record.write_text("".join(f"{path},sha256=of-it,12\n" for path in paths))


def test_what_is_installed_into_a_folder_of_the_path_is_known_by_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "lib", **{"lib.py": "", "tests/test_lib.py": "", "space/lib/__init__.py": ""})
    (tmp_path / "broken-1.0.dist-info").mkdir()
    for path in ("own.py", "tests/test_own.py", "space/own.py", "lib/own.py", "bin/tool.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py") if not is_user_file(str(path))}
    assert found == {"lib.py", "tests/test_lib.py", "space/lib/__init__.py"}


def test_the_code_of_an_editable_install_is_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "libs", "own", **{"__editable__.own-1.0.pth": str(tmp_path / "src")})
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "own_code.py").touch()
    for folder in ("src", "libs"):
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    assert is_user_file(str(tmp_path / "src" / "own_code.py"))


def test_folders_are_listed_for_files_in_them_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        monkeypatch.syspath_prepend(str(tmp_path / folder))

    def listdir(path: str) -> list[str]:
        listed.append(path)
        return []

    monkeypatch.setattr(os, "listdir", listdir)
    assert is_user_file(str(tmp_path / "a" / "one.py"))
    assert is_user_file(str(tmp_path / "a" / "two.py"))
    assert not is_user_file(os.__file__)
    assert listed == [os.path.join(tmp_path, "a", "")]


def test_libraries_in_a_folder_of_the_project_are_no_code_of_its_tasks(tmp_path: Path, taskproc: Any) -> None:
    """A library has variables that change as it is used: were it the user's, its tasks would be refused."""
    library = "used = []\ndef use():\n    from space.inner import one\n    used.append(1)\n    return one\n"
    install(tmp_path, "lib", **{"lib_in_place.py": library, "space/inner.py": "one = 1\n"})
    (tmp_path / "helper.py").write_text("def double(n): return n * 2\n")
    study = "import lib_in_place, helper\nfrom taskproc import Task\nlib_in_place.use()\n"
    study += "class Main(Task):\n    def run_task(self):\n        return helper.double(lib_in_place.use())\n"
    (tmp_path / "study.py").write_text(study)
    assert taskproc("run", "study.py").stdout == "2\n"
    (tmp_path / "lib_in_place.py").write_text(library.replace("return one", "return one + 1"))
    assert "1 reused" in taskproc("run", "study.py").stderr
    (tmp_path / "helper.py").write_text("def double(n): return n + n\n")
    assert "1 ran" in taskproc("run", "study.py").stderr
