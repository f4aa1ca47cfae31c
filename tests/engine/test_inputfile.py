from __future__ import annotations

import copy
import os
import pickle
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from taskproc import ArgumentError, InputFile, inputfile
from taskproc.cache import Cache
from taskproc.canonical import canonical
from taskproc.inputfile import Contents, input_files
from taskproc.store import open_store

COUNT = """
from taskproc import InputFile
from dataclasses import dataclass

@dataclass
class Config:
    path: InputFile

class Count(Task):
    def __init__(self, text: InputFile):
        self.text = text
    def run_task(self):
        if self.text.is_dir():
            return sum(len(path.read_text()) for path in sorted(self.text.rglob('*.txt')))
        return len(self.text.read_text())

class Named(Task):
    def __init__(self, texts: list[InputFile]):
        self.names = [text.name for text in texts]
    def run_task(self):
        return self.names

class Held(Task):
    def __init__(self, config: Config):
        self.config = config
    def run_task(self):
        return self.config.path.read_text()

class Beside(Task):
    def __init__(self, text: InputFile):
        self.out = text.parent / 'not there'
        self.kind = text.with_suffix('.none')
    def run_task(self):
        return self.out.exists()

class Spoils(Task):
    def __init__(self, text: InputFile):
        self.text = text
    def run_task(self):
        read = self.text.read_text()
        self.text.write_text(read + '!')
        return read
"""


