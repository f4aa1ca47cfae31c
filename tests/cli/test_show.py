"""`taskproc show`, seen from outside."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_the_result_is_shown(cli: Command) -> None:
    code = "{'a': (1, 2.5), 3: {5, 4}}"
    cli("run", "-x", "serial", "Result", "--code", code)
    assert cli("show", "Result", "--code", code).stdout == "{'a': (1, 2.5), 3: {4, 5}}\n"
    assert cli("show", "Result#0", "--json").stdout == '{"a":[1,2.5],"3":[4,5]}\n'


def test_where_there_is_no_result_that_is_said_and_nothing_runs(cli: Command, tmp_path: Path) -> None:
    done = cli("show", "Talk")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "taskproc: Talk() has no up-to-date result (never ran); run it first\n"
    assert not (tmp_path / ".taskproc").exists()
    cli("run", "-x", "serial", "Fail")
    assert "(failed last time: ValueError: told to fail with 1)" in cli("show", "Fail").stderr
    assert "Fail#0 has no result (it failed: ValueError" in cli("show", "Fail#0").stderr


def test_of_a_task_that_takes_tasks_recorded_instances_are_named(
    cli: Command, refused: Refused, tmp_path: Path
) -> None:
    with (tmp_path / "taskfile.py").open("a") as file:
        file.write(
            "class Main(Task):\n    all: Requires[int]\n    def __init__(self):\n        self.all = Choose(1, 1)\n"
            "        for _ in range(4):\n            self.all = After(self.all)\n    def run_task(self): ...\n"
        )
    text = refused("show", "After")
    assert text.startswith(
        "After: before must be a Future (a task), which can't be given here; name a recorded instance,"
    )
    assert "After#ID, of which there is none in " in text
    cli("run", "-x", "serial", "Main")
    assert refused("why", "After").endswith(", such as After#3, After#2, After#1 or another of 4")


def test_an_old_result_is_shown_only_by_its_id(program: Command, cli: Command, tmp_path: Path) -> None:
    cli("run", "-x", "serial", "Talk")
    taskfile = tmp_path / "taskfile.py"
    taskfile.write_text(taskfile.read_text().replace('return "done"', 'return "ready"'))
    done = program("show", "Talk")
    assert (done.returncode, done.stdout) == (1, "")
    assert "(code of Talk changed); run it first; taskproc show taskfile.py Talk#0 shows the old one" in done.stderr
    assert cli("show", "taskfile.py", "Talk#0").stdout == "done\n"


def test_the_old_result_is_found_where_it_lies(cli: Command, tmp_path: Path) -> None:
    taskfile = tmp_path / "a study.py"
    (tmp_path / "taskfile.py").rename(taskfile)
    cli("run", "-x", "serial", taskfile, "Talk", "--cache", "elsewhere")
    taskfile.write_text(taskfile.read_text().replace('return "done"', 'return "ready"'))
    said = cli("show", taskfile, "Talk", "--cache", "elsewhere").stderr
    proposed = said.partition("; taskproc ")[2].removesuffix(" shows the old one\n")
    assert proposed == "show 'a study.py' Talk#0 --cache elsewhere"
    assert cli(*shlex.split(proposed)).stdout == "done\n"


def test_what_json_cannot_say_is_refused(cli: Command, refused: Refused) -> None:
    cli("run", "-x", "serial", "Result", "--code", "object()")
    assert refused("show", "Result#0", "--json").endswith("can't be said in JSON: object has no form in JSON")
    assert "nothing is recorded of Result#1" in refused("show", "Result#1")


def test_a_damaged_result_is_said_to_be_so(cli: Command, tmp_path: Path) -> None:
    cli("run", "-x", "serial", "Result", "--code", "[*range(9999)]")
    (path,) = tmp_path.glob(".taskproc/taskfile.Result/0/*/result.pkl.gz")
    path.write_bytes(path.read_bytes()[:-99])
    done = cli("show", "Result#0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"taskproc: Result#0 has no result (damaged: {path} is not what was written); run it again\n"
