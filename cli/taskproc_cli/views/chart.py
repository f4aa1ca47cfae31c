"""The last run as a picture: SVG, and HTML around it with the critical path."""

from __future__ import annotations

from collections import Counter
from itertools import chain, repeat
from typing import TYPE_CHECKING

from taskproc_cli.views.svg import document, escape, fitting, page, style, tag, text, text_width
from taskproc_cli.views.timeline import short, took

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from taskproc.record import Key
    from taskproc.timeline import Span
    from taskproc_cli.views.timeline import Shown

WIDTH, MARGIN, GUTTER, TOP, PATH = 960.0, 24.0, 96.0, 84.0, 20.0
HEIGHTS = ((40, 20.0), (120, 8.0))
"""How high a lane is where there are no more than so many; 3 where there are more."""
SIZE = 11.0

# One colour a class, those that take longest first, all others together; readable on white and on black.
COLOURS = ("#4e79a7", "#d2691e", "#4f8f49", "#a0628f", "#3f8f8b", "#b8860b", "#8a6650", "#c0587a")
OTHERS = "#8a939d"

STEPS = (*(unit * 10.0**power for power in range(-6, 1) for unit in (1, 2, 5)), 10, 20, 30)
MINUTES = tuple(60 * minutes for minutes in (1, 2, 5, 10, 20, 30))
HOURS = tuple(3600 * hours for hours in (1, 2, 6, 12, 24, 48, 168, 720))
"""Seconds between marks of the axis."""

SHEET = style(
    {
        ".paper": "fill: #ffffff",
        "text": "fill: #1f2328",
        ".minor": "fill: #57606a",
        ".grid": "stroke: #e3e6ea",
        ".bar text": "fill: #ffffff",
        ".critical rect": "stroke: #1f2328; stroke-width: 1.6",
        ".failed rect": "stroke: #cf222e; stroke-width: 2; fill: #cf222e; fill-opacity: .35",
    },
    {
        ".paper": "fill: #15181d",
        "text": "fill: #e6edf3",
        ".minor": "fill: #9da7b3",
        ".grid": "stroke: #2d333b",
        ".critical rect": "stroke: #ffffff",
        ".failed rect": "stroke: #ff7b72; fill: #ff7b72",
    },
)


def html(drawn: Shown) -> Iterator[str]:
    """The picture, and a table of the critical path."""
    rows = (
        (drawn.name(span), f"{span.start - drawn.start:.2f} s", took(span.duration), span.where)
        for span in drawn.critical
    )
    return page(drawn.title, "", svg(drawn), ("critical path", "began after", "took", "worker"), rows)


def svg(drawn: Shown) -> Iterator[str]:
    """The picture: the critical path, then a lane for each task that ran at a time; a colour for each class."""
    height = next((high for most, high in HEIGHTS if len(drawn.lanes) <= most), 3.0)
    colours = dict(zip(drawn.work, chain(COLOURS, repeat(OTHERS)), strict=False))
    scale = (WIDTH - GUTTER) / max(drawn.end - drawn.start, 1e-6)
    lanes = TOP + PATH * 1.5
    bottom = lanes + len(drawn.lanes) * height * 1.25
    body = [
        text(drawn.title, x=MARGIN, y=MARGIN + 10, font_size=14, font_weight=600),
        text(drawn.summary, class_="minor", x=MARGIN, y=MARGIN + 29, font_size=SIZE),
        *_axis(drawn, scale, bottom),
        text("critical path", class_="minor", x=MARGIN, y=TOP + PATH / 2 + 4, font_size=SIZE),
        *_bars(drawn, drawn.critical, colours, scale, TOP, PATH),
    ]
    told = ""
    for number, lane in enumerate(drawn.lanes):
        y = lanes + number * height * 1.25
        if lane.host != told:
            told = lane.host
            name = fitting(lane.host, SIZE, GUTTER - 10)
            body.append(text(name, class_="minor", x=MARGIN, y=y + min(height, PATH) / 2 + 4, font_size=SIZE))
        body += _bars(drawn, lane.spans, colours, scale, y, height)
    body += _legend(drawn, colours, bottom + 20)
    return document(WIDTH + 2 * MARGIN, bottom + 30 + MARGIN, drawn.title, SHEET, body)


def _axis(drawn: Shown, scale: float, bottom: float) -> Iterator[str]:
    """A line and the time at round numbers, of which there are ten at most."""
    length = drawn.end - drawn.start
    step = next((step for step in (*STEPS, *MINUTES, *HOURS) if step * 10 > length), HOURS[-1])
    unit, size = ("s", 1) if step < 60 else ("min", 60) if step < 3600 else ("h", 3600)
    for number in range(int(length / step) + 1):
        x = MARGIN + GUTTER + number * step * scale
        yield tag("line", class_="grid", x1=x, y1=TOP - 8, x2=x, y2=bottom)
        words = f"{number * step / size:g} {unit}"
        yield text(words, class_="minor", x=x, y=TOP - 14, font_size=SIZE, text_anchor="middle")


def _bars(
    drawn: Shown, spans: Sequence[Span], colours: Mapping[str, str], scale: float, y: float, height: float
) -> Iterator[str]:
    """Tasks in a line; what is too short to be seen by itself is drawn with its neighbours of the same class."""
    marked = {span.key for span in drawn.critical}
    for group in _seen(spans, marked, 0.8 / scale):
        first, length = group[0], group[-1].end - group[0].start
        x, width = MARGIN + GUTTER + (first.start - drawn.start) * scale, max(length * scale, 0.6)
        name = drawn.name(first) if len(group) == 1 else f"{len(group):,} × {short(first)}"
        about = [name, f"after {first.start - drawn.start:.3f} s, took {length:.3f} s", first.where, first.failure]
        parts = [
            tag("title", escape("\n".join(filter(None, about)))),
            tag("rect", x=x, y=y, width=width, height=height, rx=min(2.0, width / 4), fill=colours[first.name]),
        ]
        label = fitting(name, SIZE, width - 8) if height > SIZE else ""
        if len(label) > 2:
            parts.append(text(label, x=x + 4, y=y + height / 2 + 4, font_size=SIZE))
        kinds = ["bar", *(["critical"] if first.key in marked else []), *(["failed"] if first.failure else [])]
        yield tag("g", "".join(parts), class_=" ".join(kinds))


def _seen(spans: Sequence[Span], marked: set[Key], least: float) -> Iterator[list[Span]]:
    """Tasks of a lane, those shorter than `least` seconds together with what is like them and follows at once."""
    group: list[Span] = []
    for span in spans:
        plain = span.duration < least and not span.failure and span.key not in marked
        if group and plain and group[-1].name == span.name and span.start - group[-1].end < least:
            group.append(span)
            continue
        if group:
            yield group
        group = [span]
        if not plain:
            yield group
            group = []
    if group:
        yield group


def _legend(drawn: Shown, colours: Mapping[str, str], y: float) -> Iterator[str]:
    x = MARGIN
    tasks = Counter(span.name for span in drawn.run.spans)
    entries = [
        (name, f"{name.rpartition('.')[2]} ({tasks[name]:,})") for name, fill in colours.items() if fill != OTHERS
    ]
    if others := sum(tasks[name] for name, fill in colours.items() if fill == OTHERS):
        entries.append(("", f"others ({others:,})"))
    for name, words in entries:
        yield tag("rect", x=x, y=y, width=10, height=10, rx=2, fill=colours.get(name, OTHERS))
        yield text(words, class_="minor", x=x + 15, y=y + 9, font_size=SIZE)
        x += text_width(words, SIZE) + 34
