from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc.origin import home, reference, resolve

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
