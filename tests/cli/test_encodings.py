"""What stdout carries where it is not UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

SOURCE = '''
"""Tasks with words that few encodings have."""
from taskproc import Task

class Main(Task):
    """Größe — 数 😀."""

    def __init__(self, name: str = "ö…😀"):
        self.name = name

    def run_task(self):
        return {"größe": self.name}
'''
NAME = "ö…😀"


@pytest.fixture
def written(executable: Path, tmp_path: Path) -> Path:
    (tmp_path / "study.py").write_text(SOURCE, "utf-8")
    return executable


def _said(executable: Path, folder: Path, encoding: str, *words: str) -> bytes:
    done = subprocess.run(
        [executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_whatever_stdout_can_encode(written: Path, tmp_path: Path, encoding: str) -> None:
    def said(*words: str) -> object:
        text = _said(written, tmp_path, encoding, *words).decode("utf-8")
        assert encoding == "utf-8" or text.isascii()
        return json.loads(text)

    assert said("run", "study.py", "-q") == {"größe": NAME}
    assert said("show", "study.py", "--json") == {"größe": NAME}
    listed = said("list", "study.py", "--format", "json")
    assert isinstance(listed, dict)
    assert listed["tasks"][0]["about"] == "Größe — 数 😀."
    graph = said("graph", "study.py", "--format", "json")
    assert isinstance(graph, dict)
    assert graph["nodes"][0]["args"] == {"name": NAME}
    swept = said("run", "study.py", "-q", "--sweep", f"name={NAME}", "--format", "json")
    assert swept == [{"name": NAME, "result": {"größe": NAME}}]
    assert said("timeline", "study.py", "--format", "trace")


@pytest.mark.parametrize("command", ["graph", "timeline"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_picture_is_well_formed_whatever_stdout_can_encode(
    written: Path, tmp_path: Path, encoding: str, command: str
) -> None:
    _said(written, tmp_path, encoding, "run", "study.py")
    svg = _said(written, tmp_path, encoding, command, "study.py", "--format", "svg")
    assert NAME[0] in "".join(ET.fromstring(svg).itertext())
    page = _said(written, tmp_path, encoding, command, "study.py", "--format", "html")
    assert (b"&#246;" in page) == (encoding != "utf-8")
    page.decode("utf-8")


def test_help_says_what_it_can(written: Path, tmp_path: Path) -> None:
    assert b"Gr\\xf6\\xdfe \\u2014" in _said(written, tmp_path, "ascii", "run", "study.py", "--help")
    assert "Größe \\u2014".encode("latin-1") in _said(written, tmp_path, "latin-1", "run", "study.py", "--help")