HANDED = """
from taskproc import Future, InputFile
from dataclasses import dataclass
from pathlib import Path

@dataclass
class Config:
    path: Path

class Pass(Task):
    def __init__(self, path: InputFile):
        self.path = path
    def run_task(self):
        path = self.path
        return {result}

class Read(Task):
    handed: Requires[object]
    def __init__(self, path: InputFile):
        self.handed = Pass(path)
    def run_task(self):
        match self.handed:
            case {{'at': [path]}} | (path, 1) | Config(path) | path:
                return path.read_text()
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("some words")
    os.utime(path, ns=(1, 1))
    return path


# The path.


def test_it_is_a_path(text: Path) -> None:
    path = InputFile(text.parent, "words.txt")
    assert isinstance(path, Path)
    assert (path, str(path), path.read_text(), path.parent / "x") == (text, str(text), "some words", text.parent / "x")
    for again in (pickle.loads(pickle.dumps(path)), copy.deepcopy(path), copy.copy(path)):
        assert type(again) is InputFile
        assert again == path
    text.unlink()
    assert pickle.loads(pickle.dumps(path)) == text


def test_a_missing_one_is_an_error(tmp_path: Path, flow: Any) -> None:
    with pytest.raises(ArgumentError, match=r"there is no file or folder '.*/nothing'"):
        InputFile(tmp_path / "nothing")
    with pytest.raises(ArgumentError, match=rf"there is no file or folder 'nothing' in {re.escape(os.getcwd())}"):
        InputFile("nothing")
    flow.write(COUNT)
    with pytest.raises(ArgumentError, match=r"Count: argument text: .*there is no file or folder '.*nothing'"):
        flow.task(f"Count({str(tmp_path / 'nothing')!r})")


def test_input_files_are_found_at_any_depth(text: Path) -> None:
    @dataclass
    class Data:
        path: Path

    path = InputFile(text)

    class Open(BaseModel, extra="allow"):
        pass

    open_data = Open.model_validate({"path": path})
    for value in (path, [path], {"a": (path,)}, {path: 1}, {path}, Data(path), [Data(path), path], open_data):
        assert input_files(canonical([1, value]).own) == (path,)
    assert input_files(canonical([1, "x", None, [text], object(), int]).own) == ()


# Their contents.


def settled() -> None:
    """Wait until what was written can be recalled."""
    time.sleep(0.12)


def test_a_file_is_read_again_only_where_its_state_changed(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    content: Callable[[str], bytes] = inputfile.digest_at

    def noted(path: str) -> bytes:
        read.append(path)
        return content(path)

    monkeypatch.setattr(inputfile, "digest_at", noted)
    settled()
    first = Contents(lambda _: None)
    known = first.digest(text)
    assert Contents(first.lasting().get).digest(text) == known
    assert len(read) == 1
    os.utime(text, ns=(1, 1))
    assert Contents(first.lasting().get).digest(text) == known
    assert len(read) == 2


def test_a_file_of_the_same_size_and_time_is_another_one(text: Path) -> None:
    settled()
    first = Contents(lambda _: None)
    known = first.digest(text)
    other = text.with_name("other.txt")
    other.write_text("SOME WORDS")
    os.utime(other, ns=(1, 1))
    shutil.copy2(other, text)  # `cp -p`
    assert not first.is_unchanged(text)
    assert Contents(first.lasting().get).digest(text) != known
    settled()
    copied = Contents(lambda _: None)
    assert copied.digest(text) == copied.digest(other) != known
    assert copied.lasting()[str(text)]


def test_a_folder_in_the_place_of_another_is_another_one(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "w.txt").write_text(name[:5])
        os.utime(tmp_path / name / "w.txt", ns=(1, 1))
    place = tmp_path / "first"
    settled()
    found = Contents(lambda _: None)
    known = found.digest(place)
    place.rename(tmp_path / "old")
    (tmp_path / "second").rename(place)
    assert Contents(found.lasting().get).digest(place) != known


def test_a_file_is_unchanged_that_was_linked_to_or_whose_rights_changed(text: Path) -> None:
    found = Contents(lambda _: None)
    found.digest(text)
    text.with_name("link").hardlink_to(text)
    text.chmod(0o600)
    assert found.is_unchanged(text)


def test_a_listing_of_an_earlier_kind_is_read(text: Path) -> None:
    found = Contents(lambda _: None)
    known = found.digest(text)
    former: Any = {str(text): {".": (10, 1, found.read[str(text)]["."][-1])}}
    assert Contents(former.get).digest_before(text) == known
    assert Contents(former.get).digest(text) == known


def test_a_file_that_was_new_when_it_was_read_is_read_again(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states: dict[str, Any] = {}
    state: Callable[[str], Any] = inputfile._state

    def within_a_tick(path: str) -> Any:  # of the file system's clock
        return states.setdefault(path, state(path))

    monkeypatch.setattr(inputfile, "_state", within_a_tick)
    text.write_text("new")
    found = Contents(lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: text.stat().st_ctime_ns)
        known = found.digest(text)
    text.write_text("now")
    settled()
    later = Contents(found.lasting().get)
    assert later.digest_before(text) == known
    assert later.digest(text) != known


def test_a_file_that_was_new_as_its_reading_began_is_read_again(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text.write_text("new")
    found, reading, now = Contents(lambda _: None), inputfile.digest_at, text.stat().st_ctime_ns

    def long(path: str) -> bytes:
        monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)
        return reading(path)

    monkeypatch.setattr(time, "time_ns", lambda: now)
    monkeypatch.setattr(inputfile, "digest_at", long)
    found.digest(text)
    monkeypatch.undo()
    later = Contents(found.lasting().get)
    later.digest(text)
    assert later.is_news


def test_a_new_file_that_is_gone_is_not_what_it_was(text: Path) -> None:
    text.write_text("new")
    found = Contents(lambda _: None)
    known = found.digest(text)
    text.unlink()
    assert Contents(found.lasting().get).digest(text) != known


def test_names_and_contents_of_a_folder_count(tmp_path: Path) -> None:
    def state() -> bytes:
        return Contents(lambda _: None).digest(tmp_path / "folder")

    (tmp_path / "folder" / "inner").mkdir(parents=True)
    states = [state()]
    (tmp_path / "folder" / "inner" / "a").write_text("1")
    states.append(state())
    (tmp_path / "folder" / "inner" / "a").rename(tmp_path / "folder" / "b")
    states.append(state())
    (tmp_path / "folder" / "b").write_text("2")
    states.append(state())
    assert len({*states, Contents(lambda _: None).digest(tmp_path / "nothing")}) == 5
    assert states[-1] == state()


def test_what_is_no_file_counts_by_its_name_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("1")
    states = [Contents(lambda _: None).digest(folder)]
    os.mkfifo(folder / "pipe")
    states.append(Contents(lambda _: None).digest(folder))
    (folder / "to nothing").symlink_to("nothing")
    states.append(Contents(lambda _: None).digest(folder))
    assert len({*states}) == 3
    contents = Contents(lambda _: None)
    assert contents.digest(folder) == states[-1]
    os.utime(folder / "pipe", ns=(1, 1))  # as by writing into it
    assert contents.is_unchanged(folder)


def test_a_pipe_is_never_equal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    contents = [Contents(lambda _: None) for _ in range(2)]
    assert len({each.digest(InputFile(tmp_path / "pipe")) for each in contents}) == 2
    assert not contents[0].is_unchanged(tmp_path / "pipe")


# In tasks.


def reasons(flow: Any, task: str) -> dict[str, str]:
    return dict(flow.run(task).reasons)


def test_a_changed_file_runs_what_is_given_it(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    for task in (f"Count({str(text)!r})", f"Named([{str(text)!r}])", f"Held(Config(InputFile({str(text)!r})))"):
        flow.run(task)
        assert reasons(flow, task) == {}
        before = flow.task(task).task_args
        text.write_text(text.read_text() + " more")
        (reason,) = reasons(flow, task).values()
        assert reason.startswith("argument or attribute changed")
        assert reasons(flow, task) == {}
        assert flow.task(task).task_args == before


@pytest.mark.parametrize("result", ["path", "{'at': [path]}", "(Path(path), 1)", "Config(path)"])
def test_a_changed_file_that_is_handed_on_runs_what_reads_it(flow: Any, text: Path, result: str) -> None:
    flow.write(HANDED.format(result=result))
    flow.run(f"Read({str(text)!r})")
    text.write_text("some more words")
    ran = flow.run(f"Read({str(text)!r})")
    assert (ran.value, ran.executed) == ("some more words", {"Pass": 1, "Read": 1})
    assert flow.run(f"Read({str(text)!r})").executed == {}


def test_the_files_that_changed_are_named(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    other = text.with_name("other.txt")
    other.write_text("other words")
    task = f"Named([{str(text)!r}, {str(other)!r}])"
    settled()
    flow.run(task)
    other.write_text("changed")
    assert list(reasons(flow, task).values()) == [f"argument or attribute changed: contents of {other}"]


def test_a_file_that_was_touched_or_came_back_runs_nothing(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    flow.run(f"Count({str(text)!r})")
    os.utime(text)
    assert reasons(flow, f"Count({str(text)!r})") == {}
    text.write_text("something else")
    text.write_text("some words")
    assert reasons(flow, f"Count({str(text)!r})") == {}


def test_a_changed_folder_runs_what_is_given_it(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    folder = text.parent / "folder"
    folder.mkdir()
    assert flow.run(f"Count({str(folder)!r})").value == 0
    text.rename(folder / "words.txt")
    assert flow.run(f"Count({str(folder)!r})").value == 10
    assert reasons(flow, f"Count({str(folder)!r})") == {}


def test_paths_made_from_one_need_not_be_there(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    assert flow.run(f"Beside({str(text)!r})").value is False
    assert reasons(flow, f"Beside({str(text)!r})") == {}


def test_a_file_that_changes_while_its_task_runs_runs_it_again(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    assert flow.run(f"Spoils({str(text)!r})").value == "some words"
    text.write_text("some words")
    os.utime(text, ns=(1, 1))
    assert list(reasons(flow, f"Spoils({str(text)!r})").values()) == [
        f"argument or attribute changed: contents of {text} while it ran"
    ]


def test_a_folder_may_hold_the_cache_itself(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    assert flow.cache.is_relative_to(text.parent)
    task = f"Count({str(text.parent)!r})"
    assert flow.run(task).executed == {"Count": 1}
    assert flow.run(task).executed == {}
    text.write_text("edited")
    assert flow.run(task).executed == {"Count": 1}
    ours = Contents(lambda _: None)
    ours.digest(flow.cache)  # asked for by itself it counts
    assert ours.read[str(flow.cache)]


def test_what_was_found_is_kept_where_nothing_runs(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    flow.run(f"Count({str(text)!r})")
    os.utime(text)
    settled()
    assert flow.run(f"Count({str(text)!r})").executed == {}
    with open_store(Cache(flow.cache), write=False) as store:
        contents = Contents(store.listing)
        contents.digest(text)
    assert not contents.is_news


def test_what_was_found_is_kept_in_the_cache(flow: Any, text: Path) -> None:
    flow.write(COUNT)
    flow.run(f"Count({str(text)!r})")
    with open_store(Cache(flow.cache), write=False) as store:
        assert store.listing(str(text)) is not None
        assert store.listing("/nowhere") is None


def test_in_a_json_schema_it_is_the_text_of_a_path() -> None:
    assert TypeAdapter(InputFile).json_schema() == {"type": "string", "format": "path"}


CONSTANT = """
from collections import deque
from taskproc import InputFile

