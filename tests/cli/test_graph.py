"""`taskproc graph`, seen from outside and by the tools it writes for."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import networkx as nx
import pytest

from taskproc_cli.views.diagram import Box, Diagram
from taskproc_cli.views.graph import tree
from taskproc_cli.views.svg import fitting, text_width

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]

WORDS = ("graph", "Choose", "--n", "3", "--k", "2")


def test_the_tree_shows_shared_parts_once_with_states_and_reasons(program: Command, cli: Command) -> None:
    cli("run", "-x", "serial", "Choose", "--n", "2", "--k", "1")
    assert program("graph", "Choose", "--n", "4", "--k", "2").stdout.splitlines() == [
        "Choose(n=4, k=2)  never ran",
        "├─ Choose(n=3, k=1)  never ran",
        "│  ├─ Choose(n=2, k=0)  never ran",
        "│  └─ Choose(n=2, k=1)  up to date",
        "│     ├─ Choose(n=1, k=0)  up to date",
        "│     └─ Choose(n=1, k=1)  up to date",
        "└─ Choose(n=3, k=2)  never ran",
        "   ├─ Choose(n=2, k=1)  (see above)",
        "   └─ Choose(n=2, k=2)  never ran",
    ]


def test_a_terminal_without_our_symbols_has_others(cli: Command) -> None:
    assert cli(*WORDS, PYTHONIOENCODING="latin-1").stdout.splitlines()[:3] == [
        "Choose(n=3, k=2)  never ran",
        "|- Choose(n=2, k=1)  never ran",
        "|  |- Choose(n=1, k=0)  never ran",
    ]


def test_drawing_writes_nothing(cli: Command, tmp_path: Path) -> None:
    for form in ("tree", "svg"):
        assert cli(*WORDS, "--format", form).returncode == 0
    assert not (tmp_path / ".taskproc").exists()


def test_json_is_what_networkx_reads(cli: Command) -> None:
    graph = nx.node_link_graph(json.loads(cli(*WORDS, "--format", "json").stdout), edges="edges")
    labels = nx.get_node_attributes(graph, "label")
    assert nx.is_directed_acyclic_graph(graph)
    assert sorted(labels.values()) == [f"Choose(n={n}, k={k})" for n, k in ((1, 0), (1, 1), (2, 1), (2, 2), (3, 2))]
    (root,) = [node for node in graph if not graph.out_degree(node)]
    assert labels[root] == "Choose(n=3, k=2)"
    assert graph.nodes[root]["args"] == {"n": 3, "k": 2}
    assert sorted(labels[node] for node in graph.predecessors(root)) == ["Choose(n=2, k=1)", "Choose(n=2, k=2)"]


@pytest.mark.parametrize(("form", "node", "edge"), [("dot", r"t\d \[label=", r"->"), ("mermaid", r't\d\["', r"-->")])
def test_a_drawing_has_a_line_for_each_node_and_edge(cli: Command, form: str, node: str, edge: str) -> None:
    lines = cli(*WORDS, "--format", form).stdout.splitlines()
    assert sum(bool(re.search(node, line)) and "->" not in line for line in lines) == 5
    assert sum(line.count(edge) for line in lines) == 4
    assert "Const" not in "".join(lines)


@pytest.mark.parametrize("form", ["dot", "mermaid"])
def test_labels_are_quoted(cli: Command, form: str) -> None:
    done = cli("graph", "Result", "--code", 'a"]<b>#\\', "--format", form)
    (line,) = [line for line in done.stdout.splitlines() if "Result" in line]
    inner = line[line.index('"') + 1 : line.rindex('"')]
    assert not re.search(r'(?<!\\)"', inner)


@pytest.mark.parametrize(("form", "shown"), [("dot", "'&amp;lt;'"), ("mermaid", "'#amp;lt;'")])
def test_a_label_that_looks_like_markup_is_shown_as_it_is(cli: Command, form: str, shown: str) -> None:
    assert shown in cli("graph", "Result", "--code", "&lt;", "--format", form).stdout


def test_mermaid_breaks_no_line_in_a_label(cli: Command) -> None:
    assert "'a#92;nb'" in cli("graph", "Result", "--code", "a\nb", "--format", "mermaid").stdout


def test_a_deep_graph_is_drawn(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(
        "from taskproc import Const, Requires, Task\n"
        "class Link(Task):\n"
        "    up: Requires[int]\n"
        "    def __init__(self, n: int):\n"
        "        self.up = Link(n - 1) if n else Const(0)\n"
        "    def run_task(self) -> int:\n"
        "        return self.up\n"
    )
    assert len(cli("graph", "deep.py", "--n", "1500", "--all").stdout.splitlines()) == 1501
    folded = cli("graph", "deep.py", "--n", "1500")
    assert folded.stdout == "1,501 × Link  never ran\n"
    assert folded.stderr == "1,501 tasks, those alike as one; --all draws each\n"
    assert cli("graph", "deep.py", "--n", "1500", "--depth", "1").stdout.splitlines() == [
        "Link(n=1500)  never ran",
        "└─ Link(n=1499)  never ran; 1 more below",
    ]


GRID = """
from taskproc import Future, RequiresList, Requires, Task
class Load(Task): ...
class Fit(Task):
    data: Requires[None]
    def __init__(self, n: int):
        self.data = Load()
