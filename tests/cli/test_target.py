from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskproc.errors import RequestError, TaskfileError
from taskproc_cli.problems import UserCodeError
from taskproc_cli.target import Target, cache_path, load_module, parse_target, resolve_task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

TASKFILE = """
from taskproc import Task

class Outer(Task):
    class Inner(Task): ...

class Main(Task): ...
"""

NUMBERS = count()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with a default taskfile; what is imported from it is forgotten."""
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "taskfile.py").write_text(TASKFILE)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(sys, "path", sys.path[:])
    known = set(sys.modules)
    yield tmp_path.resolve() / "work"
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path.resolve())):
            del sys.modules[name]


def module_of(folder: Path, text: str) -> ModuleType:
    path = folder / f"tasks_{next(NUMBERS)}.py"
    path.write_text(f"from taskproc import Task\n{text}\n")
    return load_module(parse_target([str(path)]))


# ---- words


def test_words_say_taskfile_module_task_and_instance(folder: Path) -> None:
    default = folder / "taskfile.py"
    assert parse_target([]) == Target(default, None, None, None)
    assert parse_target(["Main"]) == Target(default, None, "Main", None)
    assert parse_target(["Outer.Inner#12"]) == Target(default, None, "Outer.Inner", 12)
    assert parse_target(["x.py"]) == Target(folder / "x.py", None, None, None)
    assert parse_target(["deep/../x.py", "Main#3"]) == Target(folder / "x.py", None, "Main", 3)
    assert parse_target(["deep/x", "Main"]) == Target(folder / "deep" / "x", None, "Main", None)
    assert parse_target(["package.module:Main"]) == Target(None, "package.module", "Main", None)
    assert parse_target(["package.module:"]) == Target(None, "package.module", None, None)


def test_home_folders_are_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder / "deep"))
    assert parse_target(["~/x.py"]).taskfile == folder / "deep" / "x.py"
    with pytest.raises(RequestError, match="unknown user"):
        parse_target(["~nobody-of-this-name/x.py"])


def test_the_default_taskfile_is_the_nearest_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "deep")
    assert parse_target(["Main"]).taskfile == folder / "taskfile.py"
    monkeypatch.chdir(folder.parent)
    assert parse_target(["Main"]).taskfile is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["Main", "6"], "unexpected '6' after the task 'Main': parameters are given as options, --name 6"),
        (["x.py", "Main", "6"], "unexpected '6' after the task 'Main'"),
        (["x.py:Main"], "put a space between the taskfile and the task: x.py Main"),
        (["x.py::Main"], "put a space between the taskfile and the task: x.py Main"),
        (["./x.py:Main"], "put a space between the taskfile and the task: ./x.py Main"),
        (["x.py", ""], "'' names no task"),
        (["Main#"], "'Main#' names no instance: write TASK#ID"),
        (["Main#one"], "'Main#one' names no instance"),
        (["Main#²"], "names no instance"),
        (["#3"], "'#3' names no instance"),
    ],
)
def test_wrong_words_are_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_target(words)
    assert sentence in str(caught.value)


# ---- modules


def test_a_taskfile_is_loaded() -> None:
    assert load_module(parse_target(["Main"])).__name__ == "taskfile"


def test_a_taskfile_whose_cli_is_not_guarded_is_refused(folder: Path) -> None:
    with pytest.raises(RequestError, match=r"A\.cli\(\) was called while .* guard it with `if __name__ == "):
        module_of(folder, "class A(Task): ...\nA.cli()")


def test_a_module_is_loaded_from_the_working_folder(folder: Path) -> None:
    (folder / "pack_of_tasks").mkdir()
    (folder / "pack_of_tasks" / "module.py").write_text(TASKFILE)
    module = load_module(parse_target(["pack_of_tasks.module:Main"]))
    assert resolve_task(module, "Main").__module__ == "pack_of_tasks.module"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["taskfil.py"], "does not exist; did you mean 'taskfile.py'?"),
        (["nowhere/x.py"], "nowhere/x.py does not exist"),
        (["deep/"], "is a folder"),
        (["no_such_package.module:Main"], "there is no module 'no_such_package' in "),
        (["taskfile.module:Main"], "there is no module 'taskfile.module' in "),
        ([":Main"], "'' is no module name"),
        (["..module:Main"], "'..module' is no module name"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(TaskfileError) as caught:
        load_module(parse_target(words))
    assert sentence in str(caught.value)


def test_without_a_default_taskfile_one_must_be_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(TaskfileError, match=r"there is no taskfile\.py in .* or a folder above it: name the taskfile"):
        load_module(parse_target(["Main"]))


def test_a_word_that_is_a_file_s_name_but_for_the_end_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "deep" / "study.py").write_text("")
    with pytest.raises(RequestError, match=r"did you mean the taskfile deep/study\.py\?"):
        resolve_task(load_module(parse_target(["deep.study"])), "deep.study")
    (folder / "job.txt").write_text("")
    with pytest.raises(RequestError, match=r"no task 'job\.txt' in .*; the name of a taskfile ends in \.py"):
        resolve_task(load_module(parse_target(["job.txt"])), "job.txt")
    (folder / "taskfile.py").unlink()
    monkeypatch.chdir(folder / "deep")
    with pytest.raises(RequestError, match=r"a folder above it; did you mean the taskfile study\.py\?"):
        load_module(parse_target(["study"]))


@pytest.mark.parametrize("code", ["import no_such_module", "raise ValueError", "int('x')"])
def test_what_the_user_s_module_raises_is_told_as_theirs(folder: Path, code: str) -> None:
    (folder / "raising.py").write_text(code)
    for words in (["raising.py"], ["raising:Main"]):
        with pytest.raises(
            UserCodeError, match=r"raising(\.py)? cannot be loaded: (ModuleNotFound|Value)Error"
        ) as caught:
            load_module(parse_target(words))
        assert isinstance(caught.value.__cause__, (ModuleNotFoundError, ValueError))


def test_a_module_of_the_working_folder_that_is_not_found_is_hinted_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lib_of_ours").mkdir()
    (folder / "deep" / "study.py").write_text("import lib_of_ours.model")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(folder))])
    with pytest.raises(UserCodeError, match=rf"lib_of_ours lies in {folder}, .*: set PYTHONPATH={folder}$"):
        load_module(parse_target(["deep/study.py"]))


def test_a_relative_import_in_a_file_of_no_package_is_hinted_at(folder: Path) -> None:
    (folder / "deep" / "study.py").write_text("from .lib_of_ours import model")
    with pytest.raises(UserCodeError, match=r"ImportError: .*; put an __init__\.py beside the file"):
        load_module(parse_target(["deep/study.py"]))


# ---- tasks


def test_a_task_goes_by_its_qualified_or_full_name() -> None:
    module = load_module(parse_target([]))
    assert resolve_task(module, "Outer.Inner").__qualname__ == "Outer.Inner"
    assert resolve_task(module, "taskfile.Outer.Inner").__qualname__ == "Outer.Inner"


def test_without_a_task_main_or_the_only_one_is_meant(folder: Path) -> None:
    assert resolve_task(load_module(parse_target([])), None).__name__ == "Main"
    assert resolve_task(module_of(folder, "class Only(Task): ..."), None).__name__ == "Only"


@pytest.mark.parametrize(
    ("text", "task", "sentence"),
    [
        ("class A(Task): ...\nclass B(Task): ...", None, "has no task Main; name one of its tasks: A, B"),
        ("", None, "define a class that derives from taskproc.Task"),
        ("class Choose(Task): ...", "choos", ", did you mean 'Choose'?"),
        ("class A(Task): ...\nclass B(Task): ...", "Train", "; its tasks are A, B"),
        ("", "Train", "there is no task 'Train' in "),
        ("from abc import abstractmethod\nclass A(Task):\n    @abstractmethod\n    def f(self): ...", "A", "defines f"),
    ],
)
def test_a_missing_task_is_one_sentence(folder: Path, text: str, task: str | None, sentence: str) -> None:
    module = module_of(folder, text)
    with pytest.raises(RequestError) as caught:
        resolve_task(module, task)
    assert sentence.lstrip(",; ") in str(caught.value)
    assert str(module.__file__) in str(caught.value)


@pytest.mark.parametrize("task", ["Main", "base.Main", "base_of_tasks.Main", "base_of_tasks.Outer.Inner"])
def test_a_task_of_another_module_goes_by_the_name_it_has_here_or_in_full(folder: Path, task: str) -> None:
    (folder / "base_of_tasks.py").write_text(TASKFILE)
    module = module_of(folder, "from base_of_tasks import Main\nimport base_of_tasks as base")
    assert resolve_task(module, task).task_name == f"base_of_tasks.{'Outer.Inner' if 'Outer' in task else 'Main'}"
    for other, said in (
        ("Task", "there is no task 'Task'"),
        (None, "there is no task in .*: name one .* imports, Main$"),
    ):
        with pytest.raises(RequestError, match=said):
            resolve_task(module, other)


def test_a_task_of_an_installed_package_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = folder / "site-packages"
    installed.mkdir()
    (installed / "installed_tasks.py").write_text(TASKFILE)
    monkeypatch.syspath_prepend(installed)
    module = load_module(parse_target(["installed_tasks:Main"]))
    assert [resolve_task(module, task).task_name for task in ("Main", None)] == ["installed_tasks.Main"] * 2


# ---- caches


def test_the_cache_is_that_of_the_option_or_beside_the_taskfile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = parse_target([str(folder / "deep" / "x.py")])
    monkeypatch.chdir(folder.parent)
    assert cache_path(target, None) == folder / "deep" / ".taskproc"
    assert cache_path(target, "option") == folder.parent / "option"
    with pytest.raises(RequestError, match="--cache: '' is no folder"):
        cache_path(target, "")
    assert cache_path(parse_target(["package.module:Main"]), None) == folder.parent / ".taskproc"


def test_home_is_expanded_in_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of-somebody")
    assert cache_path(parse_target([]), "~/c") == Path("/home/of-somebody/c")
    with pytest.raises(RequestError, match="--cache '~nobody-of-this-name' begins with the home folder"):
        cache_path(parse_target([]), "~nobody-of-this-name")
