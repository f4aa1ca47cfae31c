from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskproc import attempt
from taskproc.batch import (
    Batch,
    ClassRef,
    CodeFile,
    Damaged,
    Done,
    Ended,
    Failed,
    Payload,
    Refused,
    Returned,
    Stored,
)
from taskproc.bytecode import PYTHON
from taskproc.call import run_pickled
from taskproc.canonical import digest
from taskproc.context import in_task
from taskproc.executors import Interactive
from taskproc.loading import know
from taskproc.threads import ThreadCapture
from taskproc.value import load
from taskproc.wire import Parcel, decoded_answers, encoded, parcel
from taskproc.work import Work


@pytest.fixture
def here() -> Interactive:
    """Runs batches in this very thread."""
    return Interactive(debug=False)


def values(answers: list[Any]) -> list[Any]:
    return [load(answer.inline) for answer in answers if isinstance(answer, Done)]


def one(lab: Any, executor: Any, code: str) -> Any:
    first, last = lab.run(executor, lab.batch(("Call", code)))
    assert last == Ended()
    return first


# What a task meets


def test_values_reach_their_slots(lab: Any, here: Any) -> None:
    three = pickle.dumps({"a": [1, 2, 3]}, 5)
    slots = [
        lab.slot("one", three),
        lab.slot("item", (three, ("a", 2))),
        lab.slot("many", three, (three, ("a",)), layout=2),
        lab.slot("named", (three, ("a", 0)), (three, ("a", 1)), layout=("x", 7)),
        lab.slot("none", layout=0),
        lab.slot("nothing", layout=()),
    ]
    assert values(lab.run(here, lab.batch(("Slots", None, *slots)))) == [
        {
            "one": {"a": [1, 2, 3]},
            "item": 3,
            "many": [{"a": [1, 2, 3]}, [1, 2, 3]],
            "named": {"x": 1, 7: 2},
            "none": [],
            "nothing": {},
        }
    ]


def test_a_chain_in_one_batch(lab: Any, here: Any) -> None:
    jobs = [("Same", 1), *(("Add", 1, lab.slot("x", position)) for position in range(50))]
    assert values(lab.run(here, lab.batch(*jobs))) == list(range(1, 52))


def test_each_reader_gets_its_own_value(lab: Any, here: Any) -> None:
    spoil = "self.slots['x'].append(9); result = self.slots['x']"
    for size in (2, 5000):
        jobs = [("Same", list(range(size))), *[("Call", spoil, lab.slot("x", 0))] * 2]
        expected = [*range(size), 9]
        batch = lab.batch(*jobs)
        answers = lab.run(here, batch)
        found = [
            load(answer.inline or Stored(f"{payload.folder}/result.pkl.gz", answer.files[0].digest, b""))
            for answer, payload in zip(answers, batch.payloads, strict=False)
        ]
        assert found == [list(range(size)), expected, expected]


def test_items_that_nobody_can_modify_are_taken_from_one_value(
    lab: Any, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Any] = []
    monkeypatch.setattr(attempt, "load", lambda place: loads.append(place) or load(place))
    readers = [("Slots", None, lab.slot("x", (0, (n,)))) for n in range(5)]
    *answers, _ = lab.run(here, lab.batch(("Same", [*range(5)]), *readers))
    assert values(answers)[1:] == [{"x": n} for n in range(5)]
    assert len(loads) == 1


def test_an_item_that_can_be_modified_is_its_reader_s_own(lab: Any, here: Any) -> None:
    spoil = "self.slots['x'].append(9); result = self.slots['x']"
    look, at = ("Slots", None, lab.slot("x", (0, (0,)))), ("Slots", None, lab.slot("x", (0, (1, 0))))
    jobs = [look, ("Call", spoil, lab.slot("x", (0, (1,)))), at, ("Call", spoil, lab.slot("x", (0, (1,)))), look]
    *answers, _ = lab.run(here, lab.batch(("Same", [1, [2]]), *jobs))
    assert values(answers)[1:] == [{"x": 1}, [2, 9], {"x": 2}, [2, 9], {"x": 1}]


