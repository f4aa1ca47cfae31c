"""The words of a command line: which of them are options, what their values are, and what is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from taskproc_cli.problems import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from typer.core import TyperArgument, TyperOption

TRUE, FALSE = "true", "false"


class Spelling(NamedTuple):
    """One way to write an option: its name in the program, and what it says where it takes no value of its own."""

    name: str
    says: str | None = None


@dataclass(slots=True)
class Reading:
    """What was read: the values of each option in order, the words that are none, and the words not read."""

    given: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    words: list[str] = field(default_factory=list[str])
    rest: list[str] = field(default_factory=list[str])


def spellings(options: Iterable[TyperOption]) -> dict[str, Spelling]:
    """The ways to write some options, the later winning where two are written alike, `--no-x` giving way to `--x`."""
    options = list(options)
    found = {plain(text): Spelling(name_of(each), FALSE) for each in options for text in each.secondary_opts}
    for each in options:
        found |= {plain(text): Spelling(name_of(each), TRUE if each.is_flag else None) for text in each.opts}
    return found


def name_of(parameter: TyperOption | TyperArgument) -> str:
    """The name of an option or argument within the program."""
    assert parameter.name is not None  # it is made from a function's parameter
    return parameter.name


def identifier(text: str) -> str:
    """A name in the form that Python gives it (NFKC): the `µ` of keyboards becomes the Greek letter."""
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFKC", text)


def plain(text: str) -> str:
    """An option as it is looked up: `--split_ratio` is `--split-ratio`; what follows a dot may be the key of a dict."""
    name, dot, key = text.partition(".")
    return identifier(name).replace("_", "-") + dot + key if text.startswith("--") else text


def read(args: Sequence[str], known: Mapping[str, Spelling], stop: Callable[[list[str]], bool]) -> Reading:
    """Read words up to the first option that is not known, or until `stop` says so of the words that are no options.

    The word after an option that needs a value is its value, whatever it looks like.
    """
    reading = Reading(rest=list(args))
    rest = reading.rest
    while rest and not stop(reading.words):
        word = rest[0]
        if word == "--":
            reading.words += rest[1:]
            rest.clear()
        elif word.startswith("--"):
            text, equals, value = word.partition("=")
            if plain(text) not in known:
                break
            del rest[0]
            _take(reading, text, known[plain(text)], value if equals else None)
        elif word.startswith("-") and len(word) > 1:
            if word[:2] not in known:
                break
            del rest[0]
            _letters(reading, word, known)
        else:
            reading.words.append(rest.pop(0))
    return reading


def _letters(reading: Reading, word: str, known: Mapping[str, Spelling]) -> None:
    """Read `-k`, `-kf`, `-j4` or `-j 4`."""
    for place in range(1, len(word)):
        letter = f"-{word[place]}"
        if letter not in known:
            long = f"--{word[1]}"
            hint = f"; did you mean {long} {word[2:].removeprefix('=')}?" if long in known else ""
            raise UsageError(f"there is no option {letter} (in {word}){hint}")
        spelling = known[letter]
        if spelling.says is None:
            _take(reading, letter, spelling, word[place + 1 :] or None)
            break
        _take(reading, letter, spelling, None)


def _take(reading: Reading, text: str, spelling: Spelling, value: str | None) -> None:
    """Note one option and its value, which is the next word unless it came with an `=`."""
    if value is None:
        value = spelling.says
    elif spelling.says == FALSE:
        raise UsageError(f"{text} takes no value")
    if value is None:
        if not reading.rest:
            raise UsageError(f"{text} needs a value")
        value = reading.rest.pop(0)
    reading.given.setdefault(spelling.name, []).append(value)
