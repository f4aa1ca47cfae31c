"""One parameter of a task, or a part of a structured one: how it is named, spelled and read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from taskproc.presentation import as_text
from taskproc_cli.fields import MISSING, Field, Fields, fields_of, rooted
from taskproc_cli.shapes import Shape, enum_text, shape_of
from taskproc_cli.words import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

HELP = "help"
"""The name of a parameter that is no option: `--help` is the program's own."""


@dataclass(frozen=True)
class Parameter:
    """One parameter, or a part of a structured one: `--train.lr`.

    Attributes:
        path: Its name and, of a part, the keys that lead to it.
        option: The option that gives it: `--split-ratio`.
        optional: Whether the whole that it is a part of need not be given.
    """

    path: tuple[str, ...]
    option: str
    field: Field
    optional: bool = False

    @property
    def name(self) -> str:
        """Its path as one word."""
        return ".".join(self.path)

    @property
    def about(self) -> str:
        """What a docstring says of it."""
        return self.field.about

    @property
    def required(self) -> bool:
        """Whether it must be given: it has no default, nor has what it is a part of."""
        return self.field.default is MISSING and not self.optional

    @property
    def given_by(self) -> str:
        """How to give it: by its option or, where it is called help, by `--kwargs`."""
        return f"--kwargs '{{\"{HELP}\": ...}}'" if self.path == (HELP,) else self.option

    @property
    def default(self) -> str:
        """The default as it would be typed, empty for none."""
        return "" if self.field.default is MISSING else _typed(self.field.default)

    @property
    def hint(self) -> str:
        """How to give it, if that is in parts."""
        if self.fields is None:
            return ""
        part = next(self.parts(), None)
        return f" (JSON, or part by part: {part.option if part else f'{self.option}.KEY'})"

    @cached_property
    def shape(self) -> Shape:
        """How words become its value."""
        return shape_of(self.field.annotation)

    @cached_property
    def fields(self) -> Fields | None:
        """Its parts, if it has some."""
        found = fields_of(self.field.annotation)
        if found is None and (
            type(self.field.default) is dict or (len(self.path) > 1 and self.field.annotation is Any)
        ):
            return Fields({}, Any, (dict,))
        return found

    def parts(self) -> Iterator[Parameter]:
        """The parts that have a name."""
        for key in self.fields.named if self.fields else ():
            part = self.part(key)
            assert part is not None
            yield part

    def part(self, word: str) -> Parameter | None:
        """The part of this key, or of a name spelled like this."""
        if self.fields is None or not word:
            return None
        named = self.fields.named
        plain = identifier(word).replace("-", "_")
        field = named.get(word) or next((each for each in named.values() if each.name == plain), None)
        if field is None:
            if self.fields.others is MISSING:
                return None
            field = Field(word, word, self.fields.others)
            return Parameter((*self.path, word), f"{self.option}.{word}", field)
        try:
            default = self.fields.parts_of(self.field.default).get(field.key, field.default)
        except ValueError:
            default = field.default
        option = f"{self.option}.{spelled(field.name)}"
        return Parameter((*self.path, field.key), option, field._replace(default=default), not self.required)


def spelled(name: str) -> str:
    """A name as an option spells it: `split-ratio`."""
    return re.sub("(?<=[^_])_(?=[^_])", "-", name)


def _typed(default: Any) -> str:
    """A default as it would be typed."""
    if default is None:
        return ""
    default = rooted(default)
    if isinstance(default, Enum):
        default = enum_text(default)
    try:
        return default if isinstance(default, str) else json.dumps(default)
    except (TypeError, ValueError, RecursionError):
        return as_text(default)
