from __future__ import annotations

import dataclasses

import pytest

from taskproc.members import attributes_of


@pytest.mark.parametrize("name", ["__replace__", "__subclasshook__"])
def test_what_the_library_gives_to_classes_on_some_pythons_does_not_count(name: str) -> None:
    given = type("Given", (), {name: dataclasses.replace})
    assert list(attributes_of(given)) == []
    assert list(attributes_of(type("Said", (), {name: 3}))) == [(name, 3)]


def test_any_other_member_of_a_library_s_counts() -> None:
    assert list(attributes_of(type("Said", (), {"copy": dataclasses.replace}))) == [("copy", dataclasses.replace)]
