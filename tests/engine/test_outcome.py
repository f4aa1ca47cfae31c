from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.batch import Done
from taskproc.decision import Cleared, CodeChanged, Damaged, Forced, NeverRan, Reason
from taskproc.errors import FailedTaskError
from taskproc.events import Event, Finished
from taskproc.files import take_manifest
from taskproc.outcome import conclude, drop_attempt, failed_task, failure_of
from taskproc.record import Failure, Inputs, Made, Record, Row

MADE = Made(1.0, 2.0, "here:1")
INPUTS = Inputs(b"c", b"a", b"s", b"u", b"t")
OLD, NEW = "0" * 16, "1" * 16
DONE = Done(
    0, b"d" * 16, b"value", (), (), b"", names_folder=False, shows_nothing=False, attempt="", python="", made=MADE
)
CHANGED = CodeChanged("code of f")


@pytest.fixture
def node(tmp_path: Path) -> Any:
    return SimpleNamespace(cache=tmp_path, name="flow.Train", label="Train(x=1)", task=object())


def concluded(node: Any, done: Done = DONE, old: Record | None = None, reason: Reason = CHANGED, **how: Any) -> Record:
    settings = {"epochs": (), "read": False} | how
    return conclude(node, Row(7, good=old), reason, INPUTS, done=done, **settings)


def left(node: Any, attempt: str, text: str = "same") -> Done:
    """An attempt that left a file."""
    folder = node.cache / "flow.Train" / "7" / attempt
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.txt").write_text(text)
    return DONE._replace(files=take_manifest(folder), attempt=attempt)


def test_the_record_has_what_was_read_and_made(node: Any) -> None:
    record = concluded(node, reason=NeverRan())
    assert (record.inputs, record.made, record.output.inline, record.output.digest) == (
        INPUTS,
        MADE,
        b"value",
        b"d" * 16,
    )
    assert (record.output.salt, record.output.epoch, record.output.attempt) == (b"", b"", "")


def test_an_equal_result_has_an_equal_stamp(node: Any) -> None:
    first = concluded(node, reason=NeverRan())
    again = concluded(node, old=first)
    other = concluded(node, DONE._replace(digest=b"e" * 16), old=first)
    assert first.output.stamp == again.output.stamp != other.output.stamp


@pytest.mark.parametrize("reason", [Cleared(), Forced()])
def test_a_cleared_or_forced_task_begins_an_epoch_that_reruns_keep(node: Any, reason: Reason) -> None:
    first = concluded(node, reason=NeverRan())
    fresh = concluded(node, old=first, reason=reason)
    again = concluded(node, old=fresh)
    assert first.output.stamp != fresh.output.stamp == again.output.stamp
    assert concluded(node, old=fresh, reason=reason).output.stamp != fresh.output.stamp


def test_what_shows_nothing_is_new_each_time(node: Any) -> None:
    nothing = DONE._replace(shows_nothing=True)
    stamps = {concluded(node, nothing, reason=NeverRan()).output.stamp for _ in range(3)}
    assert len(stamps) == 3


def test_epochs_of_upstreams_are_passed_on(node: Any) -> None:
    plain = concluded(node, epochs=(b"", b""))
    one, other = concluded(node, epochs=(b"1", b"")), concluded(node, epochs=(b"2", b""))
    assert plain.output.epoch == b""
    assert len({record.output.stamp for record in (plain, one, other)}) == 3
    assert one.output.stamp == concluded(node, epochs=(b"1", b"")).output.stamp


def test_an_equal_rerun_keeps_the_recorded_attempt(node: Any) -> None:
    first = concluded(node, left(node, OLD), reason=NeverRan())
    again = concluded(node, left(node, NEW), old=first)
    assert again.output == first.output


def test_paths_into_a_kept_attempt_stay_true(node: Any) -> None:
    first = concluded(node, left(node, OLD)._replace(names_folder=True), reason=NeverRan())
    done = left(node, NEW)._replace(names_folder=True)
    assert concluded(node, done, old=first).output == first.output
    moved = concluded(node, done, old=first, read=True)
    assert (moved.output.attempt, moved.output.stamp == first.output.stamp) == (NEW, False)


def test_an_attempt_with_the_code_of_another_python_is_not_kept(node: Any) -> None:
    first = concluded(node, left(node, OLD)._replace(python="3.0"))
    again = concluded(node, left(node, NEW)._replace(python="3.1"), old=first).output
    assert (again.attempt, again.python, again.stamp) == (NEW, "3.1", first.output.stamp)


def test_an_attempt_that_is_not_whole_is_not_kept(node: Any) -> None:
    first = concluded(node, left(node, OLD), reason=NeverRan())
    done = left(node, NEW)
    assert concluded(node, done, old=first, reason=Damaged("it")).output.attempt == NEW
    assert concluded(node, done, old=first, read=True).output.attempt == NEW
    assert concluded(node, done._replace(digest=b"e" * 16), old=first).output.attempt == NEW
    (node.cache / "flow.Train" / "7" / OLD / "data" / "a.txt").unlink()
    assert concluded(node, done, old=first).output.attempt == NEW


def test_an_attempt_whose_files_have_changed_unseen_is_not_kept_by_a_forced_rerun(node: Any) -> None:
    first = concluded(node, left(node, OLD), reason=NeverRan())
    done = left(node, NEW)
    assert concluded(node, done, old=first, reason=Forced()).output.attempt == OLD
    file = node.cache / "flow.Train" / "7" / OLD / "data" / "a.txt"
    before = file.stat()
    file.write_text("rots")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert concluded(node, done, old=first, reason=Forced()).output.attempt == NEW
    assert concluded(node, done, old=first).output.attempt == OLD