def test_a_failed_upstream_returns_what_needs_it(lab: Any, here: Any) -> None:
    jobs = [("Call", "1 / 0"), ("Add", 1, lab.slot("x", 0)), ("Add", 1, lab.slot("x", 1)), ("Same", 5)]
    failed, *others = lab.run(here, lab.batch(*jobs))
    assert failed.reason == "ZeroDivisionError: division by zero"
    assert others[:2] == [Returned((1,)), Returned((2,))]
    assert values(others) == [5]


def test_a_damaged_upstream(lab: Any, here: Any) -> None:
    gone = Stored(str(lab.folder / "gone"), bytes(16), b"key")
    damaged, done, _ = lab.run(here, lab.batch(("Slots", 0, lab.slot("x", gone)), ("Same", 1)))
    assert damaged == Damaged(0, b"key", f"{lab.folder / 'gone'} can't be read: No such file or directory")
    assert isinstance(done, Done)


@pytest.mark.parametrize(("layout", "at"), [(None, ""), (2, "[0]"), (("k", "l"), "['k']")])
def test_a_missing_item_is_told(lab: Any, here: Any, layout: Any, at: str) -> None:
    whole = pickle.dumps({"a": [1]})
    slot = lab.slot("x", (whole, ("a", 5)), whole, layout=layout)
    failed, _ = lab.run(here, lab.batch(("Slots", 0, slot)))
    expected = f"slot x{at}: the upstream's result has no item ['a'][5] (IndexError: list index out of range)"
    assert failed.reason == expected
    assert isinstance(load(failed.error), IndexError)


# What an answer tells


def test_done(lab: Any, here: Any) -> None:
    batch = lab.batch(("Same", [1]), ("Same", list(range(5000))), ("Same", [1]))
    small, large, again, _ = lab.run(here, batch)
    assert (small.position, small.files, small.attempt, small.refs) == (0, (), "", ())
    assert small.digest == again.digest != large.digest
    assert large.inline is None
    assert [entry.path for entry in large.files] == ["result.pkl.gz"]
    assert large.attempt
    assert large.made.duration >= 0
    assert large.made.where.count(":") == 1


def test_files_are_part_of_the_digest(lab: Any, here: Any) -> None:
    code = "folder = Path(self.folder, 'data'); folder.mkdir(parents=True); (folder / 'file').write_text({!r})"
    answers = lab.run(here, lab.batch(*[("Call", code.format(text)) for text in ("a", "b", "a")], ("Same", None)))
    first, other, same, bare, _ = answers
    assert [entry.path for entry in first.files] == ["data", "data/file"]
    assert first.digest == same.digest
    assert len({first.digest, other.digest, bare.digest}) == 3


@pytest.mark.parametrize(
    ("code", "shows_nothing"),
    [
        ("result = None", True),
        ("result = True", True),
        ("result = 0", False),
        ("result = Path('/elsewhere')", True),
        ("result = Path(self.folder, 'data')", False),
        ("result = {'at': [Path('/elsewhere')]}", True),
        ("result = {'at': [Path('beside')], 'n': range(100_000)}", True),
        ("result = {'at': [Path(self.folder, 'data')]}", False),
        ("result = Path(self.folder).with_name(16 * '0') / 'data'", False),
        ("result = Path(self.folder).with_name('data')", True),
        ("result = None; os.makedirs(self.folder + '/data')", True),
        ("result = None; os.makedirs(self.folder + '/data'); Path(self.folder, 'data', 'made').touch()", False),
    ],
)
def test_showing_nothing(code: str, shows_nothing: bool, lab: Any, here: Any) -> None:
    assert one(lab, here, code).shows_nothing is shows_nothing


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('bad')", "ValueError: bad"),
        ("raise ValueError('two\\nlines')", "ValueError: two"),
        ("raise ValueError", "ValueError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise ExceptionGroup('many', [ValueError(1), TypeError(2)])", "ExceptionGroup: many (2 sub-exceptions)"),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
        ("result = threading.Lock()", "its result can't be pickled (TypeError: cannot pickle '_thread.lock' object)"),
        (
            "class Odd(Exception):\n    def __init__(self, a, b): super().__init__(a)\nraise Odd(1, 2)",
            "Odd: 1",
        ),
        (
            "class Mute(Exception):\n    def __str__(self): raise KeyError\nraise Mute",
            "Mute: its message can't be shown",
        ),
    ],
)
def test_reasons(code: str, reason: str, lab: Any, here: Any) -> None:
    assert one(lab, here, code).reason == reason


