"""Every block of the README and of the pages in docs/ is true: scripts run, sessions print what they show.

The `python` blocks of a page are one script, top to bottom; `print(...)  # text` in it prints that text. A block whose
first line is `# NAME.py` is that file instead, and a `console` block is a session beside it, with what stands above it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.py)\n")
PRINTED = re.compile(r"print\(.*\)  # (.+)$", re.MULTILINE)
TIME = re.compile(r"\d+(\.\d+)? ?m?s\b")
PLACE = re.compile(r'File "\S+/')
PROGRESS = re.compile(r"\d\d:\d\d:\d\d \d+/\d+ done")  # told of a run that lasts, as on a busy machine


class Page(NamedTuple):
    """The blocks of a page: its script, and its files (by name) and sessions (without) in their order."""

    script: str
    parts: list[tuple[str, str]]


def read(path: Path) -> Page:
    """Take a page apart."""
    page = Page("", [])
    for language, text in FENCE.findall(path.read_text(encoding="utf-8")):
        if language == "console":
            page.parts.append(("", text))
        elif language == "python" and (named := FILE.match(text)):
            page.parts.append((named[1], text))
        elif language == "python":
            page = page._replace(script=page.script + text + "\n")
    return page


def steps(session: str) -> list[tuple[str, str]]:
    """The commands of a session, each with what it prints."""
    parts = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]
    return [(command, printed) for command, _, printed in (part.partition("\n") for part in parts)]


def alike(printed: str) -> list[str]:
    """The lines of an output without what differs from run to run."""
    lines = [line.rstrip() for line in printed.splitlines() if line.strip()]
    return [PLACE.sub('File "', TIME.sub("N s", line)) for line in lines if not PROGRESS.match(line)]


def pages(part: str) -> list[Any]:
    """The pages that have such a part; those of the documentation are for long tests, which `.ci/run` always makes."""
    found = [path for path in PAGES if getattr(read(path), part)]
    return [pytest.param(path, marks=[pytest.mark.long] * (path.parent != ROOT), id=path.name) for path in found]


@pytest.mark.parametrize("path", pages("script"))
def test_the_script_of_a_page_runs_and_prints_what_it_says(path: Path, tmp_path: Path, python: Any) -> None:
    page = read(path)
    (tmp_path / "page.py").write_text(page.script, encoding="utf-8")
    assert python("page.py").stdout.splitlines() == PRINTED.findall(page.script)


@pytest.mark.parametrize("path", pages("parts"))
def test_the_sessions_of_a_page_print_what_they_show(path: Path, tmp_path: Path) -> None:
    page = read(path)
    if path.name == "testing.md" and not entry_points(group="pytest11", name="taskproc"):
        pytest.skip("taskproc was installed before it had a plugin for pytest: pip install -e . again")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    for name, text in page.parts:
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        for command, printed in steps(text):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert alike(done.stdout) == alike(printed), command


def test_the_readme_has_its_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert sum("install" in line and "taskproc run examples/ml_taskfile.py" in line for line in lines) == 1
    assert sum("install" in line and line.endswith("pytest") for line in lines) == 1
