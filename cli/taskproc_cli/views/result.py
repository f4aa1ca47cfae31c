"""The result of a task as `run` prints it: the same bytes whether it was made now or before."""

from __future__ import annotations

import codecs
import json
import re
import sys
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from taskproc.presentation import ADDRESS
from taskproc_cli.problems import users_code
from taskproc_cli.views.terminal import spelled, still

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PIECE = 1 << 16
"""Letters after which lines are written."""

_ESCAPES = {"json": "taskproc.json", "trace": "taskproc.json"} | dict.fromkeys(
    ("svg", "html", "dot"), "xmlcharrefreplace"
)
"""How formats that are UTF-8 by their nature say in ASCII what that lacks, as the name of an error handler."""

_EXACT = frozenset({"json", "trace", "csv"})
"""Formats for programs, of which nothing is left out."""

_CONTROLS = re.compile("[\x7f-\x9f]")
"""Control characters that JSON need not escape, but terminals obey."""


def print_result(value: object) -> None:
    """Write a result to stdout, nothing for None."""
    sys.set_int_max_str_digits(0)  # a result may be a long number
    if value is not None:
        with users_code("the result cannot be shown"):
            text, form = _text_and_form(value)
        write_out(f"{text}\n", form)


def pretty(value: object, width: int, *, coloured: bool) -> str:
    """A result for people: text as it is, all else as it would be written in Python, on as many lines as it needs."""
    if isinstance(value, str):
        return str.__str__(value)
    sys.set_int_max_str_digits(0)
    from pprint import pformat

    text = ADDRESS.sub("", pformat(value, width=width, compact=True, sort_dicts=False))
    return _highlighted(text) if coloured else text


def _highlighted(text: str) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.highlighter import ReprHighlighter

    file = StringIO()
    Console(file=file, force_terminal=True, color_system="standard").print(
        ReprHighlighter()(text), soft_wrap=True, end=""
    )
    return file.getvalue()


def json_of(value: object) -> str:
    """A result as one line of JSON, what is like a list or a dict as that; NaN and infinities become null.

    Raises:
        ValueError: JSON can't say it.
    """
    from pydantic_core import to_json

    try:
        return to_json(value, fallback=_plain, inf_nan_mode="null", bytes_mode="base64").decode()
    except ValueError:
        with suppress(TypeError, ValueError, RecursionError):  # it knows no lone surrogates, as in names of files
            return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        raise


def _plain(value: Any) -> Any:
    """An array, or one of its numbers, as plain data."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if type(plain) is type(value):  # as a longdouble's is
        raise ValueError(f"{type(value).__qualname__} has no form in JSON")
    return plain


def text_of(value: object) -> str:
    """A string as it is, else one line of JSON, tuples and keys that are numbers as JSON has them, else its repr."""
    return _text_and_form(value)[0]


def _text_and_form(value: object) -> tuple[str, str]:
    """The text, and whether that is JSON."""
    if isinstance(value, str):
        return str.__str__(value), ""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_number), "json"
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return stable_repr(value), ""
    except RecursionError:  # it holds itself, which its own repr can tell
        return ADDRESS.sub("", repr(value)), ""


def _number(value: Any) -> Any:
    """A single number of an array library as Python's; raises TypeError for all else."""
    if getattr(value, "shape", None) == () and getattr(getattr(value, "dtype", None), "kind", "f") in "biuf":
        return value.item()
    raise TypeError


def stable_repr(value: object) -> str:
    """The repr of a value, sets in order and without addresses in memory, which differ from process to process."""
    kind: type[object] = type(value)
    if kind is dict:
        pairs = cast("dict[object, object]", value).items()
        return "{" + ", ".join(f"{stable_repr(key)}: {stable_repr(entry)}" for key, entry in pairs) + "}"
    if kind in (list, tuple, set, frozenset):
        items = [stable_repr(item) for item in cast("Sequence[object]", value)]
        if kind is list:
            return f"[{', '.join(items)}]"
        if kind is tuple:
            return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        whole = f"{{{', '.join(sorted(items))}}}" if items else ""
        return (whole or "set()") if kind is set else f"frozenset({whole})"
    if (named := _named(value)) is not None:
        return f"{named[0]}({', '.join(f'{name}={stable_repr(part)}' for name, part in named[1])})"
    return ADDRESS.sub("", repr(value))


def _named(value: Any) -> tuple[str, list[tuple[str, object]]] | None:
    """What the repr of a dataclass, named tuple or pydantic model tells: what its class is called, and parts by name.

    None of all else, and where a class has a repr of its own.
    """
    kind: Any = value.__class__
    maker: object = getattr(kind.__repr__, "__globals__", {}).get("__name__")
    code: object = getattr(getattr(kind.__dict__.get("__repr__"), "__wrapped__", None), "__code__", None)
    if hasattr(value, "__dataclass_fields__") and getattr(code, "co_filename", "") == "<string>":  # made, not written
        return kind.__qualname__, [(field.name, getattr(value, field.name)) for field in fields(value) if field.repr]
    if maker == "pydantic.main":
        return value.__repr_name__(), [*value.__repr_args__()]
    if maker == "collections" and hasattr(value, "_fields"):
        return kind.__name__, [*zip(value._fields, value, strict=True)]
    return None


def write_lines(lines: Iterable[str], form: str = "") -> None:
    """Write lines of ours, such as a tree, to stdout as they come; in other symbols where that can't encode these.

    `form` is their format, where that has a name. Once the reader has gone, no more lines are asked for.
    """
    for piece in _pieces(lines):
        text = piece if form in _EXACT else still(piece)
        if sys.stdout and form not in _ESCAPES.keys() | _EXACT:
            text = spelled(text, sys.stdout.encoding)
        if not write_out(text, form):
            return


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """Whole lines, as many as make a piece that is worth writing."""
    piece: list[str] = []
    size = 0
    for line in lines:
        piece.append(f"{line}\n")
        size += len(line)
        if size >= _PIECE:
            yield "".join(piece)
            piece, size = [], 0
    yield "".join(piece)


def write_out(text: str, form: str = "") -> bool:
    """Write to stdout; False if nobody reads it: one who has gone, or never was, is none of our business.

    What stdout can't encode is said in the way of the `form`, a format, else with backslashes.
    """
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  closed before the program began
        return False
    if form in _ESCAPES:
        encoding = "utf-8" if _is_utf8() else "ascii"
        text = text.encode(encoding, _ESCAPES[form]).decode(encoding)
    if _ESCAPES.get(form) == _ESCAPES["json"]:
        text = _CONTROLS.sub(lambda control: f"\\u{ord(control[0]):04x}", text)
    try:
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError:
            sys.stdout.flush()
            sys.stdout.buffer.write(
                text.encode(sys.stdout.encoding, "surrogateescape" if _escaped(text) else "backslashreplace")
            )
        sys.stdout.flush()
    except BrokenPipeError:
        return False
    except OSError as error:
        error.filename = "stdout"
        raise
    return True


def _escaped(text: str) -> bool:
    """Whether a text came from bytes that were no text (a file's name), and can be those bytes again."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return _is_utf8()


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().replace("_", "-") in {"utf-8", "utf8"}


def _json_escaped(error: UnicodeError) -> tuple[str, int]:
    """An error handler: what an encoding lacks as JSON has it within strings, which alone hold such letters."""
    assert isinstance(error, UnicodeEncodeError)  # only texts are written
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("taskproc.json", _json_escaped)
