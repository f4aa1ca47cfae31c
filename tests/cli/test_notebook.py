"""What notebooks show: progress that changes in place, and tasks as HTML."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from taskproc import Cache, Requires, Task
from taskproc_cli.views.progress import shown_progress

if TYPE_CHECKING:
    from pathlib import Path

Shown = list[tuple[str, dict[str, str]]]


class Part(Task):
    def __init__(self, text: str) -> None:
        self.text = text

    def run_task(self) -> str:
        return self.text


class Whole(Task):
    """All of it, <really>."""

    part: Requires[str]

    def __init__(self, text: str = "<b>") -> None:
        self.part = Part(text)

    def run_task(self) -> int:
        return len(self.part) // (self.part != "fail")


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What is displayed, each time, in a process that takes itself for a notebook's kernel."""
    shown: Shown = []

    def display(forms: dict[str, str], **_: object) -> Any:
        shown.append(("display", forms))
        return SimpleNamespace(update=lambda forms, **_: shown.append(("update", forms)))

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    return shown


def test_progress_changes_in_place_and_ends_in_one_line(
    notebook: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from taskproc.options import Options
    from taskproc.run import run

    with Cache(tmp_path):
        node: Any = Whole()._task_node
    progress = shown_progress()
    run(node, Options(executor="serial"), progress)
    progress.tick()
    progress.__exit__(None, None, None)
    (first, during), (then, at_last) = notebook
    assert (first, then) == ("display", "update")
    assert '<td style="text-align: left">Whole</td><td><progress value="1" max="1"' in during["text/html"]
    assert "2/2 done" in during["text/plain"]
    assert at_last["text/plain"].startswith("✔ 2 tasks in ")
    assert at_last["text/html"] == f"<div>{at_last['text/plain']}</div>"
    assert capsys.readouterr().err == ""


def test_a_task_is_shown_with_its_arguments_and_how_it_stands(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with Cache(cache):
        task = Whole()
    html = task._repr_html_()
    assert html is not None
    for part in ("All of it, &lt;really&gt;.", "&#x27;&lt;b&gt;&#x27;", "would run: never ran", "1 task: 1 would run"):
        assert part in html
    assert not cache.exists()
    task.run_graph(max_workers=1)
    html = task._repr_html_()
    assert html is not None
    assert "<b>" not in html.replace("<b>Whole</b>", "")
    assert "up to date" in html
    assert ">made 2" in html


def test_a_task_whose_cache_is_refused_is_shown_all_the_same(tmp_path: Path) -> None:
    tmp_path.joinpath("cache").write_text("no folder")
    with Cache(tmp_path / "cache"):
        html = Whole()._repr_html_()
    assert html is not None
    assert "&#x27;&lt;b&gt;&#x27;" in html
