"""What stdout carries where it is not UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
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


# What latin-1 lacks and what it has, ascii and utf-8 show.
ENCODINGS = ["ascii", pytest.param("latin-1", marks=pytest.mark.long), "utf-8"]


ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def written(executable: Path, tmp_path: Path) -> Path:
    (tmp_path / "study.py").write_text(SOURCE, "utf-8")
    return executable


@pytest.fixture(scope="module", params=ENCODINGS)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An encoding, and a folder in which the task has run with it."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "study.py").write_text(SOURCE, "utf-8")
    executable = Path(sys.executable).parent / "taskproc"
    _said(executable, folder, request.param, "run", "-x", "serial", "study.py")
    return request.param, folder


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


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.usefixtures("written")
def test_json_is_json_whatever_stdout_can_encode(cli: Any, encoding: str) -> None:
    def said(*words: str) -> object:
        done = cli(*words, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert encoding == "utf-8" or done.stdout.isascii()
        return json.loads(done.stdout)

    assert said("run", "-x", "serial", "study.py", "-q") == {"größe": NAME}
    assert said("show", "study.py", "--json") == {"größe": NAME}
    listed = said("list", "study.py", "--format", "json")
    assert isinstance(listed, dict)
    assert listed["tasks"][0]["about"] == "Größe — 数 😀."
    graph = said("graph", "study.py", "--format", "json")
    assert isinstance(graph, dict)
    assert graph["nodes"][0]["args"] == {"name": NAME}
    swept = said("run", "-x", "serial", "study.py", "-q", "--sweep", f"name={NAME}", "--format", "json")
    assert swept == [{"name": NAME, "result": {"größe": NAME}}]
    assert said("timeline", "study.py", "--format", "trace")


@pytest.mark.parametrize("command", ["graph", "timeline"])
def test_a_picture_is_well_formed_whatever_stdout_can_encode(
    cli: Any, recorded: tuple[str, Path], command: str
) -> None:
    encoding, folder = recorded

    def said(form: str) -> str:
        done = cli(command, "study.py", "--format", form, folder=folder, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    assert NAME[0] in "".join(ET.fromstring(said("svg").encode()).itertext())
    assert ("&#246;" in said("html")) == (encoding != "utf-8")


def test_help_says_what_it_can(written: Path, tmp_path: Path) -> None:
    assert b"Gr\\xf6\\xdfe \\u2014" in _said(written, tmp_path, "ascii", "run", "study.py", "--help")
    assert "Größe \\u2014".encode("latin-1") in _said(written, tmp_path, "latin-1", "run", "study.py", "--help")


def test_a_cache_is_the_same_in_every_locale(executable: Path, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        SOURCE.replace("class Main", "class Größe数").replace("return", "return 'x' * 70000,")
    )
    locales = [ASCII_LOCALE, {"LC_ALL": "C", "PYTHONUTF8": "1"}]
    for number, locale in enumerate(locales + locales):
        done = subprocess.run(
            [executable, "run", "-x", "serial", "study.py"],
            cwd=tmp_path,
            env=os.environ | locale,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        assert (b"1 reused" in done.stderr) == (number > 0)
    assert "study.Größe数" in os.listdir(tmp_path / ".taskproc")


LOOK_ALIKES = """
from dataclasses import dataclass
from taskproc import Task

@dataclass
class Lens:
    \u00b5: float = 1.0

class \u2126(Task):
    def __init__(self, \u00b5: float = 0.0, lens: Lens = Lens()):
        self.given = [\u00b5, lens.\u00b5]

    def run_task(self):
        return self.given
"""


def test_a_name_is_typed_with_any_letters_that_python_takes_for_its_own(executable: Path, tmp_path: Path) -> None:
    """As the micro sign of keyboards, which Python reads as the Greek letter."""
    (tmp_path / "study.py").write_text(LOOK_ALIKES, "utf-8")

    def given(*words: str) -> object:
        return json.loads(_said(executable, tmp_path, "utf-8", "run", "-x", "serial", "-q", "study.py", *words))

    for ohm, mu in (("\u2126", "\u00b5"), ("\u03a9", "\u03bc")):
        assert given(ohm, f"--{mu}", "2", f"--lens.{mu}", "3") == [2, 3]
        assert given(ohm, "--kwargs", json.dumps({mu: 4})) == [4, 1]
        assert b"#0: recorded" in _said(executable, tmp_path, "utf-8", "why", "study.py", f"{ohm}#0")


def test_a_file_of_settings_or_parameters_may_begin_with_a_byte_order_mark(executable: Path, tmp_path: Path) -> None:
    """As some editors write it."""
    (tmp_path / "study.py").write_text(SOURCE, "utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.taskproc]\nquiet = true\n", "utf-8-sig")
    (tmp_path / "given.json").write_text(json.dumps({"name": NAME}, ensure_ascii=False), "utf-8-sig")
    said = _said(executable, tmp_path, "utf-8", "run", "-x", "serial", "study.py", "--kwargs", "@given.json")
    assert json.loads(said) == {"gr\u00f6\u00dfe": NAME}


def test_json_on_stdin_is_utf_8_whatever_the_locale(executable: Path, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(SOURCE, "utf-8")
    done = subprocess.run(
        [executable, "run", "-x", "serial", "study.py", "--kwargs", "-"],
        cwd=tmp_path,
        env=os.environ | ASCII_LOCALE,
        input=json.dumps({"name": NAME}, ensure_ascii=False).encode(),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"gr\u00f6\u00dfe": NAME}


@pytest.mark.skipif(sys.platform == "darwin", reason="the names of its files are UTF-8 in every locale")
def test_a_cache_that_the_locale_has_no_letters_for_is_told_in_a_sentence(executable: Path, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(SOURCE, "utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.taskproc]\ncache = '\u6570'\n", "utf-8")
    done = subprocess.run(
        [executable, "run", "study.py"],
        cwd=tmp_path,
        env=os.environ | ASCII_LOCALE,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"is no path here, for this locale (ascii) lacks letters of it: set PYTHONUTF8=1" in done.stderr
