"""The examples run, print what they promise, and run nothing the second time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def test_choose(taskproc: Any, tmp_path: Path) -> None:
    words = ("run", EXAMPLES / "choose.py", "--cache", tmp_path / "cache", "--n", "6", "--k", "3")
    assert taskproc(*words).stdout == "20\n"
    assert taskproc(*words).stdout == "20\n"


def test_choose_as_a_script_is_the_same_task(taskproc: Any, python: Any, tmp_path: Path) -> None:
    python(EXAMPLES / "choose.py", "--cache", tmp_path / "cache", "--n", "6", "--k", "3")
    plan = taskproc("run", EXAMPLES / "choose.py", "--cache", tmp_path / "cache", "--n", "6", "--k", "3", "--dry-run")
    assert "never ran" not in plan.stdout


def test_channels_keep_one_seat_to_one_task(taskproc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    cache = tmp_path / "cache"
    run = ("run", EXAMPLES / "channels.py", "--cache", cache, "-j", "4", "--rate-limit", "licence=1", "--n-meshes", "8")
    errors = [float(word) for word in taskproc(*run).stdout.strip("[]\n").split(",")]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4
    assert "niceness" in taskproc("log", EXAMPLES / "channels.py", "Mesh", "--cache", cache, "--size", "3").stdout


@pytest.mark.skipif(
    not (importlib.util.find_spec("sklearn") and importlib.util.find_spec("matplotlib")),
    reason="scikit-learn and matplotlib are not installed (pip install -e '.[examples]')",
)
@pytest.mark.long
def test_the_study_of_digits(taskproc: Any, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    words = ("run", EXAMPLES / "ml_taskfile.py", "Main", "--cache", cache, "--n-seeds", "2", "--test-fraction", "0.9")
    words += ("-x", "serial")  # one import of scikit-learn
    first = taskproc(*words)
    assert len(first.stdout.splitlines()) == 13
    assert first.stdout.splitlines()[-1].startswith("best: svm")
    figures = [path for path in cache.rglob("accuracy.png") if not path.parent.is_symlink()]
    assert figures
    assert figures[0].read_bytes().startswith(b"\x89PNG")
    assert taskproc(*words).stdout == first.stdout
    more = taskproc(*words, "--n-seeds", "3", "--dry-run").stdout
    assert "Train" in more
    assert "Load" not in more
