"""Random graphs whose code is edited back and forth, cleared, and failing, against a pure model of what must happen."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from taskproc import FailedTaskError

SIZE = 4


@dataclass(frozen=True)
class Code:
    """A version of one task: what it adds to its upstreams, and whether it fails or shows nothing."""

    ups: tuple[int, ...] = ()
    add: int = 0
    kind: str = "value"

    def source(self, number: int) -> str:
        ends = {
            "value": f"return ({self.add} + sum(up or 0 for up in self.ups)) % 3",
            "nothing": f"return [None, {self.add}][0]",
            "fails": f"raise ValueError({self.add})",
        }
        return (
            f"class T{number}(Task):\n"
            "    ups: RequiresList[Any]\n"
            "    def __init__(self):\n"
            f"        self.ups = [{', '.join(f'T{up}()' for up in self.ups)}]\n"
            "    def run_task(self):\n"
            f"        note('T{number}')\n"
            f"        {ends[self.kind]}\n"
        )


@dataclass
class Kept:
    """What the model keeps of one task."""

    inputs: Any = None
    value: int | None = None
    salt: int | None = None
    epoch: Any = None
    failed: Any = None
    cleared: bool = False

    @property
    def stamp(self) -> Any:
        return self.value, self.epoch


@dataclass
class Model:
    """What a cache holds, and what a run does to it."""

    kept: dict[int, Kept] = field(default_factory=lambda: {number: Kept() for number in range(SIZE)})
    salts: Any = field(default_factory=itertools.count)

    def clear(self, number: int) -> None:
        if self.kept[number].inputs or self.kept[number].failed:
            self.kept[number] = Kept(cleared=True)

    def run(self, codes: list[Code], root: int) -> tuple[set[str], set[str]]:
        """The tasks that run, and those of them that fail, all going on that can."""
        ran: set[str] = set()
        failed: set[str] = set()
        lost: set[int] = set()
        for number in sorted(closure(codes, root)):
            code, kept = codes[number], self.kept[number]
            if lost & set(code.ups):
                lost.add(number)
                continue
            now = (code, [self.kept[up].stamp for up in code.ups])
            if not kept.cleared and kept.inputs == now and kept.failed != now:
                continue
            ran.add(f"T{number}")
            if code.kind == "fails":
                kept.failed = now
                failed.add(f"T{number}")
                lost.add(number)
                continue
            salt = next(self.salts) if kept.cleared or code.kind == "nothing" else kept.salt
            epochs = [self.kept[up].epoch for up in code.ups]
            total = code.add + sum(self.kept[up].value or 0 for up in code.ups)
            value = None if code.kind == "nothing" else total % 3
            epoch = (salt, epochs) if salt is not None or any(epochs) else None
            self.kept[number] = Kept(now, value, salt, epoch)
        return ran, failed


def closure(codes: list[Code], root: int) -> set[int]:
    return {root}.union(*(closure(codes, up) for up in codes[root].ups))


def code(number: int) -> st.SearchStrategy[Code]:
    ups = st.lists(st.integers(0, number - 1), min_size=1, max_size=2).map(tuple) if number else st.just(())
    return st.builds(Code, ups, st.sampled_from([0, 1, 3]), st.sampled_from(["value"] * 6 + ["nothing", "fails"]))


numbers = st.integers(0, SIZE - 1)
edits = numbers.flatmap(lambda number: st.tuples(st.just("edit"), st.just(number), code(number)))
clears = st.tuples(st.just("clear"), numbers)
runs = st.tuples(st.just("run"), st.one_of(st.just(SIZE - 1), numbers))
steps = st.one_of(st.tuples(edits, runs), st.tuples(clears, runs), st.tuples(edits, edits, runs))
histories = st.tuples(st.tuples(*map(code, range(SIZE))), st.lists(steps, min_size=3, max_size=6))


def check_run(flow: Any, model: Model, codes: list[Code], root: int) -> None:
    """Run the real thing beside the model."""
    flow.notes()
    ran, failed = model.run(codes, root)
    try:
        value = flow.run(f"T{root}()", keep_going=True).value
        found: set[str] = set()
    except ExceptionGroup as group:
        value = None
        found = {error.label.removesuffix("()") for error in group.exceptions if isinstance(error, FailedTaskError)}
    assert found == failed
    assert flow.notes() == dict.fromkeys(ran, 1)
    if not failed:
        assert value == model.kept[root].value


def live(flow: Any, history: tuple[tuple[Code, ...], list[tuple[Any, ...]]], cache: str) -> None:
    """Go through a history; then all must be as in a new cache."""
    flow.cache = flow.folder / cache
    codes, model = list(history[0]), Model()
    write(flow, codes)
    last = ("run", SIZE - 1)
    for action, number, *rest in [last, *itertools.chain(*history[1]), last]:
        if action == "edit":
            codes[number] = rest[0]
            write(flow, codes)
        elif action == "clear":
            flow.task(f"T{number}()").clear_task()
            model.clear(number)
        else:
            check_run(flow, model, codes, number)
    flow.cache = flow.folder / f"{cache}.new"
    new = Model()
    check_run(flow, new, codes, SIZE - 1)
    if not any(codes[number].kind == "fails" for number in closure(codes, SIZE - 1)):
        assert new.kept[SIZE - 1].value == model.kept[SIZE - 1].value


def write(flow: Any, codes: list[Code]) -> None:
    flow.write("\n".join(version.source(number) for number, version in enumerate(codes)))


caches = (f"cache{number}" for number in itertools.count())
slow = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(slow, max_examples=5, derandomize=True, phases=[Phase.generate])  # the long one varies and shrinks
@given(histories)
def test_what_runs_is_what_must(flow: Any, history: Any) -> None:
    live(flow, history, next(caches))


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(slow, max_examples=500)
@given(histories)
def test_what_runs_is_what_must_for_long(flow: Any, history: Any) -> None:
    live(flow, history, next(caches))


def test_code_that_is_back_gives_the_epoch_that_readers_know(flow: Any) -> None:
    codes = (Code(), Code((0, 0)), Code((0,)), Code((1,)))
    steps = [("clear", 0), ("run", 3), ("edit", 1, Code((0,))), ("run", 1), ("edit", 1, Code((0, 0))), ("run", 3)]
    live(flow, (codes, [tuple(steps)]), next(caches))