def test_an_attempt_whose_files_cannot_be_read_is_not_kept_by_a_forced_rerun(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = concluded(node, left(node, OLD), reason=NeverRan())

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("taskproc.outcome.restored_manifest", refuse)
    assert concluded(node, left(node, NEW), old=first, reason=Forced()).output.attempt == NEW


def test_a_dropped_attempt_leaves_what_it_printed(node: Any) -> None:
    left(node, OLD)
    left(node, NEW)
    folder = node.cache / "flow.Train" / "7"
    (folder / OLD / "stdout.txt").write_text("old")
    (folder / NEW / "stdout.txt").write_text("new")
    drop_attempt(node, Row(7), NEW, OLD)
    assert sorted(item.name for item in folder.iterdir()) == [OLD]
    assert (folder / OLD / "stdout.txt").read_text() == "new"
    assert (folder / OLD / "data" / "a.txt").read_text() == "same"


def test_a_dropped_attempt_is_removed_though_its_task_has_made_it_read_only(node: Any, unprivileged: Path) -> None:
    node.cache = unprivileged
    left(node, OLD)
    left(node, NEW)
    folder = unprivileged / "flow.Train" / "7"
    (folder / NEW / "data").chmod(0o500)
    drop_attempt(node, Row(7), NEW, OLD)
    assert os.listdir(folder) == [OLD]


def test_a_failure_is_told_with_what_is_known_of_it(node: Any, tmp_path: Path) -> None:
    failure = Failure(INPUTS, "ValueError: bad", "Traceback", b"", "", MADE)
    error = failed_task(node, "Train(x=1)#7", 7, failure, "last words\n", "")
    assert error.task is node.task
    assert (error.where, error.details, error.log, error.__cause__) == ("flow.Train#7", "Traceback", "", None)
    assert str(error).startswith(
        "Train(x=1)#7 failed: ValueError: bad\n  Traceback\nits output ended with:\n  last words\n"
    )
    (tmp_path / "stdout.txt").touch()
    assert failed_task(node, "Train(x=1)#7", 7, failure, "", str(tmp_path)).log == str(tmp_path / "stdout.txt")
    (tmp_path / "command.txt").touch()
    assert failed_task(node, "Train(x=1)#7", 7, failure, "", str(tmp_path)).log == str(tmp_path)


@pytest.mark.parametrize("blob", [b"", b"no pickle", b"\x80\x04K\x01."])
def test_an_error_that_cannot_be_brought_back_is_no_cause(node: Any, blob: bytes) -> None:
    assert failed_task(node, "Train(x=1)#7", 7, Failure(INPUTS, "it", "", blob, "", MADE), "", "").__cause__ is None


def test_each_failure_tells_how_many_tasks_it_blocks() -> None:
    one, other = SimpleNamespace(key="one", sources=()), SimpleNamespace(key="other", sources=())
    nodes = [one, other, *(SimpleNamespace(key=n, sources=(one, other)[: n + 1]) for n in range(2))]
    graph: Any = SimpleNamespace(nodes=nodes)
    failures: Any = {"one": FailedTaskError("One()", "it broke"), "other": FailedTaskError("Other()", "it is late")}
    first = failure_of(failures, graph, keep_going=False)
    assert first is failures["one"]
    assert [error.blocks for error in failures.values()] == [2, 1]
    assert first.__notes__ == ["Other() failed too: it is late"]
    assert "it blocks 2 tasks" in str(first)
    group = failure_of(failures, graph, keep_going=True)
    assert isinstance(group, ExceptionGroup)
    assert (group.message, group.exceptions) == ("2 tasks failed", tuple(failures.values()))


def test_a_run_that_prints_nothing_does_not_show_what_another_printed(flow: Any) -> None:
    flow.write("""
    class Says(Task):
        def run_task(self):
            (self.task_directory / 'file').write_text('same')
            if (HERE / 'loud').exists():
                print('hello')
    """)
    (flow.folder / "loud").touch()
    flow.run("Says()")
    assert flow.task("Says()").task_stdout.read_text() == "hello\n"
    (flow.folder / "loud").unlink()
    flow.run("Says()", force="requested")
    assert flow.task("Says()").task_stdout.read_text() == ""


def test_a_run_whose_lease_was_taken_leaves_the_view_alone(flow: Any) -> None:
    flow.write("""
    class Who(Task):
        def run_task(self):
            (self.task_directory / 'who').write_text('first' if (HERE / 'first').exists() else 'second')
    """)
    (flow.folder / "first").touch()

    def interfere(event: Event) -> None:
        if isinstance(event, Finished) and (flow.folder / "first").exists():
            (flow.folder / "first").unlink()
            flow.task("Who()").clear_task()
            flow.run("Who()")

    flow.run("Who()", listener=interfere)
    task = flow.task("Who()")
    view = flow.cache / type(task).task_name / str(task.task_id) / "data" / "who"
    assert view.read_text() == "second"


def test_a_file_that_was_made_executable_takes_the_place_of_one_that_was_not(flow: Any) -> None:
    source = """
    import subprocess
    class Build(Task):
        def run_task(self):
            program = self.task_directory / 'program.sh'
            program.write_text('#!/bin/sh\\necho it works\\n')
            MODE
            return program
    class Use(Task):
        program: Requires[Path]
        def __init__(self): self.program = Build()
        def run_task(self):
            return subprocess.check_output([self.program], text=True)
    """
    flow.write(source.replace("MODE", ""))
    with pytest.raises(FailedTaskError, match="PermissionError"):
        flow.run("Use()")
    flow.write(source.replace("MODE", "program.chmod(0o755)"))
    assert flow.run("Use()").value == "it works\n"
    assert flow.run("Use()").executed == {}
