from __future__ import annotations

import linecache
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from taskproc.failure import packed, users_traceback
from taskproc.pickling import pickled_code


class OtherArgumentsError(Exception):
    def __init__(self, code: int, *, hint: str) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.hint = hint


class HoldsALockError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
        self.lock = threading.Lock()


class WithoutMessageError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class NeedsItsLockError(Exception):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def __str__(self) -> str:
        return f"holds a {type(self.lock).__name__}"


def came_back(error: BaseException) -> Any:
    return pickle.loads(packed(error))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad", 3),
        SystemExit(2),
        OSError(2, "missing", "file.txt"),
        OtherArgumentsError(7, hint="look"),
        HoldsALockError(7),
        WithoutMessageError(),
    ],
)
def test_an_exception_comes_back_with_its_arguments_and_what_of_its_attributes_can(error: BaseException) -> None:
    copy = came_back(error)
    assert type(copy) is type(error)
    assert copy.args == error.args
    assert vars(copy) == {name: value for name, value in vars(error).items() if name != "lock"}


def test_a_group_comes_back_whatever_is_in_it() -> None:
    group = ExceptionGroup("two", [OtherArgumentsError(7, hint="look"), KeyError("a")])
    copy = came_back(group)
    assert str(copy) == str(group)
    assert [type(error) for error in copy.exceptions] == [OtherArgumentsError, KeyError]
    assert copy.exceptions[0].hint == "look"


def test_an_exception_that_would_not_tell_the_same_is_not_kept() -> None:
    assert packed(NeedsItsLockError()) == b""


@pytest.mark.parametrize("filename", [__file__, "a cell of a notebook"])
def test_code_that_travels_by_value_keeps_its_source(filename: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["def run():", "    return 1 / 0  # by zero"]
    monkeypatch.setitem(linecache.cache, filename, (0, None, lines, filename))
    cls = type("Sent", (), {})
    exec(compile("\n".join(lines), filename, "exec"), namespace := {"__name__": "__main__"})
    cls.run = staticmethod(namespace["run"])  # type: ignore[attr-defined]
    blob = pickled_code(cls)
    monkeypatch.delitem(linecache.cache, filename)
    with pytest.raises(ZeroDivisionError) as caught:
        pickle.loads(blob).run()
    told = users_traceback(caught.value)
    assert f'File "{filename}", line 2, in run\n' in told
    assert ("# by zero" in told) == (filename != __file__)  # a file is read where the code runs


@pytest.mark.parametrize("folder", ["importlib", "cloudpickle", "taskproc", "taskproc_cli"])
def test_code_in_a_folder_that_is_called_as_one_of_the_machinery_s_is_the_user_s(folder: str) -> None:
    filename = f"/home/ada/{folder}/study.py"
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile("1 / 0", filename, "exec"))
    assert f'File "{filename}", line 1' in users_traceback(caught.value)


def test_where_only_the_standard_library_was_reached_there_is_no_traceback() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Path("missing").read_bytes()
    error = caught.value
    assert "in read_bytes" in users_traceback(error)  # it was called here
    assert error.__traceback__ is not None
    assert users_traceback(error.with_traceback(error.__traceback__.tb_next)) == ""
