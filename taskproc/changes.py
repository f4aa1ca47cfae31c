"""How two versions of a class's code differ, in words and line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from taskproc.fingerprint import CodePart

Version: TypeAlias = "tuple[CodePart, ...]"
"""The parts of the code that something was made from."""

History: TypeAlias = Callable[[bytes], "Version | None"]
"""Gives the version of a digest, None where it was not kept."""

NAMED = 3
"""How many parts are named in a sentence."""

_KINDS = {"code": "code of ", "constant": "constant ", "file": "file "}


class Change(NamedTuple):
    """A part that differs: as it was and as it is, None where it is new or gone."""

    old: CodePart | None
    new: CodePart | None

    @property
    def part(self) -> CodePart:
        """The part as it is, or else as it was."""
        found = self.new or self.old
        assert found is not None
        return found

    def diff(self) -> Iterator[str]:
        """A unified diff of the part's text, without comments and layout, which do not count.

        Two texts may be equal where what they refer to has another name now, or a value is not shown in full.
        """
        import difflib

        name = self.part.name
        old, new = ([] if part is None else part.text.splitlines() for part in self)
        then, now = (f"{name} (then)" if self.old else "nothing"), (f"{name} (now)" if self.new else "nothing")
        if self.old and self.new and old == new:
            return iter(
                (f"--- {then}", f"+++ {now}", " (what can be shown of it is the same; what it refers to is not)")
            )
        return difflib.unified_diff(old, new, then, now, lineterm="")


def changes(old: Version, new: Version) -> list[Change]:
    """The parts that differ, those first that are there in both versions; a part that was only moved does not.

    A part that is gone and a new one with its name in another module are taken for one that was moved: versions are
    kept by their digest, so the names in one may be those of a module that was copied.
    """
    before, after = ({part.name: part for part in version} for version in (old, new))
    shared = sorted(before.keys() & after.keys())
    found = [Change(before[name], after[name]) for name in shared if before[name].digest != after[name].digest]
    gone = [before[name] for name in sorted(before.keys() - after.keys())]
    come = [after[name] for name in sorted(after.keys() - before.keys())]
    moved = {part.digest for part in gone} & {part.digest for part in come}
    gone, come = ([part for part in parts if part.digest not in moved] for parts in (gone, come))
    olds, news = _by_own_name(gone), _by_own_name(come)
    elsewhere = olds.keys() & news.keys()
    found += [Change(olds[name], news[name]) for name in sorted(elsewhere)]
    found += [Change(None, part) for part in come if _own_name(part) not in elsewhere]
    return found + [Change(part, None) for part in gone if _own_name(part) not in elsewhere]


def _by_own_name(parts: list[CodePart]) -> dict[str, CodePart]:
    """Parts by their names within their modules, unless several have the same."""
    counts = Counter(map(_own_name, parts))
    return {name: part for part in parts if (name := _own_name(part)) and counts[name] == 1}


def _own_name(part: CodePart) -> str:
    return part.name.rpartition(":")[2]


def title(part: CodePart) -> str:
    """What a part is: `constant study:RATE`, `code of helpers:scale`, `module helpers`."""
    if part.name.endswith(":"):
        return f"module {part.name[:-1]}"
    return f"{_KINDS[part.kind]}{part.name}"


def phrase(found: list[Change], own: str = "", short: str = "") -> str:
    """What changed, as the subject of a sentence: `constant study:RATE, code of Train`.

    Args:
        found: The changes.
        own: The name of the part that is the class in question.
        short: What that is called, and named where nothing better is known.
    """
    lasting = [change for change in found if change.old and change.new] or found
    parts = [change.part for change in lasting]
    named = [f"code of {short}" if part.name == own else title(part) for part in parts[:NAMED]]
    if len(parts) > NAMED:
        named.append(f"{len(parts) - NAMED} more")
    return ", ".join(named) or f"code of {short}"
