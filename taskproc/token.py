"""The names of runs and of their attempts: whoever has an attempt's folder knows its run by it.

An attempt is named by 16 hexadecimal characters: the 10 of its run, and a number. The folder with the files of a prefix
command lies among the attempts and is named like one, so that whatever removes those removes it.
"""

from __future__ import annotations

import os
import re

_RUN = re.compile("[0-9a-f]{10}")
_ATTEMPT = re.compile("[0-9a-f]{16}")
_SCRATCH = "f"
_NUMBERS = int(f"{_SCRATCH}00000", 16)


def new_run() -> str:
    """A name that no run had."""
    return os.urandom(5).hex()


def attempt(run: str, number: int) -> str:
    """The name of a run's attempt of that number."""
    return f"{run}{number:06x}"


def another(run: str) -> str:
    """The name of one more attempt, with a random number."""
    return attempt(run, int.from_bytes(os.urandom(8)) % _NUMBERS)


def scratch(run: str) -> str:
    """The name of a folder for the files of a prefix command."""
    return f"{run}{_SCRATCH}{os.urandom(3).hex()[:5]}"


def run_of(name: str) -> str:
    """The run that began an attempt."""
    return name[:10]


def is_run(name: str) -> bool:
    """Whether that can be the name of a run."""
    return _RUN.fullmatch(name) is not None


def is_attempt(name: str) -> bool:
    """Whether that can be the name of an attempt, or of the folder of a prefix command."""
    return _ATTEMPT.fullmatch(name) is not None


def is_scratch(name: str) -> bool:
    """Whether that can be the name of a folder for the files of a prefix command."""
    return is_attempt(name) and name[10] == _SCRATCH


def is_begun_by(run: str, name: str) -> bool:
    """Whether that is the name of an attempt of a run."""
    return is_attempt(name) and name.startswith(run) and not is_scratch(name)
