"""The graph of a task as a picture, from left to right: SVG, and HTML around it with the reasons."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from taskproc_cli.views.diagram import STATES, own_arguments
from taskproc_cli.views.layout import Spacing, lay_out
from taskproc_cli.views.quantities import count
from taskproc_cli.views.svg import document, escape, fitting, page, style, tag, text, text_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from taskproc_cli.views.diagram import Box, Diagram
    from taskproc_cli.views.layout import Point

HEIGHT, WIDEST, PADDING, MARGIN = 42.0, 250.0, 12.0, 24.0
TITLE, DETAIL = 13.0, 11.0
LEGEND = 34.0
HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="head" d="M0 0.8 8 4 0 7.2z"/></marker></defs>'
)

# Of each state: fill, line and mark, in a light window and in a dark one.
COLOURS = {
    "up to date": (("#eef7ef", "#4c9a5f"), ("#17291c", "#5db075")),
    "would run": (("#fff7e0", "#d99a00"), ("#332a12", "#e0b040")),
    "may run": (("#f4f5f7", "#9aa3ad"), ("#22272e", "#768390")),
    "failed": (("#fdeceb", "#cf3a32"), ("#371b1b", "#f0706a")),
}

HOVER = """\
const parts = [...document.querySelectorAll("[data-box], [data-from]")];
function reached(box, from, to) {
  const found = new Set([box]);
  for (const each of found)
    for (const { dataset } of parts) if (dataset[from] === each) found.add(dataset[to]);
  return found;
}
for (const node of parts) if (node.dataset.box) {
  node.onmouseenter = () => {
    const sets = [reached(node.dataset.box, "to", "from"), reached(node.dataset.box, "from", "to")];
    for (const part of parts) {
      const { box, from, to } = part.dataset;
      part.classList.toggle("away", !sets.some(set => box ? set.has(box) : set.has(from) && set.has(to)));
    }
  };
  node.onmouseleave = () => parts.forEach(part => part.classList.remove("away"));
}"""
"""Fades all but what a box needs and what needs it, while the mouse is on it."""


def _declared(dark: int) -> dict[str, str]:
    rules: dict[str, str] = {}
    for state in STATES:
        name, (fill, line) = state.replace(" ", "-"), COLOURS[state][dark]
        rules[f".{name} .box"] = f"fill: {fill}; stroke: {line}"
        rules[f".mark.{name}"] = f"fill: {line}"
    return rules


SHEET = style(
    {
        ".paper": "fill: #ffffff",
        "text": "fill: #1f2328",
        ".detail": "fill: #57606a",
        ".arrow": "fill: none; stroke: #8c959f; stroke-width: 1.2",
        ".head": "fill: #8c959f",
        ".away": "opacity: .15",
        **_declared(0),
    },
    {
        ".paper": "fill: #15181d",
        "text": "fill: #e6edf3",
        ".detail": "fill: #9da7b3",
        ".arrow": "stroke: #6e7681",
        ".head": "fill: #6e7681",
        **_declared(1),
    },
)


def svg(drawn: Diagram) -> Iterator[str]:
    """The picture."""
    titles = [_title(box) for box in drawn.boxes]
    details = [_detail(box) for box in drawn.boxes]
    widths = [
        min(WIDEST, max(text_width(title, TITLE) * 1.06, text_width(detail, DETAIL)) + 2 * PADDING + 4)
        for title, detail in zip(titles, details, strict=True)
    ]
    numbers = {box: number for number, box in enumerate(drawn.boxes)}
    every = [(numbers[source], numbers[box]) for box, sources in drawn.sources.items() for source in sources]
    arrows = {(min(pair), max(pair)) for pair in every if pair[0] != pair[1]}
    laid = lay_out(widths, HEIGHT, sorted(arrows), Spacing(56.0, 14.0))
    loops = {source for source, box in every if source == box}
    body = [
        HEAD,
        *(_arrow(laid.routes, pair) for pair in every if pair[0] != pair[1]),
        *(
            _box(box, number, title, detail, laid.corners[number], laid.widths[number], loop=number in loops)
            for number, (box, title, detail) in enumerate(zip(drawn.boxes, titles, details, strict=True))
        ),
        *_legend(drawn, MARGIN, laid.height + 2 * MARGIN),
    ]
    width = max(laid.width, text_width("".join(STATES), DETAIL) + 200) + 2 * MARGIN
    return document(width, laid.height + 2 * MARGIN + LEGEND, drawn.boxes[-1].label, SHEET, body)


def html(drawn: Diagram) -> Iterator[str]:
    """The picture, and a table of the reasons."""
    rows = ((box.label, box.words) for box in reversed(drawn.boxes))
    about = ", ".join(f"{number:,} {state}" for state, number in _counted(drawn).items())
    title = drawn.boxes[-1].label
    return page(title, f"{count(drawn.tasks, 'task')}: {about}", svg(drawn), ("task", "state and reason"), rows, HOVER)


def _title(box: Box) -> str:
    name = box.nodes[0].short
    return name + box.mark if len(box.nodes) == 1 else f"{len(box.nodes):,} × {name}"


def _detail(box: Box) -> str:
    """The arguments of a task, but for futures, which arrows show; of several tasks their states."""
    if len(box.nodes) > 1:
        return box.words
    told = own_arguments(box.nodes[0])
    return f"{told} …".lstrip() if box.hidden else told


def _counted(drawn: Diagram) -> Counter[str]:
    """How many tasks the plan says each state of, those that say something first."""
    total = sum((box.states for box in drawn.boxes), Counter[str]())
    return Counter({state: total[state] for state in STATES if total[state]})


def _box(box: Box, number: int, title: str, detail: str, corner: Point, width: float, *, loop: bool) -> str:
    left, top = corner[0] + MARGIN, corner[1] + MARGIN
    parts = [tag("title", escape(f"{box.label}\n{box.words}"))]
    if len(box.nodes) > 1:
        parts.append(tag("rect", class_="box", x=left + 4, y=top - 4, width=width, height=HEIGHT, rx=5, opacity=0.6))
    parts.append(tag("rect", class_="box", x=left, y=top, width=width, height=HEIGHT, rx=5))
    parts += _marks(box, left, top)
    if loop:
        end = left + width - 10
        route = f"M{end - 24:.1f} {top:.1f}c0 -18 24 -18 24 -1"
        parts.append(tag("path", class_="arrow", d=route, marker_end="url(#head)"))
    room = width - 2 * PADDING
    middle = top + HEIGHT / 2
    parts.append(
        text(
            fitting(title, TITLE * 1.06, room),
            x=left + PADDING + 2,
            y=middle - 3 if detail else middle + 4.5,
            font_size=TITLE,
            font_weight=600,
        )
    )
    if detail:
        parts.append(
            text(
                fitting(detail, DETAIL, room), class_="detail", x=left + PADDING + 2, y=middle + 12.5, font_size=DETAIL
            )
        )
    return tag("g", "".join(parts), class_=box.state.replace(" ", "-"), data_box=number)


def _marks(box: Box, left: float, top: float) -> Iterator[str]:
    """The states of a box's tasks, each as long as its share of them."""
    bottom, room = top + 4, HEIGHT - 8
    for state in STATES:
        if box.states[state]:
            share = room * box.states[state] / len(box.nodes)
            name = state.replace(" ", "-")
            yield tag("rect", class_=f"mark {name}", x=left + 4, y=bottom, width=4.0, height=max(share, 1.5), rx=1.5)
            bottom += share


