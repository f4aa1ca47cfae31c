"""The last run as text: a strip for the critical path and for each lane, a letter or a colour for each class."""

from __future__ import annotations

import textwrap
from collections import Counter
from itertools import chain, groupby, islice, repeat
from typing import TYPE_CHECKING

from taskproc_cli.views.quantities import count
from taskproc_cli.views.screen import cut, fitted
from taskproc_cli.views.terminal import out_takes_colour, paint_out
from taskproc_cli.views.timeline import took

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from taskproc.timeline import Span
    from taskproc_cli.views.terminal import Colour
    from taskproc_cli.views.timeline import Shown

COLOURS: tuple[Colour, ...] = ("blue", "yellow", "green", "magenta", "cyan")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FAILED, OTHERS = "x", "o"

LANES, STEPS = 16, 12
"""Lanes, and tasks of the critical path, that are told."""

GUTTER, NARROWEST = 14, 10
"""Columns beside the strips, and those of a strip or a name however narrow the terminal is."""


def strips(drawn: Shown, width: int) -> Iterator[str]:
    """The run in lines of that width."""
    marks = dict(zip(drawn.work, chain(LETTERS, repeat(OTHERS)), strict=False))
    longest: dict[str, float] = {}
    for span in drawn.run.spans:
        longest[span.name] = max(span.duration, longest.get(span.name, 0.0))
    yield paint_out(cut(drawn.title, width), "bold")
    yield from textwrap.wrap(drawn.summary, width)
    yield ""
    room = max(NARROWEST, width - GUTTER)
    yield f"{'critical path':<{GUTTER}}{_strip(drawn, drawn.critical, marks, room)}".rstrip()
    for lane in drawn.lanes[:LANES]:
        yield f"{fitted(lane.host, GUTTER - 1)} {_strip(drawn, lane.spans, marks, room)}".rstrip()
    if len(drawn.lanes) > LANES:
        yield f"{'':<{GUTTER}}and {len(drawn.lanes) - LANES:,} more"
    yield f"{'':<{GUTTER}}0 s{took(drawn.end - drawn.start):>{room - 3}}"
    yield ""
    numbers = Counter(span.name for span in drawn.run.spans)
    for name, total in islice(drawn.work.items(), STEPS):
        told = f"{count(numbers[name], 'task')}, {took(total)} in all, {took(longest[name])} at most"
        yield f"{_marked(marks[name])} {name.rpartition('.')[2]}: {told}"
    yield ""
    yield "critical path:"
    steps = sorted(drawn.critical, key=lambda span: -span.duration)[:STEPS]
    for span in (span for span in drawn.critical if span in steps):
        yield f"{took(span.duration):>12}  {cut(drawn.name(span), room)}"
    if left := len(drawn.critical) - len(steps):
        yield f"{'':>12}  and {left:,} shorter ones"


def _strip(drawn: Shown, spans: Sequence[Span], marks: Mapping[str, str], room: int) -> str:
    """What takes most of each share of the time: a blank where nothing ran."""
    scale = room / max(drawn.end - drawn.start, 1e-9)
    shares: list[Counter[str]] = [Counter() for _ in range(room)]
    for span in spans:
        mark = FAILED if span.failure else marks[span.name]
        start, end = (span.start - drawn.start) * scale, (span.end - drawn.start) * scale
        for cell in range(int(start), min(int(end), room - 1) + 1):
            shares[cell][mark] += min(end, cell + 1) - max(start, cell)  # type: ignore[assignment]
    cells = [share.most_common(1)[0][0] if share else " " for share in shares]
    return "".join(_marked(mark, len([*group])) for mark, group in groupby(cells))


def _marked(mark: str, times: int = 1) -> str:
    """A letter so many times; where stdout takes colour, for the first classes as many blocks of that."""
    if mark == FAILED:
        return paint_out(mark * times, "red")
    place = LETTERS.find(mark)
    if 0 <= place < len(COLOURS) and out_takes_colour():
        return paint_out("█" * times, COLOURS[place])
    return mark * times
