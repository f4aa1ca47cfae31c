"""A sweep: the points that the values of some parameters span."""

from __future__ import annotations

import itertools
import json
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from taskproc_cli.hints import near_options
from taskproc_cli.problems import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from taskproc_cli.parameters import Parameters

MOST = 100_000
"""Points of one sweep; more are a mistake."""

_RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")


class Swept(NamedTuple):
    """One value of a swept parameter, as typed and as read."""

    text: str
    value: Any


class Point(NamedTuple):
    """One point: the values of the swept parameters, and of all that are given."""

    swept: tuple[Swept, ...]
    values: dict[str, Any]


class Sweep(NamedTuple):
    """The points of a sweep, the last parameter's values changing fastest; `names` are those of the parameters."""

    names: tuple[str, ...]
    points: tuple[Point, ...]

    def label(self, point: Point) -> str:
        """Which point it is, for people: `lr=0.1, seed=3`."""
        return ", ".join(f"{name}={each.text}" for name, each in zip(self.names, point.swept, strict=True))


def read_sweep(
    words: Sequence[str], parameters: Parameters, values: Mapping[str, Any], given: Collection[str] = ()
) -> Sweep:
    """Read the words of `--sweep`: `lr=0.1,0.01`, `seed=0..9`.

    Args:
        words: As typed.
        parameters: Those of the task.
        values: What else is given of them.
        given: The names of those that an option gives, which can't be swept too.

    Raises:
        UsageError: they make no sense, or too many points.
    """
    axes: dict[str, list[Swept]] = {}
    for word in words:
        name, found = _axis(word, parameters)
        if name in axes:
            raise UsageError(f"--sweep: {name} is there twice; say all its values in one, {name}=A,B")
        if name in given:
            raise UsageError(f"--sweep: {name} is given by its own option too; leave one out")
        axes[name] = found
    number = math.prod(map(len, axes.values()))
    if number > MOST:
        raise UsageError(f"--sweep: these are {number:,} points, more than the {MOST:,} that one sweep may have")
    points = [
        Point(swept, parameters.values({name: [each.text] for name, each in zip(axes, swept, strict=True)}, values))
        for swept in itertools.product(*axes.values())
    ]
    return Sweep(tuple(axes), tuple(points))


def _axis(word: str, parameters: Parameters) -> tuple[str, list[Swept]]:
    """One parameter's name and its values."""
    typed, equals, text = word.partition("=")
    if not equals or not typed:
        raise UsageError(f"--sweep: {word!r} is not of the form NAME=VALUES, such as lr=0.1,0.01 or seed=0..9")
    parameter = parameters.find(typed.removeprefix("--"))
    if parameter is None:
        near = near_options(f"--{typed}", [each.option for each in parameters.walk()])
        hint = f"did you mean {near[0][2:]!r}?" if near else f"it has {', '.join(parameters.named) or 'none'}"
        raise UsageError(f"--sweep: {parameters.cls.__qualname__} has no parameter {typed!r}; {hint}")
    if not text:
        raise UsageError(f"--sweep: {word!r} names no value")
    try:
        parameters.check_giveable(parameter)
        read = parameter.shape.value
        items = [_unquoted(item, read) for part in _split(text) for item in _expanded(part, typed)]
        found = [Swept(item, read([item])) for item in items]
    except ValueError as error:
        hint = "; a range is of whole numbers, such as 0..9" if ".." in text else ""
        raise UsageError(f"--sweep: {typed}: {error}{hint}") from None
    return parameter.name, found


def _split(text: str) -> Iterator[str]:
    """The parts between commas, but for commas within brackets or double quotes."""
    depth, start, quoted = 0, 0, False
    for place, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif not quoted:
            depth += (letter in "[{(") - (letter in ")}]")
            if letter == "," and depth <= 0:
                yield text[start:place]
                start = place + 1
    yield text[start:]


def _unquoted(item: str, read: Callable[[list[str]], Any]) -> str:
    """What double quotes enclose, where they are not JSON to the parameter but there for the commas in them."""
    if item[:1] == '"' and read([item]) == item:
        with suppress(ValueError):
            item = json.loads(item)
    return item


def _expanded(part: str, name: str) -> list[str]:
    """What a part stands for: `0..9` for the numbers from the first to the last, all else for itself."""
    found = _RANGE.fullmatch(part)
    if not found:
        return [part]
    first, last = map(int, found.groups())
    step = 1 if last >= first else -1
    if abs(last - first) >= MOST:
        raise UsageError(f"--sweep: {name}={part} is more than {MOST:,} values")
    return [str(number) for number in range(first, last + step, step)]
