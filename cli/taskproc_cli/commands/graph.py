"""`taskproc graph`: the graph of a task, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc_cli.hints import choice
from taskproc_cli.problems import UsageError
from taskproc_cli.run_options import usual
from taskproc_cli.views import terminal
from taskproc_cli.views.plan import warn_of_impossible
from taskproc_cli.views.quantities import count
from taskproc_cli.views.result import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc_cli.request import Request
    from taskproc_cli.views.diagram import Diagram

PEOPLES = frozenset({"tree", "svg", "html"})
"""What people read, and programs do not: big graphs are folded there."""


def graph(
    request: Request,
    *,
    format: str = "tree",  # noqa: A002  the option's name
    depth: str | None = None,
    by_class: bool = False,
    all: bool = False,  # noqa: A002  the option's name
) -> None:
    """Draw the graph of a task, with states and reasons.

    In a tree or a picture of many tasks, tasks of one class that are needed by the same tasks are drawn as one.

    For example: taskproc graph taskfile.py Main --format svg > graph.svg
    """
    from taskproc.run import make_plan
    from taskproc_cli.views.diagram import MANY, make_diagram

    if by_class and all:
        raise UsageError("--by-class draws each class as one, --all each task: leave one out")
    request.refuse_instance()
    choice("graph", "--format", format)
    steps = None if depth is None else _steps(depth)
    node = request.node()
    options = usual(request, node)
    plan = make_plan(node, options)
    warn_of_impossible(plan, options)
    with request.store() as store:
        running = store.running()
    most = MANY if format in PEOPLES and not all else None
    drawn = make_diagram(plan, running=running, depth=steps, by_class=by_class, most=most)
    write_lines(_lines(drawn, format, steps), format)
    if drawn.is_folded and not by_class:
        terminal.say(terminal.paint(f"{count(drawn.tasks, 'task')}, those alike as one; --all draws each", "dim"))


def _steps(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--depth: {text!r} is no number of steps, such as 2")
    return int(text)


def _lines(drawn: Diagram, form: str, depth: int | None) -> Iterator[str]:
    from taskproc_cli.views import graph as texts
    from taskproc_cli.views import picture

    if form == "tree":
        return texts.tree(drawn, depth, terminal.width_out())
    drawings = {
        "dot": texts.dot,
        "mermaid": texts.mermaid,
        "json": texts.node_link,
        "svg": picture.svg,
        "html": picture.html,
    }
    return drawings[form](drawn)
