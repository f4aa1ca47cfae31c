"""What may have been meant by words that mean nothing."""

from __future__ import annotations

import pytest

from taskproc import Task
from taskproc_cli.hints import near_options, stray_word, unknown_option
from taskproc_cli.parameters import parameters_of


class Train(Task):
    def __init__(self, n: int, k: int = 1, *, fast: bool = False, files: tuple[str, ...] = ()) -> None: ...


KNOWN = ["-o", "--cache", "--help", "--json", "--train.lr", "--n", "--k", "--any-", "---under-score"]


@pytest.mark.parametrize(
    ("option", "near"),
    [
        ("--cach", "--cache"),
        ("--cahce", "--cache"),
        ("--lr", "--train.lr"),
        ("--tran.lr", "--train.lr"),
        ("--N", "--n"),
        ("--m", None),
        ("--sweep", None),
        ("--jason", "--json"),
        ("--an", "--any_"),
        ("--_under", "--_under-score"),
    ],
)
def test_the_nearest_option_is_named_if_there_is_one(option: str, near: str | None) -> None:
    assert near_options(option, KNOWN) == ([near] if near else [])


def test_an_option_of_one_letter_is_not_near_to_longer_ones() -> None:
    assert near_options("--n", ["--json", "--cache"]) == []


def test_an_option_of_another_command_is_said_to_be_one() -> None:
    assert unknown_option("--sweep=n=1", KNOWN) == "there is no option --sweep here; taskproc run has it"
    assert unknown_option("-x", KNOWN) == "there is no option -x here; taskproc run has it"
    assert unknown_option("-x", KNOWN, ["x"]) == "there is no option -x; did you mean --x?"
    assert unknown_option("-h", KNOWN) == "there is no option -h; did you mean --help?"
    assert unknown_option("--nothing", KNOWN) == "there is no option --nothing"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--n --k 3", "--n needs a value: --k was taken for it"),
        ("--fast true", "--fast is a switch, and the next word is not its value; did you mean --fast=true?"),
        ("--k -x serial", "--k needs a value: -x was taken for it"),
        ("--k -3 4", "'4' has no place after Train: parameters are given as --NAME VALUE"),
        ("-n 6", "-n is an option of taskproc's own, and takes no value; did you mean --n 6?"),
        ("–n", "'–n' begins with a long dash; did you mean --n?"),  # noqa: RUF001
        ("n=6", "'n=6' is no option; did you mean --n=6?"),
        ("--n 3 6", "'6' has no place after Train: parameters are given as --NAME VALUE"),
        ("--files a b", "'b' has no place: --files is given once for each item, --files b"),
    ],
)
def test_a_word_without_a_place_is_understood(words: str, said: str) -> None:
    rest = words.split()
    assert stray_word(rest[-1], rest, parameters_of(Train)) == said
