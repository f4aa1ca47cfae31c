"""How words are told to be options, values or neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskproc_cli.problems import UsageError
from taskproc_cli.words import Reading, Spelling, read

KNOWN = {
    "--size": Spelling("size"),
    "--split-ratio": Spelling("split_ratio"),
    "-j": Spelling("size"),
    "--deep": Spelling("deep", "true"),
    "--no-deep": Spelling("deep", "false"),
    "-k": Spelling("keep", "true"),
}


def never(_: list[str]) -> bool:
    return False


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("--size 3", {"size": ["3"]}),
        ("--size -3", {"size": ["-3"]}),
        ("--size --deep", {"size": ["--deep"]}),
        ("--size=3", {"size": ["3"]}),
        ("--size=", {"size": [""]}),
        ("--split_ratio 3 --split-ratio 4", {"split_ratio": ["3", "4"]}),
        ("--deep --no-deep", {"deep": ["true", "false"]}),
        ("--deep=false", {"deep": ["false"]}),
        ("-j4 -j 5", {"size": ["4", "5"]}),
        ("-kj 5", {"keep": ["true"], "size": ["5"]}),
    ],
)
def test_options_and_their_values(words: str, given: dict[str, list[str]]) -> None:
    assert read(words.split(), KNOWN, never) == Reading(given)


def test_an_unknown_option_ends_the_reading() -> None:
    assert read(["a", "-k", "--other", "b"], KNOWN, never) == Reading({"keep": ["true"]}, ["a"], ["--other", "b"])


def test_words_are_read_until_they_are_enough() -> None:
    assert read(["a", "-k", "b", "-k"], KNOWN, lambda words: "b" in words) == Reading(
        {"keep": ["true"]}, ["a", "b"], ["-k"]
    )


def test_two_dashes_end_the_options() -> None:
    assert read(["--", "-k"], KNOWN, never) == Reading({}, ["-k"])


@pytest.mark.parametrize(
    ("words", "said"), [("--size", "--size needs a value"), ("-kz", "no option -z"), ("--no-deep=1", "takes no value")]
)
def test_what_makes_no_sense_is_said(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(words.split(), KNOWN, never)


@given(st.lists(st.text()))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    try:
        reading = read(words, KNOWN, never)
    except UsageError:
        return
    assert len(reading.words) + len(reading.rest) <= len(words)