def _arrow(routes: Mapping[tuple[int, int], Sequence[Point]], pair: tuple[int, int]) -> str:
    """An arrow; one of those that go in circles goes from right to left."""
    points = routes[pair] if pair in routes else routes[pair[1], pair[0]][::-1]
    about = {"data_from": pair[0], "data_to": pair[1]}
    return tag("path", class_="arrow", d=_curve(points), marker_end="url(#head)", **about)


def _legend(drawn: Diagram, left: float, top: float) -> Iterator[str]:
    for state, number in _counted(drawn).items():
        words = f"{number:,} {state}"
        yield tag("rect", class_=f"mark {state.replace(' ', '-')}", x=left, y=top, width=10, height=10, rx=2)
        yield text(words, class_="detail", x=left + 15, y=top + 9, font_size=DETAIL)
        left += text_width(words, DETAIL) + 36


def _curve(points: Sequence[Point]) -> str:
    """A path through points that leaves and reaches each of them level."""
    moved = [(x + MARGIN, y + MARGIN) for x, y in points]
    parts = [f"M{moved[0][0]:.1f} {moved[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(moved):
        half = (x + to_x) / 2
        parts.append(
            f"H{to_x:.1f}"
            if abs(y - to_y) < 0.05
            else f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        )
    return "".join(parts)
