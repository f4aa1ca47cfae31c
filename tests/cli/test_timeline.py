"""`taskproc timeline`, seen from outside, and how tasks are shared out to lanes."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from taskproc.lastrun import LastRun
from taskproc.record import Key
from taskproc.timeline import Span, Timeline
from taskproc_cli.views.lanes import make_lanes
from taskproc_cli.views.screen import width
from taskproc_cli.views.strips import strips
from taskproc_cli.views.timeline import Shown, shown

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]

SVG = "{http://www.w3.org/2000/svg}"


def test_a_trace_has_an_event_for_each_task_that_ran(cli: Command) -> None:
    cli("run", "-x", "serial", "Choose", "--n", "3", "--k", "2")
    trace = json.loads(cli("timeline", "Choose", "--n", "3", "--k", "2", "--format", "trace").stdout)
    events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert sorted(event["name"] for event in events) == [
        f"Choose(n={n}, k={k})" for n, k in ((1, 0), (1, 1), (2, 1), (2, 2), (3, 2))
    ]
    assert all(event["ts"] >= 0 and event["dur"] >= 0 for event in events)
    by_time = sorted(events, key=lambda event: event["ts"])
    critical = [event["name"] for event in by_time if event["args"]["critical"]]
    assert critical[-1] == "Choose(n=3, k=2)"
    arrows = [event["ph"] for event in trace["traceEvents"] if event["ph"] in "sf"]
    assert arrows == ["s", "f"] * (len(critical) - 1)


def test_tasks_that_look_alike_are_told_apart(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "alike.py").write_text("""
from taskproc import Future, Requires, RequiresList, Task
class Up(Task):
    def __init__(self, i: int): self.i = i
    def run_task(self): return self.i
class Fit(Task):
    up: Requires[int]
    def __init__(self, up: Future[int]): self.up = up
    def run_task(self): return self.up
class Main(Task):
    fits: RequiresList[int]
    def __init__(self): self.fits = [Fit(Up(i)) for i in range(2)]
    def run_task(self): return sum(self.fits)
""")
    cli("run", "-x", "serial", "alike.py")
    trace = json.loads(cli("timeline", "alike.py", "--format", "trace").stdout)
    names = {event["name"] for event in trace["traceEvents"] if event["ph"] == "X"}
    assert names == {"Main()", "Up(i=0)", "Up(i=1)", "Fit(up=Up(…))#0", "Fit(up=Up(…))#1"}


def test_a_picture_marks_what_is_critical_and_what_failed(cli: Command) -> None:
    cli("run", "-k", "Both")
    picture = ET.fromstring(cli("timeline", "--format", "svg").stdout)  # without a task nothing names the arguments
    bars = [(str(group.findtext(f"{SVG}title")).split("\n"), group.get("class")) for group in picture.iter(f"{SVG}g")]
    assert {about[0] for about, _ in bars} == {"Fail#0", "Fail#1"}
    assert all(kinds and kinds.endswith("failed") and "ValueError: told to fail" in about[-1] for about, kinds in bars)
    assert sum("critical" in str(kinds) for _, kinds in bars) == 2  # in its own line, and where it ran
    page = cli("timeline", "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert page.count("<td>Fail#") == 1


def test_text_has_a_strip_for_the_critical_path_and_one_for_each_lane(program: Command, cli: Command) -> None:
    cli("run", "-k", "-j", "1", "Both")
    lines = program("timeline", "--format", "text").stdout.splitlines()
    assert lines[0].startswith("Both(), ")
    assert lines[1].startswith("2 tasks in ")
    assert lines[1].endswith(" · 2 failed")
    assert [line[:14].strip() for line in lines[3:5]] == ["critical path", os.uname().nodename[:14]]
    assert all(set(line[14:]) == {" ", "x"} for line in lines[3:5])
    assert any(line.startswith("A Fail: 2 tasks, ") for line in lines)
    assert re.match(r" +[\d.e-]+ ms  Fail#\d$", lines[-1])


def test_where_there_is_nothing_to_draw_that_is_said(cli: Command, refused: Refused) -> None:
    assert refused("timeline").startswith("no run is recorded in ")
    cli("run", "-x", "serial", "Talk")
    assert refused("timeline", "Echo") == "the last run, of Talk(), ran nothing of what Echo needs"
    assert "did you mean 'trace'?" in refused("timeline", "--format", "trac")


def span(start: float, end: float, where: str) -> Span:
    return Span(Key(b""), "", 0, start, end - start, where, "", ())


def test_tasks_that_overlap_are_in_different_lanes() -> None:
    spans = [
        span(0, 2, "a:1"),
        span(0, 1, "a:2"),
        span(1, 3, "b:1"),
        span(1.5, 3, "a:2"),  # of the same worker: stays in its lane
        span(2, 4, "b:1"),  # of another thread
        span(2, 3, "a:1"),
        span(4, 5, "a:3"),  # a worker that took the place of one that died
    ]
    lanes = [(lane.host, [(each.start, each.end) for each in lane.spans]) for lane in make_lanes(spans)]
    assert lanes == [
        ("a", [(0, 2), (2, 3), (4, 5)]),
        ("a", [(0, 1), (1.5, 3)]),
        ("b", [(1, 3)]),
        ("b", [(2, 4)]),
    ]


@pytest.mark.parametrize("columns", [1, 10, 25, 40])
def test_text_is_drawn_in_a_terminal_of_any_width(columns: int) -> None:
    spans = [span(0, 2, "host:1")._replace(name="m.\u6570"), span(2, 5, "host:1")._replace(name="m.Main")]
    run = Timeline(LastRun("Main(text='a long one')", 0), spans)
    lines = [*strips(shown(run, {Key(b""): "Main(text='\u6570\u6570\u6570 a long one')"}), columns)]
    assert "A Main: 1 task, 3.0 s in all, 3.0 s at most" in lines
    drawn = [line for line in lines if line.startswith(("Main(", "critical path ", "host", " "))]
    assert len(drawn) >= 4
    assert max(map(width, drawn)) <= max(columns, 24)


def test_classes_come_by_how_long_their_tasks_took() -> None:
    took = [("short", 1), ("twice", 2), ("long", 3), ("twice", 2)]
    spans = [span(0, seconds, "")._replace(name=name) for name, seconds in took]
    run: Any = Timeline(None, spans)  # type: ignore[arg-type]
    assert list(Shown(run, {}, [], [], 0, 1).work.items()) == [("twice", 4), ("long", 3), ("short", 1)]
