"""What is noted with the exception of a task, for its reader: what may have led to it."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from taskproc.capture import end_of_text


def note_undeclared(cls: type, attributes: dict[str, Any], error: Exception) -> None:
    """Where a task that failed holds futures that it has no slots for, say so: it may have taken them for values."""
    from taskproc.requires import slot_for, slots_of

    with contextlib.suppress(Exception):  # the attributes may be anything
        for name, value in attributes.items():
            if name not in slots_of(cls) and not name.startswith("_task_") and (hint := slot_for(value)):
                error.add_note(f"{cls.__qualname__}.{name} is no slot, and has no value here: {hint}")


def note_output(error: BaseException | None) -> None:
    """Note with an error how the output of a program ended that failed, where the task has kept that to itself."""
    subprocess: Any = sys.modules.get("subprocess")
    kinds: Any = () if subprocess is None else (subprocess.CalledProcessError, subprocess.TimeoutExpired)
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, kinds):
            with contextlib.suppress(Exception):  # whatever the task has put there
                _note_end(error)
        error = error.__cause__ or error.__context__


def _note_end(error: Any) -> None:
    streams: tuple[bytes | str | None, ...] = error.stderr, error.output
    for printed in streams:
        text = printed.decode("utf-8", "replace") if isinstance(printed, bytes) else printed or ""
        if text.strip():
            error.add_note(f"its output ended with:\n{end_of_text(text)}")
            return
