"""What an annotation makes of words: a switch, one value or many, and how a word is read as a value."""

from __future__ import annotations

import collections.abc
import enum
import json
import types
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NewType, TypeVar, cast, get_args, get_origin
from uuid import UUID

from taskproc.future import Future, FutureBase
from taskproc.inputfile import InputFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ABSTRACT = ("Sequence", "MutableSequence", "Set", "Collection", "Iterable")
COLLECTIONS = frozenset({list, tuple, set, frozenset, *(getattr(collections.abc, name) for name in _ABSTRACT)})
UNANNOTATED = (Any, object)


def _duration(text: str) -> timedelta:
    """A duration as pydantic reads it (ISO 8601, a clock's `hh:mm:ss`), or a number of seconds."""
    from pydantic import TypeAdapter

    try:
        value: object = float(text)
    except ValueError:
        value = text
    return TypeAdapter(timedelta).validate_python(value)


TEXTUAL: dict[type, Callable[[str], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    timedelta: _duration,
    UUID: UUID,
    Decimal: Decimal,
    complex: complex,
    bytes: str.encode,
    Path: Path,
    InputFile: str,  # which the task's own validation makes a path, if that is there
    PurePath: PurePath,
}
EXAMPLES: dict[Any, str] = {
    date: "2024-12-31",
    datetime: "2024-12-31T18:30",
    time: "18:30",
    UUID: "12345678-1234-5678-1234-567812345678",
    Decimal: "0.10",
    timedelta: "PT1H30M, 01:30:00, or 90 for seconds",
}


class Shape(NamedTuple):
    """How words become a value.

    `read` turns one word into a value, or raises ValueError. A `flag` takes no word, `many` may be given repeatedly (or
    once, as a JSON array, or as null where that is `nullable`). A `future` stands for a task, which no word can be.
    `metavar` names the words in help.
    """

    read: Callable[[str], Any]
    metavar: str
    flag: bool = False
    many: bool = False
    future: bool = False
    nullable: bool = False

    def value(self, words: Sequence[str]) -> Any:
        """The value that one option's words, in the order given, stand for; of scalars the last wins."""
        if not self.many:
            return self.read(words[-1])
        if self.nullable and [*words] == ["null"]:
            return None
        if len(words) == 1:
            try:
                array = read_json(words[0])
            except ValueError:
                array = None
            if isinstance(array, list):
                return array  # pyright: ignore[reportUnknownVariableType]  JSON may hold anything
        try:
            return [self.read(word) for word in words]
        except ValueError as error:
            again = "; give a list as a JSON array, or the option once for each item" if "," in "".join(words) else ""
            raise ValueError(f"{error}{again}") from None


def shape_of(annotation: Any) -> Shape:
    """The shape of a parameter, by its (resolved) annotation; `Any` where it has none."""
    if annotation in UNANNOTATED or isinstance(annotation, TypeVar | str):
        return Shape(read_json_or_text, "<value>")
    alternatives = members(annotation)
    nullable = type(None) in alternatives
    kinds = [member for member in alternatives if member is not type(None)]
    values = [member for member in kinds if not _is_future(member)]
    expected = "|".join(map(type_name, kinds)) or type_name(annotation)
    metavar = f"<{expected}>"
    if kinds and not values:
        return Shape(read_json, metavar, future=True)
    if str in values or any(member in UNANNOTATED for member in values):
        return Shape(str if str in values else read_json_or_text, metavar)
    if values == [bool]:
        return Shape(read_bool, metavar, flag=True)
    if len(values) == 1 and (get_origin(values[0]) or values[0]) in COLLECTIONS:
        items = [item for item in get_args(values[0]) if item is not Ellipsis]
        item = shape_of(typing.Union[tuple(items)] if items else Any)  # noqa: UP007  made from a tuple
        read = read_bool if item.flag else item.read
        return Shape(read, metavar, many=True, future=item.future, nullable=nullable and read is not str)
    return Shape(_reader(annotation, values, expected, nullable=nullable), metavar)


def type_name(annotation: Any) -> str:
    """An annotation as people read it: `int`, `list[Path]`, `red|green`."""
    if get_origin(annotation) is Literal:
        return "|".join("null" if choice is None else str(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return "|".join(type_name(member) for member in get_args(annotation) if member is not type(None))
    if get_origin(annotation) is Annotated:
        return type_name(get_args(annotation)[0])
    if arguments := get_args(annotation):
        inner = ",".join("..." if argument is Ellipsis else type_name(argument) for argument in arguments)
        return f"{type_name(get_origin(annotation))}[{inner}]"
    if isinstance(annotation, enum.EnumType):
        return "|".join(map(enum_text, cast("type[enum.Enum]", annotation)))
    return str(getattr(annotation, "__name__", annotation))


def _read_float(text: str) -> Any:
    """A JSON value, whole numbers as floats: validation, which would do the same, need not be loaded for that."""
    value = read_json(text)
    return float(value) if type(value) is int else value


def read_json(text: str) -> Any:
    """A JSON value; ValueError where it is none."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_json_object(text: str, where: str = "") -> dict[str, Any]:
    """A JSON object; ValueError where it is none, `where` being what to call the text if not by itself."""
    try:
        value = read_json(text)
    except ValueError as error:
        raise ValueError(f"{where or _quoted(text)} is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{where or _quoted(text)} is not a JSON object, such as '{{\"n\": 6}}'")  # noqa: TRY004  a text is of no other type
    return cast("dict[str, Any]", value)


def read_json_or_text(text: str) -> Any:
    """A JSON value, else the text itself."""
    try:
        return read_json(text)
    except ValueError:
        return text


def members(annotation: Any) -> list[Any]:
    """The alternatives of a union, without what only wraps them."""
    origin = get_origin(annotation)
    if annotation is typing.LiteralString:
        return [str]
    if origin in (typing.Union, types.UnionType):
        return [member for part in get_args(annotation) for member in members(part)]
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if isinstance(annotation, NewType):
        return members(annotation.__supertype__)
    if hasattr(annotation, "__value__"):  # a `type X = ...` statement
        return members(annotation.__value__)
    if getattr(annotation, "__pydantic_root_model__", False):
        return members(annotation.__pydantic_fields__["root"].annotation)
    return [annotation]


def _is_future(member: Any) -> bool:
    kind = get_origin(member) or member
    return kind is Future or (isinstance(kind, type) and issubclass(kind, FutureBase))


def _reader(annotation: Any, kinds: list[Any], expected: str, *, nullable: bool) -> Callable[[str], Any]:
    """Read a word as the first of some alternatives that takes it: text where that is meant, else JSON.

    What is neither stays text where the task's own validation takes that: an IPv4Address, a Fraction. Numbers are read
    as Python reads them too: `.5`, `1_000`, `inf`. `null` is None where no text is called so.
    """
    textual = [reader for kind in kinds if (reader := _text_reader(kind)) is not None]
    numbers = [kind for kind in (int, float) if kind in kinds]
    plain = _read_float if kinds == [float] else read_json
    all_textual = bool(kinds) and len(textual) == len(kinds)
    readers = textual if all_textual else [plain, *textual, *numbers]
    readers = [*readers, _choice({"null": None})] if nullable else readers
    if not all_textual and not _is_numeric(annotation):
        readers = [*readers, _validated(annotation)]
    example = next((f", such as {EXAMPLES[kind]}" for kind in kinds if kind in EXAMPLES), "")

    def read(text: str) -> Any:
        for reader in readers:
            try:
                return reader(text)
            except (ValueError, ArithmeticError):
                continue
        raise ValueError(f"{_quoted(text)} is not {_article(expected)}{_nearest(text, kinds) or example}")

    return read


def _is_numeric(annotation: Any) -> bool:
    """Whether an annotation takes numbers alone, as Python reads them: pydantic takes `0-9` for -9."""
    parts = get_args(annotation) or (annotation,)
    return all(any(part is kind for kind in (int, float, type(None))) for part in parts)


def _validated(annotation: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        from taskproc.coercion import coercion

        try:
            coercion(annotation)(text)
        except Exception:  # noqa: BLE001  a validator of the user's may raise anything
            raise ValueError(text) from None
        return text

    return read


def _text_reader(member: Any) -> Callable[[str], Any] | None:
    """How text becomes a `member`, None if that takes JSON."""
    choices = _choices(member)
    return TEXTUAL.get(member) if choices is None else _choice(choices)


def _choices(member: Any) -> dict[str, Any] | None:
    """The texts that a `member` has, None where they are open."""
    if get_origin(member) is Literal:
        literals = get_args(member)[::-1]
        as_json = {json.dumps(literal): literal for literal in literals if literal is None or isinstance(literal, bool)}
        return as_json | {str(literal): literal for literal in literals if literal is not None}
    if isinstance(member, enum.EnumType):
        values = {str(choice.value): choice for choice in cast("type[enum.Enum]", member)}
        return {**member.__members__} | values
    return None


def _choice(choices: dict[str, Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text not in choices:
            raise ValueError(text)
        return choices[text]

    return read


def enum_text(member: enum.Enum) -> str:
    """What people type for a member of an enum: its value where that is text, else its name."""
    value: object = member.value
    return value if isinstance(value, str) else str(member.name)


def read_bool(text: str) -> bool | None:
    """What follows `--flag=`; whether `null`, for None, is admitted the task's own validation tells."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    word = text.lower()
    if word == "null":
        return None
    if word not in words:
        raise ValueError(f"{text!r} is neither true nor false")
    return words[word]


def _quoted(text: str) -> str:
    """A text as it was typed, its beginning where it is long."""
    return repr(text) if len(text) <= 80 else f"{text[:70]!r}..."


def _article(expected: str) -> str:
    if "|" in expected:
        return "one of " + expected.replace("|", ", ")
    return f"{'an' if expected[:1] in 'aeioAEIO' else 'a'} {expected}"


def _nearest(text: str, kinds: Sequence[Any]) -> str:
    from difflib import get_close_matches

    by_fold = {word.lower(): word for kind in kinds for word in _choices(kind) or ()}
    near = get_close_matches(text.lower(), by_fold, 1)
    return f"; did you mean {by_fold[near[0]]}?" if near else ""
