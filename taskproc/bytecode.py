"""The bytecode of this Python, and what it keeps of that of source files in a process that runs tasks.

What it keeps is taken for that of a file with the same size and the same second of modification. So what is written
while a file is that new would hide an edit within the same second, and old code would be run for the new one. Other
programs do write it then, and copies and archives may keep the time of an edited file: what was not written well after
the file, or a link to it, was put in its place is not taken.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.machinery import SourceFileLoader
from typing import Any

from taskproc.origin import is_user_file

PYTHON = ".".join(map(str, sys.version_info[:2]))
"""The version of Python that makes and runs bytecode here: that of another one does something else, or crashes."""

_SECOND = 2.0  # and what clocks and file systems differ by
_FLAGS, _MTIME = slice(4, 8), slice(8, 12)  # of a .pyc file; a flag tells of one that is checked by a hash

_read, _write = SourceFileLoader.get_data, SourceFileLoader.set_data


def keep_settled_only() -> None:
    """Have this process keep no bytecode of files that have just been written, and take none that others kept then."""
    SourceFileLoader.get_data = _read_settled  # type: ignore[assignment, method-assign]
    SourceFileLoader.set_data = _write_settled  # type: ignore[assignment, method-assign]


def _read_settled(self: SourceFileLoader, path: str) -> bytes:
    data = _read(self, path)
    if path.endswith(".pyc") and not any(data[_FLAGS]) and is_user_file(self.path):
        placed = max(os.stat(self.path).st_ctime, os.lstat(self.path).st_ctime)  # which no program can set
        if os.stat(path).st_mtime - placed <= _SECOND:
            raise OSError(f"{path} may be of another source")  # for the import system: there is none
    return data


def _write_settled(self: SourceFileLoader, path: str, data: bytes, **how: Any) -> None:
    modified = int.from_bytes(data[_MTIME], "little")
    if any(data[_FLAGS]) or time.time() - modified > _SECOND:
        _write(self, path, data, **how)
