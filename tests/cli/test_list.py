"""`taskproc list`, seen from outside."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_signatures_and_docstrings_are_listed(program: Command, cli: Command, tmp_path: Path) -> None:
    done = program("list")
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "Choose(n: int, k: int)"
    assert lines[0].endswith("  Compute the binomial coefficient.")
    assert "Options(a: int, *rest: int, **others: Any)" in lines
    assert "Outer.Inner()" in lines
    assert lines[1].startswith("Echo(text: str = 'x', flag: bool = False, ")
    assert lines[2] == "    Give back what it is given."
    assert cli("list", "taskfile.py").stdout == cli("list", "./taskfile.py").stdout == done.stdout
    assert not (tmp_path / ".taskproc").exists()


def test_a_default_that_cannot_tell_itself_is_listed(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text(
        "from taskproc import Task\nclass Silent:\n    def __repr__(self): return 1 / 0\n"
        "class Main(Task):\n    def __init__(self, x: Silent = Silent(), y=Silent()): pass\n"
    )
    assert cli("list", "silent.py").stdout == "Main(x: Silent = <Silent>, y=<Silent>)\n"
    assert "[default: <Silent>]" in cli("run", "silent.py", "--help").stdout
    assert json.loads(cli("list", "silent.py", "--format", "json").stdout)


def test_of_an_annotated_type_the_type_is_listed(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "sized.py").write_text(
        "from typing import Annotated\nfrom pydantic import Field\nfrom taskproc import Task\n"
        "Size = Annotated[int, Field(gt=0)]\n"
        "class Main(Task):\n    def __init__(self, size: Size, also: Annotated[list[int], 'some'] = []): pass\n"
    )
    assert cli("list", "sized.py").stdout == "Main(size: int, also: list[int] = [])\n"


def test_what_json_and_a_signature_can_not_say_plainly_is_listed(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "from enum import Enum\nfrom typing import TypedDict, Unpack\nfrom taskproc import Task\n"
        "class Way(Enum):\n    A = object()\nclass More(TypedDict, total=False):\n    a: int\n"
        "class Main(Task):\n    def __init__(self, way: Way, **more: Unpack[More]): pass\n"
    )
    assert cli("list", "odd.py").stdout == "Main(way: Way, **more: Unpack[More])\n"
    (main,) = json.loads(cli("list", "odd.py", "--format", "json").stdout)["tasks"]
    assert main["arguments"]["properties"]["a"] == {"type": "integer"}
    assert main["arguments"]["$defs"]["Way"] == {"title": "Way"}


def test_a_taskfile_without_tasks_has_an_empty_list(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    done = cli("list", "empty.py")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"there is no task in {tmp_path / 'empty.py'}\n"


def test_what_is_no_taskfile_is_refused(refused: Refused) -> None:
    assert "'Choose' is no taskfile" in refused("list", "Choose")
    assert "takes no more words" in refused("list", "taskfile.py", "Choose")
    assert "does not exist" in refused("list", "no.py")


def test_json_has_the_schema_of_the_arguments(cli: Command) -> None:
    tasks = {task["name"]: task for task in json.loads(cli("list", "--format", "json").stdout)["tasks"]}
    assert tasks["Choose"]["task_name"] == "taskfile.Choose"
    assert tasks["Choose"]["about"] == "Compute the binomial coefficient."
    choose = tasks["Choose"]["arguments"]
    assert choose["properties"] == {
        "n": {"type": "integer", "description": "How many things there are."},
        "k": {"type": "integer", "description": "How many of them are chosen."},
    }
    assert (choose["required"], choose["additionalProperties"]) == (["n", "k"], False)
    echo = tasks["Echo"]["arguments"]["properties"]
    assert echo["kind"] == {"enum": ["a", "b"], "type": "string", "default": "a"}
    assert echo["xs"] == {"type": "array", "items": {"type": "integer"}, "default": []}
    assert "type" not in tasks["After"]["arguments"]["properties"]["before"]
    assert tasks["Options"]["arguments"]["properties"]["rest"] == {"type": "array", "items": {"type": "integer"}}


def test_wide_characters_take_two_columns(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        "from taskproc import Task\nclass A(Task):\n    'One.'\n    def __init__(self, t='字字'): ...\n"
        "class B(Task):\n    'Two.'\n    def __init__(self, t='abcd'): ...\n",
        "utf-8",
    )
    assert cli("list", "study.py").stdout == "A(t='字字')  One.\nB(t='abcd')  Two.\n"


def test_defaults_are_told_as_the_schema_names_them(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        "from typing import LiteralString, TypedDict, Unpack\nfrom pydantic import BaseModel, Field\n"
        "from taskproc import Task\n"
        "class Rates(BaseModel):\n    lr: float = Field(0.1, alias='learningRate')\n"
        "class More(TypedDict):\n    n: int\n"
        "class Main(Task):\n"
        "    def __init__(self, rates: Rates = Rates(), text: LiteralString = '', **more: Unpack[More]): ...\n"
    )
    done = cli("list", "study.py", "--format", "json")
    (main,) = json.loads(done.stdout)["tasks"]
    assert main["arguments"]["properties"]["rates"]["default"] == {"learningRate": 0.1}
    assert main["arguments"]["properties"]["n"] == {"type": "integer"}
    assert (main["arguments"]["required"], main["arguments"]["additionalProperties"]) == (["n"], False)
    assert done.stderr == ""


def test_the_schema_of_a_typed_dict_is_told_on_every_python(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        "from typing import TypedDict\nfrom taskproc import Task\nclass Row(TypedDict):\n    rate: float\n"
        "class Main(Task):\n    def __init__(self, rows: list[Row]): ...\n"
    )
    (main,) = json.loads(cli("list", "study.py", "--format", "json").stdout)["tasks"]
    assert main["arguments"]["$defs"]["Row"]["required"] == ["rate"]


def test_read_only_items_are_options_and_warn_of_nothing(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        "from typing_extensions import NotRequired, ReadOnly, TypedDict\nfrom taskproc import Task\n"
        "class Row(TypedDict):\n    rate: ReadOnly[float]\n    n: NotRequired[ReadOnly[int]]\n"
        "class Main(Task):\n    def __init__(self, row: Row):\n        self.row = row\n"
        "    def run_task(self):\n        return self.row\n"
    )
    listed = cli("list", "study.py", "--format", "json", PYTHONWARNINGS="error::UserWarning")
    (main,) = json.loads(listed.stdout)["tasks"]
    assert main["arguments"]["$defs"]["Row"]["required"] == ["rate"]
    done = cli("run", "study.py", "-q", "--row.rate", "1", "--row.n", "2", PYTHONWARNINGS="error::UserWarning")
    assert (done.stdout, done.stderr) == ('{"rate": 1.0, "n": 2}\n', "")
    help_text = cli("run", "study.py", "--help").stdout
    assert "--row.rate <float>" in help_text


@pytest.mark.skipif(sys.version_info < (3, 14), reason="such a class can't be defined there")
def test_names_for_type_checkers_alone_are_no_error(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        "from typing import TYPE_CHECKING\nfrom taskproc import Task\n"
        "if TYPE_CHECKING:\n    from nowhere import Missing\n"
        "class Main(Task):\n    def __init__(self, n: int, m: Missing = 1):\n        self.n = n\n"
        "    def run_task(self):\n        return self.n\n"
    )
    assert cli("list", "study.py").stdout == "Main(n: int, m: Missing = 1)\n"
    assert cli("run", "study.py", "--n", "3").stdout == "3\n"