def test_keyboard_interrupt_of_a_task(lab: Any) -> None:
    batch = lab.batch(("Call", "raise KeyboardInterrupt"), ("Same", 1))
    failed, done, _ = decoded_answers(run_pickled(parcel(batch)))
    assert failed.reason == "KeyboardInterrupt"
    assert isinstance(done, Done)


def test_an_exception_comes_back_if_it_can(lab: Any, here: Any) -> None:
    error = load(one(lab, here, "e = ValueError('bad'); e.add_note('a note'); raise e").error)
    assert (repr(error), error.__notes__) == ("ValueError('bad')", ["a note"])
    odd = "class Odd(Exception):\n    def __init__(self, a, b): super().__init__(a)\nraise Odd(1, 2)"
    assert load(one(lab, here, odd).error).args == (1,)
    fickle = "class Fickle(Exception):\n    def __str__(self): return str(id(self))\nraise Fickle"
    assert one(lab, here, fickle).error == b""
    group = load(one(lab, here, "raise ExceptionGroup('many', [ValueError(1)])").error)
    assert repr(group.exceptions) == "(ValueError(1),)"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("b'out', b'no such sample\\n'", "no such sample"),
        ("'out', 'no such sample'", "no such sample"),
        ("'out', None", "out"),
        ("'out', '\\n'", "out"),
        ("None, ''.join(f'{i}\\n' for i in range(99))", "98"),
        ("None, None", ""),
        ("None, ' '", ""),
        ("7, 7", ""),
    ],
)
def test_details_have_the_end_of_what_a_failed_program_has_printed(lab: Any, here: Any, told: str, shown: str) -> None:
    """It is in no log where the task has captured it."""
    code = f"error = subprocess.CalledProcessError(1, 'tool', {told})\n"
    details = one(lab, here, f"{code}raise error").details
    assert details.endswith(f"\n{shown}\n" if shown else "exit status 1.\n")
    assert details.count("its output ended with:\n") == bool(shown)
    assert len(details.splitlines()) < 30
    wrapped = one(lab, here, f"{code}error.__context__ = error.__cause__ = error\nraise KeyError from error").details
    assert wrapped.count("its output ended with:\n") == bool(shown)


def test_details_begin_at_the_users_code(lab: Any, here: Any) -> None:
    details = one(lab, here, "raise ValueError('bad') from KeyError('cause')").details
    assert "taskproc" not in details
    assert details.splitlines()[0] == "KeyError: 'cause'"
    assert "in run_task" in details
    assert details.endswith("ValueError: bad\n")
    folded = one(lab, here, "def f(): f()\nf()").details
    assert len(folded.splitlines()) < 40


def test_details_show_the_users_code_alone(lab: Any, here: Any) -> None:
    for inside in (
        "import taskproc\nclass Bad(taskproc.Task): task_id = 1",
        "raise ExceptionGroup('many', [ValueError(1)])",
    ):
        details = one(lab, here, inside).details
        assert "in run_task" in details
        assert "/taskproc/" not in details
    assert one(lab, here, "result = threading.Lock()").details == ""


def test_running(lab: Any, here: Any) -> None:
    code = "from taskproc.context import in_task\nresult = in_task.get()"
    assert load(one(lab, here, code).inline) is True
    assert not in_task.get()


