"""Tasks that other live runs on the same cache are at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from taskproc.graph import by_name

if TYPE_CHECKING:
    from taskproc.graph import Node
    from taskproc.record import Key, Row
    from taskproc.store import Journal

INTERVAL = 0.05
"""Seconds between two looks at how the others get on."""


class Elsewhere:
    """Waits for tasks that are leased by other runs."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._nodes: dict[Key, Node] = {}
        self._looked = 0.0

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def add(self, node: Node) -> None:
        """Wait for one more task."""
        self._nodes[node.key] = node

    def forget(self) -> None:
        """Wait no longer."""
        self._nodes.clear()

    def freed(self) -> tuple[list[Node], dict[Key, Row]]:
        """The tasks that no other run has any more, and what the others have recorded meanwhile."""
        if not self._nodes or time.monotonic() - self._looked < INTERVAL:
            return [], {}
        self._looked = time.monotonic()
        lease = self._journal.poll(by_name(self._nodes.values()))
        return [self._nodes.pop(key) for key in list(self._nodes) if key not in lease.busy], lease.changed
