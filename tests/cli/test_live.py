"""What the moving display draws, and how that fits into terminals of all sizes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from taskproc import FailedTaskError
from taskproc_cli.views.live import Lines, drawing
from taskproc_cli.views.progress import shown
from taskproc_cli.views.screen import Line, Screen, crop, harmless, width
from taskproc_cli.views.tracker import Running, Snapshot, Work


def plain(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()


def snapshot(*classes: Work, failures: int = 0, **more: Any) -> Snapshot:
    errors = tuple(FailedTaskError(f"Fit(n={n})", "it broke") for n in range(failures))
    node: Any = None
    name = f"Fit(text='{'long ' * 30}')"
    values: dict[str, Any] = {"elapsed": 72, "left": 192.0, "elsewhere": 0, "stopping": False}
    return Snapshot(
        classes, (Running(node, name, 61, 120), Running(node, name, 0.5, None)), failures=errors, **values | more
    )


FIT = Work("Fit", 1100, 550, Counter(ran=549, failed=1, kept=80), running=2)
SCORE = Work("Score", 100)


def test_a_display_has_all_that_counts() -> None:
    assert [plain(line) for line in drawing(snapshot(FIT, SCORE, failures=1), 90, 24)] == [
        "━━━━━──────── 550/1,200 done · 2 running · 1 failed · 1 min 12 s · about 3 min 12 s left",
        "  Fit    ━━━━━━━━━━━━━━━───────────────  550/1,100  2 running  1 failed  80 kept",
        "  Score  ──────────────────────────────      0/100",
        "  ▸ Fit(text='long long long long long long long long lon…  1 min 1 s (usually 2 min 0 s)",
        "  ✘ Fit(n=0) failed: it broke",
    ]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("rows", [3, 10, 24, 80])
@pytest.mark.parametrize("number", [1, 15, 200])
def test_a_display_fits(columns: int, rows: int, number: int) -> None:
    classes = [Work("模型" * 20 if n % 2 else f"Class{n}", 10, n % 10, Counter(kept=n)) for n in range(number)]
    lines = drawing(snapshot(*classes, failures=5), columns, rows)
    assert 1 <= len(lines) < rows
    if columns >= 60:
        assert all(width(plain(line)) < columns for line in lines[:-2])
    if rows >= 24:
        assert sum("/10" in plain(line) for line in lines[1:]) == (number if number <= 15 else 10)


@pytest.mark.parametrize("columns", [20, 25, 30, 35, 40])
def test_no_blanks_are_cut_with_an_ellipsis(columns: int) -> None:
    classes = (Work("Slowish", 12, 12), Work("AnotherClassWithALongName", 12, 12), Work("Main", 1, 0, running=1))
    _, done, _, busy, *_ = (crop(line, columns - 1) for line in drawing(snapshot(*classes), columns, 24))
    assert plain(done).endswith("12/12")
    assert plain(busy).endswith(("0/1", "1 running"))


def test_classes_at_work_are_shown_before_those_that_wait_or_are_done() -> None:
    classes = (Work("a", 1, 1), Work("b", 1), Work("c", 2, 1), Work("d", 1, running=1), Work("e", 1))
    assert [[work.name for work in shown(snapshot(*classes), most)] for most in (1, 2, 3, 9)] == [
        ["d"],
        ["c", "d"],
        ["b", "c", "d"],
        ["a", "b", "c", "d", "e"],
    ]


def test_a_screen_is_drawn_over_where_it_stood(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    size = [20, 24]
    monkeypatch.setattr(Screen, "size", lambda _: tuple(size))
    screen.draw([[("x" * 50, "red")], [("two", None)]])
    assert capsys.readouterr().err == f"\r\x1b[2K{'x' * 18}…\n\x1b[2Ktwo\n\x1b[J"
    size[0] = 10  # the terminal has wrapped the first line
    screen.draw([[("one", None)]], "above\n")
    assert capsys.readouterr().err == "\r\x1b[3A\x1b[Jabove\n\x1b[2Kone\n\x1b[J"
    screen.draw([])
    assert capsys.readouterr().err == "\r\x1b[1A\x1b[J"


def test_texts_take_the_columns_that_a_terminal_gives_them() -> None:
    assert [width(text) for text in ("abc", "é", "e\u0301", "模型")] == [3, 1, 1, 4]
    assert plain(crop([("模型模型", None)], 6)) == "模型…"
    assert plain(crop([("abc", None), ("def", None)], 6)) == "abcdef"
    assert plain(crop([("abc", None), ("def", None)], 5)) == "abcd…"


def test_what_tasks_print_can_do_no_harm() -> None:
    assert harmless("10%\r20%\r\x1b[2K\x1b[31mred\x1b[0m\x1b[3A\x07\x1b]0;title\x07 end\r") == "\x1b[31mred\x1b[0m end"


def test_what_is_drawn_can_do_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().draw([[("failed: \x1b[2J\x07\x1b[31mred\x1b[0m", None)]])
    assert "failed: \x1b[31mred\x1b[0m\n" in capsys.readouterr().err


def test_a_run_of_nothing_has_a_display() -> None:
    assert drawing(snapshot(), 80, 24)


def test_lines_are_told_once_they_end_whatever_pieces_they_come_in() -> None:
    lines = Lines()
    for text in ("a", "b\nc\r", "\nd\re\r", "f", "\x1b[2Jg\n\nh"):
        lines.add(text)
    assert (lines.taken(), lines.begun) == (["ab", "c", "fg", ""], "h")
    lines.add("\n")
    assert (lines.taken(), lines.begun) == (["h"], "")


def test_a_line_that_goes_on_without_end_is_not_gone_through_again_and_again() -> None:
    lines = Lines()
    for number in range(100_000):
        lines.add(f"\r{number:>8} of a bar")
    assert sum(map(len, lines._open)) < 100
    for _ in range(100):
        lines.add("x" * 100_000)
    assert len(lines.begun) < 10_000
    lines.add("\n")
    (line,) = lines.taken()
    assert len(line) > 10_000_000