class Words(Task):
    text: Requires[InputFile]
    def __init__(self, text):
        self.text = text if isinstance(text, Const) else Const(text)
    def run_task(self):
        return self.text.read_text()

class Several(Task):
    def __init__(self, texts):
        self.texts = texts
    def run_task(self):
        return [text.read_text() for text in self.texts]
"""


@pytest.mark.parametrize("task", ["Words(Const(InputFile('w.txt')))", "Several(deque([InputFile('w.txt')]))"])
def test_a_file_counts_in_a_constant_and_in_a_queue(flow: Any, task: str) -> None:
    flow.write(CONSTANT)
    text = flow.folder / "w.txt"
    task = task.replace("w.txt", str(text))
    for content in ("one", "two, edited"):
        text.write_text(content)
        assert content in flow.run(task).value
    assert flow.run(task).executed == {}


def test_links_in_a_folder_are_followed_but_not_in_circles(flow: Any) -> None:
    flow.write(COUNT)
    folder = flow.folder / "texts"
    for name, content in (("texts", "a"), ("first", "bc"), ("second", "def")):
        (flow.folder / name).mkdir()
        (flow.folder / name / "text.txt").write_text(content)
        (flow.folder / name / "back").symlink_to(folder)
    link = folder / "link"
    link.symlink_to(flow.folder / "first")
    task = f"Count({str(folder)!r})"
    assert flow.run(task).executed == {"Count": 1}
    assert flow.run(task).executed == {}
    (flow.folder / "first" / "text.txt").write_text("bcd")
    assert flow.run(task).executed == {"Count": 1}
    link.unlink()
    link.symlink_to(flow.folder / "second")
    (flow.folder / "second" / "more.txt").write_text("")
    assert flow.run(task).executed == {"Count": 1}


HELD = """
import attrs, functools, types
from collections import UserList
from dataclasses import dataclass
from typing import Any
from pydantic import BaseModel
from taskproc import InputFile

