"""What taskproc and its floors have in common: the shape of the layered graph, and the large values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LAYERS = 10
FAN_IN = 10
KINDS = ("random", "arange", "text", "near-constant", "empty")
LARGE = 50_000_000


def needs(i: int, width: int) -> list[int]:
    """Tell which tasks of the layer before the i-th one needs."""
    return [(i + j) % width for j in range(FAN_IN)]


def large(kind: str) -> Any:
    """Make a value of 50 MB, but for `empty`."""
    import numpy as np

    if kind == "random":
        return np.random.default_rng(0).random(LARGE // 8)
    if kind == "arange":
        return np.arange(LARGE // 8)
    if kind == "near-constant":
        values = np.zeros(LARGE // 8)
        values[::1000] = np.random.default_rng(0).random(len(values[::1000]))
        return values
    if kind == "empty":
        return np.zeros(0)
    import argparse

    source = Path(argparse.__file__).read_text(encoding="utf-8")
    return source * (LARGE // len(source))
