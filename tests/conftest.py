"""What all tests share."""

from __future__ import annotations

import compileall
import contextlib
import faulthandler
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

from taskproc import Cache, taskfile
from taskproc.events import Listener, RunStats
from taskproc.options import Options
from taskproc.plan import Plan
from taskproc.run import make_plan, run

settings.register_profile("slow machine", deadline=None)
settings.register_profile("default run", deadline=None, max_examples=40)
settings.load_profile("slow machine")

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's own settings reaches a test."""
    for name in os.environ:
        if name.startswith("TASKPROC_") or name in {"CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _signals_end_programs() -> None:
    """What ignores them, as `nohup` or a shell's `&` does, reaches no test, nor what a command line before has left."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _nothing_outlives_a_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Programs that a test has begun and, since it failed, not ended, are killed."""
    begin = subprocess.Popen.__init__
    begun: list[subprocess.Popen[Any]] = []

    def note(self: subprocess.Popen[Any], *args: Any, **settings: Any) -> None:
        begin(self, *args, **settings)
        begun.append(self)

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    yield
    for program in begun:
        if program.poll() is None:
            program.kill()
        for pipe in (program.stdin, program.stdout, program.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        program.wait()


@pytest.fixture(autouse=True)
def _nothing_is_unloaded() -> Iterator[None]:
    """What a test does as a worker of its own process may unload the user's modules, these tests among them."""
    loaded = dict(sys.modules)
    yield
    for name, module in loaded.items():
        sys.modules.setdefault(name, module)


@pytest.fixture(autouse=True)
def _no_test_hangs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Should a test go on although its timeout has failed it, in a lock perhaps, all ends, and it is shown where."""
    mark = request.node.get_closest_marker("timeout")
    limit = float(mark.args[0] if mark else request.config.getini("timeout"))
    faulthandler.dump_traceback_later(limit + 60, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


def pytest_configure(config: pytest.Config) -> None:
    """The hundreds of programs that tests begin need not compile what they import, though they may not keep it."""
    if config.option.markexpr == "not long":
        settings.load_profile("default run")
    if not hasattr(config, "workerinput"):
        for package in ("taskproc", "cli"):
            compileall.compile_dir(ROOT / package, quiet=2)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Threads that failed tests have left must not keep the interpreter from its end."""
    if hasattr(config, "workerinput"):
        return  # one of several, which waits for the others, and is ended with them
    faulthandler.dump_traceback_later(60, exit=True, file=sys.__stderr__)


@pytest.fixture
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture
def python(tmp_path: Path) -> Run:
    """Run a fresh interpreter in the test's folder: `python("script.py", ...)`; its output is text."""

    def run(*words: str | Path, folder: Path = tmp_path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *map(str, words)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


class Preloaded:
    """Runs the executable in forks of a process that has its modules loaded (see `preloaded.py`)."""

    def __init__(self) -> None:
        self._environ = python_settings(os.environ)
        script = Path(__file__).with_name("preloaded.py")
        self._process = subprocess.Popen([sys.executable, script], stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdin
        assert self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def knows(self, env: Mapping[str, str]) -> bool:
        """Whether an interpreter that begins with these variables is like the one that is loaded."""
        return python_settings(env) == self._environ

    def run(self, words: list[str], stdin: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as made:
            streams = [Path(made, name) for name in ("stdin", "stdout", "stderr")]
            for stream, text in zip(streams, (stdin, "", ""), strict=True):
                stream.write_text(text)
            print(json.dumps([words, str(folder), env, list(map(str, streams))]), file=self._requests, flush=True)
            status = int(self._answers.readline())
            return subprocess.CompletedProcess(words, status, *(stream.read_text() for stream in streams[1:]))

    def close(self) -> None:
        self._requests.close()
        self._process.wait()
        self._answers.close()


def python_settings(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that an interpreter reads as it begins, but for those that `preloaded.py` minds."""
    read, minded = ("PYTHON", "LC_", "LANG"), {"PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING"}
    return {name: env[name] for name in env if name.startswith(read) and name not in minded}


@pytest.fixture(scope="session")
def preloaded(pytestconfig: pytest.Config) -> Iterator[Preloaded | None]:
    """What begins the executable in a fifth of the time; None where tests marked long run: there it begins as it is."""
    if pytestconfig.option.markexpr != "not long":
        yield None
        return
    made = Preloaded()
    yield made
    made.close()


@pytest.fixture
def script(python: Run, preloaded: Preloaded | None, tmp_path: Path) -> Run:
    """As `python`, for half the time: where the script is what is tested, and not how an interpreter begins."""

    def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        if preloaded is None or not preloaded.knows(os.environ):
            return python(name, *words)
        done = preloaded.run([str(tmp_path / name), *words], "", tmp_path, {**os.environ})
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def taskproc(python: Run, preloaded: Preloaded | None, tmp_path: Path) -> Run:
    """Run the executable in the test's folder: `taskproc("run", "taskfile.py", ...)`."""
    executable = Path(sys.executable).parent / "taskproc"

    def run(*words: str | Path, folder: Path = tmp_path, check: bool = True) -> subprocess.CompletedProcess[str]:
        if preloaded is None or not preloaded.knows(os.environ):
            return python(executable, *words, folder=folder, check=check)
        done = preloaded.run([str(executable), *map(str, words)], "", folder, {**os.environ})
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


PRELUDE = """\
from __future__ import annotations
import os, signal, sys
from pathlib import Path
from typing import Any
from taskproc import Cache, Const, Requires, RequiresDict, RequiresList, Task
HERE = Path(__file__).parent
def note(text):
    with open(HERE / 'notes', 'a') as file:
        file.write(f'{text}\\n')
"""


@dataclass(frozen=True)
class Ran:
    """What a run of a flow came to, classes and tasks by their short names."""

    value: Any
    stats: RunStats

    @property
    def executed(self) -> dict[str, int]:
        return {name.partition(".")[2]: count for name, count in self.stats.executed.items()}

    @property
    def reused(self) -> dict[str, int]:
        return {name.partition(".")[2]: count for name, count in self.stats.reused.items()}

    @property
    def reasons(self) -> dict[str, str]:
        return {repr(stats.task): stats.reason for stats in self.stats.tasks}


class Flow:
    """A taskfile that is written, edited and run in this process. Its tasks tell by `note(text)` what they do."""

    _numbers = itertools.count()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.path = folder / f"flow{next(self._numbers)}.py"
        self.module: ModuleType

    def write(self, source: str) -> None:
        """Put this after the prelude, and import the file anew."""
        self.path.write_text(PRELUDE + dedent(source))
        self.reload()

    def edit(self, *changes: tuple[str, str]) -> None:
        """Replace pieces of the source, and import the file anew."""
        text = self.path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.path.write_text(text)
        self.reload()

    def reload(self) -> None:
        sys.modules.pop(self.path.stem, None)
        self.module = taskfile.load(self.path)

    def task(self, text: str) -> Any:
        """Define the task that an expression means."""
        with Cache(self.cache):
            return eval(text, vars(self.module))

    def plan(self, text: str, **options: Any) -> Plan:
        return make_plan(self.task(text)._task_node, Options(**options))

    def run(self, text: str, *, listener: Listener | None = None, executor: Any = "serial", **options: Any) -> Ran:
        return Ran(*run(self.task(text)._task_node, Options(executor=executor, **options), listener))

    def notes(self) -> Counter[str]:
        """What tasks have noted since this was last asked for, and how often."""
        path = self.folder / "notes"
        found = Counter(path.read_text().split("\n")[:-1]) if path.exists() else Counter[str]()
        path.unlink(missing_ok=True)
        return found


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flow]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would hide an edit within the same second
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    made = Flow(tmp_path)
    yield made
    sys.modules.pop(made.path.stem, None)