class Plain:
    def __init__(self, text): self.text = text

class Slotted:
    __slots__ = ("text",)
    def __init__(self, text): self.text = text

@attrs.define
class Attrs:
    text: Any

class Named(dict):
    def __init__(self, text): self.text = text

class Private(BaseModel):
    _text: Any
    def __init__(self, text):
        super().__init__()
        self._text = text
    @property
    def text(self): return self._text

@dataclass
class Made:
    path: str
    def __post_init__(self): self.text = InputFile(self.path)

class Holds(Task):
    def __init__(self, path: str):
        self.held = HELD(InputFile(path))
    def run_task(self):
        return self.held.text.read_text()

class Given(Task):
    held: Requires[Any]
    def __init__(self, held):
        self.held = held
    def run_task(self):
        return self.held.text.read_text()

class Takes(Task):
    def __init__(self, held):
        self.held = held
    def run_task(self):
        return self.held.text.read_text()

class Partly(Task):
    def __init__(self, path: str):
        self.read = functools.partial(InputFile.read_text, InputFile(path))
        self.texts = UserList([1])
    def run_task(self):
        return self.read()

"""


def counts(flow: Any, task: str, text: Path) -> None:
    for content in ("one", "two, edited"):
        text.write_text(content)
        assert flow.run(task).value == content
    assert flow.run(task).executed == {}


@pytest.mark.parametrize(
    "kind", ["Plain", "Slotted", "Attrs", "Named", "Private", "lambda p: types.SimpleNamespace(text=p)"]
)
def test_a_file_counts_whatever_holds_it(flow: Any, text: Path, kind: str) -> None:
    flow.write(HELD.replace("HELD", f"({kind})"))
    counts(flow, f"Holds({str(text)!r})", text)
    if kind[0] != "l":
        counts(flow, f"Given(Const({kind}(InputFile({str(text)!r}))))", text)


@pytest.mark.parametrize("task", ["Takes(Private(InputFile({})))", "Takes(Made({}))", "Partly({})"])
def test_a_file_counts_wherever_it_is_held(flow: Any, text: Path, task: str) -> None:
    flow.write(HELD)
    counts(flow, task.format(repr(str(text))), text)


def test_a_set_of_files_is_the_same_in_every_process(tmp_path: Path, python: Any, monkeypatch: Any) -> None:
    source = """
        from taskproc import Cache, InputFile, Task
        class Main(Task):
            def __init__(self, texts: set[InputFile]): self.texts = texts
            def run_task(self): return len(self.texts)
        with Cache("cache"):
            main = Main({InputFile(f"{n}.txt") for n in range(5)})
        print(main.run_graph(executor=None, max_workers=1)[1].executed)
    """
    (tmp_path / "study.py").write_text(dedent(source))
    for n in range(5):
        (tmp_path / f"{n}.txt").write_text(str(n))
    told: list[str] = []
    for seed in ("1", "2", "3"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        told.append(python("study.py").stdout)
    assert [eval(line) for line in told] == [{"study.Main": 1}, {}, {}]


IN_CODE = """
import types
from dataclasses import dataclass
from taskproc import InputFile

