from __future__ import annotations

import dataclasses
from types import FunctionType

import pytest

from taskproc.members import attributes_of


@pytest.mark.parametrize(
    ("name", "given"),
    [*(("__replace__", of) for of in ("_replace", "<lambda>", "evolve")), ("__subclasshook__", "_proto_hook")],
)
def test_what_the_library_gives_to_classes_on_some_pythons_does_not_count(name: str, given: str) -> None:
    function = FunctionType(dataclasses.replace.__code__.replace(co_name=given), vars(dataclasses))
    assert list(attributes_of(type("Given", (), {name: function}))) == []
    for said in (3, dataclasses.replace):
        assert list(attributes_of(type("Said", (), {name: said}))) == [(name, said)]


def test_any_other_member_of_a_library_s_counts() -> None:
    assert list(attributes_of(type("Said", (), {"copy": dataclasses.replace}))) == [("copy", dataclasses.replace)]
