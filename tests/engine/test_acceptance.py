from __future__ import annotations

from typing import Any

from taskproc import Task
from taskproc.acceptance import Acceptance, accepted
from taskproc.cache import Cache
from taskproc.fingerprint import Fingerprinter
from taskproc.store import open_store

RETURNED = """
class Value:
    def double(self):
        return 2
class Up(Task):
    def run_task(self):
        return Value()
class Down(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = Up()
    def run_task(self):
        note('Down')
        return self.up.double()
"""


def accept(flow: Any, name: str) -> int:
    cls = getattr(flow.module, name)
    codes = Fingerprinter(Task)
    with open_store(Cache(flow.cache)) as store:
        rows = store.read_all(cls.task_name).rows
        found = {key: (row, new) for key, row in rows.items() if (new := accepted(row, cls, codes)) is not None}
        code = codes.of(cls)
        return len(store.accept(cls.task_name, found, {code.digest: code.parts}))


def acceptance(flow: Any, name: str) -> Acceptance | None:
    with open_store(Cache(flow.cache), write=False) as store:
        ((_, row),) = store.read_all(f"{flow.path.stem}.{name}").rows.items()
        return store.acceptance(f"{flow.path.stem}.{name}", row)


def test_the_code_of_a_value_is_accepted_too(flow: Any) -> None:
    flow.write(RETURNED)
    flow.run("Down()")
    flow.edit(("return 2", "return 1 + 1"))
    assert not flow.plan("Down()").is_done
    assert accept(flow, "Up") == 1
    assert flow.plan("Down()").is_done
    assert accept(flow, "Up") == 0


def test_who_accepted_is_kept_until_the_result_is_made_anew(flow: Any) -> None:
    flow.write(RETURNED)
    flow.run("Up()")
    assert acceptance(flow, "Up") is None
    made = Fingerprinter(Task).of(flow.module.Up).digest
    for text in ("1 + 1", "1 + 1 + 0"):
        flow.edit((f"return {'2' if text == '1 + 1' else '1 + 1'}", f"return {text}"))
        accept(flow, "Up")
        found = acceptance(flow, "Up")
        assert found is not None
        assert found.code == made
    flow.run("Up()", force="all")
    assert acceptance(flow, "Up") is None


def test_what_another_run_has_recorded_meanwhile_is_not_accepted(flow: Any) -> None:
    flow.write(RETURNED)
    flow.run("Up()")
    flow.edit(("return 2", "return 3"))
    codes = Fingerprinter(Task)
    name = flow.module.Up.task_name
    with open_store(Cache(flow.cache)) as store:
        ((key, row),) = store.read_all(name).rows.items()
        new = accepted(row, flow.module.Up, codes)
        assert new is not None
        flow.run("Up()")
        assert store.accept(name, {key: (row, new)}, {}) == set()


def test_there_is_nothing_to_accept_of_what_has_no_result(flow: Any) -> None:
    flow.write(RETURNED)
    flow.run("Up()")
    flow.task("Up()").clear_task()
    assert accept(flow, "Up") == 0
