import ctypes
import functools
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from taskproc import libc


@pytest.mark.parametrize("found", [ctypes, None, ModuleType("ctypes")], ids=["there", "missing", "refused"])
def test_it_says_what_os_says(found: ModuleType | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", found)
    monkeypatch.setattr(libc, "_library", functools.cache(libc._library.__wrapped__))
    folder = tmp_path / ("é" * 100) / ("\udcff" * 200)
    assert not libc.exists(str(folder))
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert libc.exists(str(folder))
    assert libc.exists(".")
    assert libc.working_folder() == os.getcwdb() == os.fsencode(folder)
    folder.rmdir()
    assert not libc.exists(str(folder))
    assert libc.working_folder() == b""
    assert (libc._library() is not None) == (found is ctypes)
