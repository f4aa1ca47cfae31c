"""The manual is what the program says, and its examples work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from taskproc_cli.manual import manual

TASKFILE = """
from taskproc import Requires, Task

class Choose(Task):
    def __init__(self, n: int, k: int): ...
    def run_task(self) -> int:
        return 1

class Train(Task):
    def __init__(self, seed: int = 3): ...
    def run_task(self) -> int:
        print("trained")
        return 2

class Main(Task):
    train: Requires[int]
    def __init__(self, parameter: int = 0):
        self.train = Train()
    def run_task(self) -> int:
        return self.train
"""

TRY = """
import io, json, sys
from taskproc_cli.app import main

for words in json.loads(sys.argv[1]):
    sys.stdin = io.StringIO("y")
    try:
        main([word.replace("#7", "#0") for word in words])
    except SystemExit as end:
        assert not end.code, words
"""


def test_the_manual_is_up_to_date(root: Path) -> None:
    written = (root / "docs" / "cli.md").read_text("utf-8")
    assert written == manual(), "write it anew: python -m taskproc_cli.manual > docs/cli.md"


def test_every_example_works(tmp_path: Path) -> None:
    import json

    (tmp_path / "taskfile.py").write_text(TASKFILE)
    told = re.findall(r"For example: (.+?)\n\n", manual(), re.DOTALL)
    examples = [
        example
        for text in told
        for example in re.findall(r"taskproc [^,>$()\"]+?(?= in |,| or |$| >|\))", " ".join(text.split()))
    ]
    words = [["run", "taskfile.py", "Main"], *[shlex.split(example)[1:] for example in examples]]
    script = [sys.executable, "-c", TRY, json.dumps(words)]
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SHELL": "/bin/bash"}
    done = subprocess.run(script, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(words) > 15
