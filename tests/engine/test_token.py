from __future__ import annotations

from collections.abc import Callable

import pytest

from taskproc import token


def first(run: str) -> str:
    return token.attempt(run, 0)


def last(run: str) -> str:
    return token.attempt(run, 0xEFFFFF)


@pytest.mark.parametrize("name", [first, last, token.another, token.scratch])
def test_names_tell_their_run(name: Callable[[str], str]) -> None:
    run = token.new_run()
    made = name(run)
    assert (token.run_of(made), token.is_attempt(made), token.is_run(made)) == (run, True, False)
    assert token.is_begun_by(run, made) == (name is not token.scratch)
    assert not token.is_begun_by(token.new_run(), made)


@pytest.mark.parametrize("name", ["", "data", "stdout.txt", "0" * 15, "0" * 17, "G" * 16, ".link-0123456789ab"])
def test_other_names_are_none(name: str) -> None:
    assert not token.is_attempt(name)
    assert not token.is_begun_by("", name)
    assert not token.is_run(name)


def test_names_that_nobody_has_numbered_differ() -> None:
    assert len({token.another("0123456789") for _ in range(100)}) > 90
