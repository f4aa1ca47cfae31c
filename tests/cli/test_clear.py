"""`taskproc clear`, seen from outside."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def would_run(cli: Command, *words: str) -> int:
    return int(cli("dry-run", *words).stdout.splitlines()[-1].split()[0])


@pytest.fixture
def filled(cli: Command, tmp_path: Path) -> Path:
    """The cache, in which `Choose(n=3, k=2)` and `Talk()` are recorded: 6 results."""
    cli("run", "-x", "serial", "Choose", "--n", "3", "--k", "2")
    cli("run", "-x", "serial", "Talk")
    return tmp_path / ".taskproc"


def test_it_shows_what_it_would_remove_and_asks(cli: Command, program: Command, filled: Path) -> None:
    done = program("clear", stdin="n\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("remove 6 results, ")
    assert done.stderr.endswith(f" bytes, in {filled}? [y/N] ")
    assert would_run(cli, "Talk") == 0
    assert cli("clear", stdin="y\n").returncode == 0
    assert would_run(cli, "Talk") == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_nothing_is_removed_where_the_question_is_interrupted(
    cli: Command, executable: Path, filled: Path, number: int, status: int
) -> None:
    words = [executable, "clear"]
    with subprocess.Popen(
        words, cwd=filled.parent, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as asking:
        assert asking.stderr is not None
        while asking.stderr.read(1) != "]":
            pass
        asking.send_signal(number)
        assert asking.stderr.read() == " \ntaskproc: interrupted; nothing was removed\n"
    assert asking.returncode == status
    assert would_run(cli, "Talk") == 0


def test_no_answer_is_exit_2(cli: Command, filled: Path) -> None:
    done = cli("clear", stdin="")
    assert done.returncode == 2
    assert "--yes removes without asking" in done.stderr
    assert filled.is_dir()
    assert would_run(cli, "Talk") == 0


def test_a_dry_run_removes_nothing(cli: Command, filled: Path) -> None:
    done = cli("clear", "Choose", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("would remove 5 results, ")
    assert done.stdout.endswith(f", in {filled}\n")
    assert would_run(cli, "Choose", "--n", "3", "--k", "2") == 0


@pytest.mark.usefixtures("filled")
def test_failures_are_no_results(cli: Command) -> None:
    cli("run", "-x", "serial", "Both", "-k")
    assert cli("clear", "-n").stdout.startswith("would remove 6 results and 2 failures, ")
    assert cli("status").stdout.splitlines()[-1].startswith("6 results, ")
    assert "removed 2 failures, " in cli("clear", "Fail", "--yes").stderr
    assert cli("clear", "-n").stdout.startswith("would remove 6 results, ")


@pytest.mark.usefixtures("filled")
def test_a_task_means_all_its_instances_and_needs_no_taskfile(cli: Command, tmp_path: Path) -> None:
    text = (tmp_path / "taskfile.py").read_text()
    (tmp_path / "taskfile.py").write_text("this is no Python\n")
    assert "removed 5 results" in cli("clear", "--yes", "Choose").stderr
    (tmp_path / "taskfile.py").write_text(text)
    assert would_run(cli, "Choose", "--n", "3", "--k", "2") == 5
    assert would_run(cli, "Talk") == 0


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("words", ["taskfile.py Choose --n 1 --k 1 --yes", '--yes --kwargs {"n":1,"k":1} Choose'])
def test_parameters_mean_one_instance(cli: Command, words: str) -> None:
    assert "removed 1 result, " in cli("clear", *words.split()).stderr
    assert would_run(cli, "Choose", "--n", "1", "--k", "1") == 1
    assert would_run(cli, "Choose", "--n", "1", "--k", "0") == 0


@pytest.mark.usefixtures("filled")
def test_an_instance_has_a_number(cli: Command) -> None:
    assert "removed 1 result, " in cli("clear", "Talk#0", "-y").stderr
    assert would_run(cli, "Talk") == 1


def test_nothing_to_remove_is_no_question(cli: Command, tmp_path: Path) -> None:
    for words in ((), ("Choose",), ("Choose", "--n", "9", "--k", "9")):
        done = cli("clear", *words)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == f"there is nothing to remove in {tmp_path / '.taskproc'}\n"
    assert not (tmp_path / ".taskproc").exists()


@pytest.mark.usefixtures("filled")
def test_what_is_not_there_is_refused(refused: Refused) -> None:
    assert "did you mean 'Choose'?" in refused("clear", "Chose")
    assert "nothing is recorded of Talk#7" in refused("clear", "Talk#7")
    assert "there is no option --nn" in refused("clear", "Choose", "--nn", "3")


def test_a_database_that_cannot_be_read_is_replaced(cli: Command, filled: Path) -> None:
    (filled / "cache.db").write_bytes(b"no database" * 1000)
    assert "can't be read" in cli("clear", stdin="n\n").stderr
    assert cli("clear", "--yes").returncode == 0
    assert cli("run", "-x", "serial", "Talk").stdout == "done\n"


def test_a_task_that_runs_for_the_first_time_is_cleared_too(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("""
import subprocess, sys
from taskproc import Task

class Main(Task):
    def run_task(self):
        (self.task_directory / "half").write_bytes(bytes(5000))
        done = subprocess.run([sys.executable, "-m", "taskproc", "clear", "first.py", "Main", "--yes"], text=True,
                              capture_output=True)
        return done.stderr
""")
    done = cli("run", "first.py")
    assert done.stdout.startswith("removed 1 unfinished task, 5.0 kB, in ")
    assert cli("why", "first.py").stdout == "Main(): would run: cleared\n"


def test_what_a_killed_run_has_left_is_removed(cli: Command, program: Command, tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text("""
import os, signal
from taskproc import Task

class Main(Task):
    def run_task(self):
        (self.task_directory / "half").write_bytes(bytes(5000))
        os.kill(os.getpid(), signal.SIGKILL)
""")
    assert program("run", "killed.py", "-x", "serial").returncode == -9
    assert cli("clear", "-n").stdout.startswith("would remove 1 unfinished task, 5.0 kB, in ")
    assert cli("clear", "--yes").returncode == 0
    assert not list((tmp_path / ".taskproc").rglob("half"))
    assert cli("clear", "--yes").stderr.startswith("there is nothing to remove in ")
