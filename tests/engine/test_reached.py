from __future__ import annotations

import functools
import os
import random

import pytest

from taskproc.reached import shown, shown_defaults


def test_of_what_a_process_shares_only_the_name_is_shown() -> None:
    assert [shown(value) for value in (os.environ, random._inst)] == ["os:environ", "random:_inst"]
    assert shown({"a": 1}) == "{'a': 1}"


def test_no_environment_is_shown_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.environ, "_data", {b"TOKEN": b"secret"})
    held = [{"env": os.environ}, functools.partial(sorted, os.environ), os.environ.get]
    assert [shown(value) for value in held] == [
        "{'env': os:environ}",
        "functools.partial(<built-in function sorted>, os:environ)",
        "<bound method Mapping.get of os:environ>",
    ]


class Unshowable:
    def __repr__(self) -> str:
        raise ValueError


def test_what_cannot_be_shown_hides_nothing_beside_it() -> None:
    assert shown([1, Unshowable(), "a"]) == "[1, <Unshowable instance>, 'a']"


def test_defaults_are_shown_by_name() -> None:
    def helper(first: object, second: int = 2, *, third: str = "x" * 1000) -> None: ...

    def plain(first: object) -> None: ...

    said = shown_defaults(helper)
    assert said.startswith("defaults of helper: second=2, third='xxx")
    assert len(said) < 500
    assert shown_defaults(plain) == ""
    plain.__defaults__ = 1, 2  # more than it can take
    assert shown_defaults(plain) == "defaults of plain: first=1"
