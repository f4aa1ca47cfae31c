"""What a run tells on stderr while it goes on."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from taskproc import Cache, FailedTaskError, RequiresList, Task
from taskproc.decision import MayRun, NeverRan, Run
from taskproc.events import Finished, Planned, Printed, Reused, Started, Waiting, Warned
from taskproc.graph import build_graph
from taskproc.plan import Plan
from taskproc_cli.views.live import LiveProgress
from taskproc_cli.views.plan import plan_lines
from taskproc_cli.views.progress import LogProgress, Progress, Quiet, shown_progress
from taskproc_cli.views.quantities import count, duration, size

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from taskproc.decision import Decision
    from taskproc.graph import Graph

    Command = Callable[..., subprocess.CompletedProcess[str]]


class Leaf(Task):
    def __init__(self, n: int) -> None:
        self.n = n

    def run_task(self) -> int:
        return self.n


class Top(Task):
    leaves: RequiresList[int]

    def __init__(self) -> None:
        self.leaves = [Leaf(n) for n in range(3)]

    def run_task(self) -> int:
        return sum(self.leaves)


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    """`Top()`, last of its nodes, and three leaves."""
    with Cache(tmp_path):
        node: Any = Top()._task_node
    return build_graph(node)


def planned(graph: Graph) -> Planned:
    """A plan by which all leaves run, and then perhaps the top."""
    decisions: dict[Any, Decision] = {node.key: Run(NeverRan()) for node in graph.nodes}
    decisions[graph.root.key] = MayRun(graph.nodes[:3])
    return Planned(Plan(graph, decisions, {}))


def test_what_was_done_is_told_in_one_line(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress(planned(graph))
        for node in graph.nodes[:2]:
            progress(Finished(node, 0, 0.1, "here:1", "never ran"))
        progress(Reused(graph.nodes[2]))
        progress(Reused(graph.root))
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"✔ 4 tasks in \d+\.\d s · 2 reused · 2 ran\n", err)


def test_what_is_left_is_told_too(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress(planned(graph))
    progress(Finished(graph.nodes[0], 0, 0.1, "here:1", "never ran"))
    progress(Finished(graph.nodes[1], 0, 0.1, "here:1", "never ran", FailedTaskError("Leaf(n=1)", "it broke")))
    progress.__exit__(KeyboardInterrupt, None, None)
    said = capsys.readouterr().err
    assert re.fullmatch(r"✘ 4 tasks in .* s · 0 reused · 1 ran · 1 failed · 1 blocked · 1 not run\n", said)


def test_symbols_that_stderr_cannot_encode_are_spelled(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding="ascii"))
    with Progress() as progress:
        progress(planned(graph))
    assert re.fullmatch(rb"done: 4 tasks in 0\.\d s - 0 reused - 0 ran - 4 not run\n", written.getvalue())


def test_a_task_named_verbosely_has_its_reason(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(verbose=True)
    progress(planned(graph))
    progress(Finished(graph.nodes[0], 0, 75, "here:1", "code of helper changed"))
    assert capsys.readouterr().err == "✔ Leaf(n=0) ran in 1 min 15 s (code of helper changed)\n"
    error = FailedTaskError("Leaf(n=1)", "KeyError: 'new'")
    progress(Finished(graph.nodes[1], 0, 75, "here:1", "failed last time: ValueError: old", error))
    told = "✘ Leaf(n=1) failed in 1 min 15 s: KeyError: 'new' (failed last time: ValueError: old)\n"
    assert capsys.readouterr().err == told


def test_words_of_the_user_s_in_a_line_can_do_no_harm(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    Progress().say("✘ F() failed: \x1b[2J\x1b[31mred\x1b[0m\rover")
    assert capsys.readouterr().err == "✘ F() failed: \x1b[31mred\x1b[0mover\n"


def test_output_is_passed_on_and_lines_stay_whole(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress(Printed(graph.root, "stdout", "half"))
    progress(Printed(graph.root, "stdout", " a line"))
    progress(Warned("something is odd"))
    for node in graph.nodes:
        progress(Waiting((node,)))
    assert capsys.readouterr().err == (
        "half a line\nwarning: something is odd\nwaiting for another run, which is busy with Leaf(n=0)\n"
    )


def test_kept_output_is_marked_once(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress(Printed(graph.root, "stdout", "a\n", kept=True))
    progress(Printed(graph.root, "stderr", "b\n", kept=True))
    assert capsys.readouterr().err == "kept output of Top():\na\nb\n"


def test_the_quiet_listener_only_warns(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    with Quiet() as progress:
        progress(planned(graph))
        progress(Printed(graph.root, "stdout", "a\n"))
        progress(Warned("something is odd"))
    assert capsys.readouterr().err == "warning: something is odd\n"


def test_a_log_has_the_time_and_says_what_is_unfinished(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    progress = LogProgress()
    progress(planned(graph))
    progress(Started(graph.nodes[:2]))
    progress(Finished(graph.nodes[0], 0, 0.1, "here:1", "never ran", FailedTaskError("Leaf(n=0)", "it broke")))
    assert progress.tick() >= 1
    failed, report = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d ✘ Leaf\(n=0\) failed: it broke", failed)
    assert re.fullmatch(r"\d\d:\d\d:\d\d 1/4 done · 1 running · 1 failed: Leaf 1/3, Top 0/1", report)
    progress.tick()
    assert capsys.readouterr().err.count("it broke") == 0


def test_a_plan_names_classes_counts_and_reasons(graph: Graph) -> None:
    assert list(plan_lines(planned(graph).plan)) == [
        "1 reason, and 1 task follows:",
        "       3  never ran",
        "Leaf: 3 of 3 tasks",
        "       3  never ran",
        "Top: 1 of 1 task",
        "       1  may run, if what it reads of Leaf changes",
        "3 tasks would run, 1 may run, 0 up to date",
    ]


def test_numbers_are_written_for_people() -> None:
    assert [count(1, "task"), count(1190, "task")] == ["1 task", "1,190 tasks"]
    assert [duration(s) for s in (0.04, 59.9, 59.96, 192, 7500)] == [
        "0.0 s",
        "59.9 s",
        "1 min 0 s",
        "3 min 12 s",
        "2 h 5 min",
    ]
    assert [size(n) for n in (1, 999, 1000, 1_500_000, 2 * 10**15)] == [
        "1 byte",
        "999 bytes",
        "1.0 kB",
        "1.5 MB",
        "2000.0 TB",
    ]


SLOW = """
import time
from pathlib import Path
from taskproc import Requires, Task