DATA = InputFile({path!r})
CONFIG = types.SimpleNamespace(files=[DATA], lock=__import__('threading').Lock())

def read(path=DATA):
    return path.read_text()

class Global(Task):
    def run_task(self):
        return DATA.read_text()

class ClassAttribute(Task):
    data = DATA
    def run_task(self):
        return self.data.read_text()

class Default(Task):
    def run_task(self):
        return read()

class Partial(Task):
    def run_task(self):
        return CONFIG.files[0].read_text()

class Member(Task):
    def run_task(self):
        return ClassAttribute.data.read_text()

class Handed(Task):
    def __init__(self):
        self.of = read
    def run_task(self):
        return self.of()

class Asks(Task):
    one: Requires[str]
    def __init__(self):
        self.one = ClassAttribute()
        self.held = [self.one]
    def run_task(self):
        return self.held[0].data.read_text()

class Given(Task):
    def __init__(self, path: InputFile = InputFile({path!r})):
        self.path = path
    def run_task(self):
        return self.path.read_text()

class Spoils(Task):
    def run_task(self):
        text = DATA.read_text()
        DATA.write_text(text + '!')
        return text
"""


@pytest.mark.parametrize(
    "task",
    ["Global()", "ClassAttribute()", "Default()", "Partial()", "Member()", "Handed()", "Asks()", "Given()"],
)
def test_a_file_counts_in_what_code_holds(flow: Any, text: Path, task: str) -> None:
    flow.write(IN_CODE.format(path=str(text)))
    counts(flow, task, text)


def test_a_file_in_a_constant_is_named_and_its_change_refused_by_no_worker(flow: Any, text: Path) -> None:
    flow.write(IN_CODE.format(path=str(text)))
    settled()
    assert flow.run("Global()").value == "some words"
    flow.write(IN_CODE.format(path=str(text)) + "\n# a comment")  # workers now compare the code
    text.write_text("edited")
    ran = flow.run("Global()")
    assert (ran.value, list(ran.reasons.values())) == (
        "edited",
        [f"argument or attribute changed: contents of {text}"],
    )


def test_a_file_in_a_constant_that_changes_while_its_task_runs_runs_it_again(flow: Any, text: Path) -> None:
    flow.write(IN_CODE.format(path=str(text)))
    assert flow.run("Spoils()").value == "some words"
    text.write_text("some words")
    assert list(reasons(flow, "Spoils()")) == ["Spoils()"]


def test_a_default_of_init_that_is_not_taken_does_not_count(flow: Any, text: Path) -> None:
    flow.write(IN_CODE.format(path=str(text)))
    other = text.with_name("other.txt")
    other.write_text("other")
    flow.run(f"Given({str(other)!r})")
    text.write_text("edited")
    assert reasons(flow, f"Given({str(other)!r})") == {}
