"""What stands in braces in a prefix command: `srun -c {cpus}`.

Only a name alone in braces is meant: `${HOME}`, `{a,b}` and `{ cmd; }` are the shell's. `{{name}}` stands for `{name}`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"\{\{([^\W\d]\w*)\}\}|(?<![${])\{([^\W\d]\w*)\}")


def names(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name in _NAME.findall(text) if name} if "{" in text else set()


def fill(text: str, values: Mapping[str, str], *, last: bool = False) -> str:
    """Put in the values of the names that have one; with `last`, what stands in double braces becomes itself."""
    if "{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        escaped, name = found.groups()
        if escaped:
            return f"{{{escaped}}}" if last else found.group()
        return values.get(name, found.group())

    return _NAME.sub(value, text)