def test_a_small_task_costs_few_calls(lab: Any) -> None:
    def calls(tasks: int) -> int:
        count = 0

        def tell(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event == "call"

        blob = parcel(lab.batch(*[("Same", 1)] * tasks))
        sys.setprofile(tell)
        try:
            answers = run_pickled(blob)
        finally:
            sys.setprofile(None)
        assert len(values(decoded_answers(answers))) == tasks
        return count

    calls(1)  # loads the class
    assert 10 < (calls(120) - calls(20)) / 100 < 45


# Recall


def test_recall_gives_back_what_has_not_begun(lab: Any) -> None:
    answers: list[Any] = []
    batch = lab.batch(("Same", 0), ("Same", 1), ("Same", 2))
    work = Work(batch, answers.append, ThreadCapture())
    work.recall()
    assert answers == [Returned((1, 2))]
    work.recall()
    work.run()
    assert [type(answer) for answer in answers] == [Returned, Done, Ended]
    work.recall()
    assert len(answers) == 3


def test_recall_while_a_task_runs(lab: Any) -> None:
    answers: list[Any] = []
    batch = lab.batch(("Same", 0), ("Same", 1), ("Same", 2))

    def send(answer: Any) -> None:
        answers.append(answer)
        if isinstance(answer, Done) and answer.position == 0:
            work.recall()

    work = Work(batch, send, ThreadCapture())
    work.run()
    assert [type(answer) for answer in answers] == [Done, Returned, Ended]
    assert answers[1].positions == (1, 2)


# Classes


def fresh(batch: Batch) -> list[Any]:
    """What a new process answers, which has imported nothing."""
    script = (
        "import sys; from taskproc.call import run_pickled as r; sys.stdout.buffer.write(r(sys.stdin.buffer.read()))"
    )
    done = subprocess.run([sys.executable, "-c", script], input=parcel(batch), stdout=subprocess.PIPE, check=True)
    answers: list[Any] = decoded_answers(done.stdout)
    return answers


def test_a_class_by_reference_to_its_file(lab: Any) -> None:
    file = lab.folder / f"{lab.module}.py"
    ref = lab.ref("Same", root=str(lab.folder), sources=(CodeFile(str(file), digest(file.read_bytes())),), code=b"code")
    assert values(fresh(lab.batch(("Same", 42), refs=(ref,)))) == [42]


def test_a_class_by_value(lab: Any) -> None:
    import cloudpickle

    names: dict[str, Any] = {"__name__": "__main__"}
    exec((lab.folder / f"{lab.module}.py").read_text(), names)
    ref = ClassRef("__main__", "Same", blob=cloudpickle.dumps(names["Same"]))
    assert values(fresh(lab.batch(("Same", 42), refs=(ref,)))) == [42]


def test_a_class_that_is_known_here(lab: Any, here: Any) -> None:
    class Known:
        @classmethod
        def _task_revive(cls, *args: object) -> Known:
            return cls()

        def run_task(self) -> int:
            return 42

    known = [know(ClassRef("nowhere", "Known"), Known) for _ in range(2)]
    batch = lab.batch(("Same", 0), refs=(known[0].ref,))
    for _ in range(2):
        assert values(lab.run(here, batch)) == [42]
        known.pop()  # one of two runs ends
    assert values(lab.run(here, batch)) == []


TASKFILE = """
from taskproc import Task

class Main(Task):
    def __init__(self): pass
    def run_task(self): return 1
"""


def test_changed_code_is_refused(lab: Any) -> None:
    from taskproc.fingerprint import Fingerprinter
    from taskproc.task import Task
    from taskproc.taskfile import load as load_file

    file = lab.folder / f"tasks_{lab.module}.py"
    file.write_text(TASKFILE)
    cls = load_file(file).Main
    fingerprint = Fingerprinter(Task).of(cls)
    ref = ClassRef(
        cls.__module__,
        "Main",
        str(file),
        sources=(CodeFile(str(file), digest(file.read_bytes())),),
        code=fingerprint.digest,
    )
    state = pickle.dumps(({}, {}, "0" * 32))
    payload = Payload(0, state, str(lab.folder / "attempt"), 1, 9, echo=False, uses=(), slots=())
    batch = Batch(1, (ref,), (payload,), tuple(sys.path), str(lab.folder))
    assert fresh(batch)[1:] == [Ended()]
    file.write_text(TASKFILE.replace("return 1", "return 1  # a comment changes nothing"))
    assert fresh(batch)[1:] == [Ended()]
    file.write_text(TASKFILE.replace("return 1", "return 2"))
    (lost,) = fresh(batch)
    assert isinstance(lost, Refused)
    assert lost.reason.startswith(f"taskfile changed during the run: {file} ")
    assert fresh(batch._replace(payloads=())) == [Ended()]  # what no task needs is not missed


def test_a_module_that_fails_is_told(lab: Any) -> None:
    file = lab.folder / "broken_module.py"
    file.write_text("def f():\n    raise ValueError('bad')\nf()\n")
    (lost,) = fresh(lab.batch(("Main", 0), refs=(ClassRef("broken_module", "Main", str(file)),)))
    assert isinstance(lost, Refused)
    assert lost.reason == "broken_module:Main can't be loaded in a worker: ValueError: bad"
    assert lost.details.startswith("Traceback")
    assert "broken_module.py" in lost.details
    (lost,) = fresh(lab.batch(("Main", 0), refs=(ClassRef("no_such_module", "Main"),)))
    assert "No module named 'no_such_module'" in lost.reason


def test_a_batch_that_cannot_be_read_is_refused(lab: Any) -> None:
    spoiled = Parcel(tuple(sys.path), (), str(lab.folder), "", PYTHON, 0, b"cnowhere\nThing\n.")
    (lost,) = decoded_answers(run_pickled(encoded(spoiled)))
    assert isinstance(lost, Refused)
    assert "No module named 'nowhere'" in lost.reason


def test_what_an_executor_s_worker_leaves_for_a_run_that_is_over_is_removed(lab: Any) -> None:
    task, runs = lab.folder / "cache" / "study.Train" / "3", lab.folder / "cache" / ".runs"
    task.mkdir(parents=True)
    for code in ("print('kept')", f"print('late'); Path({str(runs)!r}).mkdir()"):
        batch = lab.batch(("Call", code))
        (payload,) = batch.payloads
        own = payload._replace(folder=str(task / "0123456789000001"))
        assert values(decoded_answers(run_pickled(parcel(batch._replace(payloads=(own,)))))) == [None]
        assert [path.read_text() for path in task.glob("*/stdout.txt")] == ["kept\n"]


def test_a_worker_of_another_python_refuses(lab: Any) -> None:
    other = Parcel(tuple(sys.path), (), str(lab.folder), "", "3.0", 0, b"cnowhere\nThing\n.")
    (lost,) = decoded_answers(run_pickled(encoded(other)))
    same = "let them be the same, since code travels between them"
    assert lost == Refused(f"the worker has Python {PYTHON}, and this run has 3.0: {same}")


# A process of its own


def test_a_file_is_run_and_its_answers_published(lab: Any) -> None:
    batch = lab.batch(("Call", "print('hello'); result = os.getcwd()"), ("Call", "raise ValueError('bad')"))
    file = Path(lab.folder, "job", "batch")
    file.parent.mkdir()
    file.write_bytes(parcel(batch))
    command = [sys.executable, "-m", "taskproc.worker", str(file), "0:0"]
    done = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    assert (done.stdout, done.stderr) == (b"", b"")
    answers = decoded_answers(file.with_name("batch.answers").read_bytes())
    assert values(answers) == [str(lab.folder)]
    assert answers[1].reason == "ValueError: bad"
    assert answers[2] == Ended()
    assert Path(batch.payloads[0].folder, "stdout.txt").read_text() == "hello\n"
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "batch",
        "batch.answers",
        "begun",
        "stderr.txt",
        "stdout.txt",
    ]


def test_a_worker_imports_little() -> None:
    heavy = {"typer", "rich", "networkx", "pydantic", "cloudpickle", "asyncio", "diskcache", "logging", "traceback"}
    script = "import sys, taskproc.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not heavy & {name.partition(".")[0] for name in done.stdout.split()}


def test_failed_is_told_with_the_end_of_its_output(lab: Any) -> None:
    batch = lab.batch(("Call", "print('last words'); raise ValueError"))
    failed, _ = decoded_answers(run_pickled(parcel(batch)))
    assert isinstance(failed, Failed)
    assert (failed.tail, bool(failed.attempt)) == ("last words", True)