class Main(Task):
    fits: RequiresList[None]
    def __init__(self, n: int = 3):
        self.fits = [Fit(i) for i in range(n)]
"""


def test_tasks_that_are_alike_are_drawn_as_one_where_there_are_many(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "grid.py").write_text(GRID)
    assert cli("graph", "grid.py", "--n", "100").stdout.splitlines() == [
        "Main(n=100)  never ran",
        "└─ 100 × Fit  never ran",
        "   └─ Load()  never ran",
    ]
    assert cli("graph", "grid.py", "--by-class").stdout.splitlines()[1] == "└─ 3 × Fit  never ran"
    assert len(json.loads(cli("graph", "grid.py", "--n", "100", "--format", "json").stdout)["nodes"]) == 102
    (fits,) = [
        node
        for node in json.loads(cli("graph", "grid.py", "--by-class", "--format", "json").stdout)["nodes"]
        if node["label"] == "Fit"
    ]
    assert (fits["id"], fits["count"], fits["states"]) == ("grid.Fit", 3, {"would run": 3})


SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_has_a_box_for_each_task_and_an_arrow_for_each_edge(cli: Command) -> None:
    picture = ET.fromstring(cli(*WORDS, "--format", "svg").stdout)
    told = [title.text for title in picture.iterfind(f"{SVG}g/{SVG}title")]
    assert sorted(map(str, told)) == [
        f"Choose(n={n}, k={k})\nnever ran" for n, k in ((1, 0), (1, 1), (2, 1), (2, 2), (3, 2))
    ]
    assert len(picture.findall(f"{SVG}path")) == 4
    page = cli(*WORDS, "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert page.count("<td>never ran</td>") == 5


def test_a_picture_is_xml_whatever_the_words(cli: Command) -> None:
    code = "exec('raise ValueError(\"\\\\x1b[1m <&> \\\\x00 \\\\udc80\")')"
    cli("run", "-x", "serial", "Result", "--code", code)
    for words in (["graph", "Result", "--code", code], ["timeline"]):
        picture = ET.fromstring(cli(*words, "--format", "svg").stdout)
        assert any(" <&> \ufffd" in str(title.text) for title in picture.iter(f"{SVG}title"))


def test_wide_characters_take_two_columns() -> None:
    state = "up to date"
    node: Any = SimpleNamespace(label="字" * 30)
    box = Box([node], Counter([state]), Counter(["never ran"]), None, "", 0, 0)
    (line,) = tree(Diagram([box], {box: {}}), None, 50)
    assert line == f"{'字' * 19}…  never ran"
    assert text_width("字" * 10, 10) == 100
    assert fitting("字" * 10, 10, 60) == "字" * 5 + "…"


def test_a_narrow_terminal_cuts_names_and_leaves_states() -> None:
    def box(state: str) -> Box:
        node: Any = SimpleNamespace(label="Train(kind='a long one', seed=3)")
        return Box([node], Counter(["up to date"]), Counter([state]), None, "", 0, 0)

    up, down, root = box("never ran"), box("failed last time: ValueError: all of it"), box("never ran")
    drawn = Diagram([up, down, root], {up: {}, down: {}, root: {up: {}, down: {}}})
    assert [line.rstrip() for line in tree(drawn, None, 40)] == [
        "Train(kind='a long one', see…  never ran",
        "├─ Train(kind='a long one', …  never ran",
        "└─ Train(kind='a lon…  failed last time…",
    ]
    for columns in (30, 40, 50, 60):
        assert all("  never ran" in line or "  failed last time" in line for line in tree(drawn, None, columns))


def test_an_unknown_format_is_refused(refused: Refused) -> None:
    assert refused("graph", "Talk", "--format", "dto") == "--format: there is no 'dto'; did you mean 'dot'?"


def test_colours_tell_what_the_plan_says(cli: Command) -> None:
    cli("run", "-x", "serial", "Choose", "--n", "2", "--k", "1")
    cli("run", "-x", "serial", "Fail")
    found = json.loads(cli(*WORDS, "--format", "json").stdout)["nodes"]
    assert {node["label"]: (node["state"], node["reason"]) for node in found} == {
        "Choose(n=1, k=0)": ("up to date", None),
        "Choose(n=1, k=1)": ("up to date", None),
        "Choose(n=2, k=1)": ("up to date", None),
        "Choose(n=2, k=2)": ("would run", "never ran"),
        "Choose(n=3, k=2)": ("would run", "never ran"),
    }
    drawn = cli(*WORDS, "--format", "dot").stdout
    done, to_run = drawn.index('fillcolor="#c8e6c9"'), drawn.index('fillcolor="#fff3c4"')
    assert drawn[done:to_run].count("[label=") == 3
    assert re.search(r"\n  class t\d,t\d,t\d up_to_date\n", cli(*WORDS, "--format", "mermaid").stdout)
    assert cli(*WORDS, FORCE_COLOR="1").stdout.startswith("\x1b[33mChoose(n=3, k=2)\x1b[0m  \x1b[2mnever ran\x1b[0m\n")
    assert "\x1b" not in cli(*WORDS, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert cli("graph", "Fail", FORCE_COLOR="1").stdout.startswith("\x1b[31mFail(n=1)\x1b[0m")


def test_no_number_of_steps_is_refused(refused: Refused) -> None:
    assert refused("graph", "Talk", "--depth", "-1") == "--depth: '-1' is no number of steps, such as 2"
