"""What an encoding tells of a value, and that a value has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import FunctionType, ModuleType


class Canonical(NamedTuple):
    """A value's encoding, and the user's classes and functions that it refers to, each once, in the order met.

    Modules of the user's are in a partial encoding only. `own` are the objects in it that say by themselves what they
    are, as futures and input files do; what these hold is not among them.
    """

    data: bytes
    refs: tuple[type | FunctionType, ...]
    modules: tuple[ModuleType, ...] = ()
    own: tuple[object, ...] = ()


class Unencodable(TypeError):  # noqa: N818  says what the value is
    """A value has no canonical encoding. `path` leads to the part at fault, like `[2].layers`, `reason` tells why."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return f"{self.reason} (at {self.path})" if self.path else self.reason

    def under(self, step: str) -> Unencodable:
        """The same, seen from one level further up."""
        return Unencodable(self.reason, step + self.path)
