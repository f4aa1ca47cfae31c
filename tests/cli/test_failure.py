"""Failed tasks as the command line tells them."""

from __future__ import annotations

from taskproc import FailedTaskError
from taskproc_cli.views.failure import WHOLE, failure_lines


def test_a_failure_has_all_that_helps() -> None:
    error = FailedTaskError(
        "A(n=1)", "it broke", where="m.A#3", details="Traceback\n", output="x\ny", log="/log", blocks=1200
    )
    error.add_note("B() failed too: it is late")
    assert list(failure_lines([error], lambda _: "taskproc run -i a.py A --n 1")) == [
        "the end of what A(n=1) printed:",
        "  x",
        "  y",
        "Traceback",
        "✘ A(n=1) failed: it broke",
        "  B() failed too: it is late",
        "  task    m.A#3",
        "  blocks  1,200 tasks",
        "  log     /log",
        "  debug   taskproc run -i a.py A --n 1",
    ]


def test_an_empty_line_stands_between_failures_alone() -> None:
    errors = [FailedTaskError(f"A({n})", "it broke") for n in range(2)]
    assert list(failure_lines(errors, lambda _: "")) == ["✘ A(0) failed: it broke", "", "✘ A(1) failed: it broke"]


def test_what_is_not_known_of_a_failure_takes_no_line() -> None:
    error = FailedTaskError("A()", "it broke", where="m.A#3")
    assert list(failure_lines([error], lambda _: "")) == ["✘ A() failed: it broke", "  task    m.A#3"]


def test_what_blocks_most_is_told_last_and_of_many_few_are_told_whole() -> None:
    errors = [FailedTaskError(f"A({n})", "it broke", where=f"m.A#{n}", blocks=10 - n) for n in range(WHOLE + 2)]
    lines = list(failure_lines(errors, lambda _: ""))
    assert lines[:3] == ["✘ A(11) failed: it broke (m.A#11)", "✘ A(10) failed: it broke (m.A#10)", ""]
    assert lines[-3:] == ["✘ A(0) failed: it broke", "  task    m.A#0", "  blocks  10 tasks"]
    assert sum("A(" in line for line in lines) == WHOLE + 2
