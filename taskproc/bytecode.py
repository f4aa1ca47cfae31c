"""The bytecode of this Python, and what it keeps of that of source files in a process that is ours.

What it keeps is taken for that of a file with the same size and the same second of modification. So what is written
while a file is that new would hide an edit within the same second, and old code would be run for the new one.
"""

from __future__ import annotations

import sys
import time
from importlib.machinery import SourceFileLoader
from typing import Any

PYTHON = ".".join(map(str, sys.version_info[:2]))
"""The version of Python that makes and runs bytecode here: that of another one does something else, or crashes."""

_SECOND = 2.0  # and what clocks and file systems differ by
_FLAGS, _MTIME = slice(4, 8), slice(8, 12)  # of a .pyc file; a flag tells of one that is checked by a hash

_write = SourceFileLoader.set_data


def keep_settled_only() -> None:
    """Have this process keep no bytecode of files that have just been written."""
    SourceFileLoader.set_data = _write_settled  # type: ignore[assignment, method-assign]


def _write_settled(self: SourceFileLoader, path: str, data: bytes, **how: Any) -> None:
    modified = int.from_bytes(data[_MTIME], "little")
    if any(data[_FLAGS]) or time.time() - modified > _SECOND:
        _write(self, path, data, **how)
