"""The plugin for pytest: found by its entry point wherever taskproc is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskproc.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def tmp_cache(tmp_path: Path) -> Iterator[Cache]:
    """A cache of the test's own: the whole test is in its `with Cache(...)` block."""
    with Cache(tmp_path / "cache") as cache:
        yield cache
