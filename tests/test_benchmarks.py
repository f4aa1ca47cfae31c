"""The benchmark program measures both sides of a row and writes what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("row", ["wide, processes", "chain"])
def test_a_row_is_measured_beside_its_floor(python: Any, root: Path, tmp_path: Path, row: str) -> None:
    report = tmp_path / "report.json"
    words = ("-m", "benchmarks", "--only", row, "--rounds", "1", "--scale", "0.002", "--json", report)
    assert row in python(*words, folder=root).stdout
    (result,) = json.loads(report.read_text())["rows"]
    assert result["row"] == row
    assert result["figure"] == pytest.approx(result["seconds"] / result["compared"], rel=0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
def test_a_runner_is_measured_alone(python: Any, root: Path, tmp_path: Path) -> None:
    lines = python("-m", "benchmarks.scaling", "2500", "--folder", tmp_path, folder=root).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["define", "cold", "define", "again", "disk"]
    assert "2504 ran" in lines[1]
    assert " 0 ran" in lines[3]
