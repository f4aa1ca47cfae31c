"""The program as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from taskproc_cli.grammar import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_its_version_is_that_of_the_package(program: Command) -> None:
    assert program("--version").stdout == f"taskproc {version('taskproc')}\n"


INTERRUPTED = """
from taskproc_cli import app

def interrupted(status):
    raise KeyboardInterrupt

app._end = interrupted
app.main(["--version"])
"""


def test_an_interrupt_when_all_is_said_is_quiet(python: Command) -> None:
    done = python("-c", INTERRUPTED, check=False)
    assert (done.returncode, done.stderr) == (130, "")


IN_A_CLASS = """
from taskproc import Task

class Interrupted:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt

class Main(Task):
    field = Interrupted()
"""

IN_OURS = """
from taskproc_cli import app

def dispatch(*words):
    exec(IN_A_CLASS, {})

app._dispatch = dispatch
app.main(["--version"])
"""


def test_an_interrupt_while_a_class_is_made_is_one(python: Command, tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(IN_A_CLASS)
    for words in (("-m", "taskproc", "list", "made.py"), ("-c", f"IN_A_CLASS = {IN_A_CLASS!r}{IN_OURS}")):
        done = python(*words, check=False)
        assert (done.returncode, done.stdout) == (130, "")
        assert done.stderr.startswith("taskproc: interrupted; ")


UNINSTALLED = """
import importlib.metadata as metadata

def missing(name):
    raise metadata.PackageNotFoundError(name)

metadata.version = missing
from taskproc_cli.app import main
main(["--version"])
"""


def test_a_version_that_nothing_tells_is_no_error(python: Command) -> None:
    done = python("-c", UNINSTALLED)
    assert (done.stdout, done.stderr) == ("taskproc of unknown version, for it is not installed\n", "")


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_names_every_command(program: Command, words: list[str]) -> None:
    done = program(*words)
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.partition("Commands:")[2]
    assert re.findall(r"^  ([a-z-]+)  +[A-Z]", listed, re.MULTILINE) == list(COMMANDS)


LOOKS = """
from taskproc_cli.app import main

for words in ("graph Talk", "graph Talk --format svg", "list", "status Talk", "why Talk", "show Talk", "show Talk#0",
              "log -f Talk", "timeline --format trace", "dry-run Talk --force"):
    try:
        main(words.split())
    except SystemExit as end:
        assert not end.code, words
"""


def test_what_only_looks_leaves_the_cache_as_it_is(cli: Command, python: Command, tmp_path: Path) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        found = {path: path.lstat() for path in (tmp_path / ".taskproc").rglob("*")}
        return {path: (status.st_mtime_ns, status.st_size) for path, status in found.items()}

    cli("run", "-x", "serial", "Talk")
    before = state()
    assert '"traceEvents"' in python("-c", LOOKS).stdout
    assert state() == before


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example(cli: Command, name: str) -> None:
    done = cli(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: taskproc {name} ")
    assert "taskproc" in done.stdout.partition("\n")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("taskfile.py Main", "did you mean taskproc run taskfile.py Main?"),
        ("Choose", "did you mean taskproc run Choose?"),
        ("taskfile:Choose --n 3", "did you mean taskproc run taskfile:Choose --n 3?"),
        ("grpah", "did you mean taskproc graph?"),
        ("--workers", "there is no option --workers before a command; see taskproc --help"),
        ("--versio", "there is no option --versio before a command; did you mean taskproc --version?"),
        ("-h", "there is no option -h before a command; did you mean taskproc --help?"),
        ("run Talk --install-completion", "no option --install-completion"),
    ],
)
def test_what_is_no_command_is_refused(refused: Refused, words: str, said: str) -> None:
    assert said in refused(*words.split())


def test_a_closed_stdout_is_no_error(executable: Path, tmp_path: Path) -> None:
    done = subprocess.run(f"'{executable}' --version >&-", shell=True, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


FORKED = """
import os, signal
from taskproc_cli.app import _heed_signals

_heed_signals()
child = os.fork()
if not child:
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_signal_to_a_forked_process_is_for_that_alone(python: Command) -> None:
    done = python("-c", FORKED)
    assert (done.stdout, done.stderr) == ("-15\n", "")


ENDING = """
import atexit, gc
from taskproc_cli.__main__ import main

atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 4 * len(gc.get_objects())))
main()
"""


@pytest.mark.usefixtures("program")  # makes a taskfile
@pytest.mark.parametrize("words", [["--version"], ["list"]])
def test_what_is_imported_is_not_looked_through_as_it_ends(python: Command, words: list[str]) -> None:
    assert python("-c", ENDING, *words).stdout.endswith("\nTrue True\n")


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /dev/full")
def test_a_full_disk_is_one_sentence(executable: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        f"'{executable}' --version >/dev/full", shell=True, cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, b"taskproc: No space left on device: stdout\n")


def test_a_system_without_dev_null_is_one_sentence(python: Command) -> None:
    lacking = "import os; os.devnull = '/nowhere/null'; from taskproc_cli.app import main; main(['--version'])"
    done = python("-c", lacking, check=False)
    assert (done.returncode, done.stderr) == (2, "taskproc: No such file or directory: /nowhere/null\n")


@pytest.mark.parametrize(
    ("words", "unused"),
    [
        (["--help"], {"rich", "pydantic", "networkx", "diskcache", "cloudpickle"}),
        (["list"], {"rich", "pydantic", "networkx", "diskcache", "cloudpickle"}),
        (["run", "Talk"], {"rich", "pydantic", "networkx", "cloudpickle"}),
        (["graph", "Talk"], {"rich", "pydantic", "networkx", "diskcache", "cloudpickle"}),
    ],
)
def test_a_command_imports_what_it_uses(cli: Command, tmp_path: Path, words: list[str], unused: set[str]) -> None:
    cli("run", "-x", "serial", "Talk")
    probe = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sorted(sys.modules), file=open('modules', 'w')))\n"
        "from taskproc_cli.app import main\n"
        f"main({words!r})\n"
    )
    subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, check=True)
    assert unused.isdisjoint((tmp_path / "modules").read_text().split())
