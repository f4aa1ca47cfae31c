from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from taskproc.causes import blocked


def test_what_needs_a_failed_task_is_blocked() -> None:
    def node(key: str, *sources: Any) -> Any:
        return SimpleNamespace(key=key, sources=sources)

    one, other, good = node("one"), node("other"), node("good")
    both = node("both", one, other)
    end, apart = node("end", both, good), node("apart", good)
    graph: Any = SimpleNamespace(nodes=(one, other, good, both, end, apart))
    failed: Any = ["one", "other"]
    assert blocked(graph, failed) == {"both": 0b11, "end": 0b11}
    assert blocked(graph, failed[1:]) == {"both": 0b1, "end": 0b1}
