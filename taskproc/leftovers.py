"""What lies in a cache, whatever its database tells, as where that was lost.

A cache may be a folder with much else in it, where `data/2024/0123456789abcdef` is a user's: what no database tells of
is taken for ours only if it holds what an attempt does, and nothing else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from taskproc.files import (
    COMMAND,
    EMPTY,
    RESULT,
    VIEWS,
    folder_name,
    meant,
    remove_attempts,
    task_folder,
)
from taskproc.token import is_attempt, is_scratch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PARTS = {RESULT, *VIEWS, COMMAND}
_BATCH = "batch"  # of a prefix command, the first of its files


def task_ids_on_disk(cache: Path, name: str) -> list[int]:
    """The ids of the class's tasks that have a folder."""
    with suppress(OSError), os.scandir(cache / folder_name(name)) as scan:
        found = [item.name for item in scan if item.name.isdecimal() and item.is_dir(follow_symlinks=False)]
        return [int(item) for item in found if str(int(item)) == item]
    return []


def classes_on_disk(cache: Path, but: Iterable[str] = ()) -> list[str]:
    """Classes that have a folder, named by that, without those whose folder may be that of a class in `but`."""
    others = {folder_name(name).casefold() for name in but}
    folders = os.listdir(cache) if os.path.isdir(cache) else []
    own = [item for item in folders if folder_name(meant(item)) == item and not os.path.islink(cache / item)]
    return [meant(item) for item in own if item.casefold() not in others]


def is_left(cache: Path, name: str, task_id: int) -> bool:
    """Whether what is in the folder of a task shows that taskproc made it."""
    folder = task_folder(cache, name, task_id)
    with suppress(OSError):
        return any(_is_ours(folder, item) for item in os.listdir(folder))
    return False


def _is_ours(folder: Path, item: str) -> bool:
    if not (is_attempt(item) or item == EMPTY) or os.path.islink(folder / item):
        return False
    with suppress(OSError):
        found = {*os.listdir(folder / item)}
        return (is_scratch(item) and _BATCH in found) or (bool(found) and found <= _PARTS)
    return False


def remove_everything(cache: Path) -> None:
    """Remove every attempt of every task, whatever is recorded."""
    for name in classes_on_disk(cache):
        for task_id in task_ids_on_disk(cache, name):
            if is_left(cache, name, task_id):
                remove_attempts(cache, name, task_id)
