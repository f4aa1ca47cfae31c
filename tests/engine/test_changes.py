from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from taskproc.cache import Cache
from taskproc.changes import Change, changes, phrase
from taskproc.decision import Run
from taskproc.fingerprint import CodePart
from taskproc.store import open_store


def part(name: str, text: str = "x", kind: str = "code") -> CodePart:
    return CodePart(name, text.encode(), text, unseen=False, kind=kind)


def test_equal_versions_have_no_changes() -> None:
    assert changes((part("m:f"),), (part("m:f"),)) == []


def test_changed_parts_come_before_new_and_gone_ones() -> None:
    old = part("m:a", "gone"), part("m:f", "then")
    new = part("m:b", "come"), part("m:f", "now")
    assert changes(old, new) == [Change(old[1], new[1]), Change(None, new[0]), Change(old[0], None)]


def test_a_part_that_was_moved_has_not_changed() -> None:
    assert changes((part("here:f"), part("m:g")), (part("there:f"), part("m:g"))) == []


def test_a_part_that_is_in_another_module_is_compared_with_itself() -> None:
    old = part("here:f", "then"), part("here:g"), part("one:h", "then"), part("two:h", "there")
    new = part("there:f", "now"), part("there:g"), part("three:h", "now")
    assert changes(old, new) == [
        *(Change(old[0], new[0]), Change(None, new[2])),
        *(Change(old[2], None), Change(old[3], None)),
    ]


def test_a_diff_names_the_part_and_shows_its_lines() -> None:
    (change,) = changes((part("m:f", "def f():\n    return 1"),), (part("m:f", "def f():\n    return 2"),))
    assert list(change.diff()) == [
        *("--- m:f (then)", "+++ m:f (now)", "@@ -1,2 +1,2 @@", " def f():", "-    return 1", "+    return 2")
    ]
    assert list(Change(None, part("m:f"))._replace().diff())[:2] == ["--- nothing", "+++ m:f (now)"]
    assert list(Change(None, part("m:f", "")).diff()) == []


def test_a_diff_of_equal_texts_says_so() -> None:
    (change,) = changes((part("m:f"),), (part("m:f")._replace(digest=b"y"),))
    assert list(change.diff()) == [
        *("--- m:f (then)", "+++ m:f (now)", " (what can be shown of it is the same; what it refers to is not)")
    ]


def test_a_phrase_names_what_changed_by_its_kind() -> None:
    def said(*parts: CodePart) -> str:
        return phrase([Change(each, each) for each in parts], "m:Train", "Train")

    assert said() == "code of Train"
    assert said(part("m:Train")) == "code of Train"
    assert said(part("m:RATE", kind="constant"), part("m:Train")) == "constant m:RATE, code of Train"
    assert said(part("a.csv", kind="file")) == "file a.csv"
    assert said(*(part(f"m:{name}") for name in "abcde")) == "code of m:a, code of m:b, code of m:c, 2 more"
    assert phrase([Change(None, part("m:new")), Change(part("m:f"), part("m:f"))], "", "") == "code of m:f"


# What runs keep.

HELPED = """
RATE = 3
def helper(x):
    return x * RATE
class Value:
    def double(self):
        return 2
class One(Task):
    def run_task(self):
        return helper(2)
class Two(Task):
    def run_task(self):
        return Value()
"""


def reason(flow: Any, task: str = "One()") -> str:
    plan = flow.plan(task)
    decision = plan.decisions[plan.graph.root.key]
    return str(decision.reason) if isinstance(decision, Run) else ""


@pytest.mark.parametrize(
    ("task", "edit", "expected"),
    [
        ("One()", ("x * RATE", "RATE * x"), "code of {m}:helper changed"),
        ("One()", ("RATE = 3", "RATE = 4"), "constant {m}:RATE changed"),
        ("One()", ("helper(2)", "helper(3)"), "code of One changed"),
        ("Two()", ("return 2", "return 3"), "code of {m}:Value changed"),
    ],
)
def test_a_reason_names_the_part_that_changed(flow: Any, task: str, edit: tuple[str, str], expected: str) -> None:
    flow.write(HELPED)
    flow.run(task)
    flow.edit(edit)
    expected = expected.format(m=flow.path.stem)
    assert reason(flow, task) == expected
    assert flow.run(task).reasons == {task: expected}
    assert reason(flow, task) == ""


def entries(flow: Any, kind: str) -> int:
    with closing(sqlite3.connect(flow.cache / "cache.db")) as connection:
        return sum(key.startswith(kind.encode()) for (key,) in connection.execute("SELECT key FROM Cache"))


def test_a_version_is_kept_once_and_texts_are_shared(flow: Any) -> None:
    flow.write(HELPED)
    flow.run("One()")
    assert entries(flow, "code:") == 1
    texts = entries(flow, "text:")
    flow.edit(("helper(2)", "helper(3)"))
    flow.run("One()")
    assert (entries(flow, "code:"), entries(flow, "text:")) == (2, texts + 1)
    flow.run("One()", force="all")
    assert (entries(flow, "code:"), entries(flow, "text:")) == (2, texts + 1)


def test_what_is_lost_or_damaged_of_a_version_costs_only_the_name(flow: Any) -> None:
    flow.write(HELPED)
    flow.run("One()")
    flow.edit(("RATE = 3", "RATE = 4"))
    for change in ("UPDATE Cache SET value = x'00' WHERE CAST(key AS TEXT) LIKE 'code:%'", "DELETE FROM Cache"):
        with closing(sqlite3.connect(flow.cache / "cache.db", isolation_level=None)) as connection:
            connection.execute(f"{change.partition(' WHERE')[0]} WHERE CAST(key AS TEXT) LIKE 'code:%'")
        assert reason(flow) == "code of One changed"
    assert flow.run("One()").value == 8


def test_a_clear_of_everything_forgets_versions(flow: Any) -> None:
    flow.write(HELPED)
    flow.run("One()")
    with open_store(Cache(flow.cache)) as store:
        store.clear({flow.module.One.task_name: []})
    assert entries(flow, "code:") == 1
    with open_store(Cache(flow.cache)) as store:
        store.clear()
    assert (entries(flow, "code:"), entries(flow, "text:")) == (0, 0)
    flow.run("One()")
    flow.edit(("RATE = 3", "RATE = 4"))
    assert reason(flow) == f"constant {flow.path.stem}:RATE changed"
