"""What came of a sweep: a table for people, or JSON or CSV for programs, a row for each point."""

from __future__ import annotations

import csv
import io
import itertools
import json
from typing import TYPE_CHECKING, Any, cast

from taskproc_cli.views import terminal
from taskproc_cli.views.result import json_of, text_of
from taskproc_cli.views.screen import fitted, harmless, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from taskproc_cli.outcomes import Came
    from taskproc_cli.sweep import Point, Sweep

_WIDEST = 60
"""Columns of a cell in a table."""

_NARROWEST = 8
"""Columns of a cell that others need not be narrower for, however narrow the terminal is."""

_MOST = 12
"""Entries of a dict that have columns of their own."""


def sweep_lines(sweep: Sweep, came: Sequence[Came], form: str) -> Iterator[str]:
    """A sweep and what came of its points, in one of the formats that `run` takes."""
    if form == "json":
        rows = [_object(sweep, point, each) for point, each in zip(sweep.points, came, strict=True)]
        yield "[\n" + ",\n".join(rows) + "\n]"
        return
    columns = _columns([each.value for each in came if not each.problem])
    results = [f"result.{name}" if name in sweep.names else name for name in columns] or ["result"]
    swept = [[each.text for each in point.swept] for point in sweep.points]
    text = _short if form == "table" else text_of
    cells = [[] if each.problem else _cells(each.value, columns, text) for each in came]
    if form == "table":
        yield from _table([*sweep.names, *results], swept, cells, came)
        return
    failed = any(each.problem for each in came)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*sweep.names, *results, *["error"] * failed])
    for first, more, each in zip(swept, cells, came, strict=True):
        writer.writerow([*first, *(more or [""] * len(results)), *[each.problem] * failed])
    yield file.getvalue().removesuffix("\n")


def _object(sweep: Sweep, point: Point, came: Came) -> str:
    """A point as a JSON object."""
    fields = {name: _json(each.value) for name, each in zip(sweep.names, point.swept, strict=True)}
    fields["error" if came.problem else "result"] = json.dumps(came.problem) if came.problem else _json(came.value)
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in fields.items()) + "}"


def _json(value: object) -> str:
    """A value as JSON; what that can't say as text."""
    try:
        return json.dumps(json.loads(json_of(value)), ensure_ascii=False)
    except ValueError:
        return json.dumps(text_of(value), ensure_ascii=False)


def _columns(values: Sequence[Any]) -> list[str]:
    """The keys of results that are all small dicts of plain values; empty where they are not."""
    found: dict[str, None] = {}
    for value in values:
        if type(value) is not dict:
            return []
        entries = cast("Mapping[object, object]", value)
        if not all(isinstance(key, str) and not isinstance(each, (dict, list)) for key, each in entries.items()):
            return []
        found.update(dict.fromkeys(cast("Mapping[str, object]", value)))
    return list(found) if len(found) <= _MOST else []


def _cells(value: Any, columns: Sequence[str], text: Callable[[object], str]) -> list[str]:
    """What a result puts into the columns of results."""
    if not columns or type(value) is not dict:
        return ["" if value is None else text(value), *[""] * (len(columns) - 1)]
    entries = cast("Mapping[str, object]", value)
    return ["" if entries.get(name) is None else text(entries[name]) for name in columns]


def _short(value: object) -> str:
    """A value in a table: of a long float, six digits that count."""
    text = text_of(value)
    return f"{value:.6g}" if isinstance(value, float) and len(text) > 8 else text


def _table(
    header: Sequence[str], swept: Sequence[Sequence[str]], cells: Sequence[Sequence[str]], came: Sequence[Came]
) -> Iterator[str]:
    """Aligned columns, numbers to the right; of a point that failed, the problem stands where the results would."""
    header = [*map(_flat, header)]
    rows = [[_flat(cell) for cell in (*first, *more)] for first, more in zip(swept, cells, strict=True)]
    columns = list(itertools.zip_longest(*rows, fillvalue=""))
    columns += [("",)] * (len(header) - len(columns))
    widths = [min(_WIDEST, max(map(width, (name, *column)))) for name, column in zip(header, columns, strict=True)]
    right = [all(map(_is_number, filter(None, column))) and any(column) for column in columns]
    limit = terminal.width_out()
    while limit and sum(widths) + 2 * (len(widths) - 1) > limit and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1

    def line(row: Sequence[str], more: str = "") -> str:
        text = "  ".join([*map(_aligned, row, widths, right), *filter(None, [more])]).rstrip()
        return text if limit is None or width(text) <= limit else fitted(text, limit)

    yield terminal.paint_out(line(header), "bold")
    for row, each in zip(rows, came, strict=True):
        shown = line(row, each.problem and f"✘ {_flat(each.problem)}")
        yield terminal.paint_out(shown, "red") if each.problem else shown


def _flat(cell: str) -> str:
    """A text on one line, without what would move the cursor."""
    return " ".join(harmless(line) for line in cell.split("\n") if line.strip())


def _aligned(cell: str, columns: int, right: bool) -> str:  # noqa: FBT001  a column's own
    return " " * (columns - width(cell)) + cell if right and width(cell) <= columns else fitted(cell, columns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
