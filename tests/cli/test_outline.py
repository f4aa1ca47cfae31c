from __future__ import annotations

from pathlib import Path

import pytest

from taskproc_cli.outline import Outline, Parameter, read_outline

HEAD = "from __future__ import annotations\nfrom taskproc import Task, Future\n"


def outline(text: str) -> Outline:
    return Outline((HEAD + text).encode())


def parameters(arguments: str, before: str = "", task: str = "T") -> dict[str, Parameter]:
    text = f"{before}\nclass T(Task):\n    def __init__(self, {arguments}): ...\n"
    return {parameter.name: parameter for parameter in outline(text).parameters(task)}


def test_tasks_are_the_classes_that_derive_from_task() -> None:
    found = outline('''
import taskproc as tp
from taskproc import Task as Job
from elsewhere import Base

class Plain: ...
class Direct(Task): """ What it does.  \n\n More. """
class Indirect(Direct): ...
class Generic(Task[int]): ...
class Dotted(tp.Task): ...
class Renamed(Job): ...
class Foreign(Base):
    def run_task(self): ...
class Unknown(Base): ...
class Outer(Plain):
    class Base(Task): ...
    class Inner(Base): ...
if True:
    class Conditional(Task): ...
class Loop(Loop): ...
''')
    assert found.tasks == {
        "Direct": "What it does.",
        "Indirect": "",
        "Generic": "",
        "Dotted": "",
        "Renamed": "",
        "Foreign": "",
        "Outer.Base": "",
        "Outer.Inner": "",
        "Conditional": "",
    }


def test_a_parameter_says_its_annotation_and_default() -> None:
    found = parameters("a, b: int, c='x', *rest, d: float = 0.5, e: 'int' = 3, **more")
    assert {name: parameter.about for name, parameter in found.items()} == {
        "a": "",
        "b": "int",
        "c": "= 'x'",
        "d": "float = 0.5",
        "e": "int = 3",
    }


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-7"])
def test_what_is_written_is_shown_whatever_the_encoding_of_the_file(encoding: str) -> None:
    head = f"# coding: {encoding}\n{HEAD}class T(Task):\n"
    text = f"{head}    def __init__(self, gr\u00f6\u00dfe: str = '\u00f6\u00e4', n: int = 1): ..."
    found = Outline(text.encode(encoding)).parameters("T")
    assert [(each.name, each.about) for each in found] == [
        ("gr\u00f6\u00dfe", "str = '\u00f6\u00e4'"),
        ("n", "int = 1"),
    ]


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        ("int", ()),
        ("Literal['a', 2, True]", ("a", "2", "True")),
        ("typing.Literal['a'] | None", ("a",)),
        ("'Literal[1] | Literal[2]'", ("1", "2")),
        ("Optional[Literal['a']]", ("a",)),
        ("Union[Literal['a'], int]", ("a",)),
        ("Annotated[Literal['a'], 'b']", ("a",)),
        ("Mode", ("x", "y")),
        ("Color", ("red", "BLUE", "GREEN")),
        ("list[Color]", ("red", "BLUE", "GREEN")),
        ("bool | int", ("true", "false")),
        ("list[bool]", ("true", "false")),
        ("Endless", ()),
        ("not[a], type", ()),
        ("list[()]", ()),
    ],
)
def test_values_are_those_an_annotation_lists(annotation: str, values: tuple[str, ...]) -> None:
    before = """
Mode = Literal['x', 'y']
Endless = Endless
class Color(Enum):
    RED = 'red'
    BLUE = auto()
    GREEN = 3
"""
    assert parameters(f"p: {annotation}", before)["p"].values == values


@pytest.mark.parametrize(
    ("annotation", "flag"),
    [("bool", True), ("bool | None", True), ("Optional[bool]", True), ("bool | int", False), ("list[bool]", False)],
)
def test_a_boolean_is_a_flag(annotation: str, *, flag: bool) -> None:
    assert parameters(f"p: {annotation}")["p"].flag == flag


def test_lists_may_be_repeated() -> None:
    found = parameters("a: list[int], b: int")
    assert [found[name].many for name in "ab"] == [True, False]


def test_parameters_that_must_be_tasks_cannot_be_given() -> None:
    assert set(parameters("a: Future[int], b: T, c: Const[int], d: Future[int] | int, e: Other")) == {"d", "e"}


def test_init_is_inherited_within_the_file() -> None:
    found = outline("""
class Base(Task):
    def __init__(self, n: int): ...
class Mixin: ...
class Middle(Mixin, Base): ...
class Own(Middle):
    def __init__(self, *, m: int): ...
class None_(Task): ...
""")
    assert [parameter.name for parameter in found.parameters("Middle")] == ["n"]
    assert [parameter.name for parameter in found.parameters("Own")] == ["m"]
    assert found.parameters("None_") == []


def test_channels_are_collected_from_classes_and_their_methods() -> None:
    found = outline("""
class A(Task):
    _task_channel = ["gpu", "net"]
class B(Task):
    def __init__(self):
        if True:
            self._task_channel = "disk"
class C(A):
    _task_channel: ClassVar[str] = "gpu"
class D(A):
    _task_channel: str = "cpu"
    my_task_channel = "none"
    other = "none"
""")
    assert found.channels() == ["gpu", "net", "disk", "cpu"]


@pytest.mark.parametrize("content", [b"class T(", b"\x00", b"\xff", b"# coding: nonsense\n"])
def test_what_cannot_be_read_has_no_outline(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "taskfile.py"
    assert read_outline(str(path)) is None
    path.write_bytes(content)
    assert read_outline(str(path)) is None


def test_fields_of_the_file_s_classes_are_parameters_behind_a_dot() -> None:
    before = """
@dataclass
class Base:
    deep: bool = False

class Step(Base):
    size: float = 0.5
    kind: Literal["up", "down"] = "up"
    next: Step | None = None

class Data(Task): ...

class Training(BaseModel):
    rate: float
    step: "Optional[Step]" = None
    data: Data
"""
    found = parameters("train: Training | None, steps: list[Step]", before)
    assert {name: parameter.about for name, parameter in found.items()} == {
        "train": "Training | None",
        "train.rate": "float",
        "train.step": "Optional[Step] = None",
        "train.step.deep": "bool = False",
        "train.step.size": "float = 0.5",
        "train.step.kind": 'Literal["up", "down"] = "up"',
        "train.step.next": "Step | None = None",
        "steps": "list[Step]",
    }
    assert found["train.step.deep"].flag
    assert found["train.step.kind"].values == ("up", "down")


@pytest.mark.parametrize(
    ("statement", "imported"),
    [
        ("from a.b.tasks import Fit", True),
        ("from a.b import Fit", True),
        ("from .tasks import *", True),
        ("from . import Fit", True),
        ("from .. import Fit", True),
        ("from ..b.tasks import Fit as Fit", True),
        ("from .tasks import Fit as Other", False),
        ("from .task import Fit", False),
        ("from ..tasks import Fit", False),
        ("from tasks import Fit", False),
    ],
)
def test_what_a_file_imports_is_told_by_module(statement: str, imported: bool) -> None:
    assert outline(statement).imports("a.b.tasks", "Fit", "a.b") is imported
