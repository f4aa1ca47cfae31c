"""Where the calling code is: in which `with Cache(...)` block, inside a task that runs, in what a worker imports."""

from __future__ import annotations

import sys
from collections import defaultdict
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskproc.cache import Cache
    from taskproc.record import Key


class Block:
    """One `with Cache(...)` block while it lasts, and the tasks defined in it, by class, key and kin."""

    __slots__ = ("cache", "tasks")

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.tasks: defaultdict[type, dict[tuple[Key, int], Any]] = defaultdict(dict)


blocks: ContextVar[tuple[Block, ...]] = ContextVar("taskproc_blocks", default=())
"""The blocks around the calling code, the innermost last."""

in_task: ContextVar[bool] = ContextVar("taskproc_in_task", default=False)
"""Whether the calling code is inside a task's `run_task`."""

loading: ContextVar[bool] = ContextVar("taskproc_loading", default=False)
"""Whether the calling code is being imported by a worker."""

looking: ContextVar[bool] = ContextVar("taskproc_looking", default=False)
"""Whether the calling code is part of a command that only looks: it runs nothing."""


def is_starting() -> bool:
    """Whether this is a process that `multiprocessing` has started, and that still imports the script again."""
    processes: Any = sys.modules.get("multiprocessing.process")
    return processes is not None and getattr(processes.current_process(), "_inheriting", False)
