from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taskproc import Const
from taskproc.fixed import own_copy


def test_a_copy_shares_nothing_mutable_and_keeps_what_refuses() -> None:
    class Stubborn:
        def __deepcopy__(self, memo: object) -> Stubborn:
            raise RuntimeError

    stubborn, mutable = Stubborn(), [[1]]
    assert own_copy(stubborn) is stubborn
    copied = own_copy(mutable)
    assert copied == mutable
    assert copied[0] is not mutable[0]
    for container in ([1], {1: 2}):
        container[-1] = container  # type: ignore[index]
        copied = own_copy(container)  # type: ignore[assignment]
        assert copied is not container
        assert copied[-1] is copied


def test_a_frozen_dataclass_that_holds_nothing_mutable_is_its_own_copy() -> None:
    @dataclass(frozen=True)
    class Part:
        values: Any

    @dataclass(frozen=True, slots=True)
    class Whole:
        part: Part
        place: Path = Path("a")

    class Derived(Part):
        """No dataclass itself, so what it has besides can be modified."""

    fixed = Whole(Part((1, (Const(1), 2.5))))
    assert own_copy(fixed) is fixed
    for modifiable in (Whole(Part([1])), Part({}), Derived(1)):
        assert own_copy(modifiable) is not modifiable
        assert own_copy((modifiable,))[0] == modifiable


def test_a_frozen_dataclass_of_another_base_is_copied() -> None:
    @dataclass(frozen=True)
    class Grid(list[int]):
        name: str

    grid = Grid("a")
    grid.append(1)
    copied = own_copy(grid)
    grid.append(2)
    assert [*copied] == [1]


def test_what_is_shared_is_copied_once() -> None:
    shared: Any = {"a": [1]}
    for _ in range(60):
        shared = {"left": shared, "right": [shared]}
    copied = own_copy(shared)
    assert copied["left"] is copied["right"][0]
