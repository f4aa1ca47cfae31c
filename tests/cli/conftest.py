"""A taskfile with tasks of many kinds, and the real executable to run them with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

TASKFILE = '''
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

from taskproc import Const, Future, Requires, Task


class Choose(Task):
    """Compute the binomial coefficient.

    Args:
        n: How many things there are.
        k: How many of them are chosen.
    """

    one: Requires[int]
    other: Requires[int]

    def __init__(self, n: int, k: int):
        if 0 < k < n:
            self.one, self.other = Choose(n - 1, k - 1), Choose(n - 1, k)
        elif k in (0, n):
            self.one, self.other = Const(0), Const(1)
        else:
            raise ValueError(f"no way to choose {k} of {n}")

    def run_task(self) -> int:
        return self.one + self.other


class Echo(Task):
    """Give back what it is given."""

    def __init__(self, text: str = "x", flag: bool = False, xs: list[int] = [], anything=None, split_ratio: float = 0.5,
                 kind: Literal["a", "b"] = "a", force: bool = False):
        self.given = [text, flag, xs, anything, split_ratio, kind, force]

    def run_task(self) -> list[Any]:
        return self.given


class Options(Task):
    def __init__(self, a: int, *rest: int, **others: Any):
        self.given = [a, list(rest), others]

    def run_task(self) -> list[Any]:
        return self.given


class After(Task):
    before: Requires[int]

    def __init__(self, before: Future[int]):
        self.before = before

    def run_task(self) -> int:
        return self.before


class Result(Task):
    def __init__(self, code: str):
        self.code = code

    def run_task(self) -> Any:
        return eval(self.code)


class Talk(Task):
    def run_task(self) -> str:
        print("said on stdout")
        print("said on stderr", file=sys.stderr)
        return "done"


class Fail(Task):
    def __init__(self, n: int = 1):
        self.n = n

    def run_task(self) -> None:
        print("before the end")
        helper(self.n)


def helper(n):
    raise ValueError(f"told to fail with {n}")


class Both(Task):
    one: Requires[None]
    other: Requires[None]

    def __init__(self):
        self.one, self.other = Fail(1), Fail(2)

    def run_task(self) -> None: ...


class Broken(Task):
    def __init__(self):
        helper(0)


class Endless(Task):
    next: Requires[int]

    def __init__(self, n: int = 0):
        self.next = Endless(n + 1)


class Wait(Task):
    def run_task(self) -> None:
        import time

        Path("waiting").touch()
        time.sleep(60)


class Outer:
    class Inner(Task):
        def run_task(self) -> int:
            return 7


if __name__ == "__main__":
    Choose.cli()
'''


@pytest.fixture
def executable() -> Path:
    """The program as it is installed."""
    return Path(sys.executable).parent / "taskproc"


@pytest.fixture
def program(executable: Path, tmp_path: Path) -> Command:
    """Run the executable in the test's folder, which has a taskfile: `program("run", "Choose", "--n", "6")`."""
    (tmp_path / "taskfile.py").write_text(TASKFILE, "utf-8")

    def run(
        *words: str | Path, stdin: str = "", folder: Path = tmp_path, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [executable, *map(str, words)],
            cwd=folder,
            input=stdin,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def cli(program: Command, executable: Path, tmp_path: Path, preloaded: Any) -> Command:
    """As `program`, for a fifth of the time: in a fork of a process that has the program's modules loaded.

    What is about how a process begins asks for `program`; where tests marked long run, this is `program` too.
    """
    if preloaded is None:
        return program

    def run(
        *words: str | Path, stdin: str = "", folder: Path = tmp_path, **env: str
    ) -> subprocess.CompletedProcess[str]:
        if not preloaded.knows({**os.environ, **env}):
            return program(*words, stdin=stdin, folder=folder, **env)
        return preloaded.run([str(executable), *map(str, words)], stdin, folder, {**os.environ, **env})

    return run


@pytest.fixture
def refused(cli: Command) -> Callable[..., str]:
    """Run a command that must be refused: exit status 2, nothing on stdout, one sentence, which is returned."""

    def run(*words: str | Path, **settings: str) -> str:
        done = cli(*words, **settings)
        assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("taskproc: ")
        return line.removeprefix("taskproc: ")

    return run