class Slow(Task):
    def run_task(self):
        while not Path("go").exists():
            time.sleep(0.01)

class Main(Task):
    slow: Requires[None]
    def __init__(self):
        self.slow = Slow()
    def run_task(self):
        print("said\\nhalf", end="")
        return "done"
"""


def watch(executable: Path, folder: Path, *words: str, wait_for: str, **env: str) -> str:
    """Run on a terminal of 80 columns; let the task go on once `wait_for` is seen; all that was written."""
    (folder / "slow.py").write_text(SLOW)
    child = pexpect.spawn(
        str(executable),
        ["run", "slow.py", *words],
        cwd=str(folder),
        env={**os.environ, "TERM": "xterm-256color", **env},
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=60,
    )
    child.expect_exact(wait_for)
    seen = str(child.before) + wait_for
    (folder / "go").touch()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return seen + str(child.before)


def test_on_a_terminal_a_display_moves_and_gives_way(executable: Path, tmp_path: Path) -> None:
    seen = watch(executable, tmp_path, wait_for="0/2 done")
    assert "\x1b[2m─" in seen
    assert re.search(r"Slow .*0/1", seen)
    assert 0 < seen.index("said\r\n") < seen.index("half\r\n")
    *_, summary, result = seen.split("\r\n")[:-1]
    assert re.search(r"✔.* 2 tasks in \d+\.\d s · 0 reused · 2 ran", summary)
    assert result.endswith("done")


def test_no_color_takes_colour_only(executable: Path, tmp_path: Path) -> None:
    seen = watch(executable, tmp_path, wait_for="0/2 done", NO_COLOR="1")
    assert "\x1b[2K" in seen
    assert not re.search(r"\x1b\[[0-9;]*m", seen)


def test_under_ci_lines_are_plain(executable: Path, tmp_path: Path) -> None:
    assert "\x1b" not in watch(executable, tmp_path, wait_for="0/2 done", CI="1")


@pytest.mark.parametrize(
    ("env", "options", "kind"),
    [
        ({}, {}, LiveProgress),
        ({}, {"quiet": True}, Quiet),
        ({}, {"own_terminal": True}, Progress),
        ({"NO_COLOR": "1"}, {}, LiveProgress),
        ({"CI": "true"}, {}, LogProgress),
        ({"CI": "true"}, {"insist": True}, LiveProgress),
        ({"TERM": "dumb"}, {"insist": True}, LogProgress),
        ({"FORCE_COLOR": "1", "CI": "true"}, {}, LogProgress),
    ],
)
def test_the_listener_is_that_of_its_surroundings(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], options: dict[str, bool], kind: type[Progress]
) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **env}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert type(shown_progress(**options)) is kind
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert type(shown_progress(**options)) is (LogProgress if kind is LiveProgress else kind)


def test_force_color_colours_and_never_animates(cli: Command) -> None:
    done = cli("run", "Talk", FORCE_COLOR="1")
    assert "\x1b[32m✔\x1b[0m 1 task in " in done.stderr
    assert not re.search(r"\x1b\[[^m]*[A-LN-Za-ln-z]", done.stderr)
