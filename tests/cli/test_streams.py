"""The standard streams while user code runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from taskproc_cli.streams import printing_to_stderr

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_printed_stays_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w") as stdout, (tmp_path / "stderr").open("w+") as stderr, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        with printing_to_stderr():
            os.write(theirs, b"seen")
        assert (tmp_path / "stderr").read_text() == ""
        assert os.read(ours, 100) == b"seen"
    os.close(ours)


def test_programs_that_a_task_starts_have_all_three_streams(python: Any, tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text("""
import os, subprocess, sys
from taskproc_cli.streams import have_all_three
os.closerange(0, 3)
have_all_three()
os._exit(subprocess.run([sys.executable, "-c", "import os; [os.fstat(number) for number in range(3)]"]).returncode)
""")
    python("bare.py")
