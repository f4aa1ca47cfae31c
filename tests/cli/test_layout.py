"""The layered layout: what every picture of a graph can be held to."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from taskproc_cli.views.layout import Layout, Spacing, lay_out

HEIGHT, SPACING = 40.0, Spacing(50.0, 10.0)


def laid(count: int, arrows: list[tuple[int, int]]) -> Layout:
    return lay_out([80.0 + box % 3 for box in range(count)], HEIGHT, arrows, SPACING)


@given(st.integers(1, 25), st.integers(0, 60), st.randoms(use_true_random=False))
def test_arrows_lead_to_the_right_and_boxes_do_not_overlap(count: int, links: int, chance: random.Random) -> None:
    pairs = [*combinations(range(count), 2)]
    arrows = sorted(set(chance.choices(pairs, k=links))) if pairs else []
    layout = laid(count, arrows)
    for one, other in combinations(range(count), 2):
        (x, y), (to_x, to_y) = layout.corners[one], layout.corners[other]
        assert abs(x - to_x) >= 80 or abs(y - to_y) >= HEIGHT + SPACING.along - 0.01
    for (source, target), route in layout.routes.items():
        x, y = layout.corners[source]
        assert route[0] == (x + layout.widths[source], y + HEIGHT / 2)
        x, y = layout.corners[target]
        assert route[-1] == (x, y + HEIGHT / 2)
        assert all(before[0] <= after[0] for before, after in pairwise(route))
    for (x, y), width in zip(layout.corners, layout.widths, strict=True):
        assert -0.01 <= x <= layout.width - width + 0.01
        assert -0.01 <= y <= layout.height - HEIGHT + 0.01


def test_a_tree_is_drawn_without_crossings_and_a_chain_level() -> None:
    leaves = laid(7, [(0, 4), (1, 4), (2, 5), (3, 5), (4, 6), (5, 6)])
    heights = [y for _, y in leaves.corners]
    assert heights[0] < heights[1] < heights[2] < heights[3]
    assert heights[4] == (heights[0] + heights[1]) / 2
    assert len({y for _, y in laid(4, [(0, 1), (1, 2), (2, 3)]).corners}) == 1


def test_an_arrow_that_skips_a_layer_goes_around_its_boxes() -> None:
    layout = laid(3, [(0, 1), (1, 2), (0, 2)])
    _, top = layout.corners[1]
    bends = layout.routes[0, 2][1:-1]
    assert bends
    assert all(not top - 1 < y < top + HEIGHT + 1 for _, y in bends)
