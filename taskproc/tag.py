"""What marks a folder as a cache of taskproc's, for whoever walks through folders."""

from __future__ import annotations

import os

NAME = "CACHEDIR.TAG"
TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# Results of tasks, kept by taskproc.\n"


def is_cache(folder: str) -> bool:
    """Whether a folder is marked as a cache."""
    try:
        with open(os.path.join(folder, NAME), "rb") as file:
            return file.read(len(TEXT)) == TEXT.encode()
    except OSError:
        return False
