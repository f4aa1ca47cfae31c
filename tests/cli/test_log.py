"""`taskproc log`, seen from outside."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_both_streams_are_shown_or_one(program: Command, cli: Command) -> None:
    cli("run", "-x", "serial", "Talk")
    assert program("log", "Talk").stdout == "said on stdout\n==> stderr <==\nsaid on stderr\n"
    assert cli("log", "Talk", "--stream", "stderr").stdout == "said on stderr\n"


def test_what_a_taskfile_prints_as_it_is_loaded_is_no_task_s(cli: Command, tmp_path: Path) -> None:
    path = tmp_path / "taskfile.py"
    path.write_text(f"{path.read_text()}\nprint('loaded')\nprint('loading', file=sys.stderr)\n")
    done = cli("run", "Talk")
    assert (done.stderr.count("loaded"), done.stderr.count("loading")) == (1, 1)
    assert cli("log", "Talk").stdout == "said on stdout\n==> stderr <==\nsaid on stderr\n"


def test_an_instance_is_shown_without_its_taskfile(cli: Command, tmp_path: Path) -> None:
    cli("run", "-x", "serial", "Fail", "--n", "5")
    cli("run", "-x", "serial", "Fail", "--n", "6")
    (tmp_path / "taskfile.py").write_text("this is no Python\n")
    done = cli("log", "Fail#1")
    assert (done.stdout, done.stderr) == ("before the end\n", "")
    assert cli("log", "taskfile.Fail#0").stdout == "before the end\n"


def test_a_task_of_another_module_goes_by_its_short_name(cli: Command, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(
        "from taskproc import Task\nclass Load(Task):\n    def run_task(self): print('loading')\n"
    )
    (tmp_path / "main.py").write_text("from elsewhere import Load\n")
    assert cli("run", "-x", "serial", "main.py", "Load").returncode == 0
    for name in ("Load", "elsewhere.Load", "Load#0", "elsewhere.Load#0"):
        assert cli("log", "main.py", name).stdout == "loading\n"
    assert "there is no task 'oad'" in refused("log", "main.py", "oad#0")


@pytest.mark.parametrize(
    ("importing", "file"),
    [
        ("from study.new import Load", "main.py"),
        ("from .new import Load", "main.py"),
        ("from .new import Load", "__init__.py"),
    ],
)
def test_so_does_one_whose_module_was_renamed(
    cli: Command, refused: Refused, tmp_path: Path, importing: str, file: str
) -> None:
    package = tmp_path / "study"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "old.py").write_text(
        "from taskproc import Task\nclass Load(Task):\n    def run_task(self): print(__name__)\n"
    )
    (package / file).write_text("from .old import Load\n")
    cli("run", "-x", "serial", f"study/{file}", "Load")
    (package / "old.py").rename(package / "new.py")
    (package / file).write_text(f"{importing}\n")
    cli("run", "-x", "serial", f"study/{file}", "Load")
    assert cli("log", f"study/{file}", "Load#0").stdout == "study.new\n"
    (package / file).write_text("from study.old import Load\nfrom study.new import Load\n")
    assert "; did you mean 'study." in refused("log", f"study/{file}", "Load#0")


def test_parameters_name_an_instance(cli: Command) -> None:
    cli("run", "-x", "serial", "Fail", "--n", "5")
    assert cli("log", "Fail", "--n", "5").stdout == "before the end\n"


def test_a_task_that_printed_nothing_has_an_empty_log(cli: Command) -> None:
    kept = ", or ran with --interactive, which keeps no output\n"
    cli("run", "-x", "serial", "Outer.Inner")
    done = cli("log", "Outer.Inner")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"Outer.Inner() printed nothing{kept}")
    assert cli("log", "Outer.Inner", "--stream", "stderr").stderr == f"Outer.Inner() printed nothing on stderr{kept}"


def test_what_is_not_recorded_is_refused(refused: Refused) -> None:
    assert "nothing is recorded of Talk()" in refused("log", "Talk")
    assert "nothing is recorded of Talk#3" in refused("log", "Talk#3")
    assert "did you mean 'Talk'?" in refused("log", "Tlk#3")
    assert "did you mean 'stderr'?" in refused("log", "Talk", "--stream", "sterr")


SLOW = """
import sys, time
from pathlib import Path
from taskproc import Task

class Main(Task):
    def run_task(self):
        print("first")
        print("warning", file=sys.stderr)
        Path("begun").touch()
        patience = time.monotonic() + 60
        while not Path("go").exists() and time.monotonic() < patience:
            time.sleep(0.01)
        print("last" if Path("go").exists() else "nobody heard it")
"""
WAYS = ["-x process", "-x thread", "-x concurrent.futures:ProcessPoolExecutor", "--prefix Main=nice"]


@pytest.mark.parametrize("way", WAYS)
def test_the_requested_task_is_heard_while_it_runs(executable: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    words = [executable, "run", *way.split(), "slow.py"]
    heard = ""
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            heard += line
            if {"first", "warning"} <= set(heard.splitlines()):
                (tmp_path / "go").touch()
    assert run.returncode == 0
    assert [heard.count(f"{line}\n") for line in ("first", "warning", "last")] == [1, 1, 1]


@pytest.mark.parametrize("way", WAYS)
def test_a_running_task_is_followed_to_its_end(cli: Command, executable: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    run = subprocess.Popen([executable, "run", "-q", *way.split(), "slow.py"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    until((tmp_path / "begun").exists, run)
    words = [executable, "log", "--follow", "slow.py", "Main"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as log:
        assert log.stdout is not None
        assert [log.stdout.readline() for _ in range(3)] == ["first\n", "==> stderr <==\n", "warning\n"]
        assert cli("graph", "slow.py").stdout == "Main()  never ran; running now\n"
        (tmp_path / "go").touch()
        assert log.stdout.read() == "==> stdout <==\nlast\n"
    assert (log.returncode, run.wait()) == (0, 0)
    assert cli("log", "--follow", "slow.py", "Main", "--stream", "stdout").stdout == "first\nlast\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_an_interrupted_task_printed_is_there_until_the_next_run(
    cli: Command, executable: Path, refused: Refused, tmp_path: Path, number: int
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    run = subprocess.Popen([executable, "run", "-q", "slow.py"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    kept = (tmp_path / ".taskproc" / "slow.Main" / "0").glob
    until(lambda: any(path.read_text() == "first\n" for path in kept("*/stdout.txt")), run)
    run.send_signal(number)
    assert run.wait() != 0
    done = cli("log", "slow.py", "Main", "--stream", "stdout")
    assert (done.stdout, done.stderr) == ("first\n", "Main() was interrupted; the next run removes this\n")
    (tmp_path / "slow.py").write_text(f"{SLOW}\nclass Other(Task):\n    def run_task(self): pass\n")
    cli("run", "slow.py", "Other")
    assert "Main() has not run" in refused("log", "slow.py", "Main")
