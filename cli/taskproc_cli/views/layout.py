"""Where the boxes of a graph go, in layers from left to right: geometry alone, after Sugiyama.

1. A box's layer is one before that of the first of those that need it; the last box is alone in the rightmost.
2. An arrow that skips layers passes each at a bend, which arrows from one box share.
3. Boxes and bends of a layer are sorted so that few arrows cross: by the mean place of their neighbours, to and fro.
4. Each moves up or down to be level with its neighbours, as near to that as the others in its layer allow.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Point = tuple[float, float]
Spot = tuple[int, int]
"""A box (its number, -1), or the bend of the arrows from a box in a layer (its number, the layer)."""

_SWEEPS = 12
_CROWD = 30  # arrows between two layers that make the way twice as long


class Spacing(NamedTuple):
    """Distances between boxes, in the unit of their sizes: between layers that few arrows link, and in one."""

    across: float
    along: float


class Layout(NamedTuple):
    """The whole size, the left upper corner of each box, and the points from which to which each arrow goes."""

    width: float
    height: float
    corners: Sequence[Point]
    widths: Sequence[float]
    routes: Mapping[tuple[int, int], Sequence[Point]]


def lay_out(widths: Sequence[float], height: float, arrows: Sequence[tuple[int, int]], spacing: Spacing) -> Layout:
    """Lay out boxes of these widths and this height; an arrow goes from one to a later one.

    Boxes of one layer get the width of the widest.
    """
    ranks = _ranks(len(widths), arrows)
    paths = {arrow: _path(arrow, ranks) for arrow in arrows}
    links = sorted({link for path in paths.values() for link in pairwise(path)})
    layers = _sorted_layers(ranks, links)
    size = {spot: height if spot[1] < 0 else 0.0 for layer in layers for spot in layer}
    middles = _level(layers, links, size, spacing.along)
    top = min(middles[spot] - size[spot] / 2 for spot in middles)
    lefts, layer_widths, left = [0.0] * len(layers), [0.0] * len(layers), 0.0
    for rank in reversed(range(len(layers))):
        layer_widths[rank] = max((widths[box] for box, bend in layers[rank] if bend < 0), default=0.0)
        lefts[rank] = left
        crowd = sum(_rank(target, ranks) == rank - 1 for _, target in links)
        left += layer_widths[rank] + (spacing.across * (1 + min(1.5, crowd / _CROWD)) if rank else 0.0)
    corners = [(lefts[ranks[box]], middles[box, -1] - top - height / 2) for box in range(len(widths))]

    def points(path: Sequence[Spot]) -> list[Point]:
        found: list[Point] = []
        for place, spot in enumerate(path):
            rank, y = _rank(spot, ranks), middles[spot] - top
            if place:
                found.append((lefts[rank], y))
            if place < len(path) - 1:
                found.append((lefts[rank] + layer_widths[rank], y))
        return found

    return Layout(
        left,
        max(middles[spot] + size[spot] / 2 for spot in middles) - top,
        corners,
        [layer_widths[ranks[box]] for box in range(len(widths))],
        {arrow: points(path) for arrow, path in paths.items()},
    )


def _ranks(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """How many layers each box is from the rightmost."""
    ranks = [0] * count
    for source, target in sorted(arrows, reverse=True):
        ranks[source] = max(ranks[source], ranks[target] + 1)
    return ranks


def _rank(spot: Spot, ranks: Sequence[int]) -> int:
    box, bend = spot
    return ranks[box] if bend < 0 else bend


def _path(arrow: tuple[int, int], ranks: Sequence[int]) -> list[Spot]:
    source, target = arrow
    return [(source, -1), *((source, rank) for rank in range(ranks[source] - 1, ranks[target], -1)), (target, -1)]


# Order


def _sorted_layers(ranks: Sequence[int], links: Sequence[tuple[Spot, Spot]]) -> list[list[Spot]]:
    """The layers, the rightmost first, each in an order by which few links cross."""
    layers: list[list[Spot]] = [[] for _ in range(max(ranks) + 1)]
    for spot in _from_the_root(len(ranks), links):
        layers[_rank(spot, ranks)].append(spot)
    before, after = _neighbours(links)
    best, fewest = [layer[:] for layer in layers], _crossings(layers, after)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        near = before if sweep % 2 else after
        for rank in range(1, len(layers)) if near is after else range(len(layers) - 2, -1, -1):
            other = layers[rank - 1 if near is after else rank + 1]
            place = {spot: float(number) for number, spot in enumerate(other)}
            layers[rank] = _by_mean(layers[rank], place, near)
        if (crossings := _crossings(layers, after)) < fewest:
            best, fewest = [layer[:] for layer in layers], crossings
    return best


def _from_the_root(count: int, links: Sequence[tuple[Spot, Spot]]) -> list[Spot]:
    """All spots, each followed by what leads to it: an order without crossings where that is a tree."""
    before, _ = _neighbours(links)
    found: dict[Spot, None] = {}
    stack: list[Spot] = [(box, -1) for box in range(count)]
    while stack:
        spot = stack.pop()
        if spot not in found:
            found[spot] = None
            stack += reversed(before.get(spot, ()))
    return [*found]


def _neighbours(links: Sequence[tuple[Spot, Spot]]) -> tuple[dict[Spot, list[Spot]], dict[Spot, list[Spot]]]:
    """The spots linked to each, on its left and on its right."""
    before: dict[Spot, list[Spot]] = {}
    after: dict[Spot, list[Spot]] = {}
    for source, target in links:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    return before, after


def _by_mean(layer: Sequence[Spot], place: Mapping[Spot, float], near: Mapping[Spot, Sequence[Spot]]) -> list[Spot]:
    """A layer sorted by the mean place of neighbours; a spot that has none keeps its own place."""
    means = {
        spot: sum(place[each] for each in near[spot]) / len(near[spot]) if near.get(spot) else number
        for number, spot in enumerate(layer)
    }
    return sorted(layer, key=lambda spot: means[spot])


def _crossings(layers: Sequence[Sequence[Spot]], after: Mapping[Spot, Sequence[Spot]]) -> int:
    """How many links cross."""
    total = 0
    for right, left in pairwise(layers):
        place = {spot: number for number, spot in enumerate(right)}
        seen: list[int] = []
        for spot in left:
            ends = sorted(place[each] for each in after.get(spot, ()))
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


# Heights


def _level(
    layers: Sequence[Sequence[Spot]], links: Sequence[tuple[Spot, Spot]], size: Mapping[Spot, float], gap: float
) -> dict[Spot, float]:
    """The height of each spot's middle."""
    before, after = _neighbours(links)
    middles: dict[Spot, float] = {}
    for layer in layers:
        middles |= _stack(layer, dict.fromkeys(layer, 0.0), size, gap)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 else reversed(layers):
            wanted: dict[Spot, float] = {}
            for spot in layer:
                sides = before.get(spot, ()), after.get(spot, ())
                near = sides[sweep % 2] or sides[1 - sweep % 2]
                if sweep == _SWEEPS - 1:
                    near = max(sides, key=len)
                wanted[spot] = sum(middles[each] for each in near) / len(near) if near else middles[spot]
            middles |= _stack(layer, wanted, size, gap)
    return middles


def _stack(
    layer: Sequence[Spot], wanted: Mapping[Spot, float], size: Mapping[Spot, float], gap: float
) -> dict[Spot, float]:
    """Middles in the order of the layer, nearest to those wanted (by least squares) that leave the gap between any two.

    Spots that would overlap are merged into a block, whose place is the mean of what they want: isotonic regression.
    """
    blocks: list[tuple[float, int]] = []  # the mean of its spots' places, less what is stacked before them; how many
    offsets: list[float] = []
    for number, spot in enumerate(layer):
        step = (size[layer[number - 1]] + size[spot]) / 2 + gap if number else 0.0
        offsets.append(offsets[-1] + step if number else 0.0)
        mean, many = wanted[spot] - offsets[-1], 1
        while blocks and blocks[-1][0] >= mean:
            other, number_there = blocks.pop()
            mean, many = (mean * many + other * number_there) / (many + number_there), many + number_there
        blocks.append((mean, many))
    starts = [mean for mean, many in blocks for _ in range(many)]
    return {spot: start + offset for spot, start, offset in zip(layer, starts, offsets, strict=True)}
