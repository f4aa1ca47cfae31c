from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from taskproc.failure import packed


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
