"""A notebook as Jupyter runs it, in one kernel: the cells of `docs/notebooks.md`, and what that page says of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbclient
import pytest
from nbformat.v4 import new_code_cell, new_notebook

DOCS = Path(__file__).parents[2] / "docs" / "notebooks.md"

SQUARE = """
class Square(Task):
    def __init__(self, n: int):
        self.n = n

    def run_task(self) -> int:
        return self.n ** 2
"""

SQUARES = """
import os, pathlib, signal
from taskproc import RequiresList


class Squares(Task):
    squares: RequiresList[int]

    def __init__(self, interrupted: int | None = None):
        self.squares = [Square(n) for n in range(4 if interrupted is None else 8)]
        self.interrupted = interrupted

    def run_task(self) -> int:
        if self.interrupted is not None:
            pathlib.Path("worker").write_text(str(os.getpid()))
            os.killpg(os.getpgid(self.interrupted), signal.SIGINT)  # what Jupyter's button does
            signal.pause()
        return sum(self.squares)


def run(**settings):
    with Cache("./cache"):
        task = Squares()
    total, stats = task.run_graph(max_workers=2, **settings)
    return total, stats.executed
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Any:
    """Run a cell in a kernel that is the same for all; its outputs."""
    book = new_notebook()
    resources = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(book, kernel_name="python3", allow_errors=True, timeout=60, resources=resources)

    def run(code: str) -> list[Any]:
        book.cells.append(new_code_cell(code))
        return client.execute_cell(book.cells[-1], len(book.cells) - 1).outputs

    with client.setup_kernel():
        yield run


@pytest.mark.long  # `.ci/run` always makes it
def test_what_the_page_says_of_notebooks(notebook: Any, tmp_path: Path) -> None:
    (printed,) = notebook(DOCS.read_text("utf-8").split("```python\n")[1].partition("```")[0])
    assert printed.text == "[1, 2, 3]\n"
    (shown,) = notebook("task")
    assert "<code>__main__.Sort</code>" in shown.data["text/html"]
    assert "<img src=" in shown.data["text/html"]

    notebook(SQUARE)
    notebook(SQUARES)
    *_, progress, value = notebook("run(show_progress=True)")
    assert value.data["text/plain"] == "(14, {'__main__.Square': 4, '__main__.Squares': 1})"
    assert progress.data["text/html"].startswith("<div>✔ 5 tasks in ")
    notebook(SQUARE)
    assert notebook("run()")[0].data["text/plain"] == "(14, {})"
    notebook(SQUARE.replace("** 2", "** 3"))
    assert notebook("run()")[0].data["text/plain"] == "(36, {'__main__.Square': 4, '__main__.Squares': 1})"

    interrupted = notebook("with Cache('./cache'):\n    Squares(os.getpid()).run_graph(show_progress=True)")
    assert interrupted[-1].ename == "KeyboardInterrupt"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "worker").read_text()), 0)
    (kept,) = notebook("with Cache('./cache'):\n    print(Square(7).get_task_result())")
    assert kept.text == "343\n"
    assert notebook("run()")[0].data["text/plain"] == "(36, {})"

    (failure,) = notebook(
        "class Fail(Task):\n    def run_task(self):\n        1 / 0\nwith Cache('./cache'):\n    Fail().run_graph()"
    )
    assert (failure.ename, "1 / 0" in failure.evalue) == ("FailedTaskError", True)
    assert "scheduler.py" not in "".join(failure.traceback)


@pytest.mark.long  # `.ci/run` always makes it
def test_what_autoreload_has_renewed_counts_also_where_values_are_of_classes_of_the_notebook(
    notebook: Any, tmp_path: Path
) -> None:
    scale = tmp_path / "scale.py"
    scale.write_text("def scaled(x): return x * 2\n")
    notebook("%load_ext autoreload\n%autoreload 2\nimport scale\nfrom taskproc import Cache, Task")
    notebook("from dataclasses import dataclass\n@dataclass\nclass Config:\n    x: int = 3")
    notebook(
        "class Scaled(Task):\n    def __init__(self, config: Config): self.config = config\n"
        "    def run_task(self): return scale.scaled(self.config.x)"
    )
    run = "with Cache('cache'): print(Scaled(Config()).run_graph()[0])"
    assert notebook(run)[0].text == "6\n"
    scale.write_text("def scaled(x): return x * 2 + 100\n")
    os.utime(scale, (2e9, 2e9))  # newer, which is what autoreload looks at
    assert notebook(run)[0].text == "106\n"
