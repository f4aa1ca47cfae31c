from __future__ import annotations

import os
import pickle
import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from taskproc.batch import Answer, Done, Ended, Returned
from taskproc.errors import RequestError
from taskproc.executors import Interactive, ThreadPool, maker
from taskproc.pool import ProcessPool
from taskproc.value import load


def values(answers: list[Any]) -> list[Any]:
    return [load(answer.inline) for answer in answers if isinstance(answer, Done)]


@pytest.fixture
def ran(lab: Any) -> Any:
    """The answers of an executor, which is closed then."""

    def run(executor: Any, *jobs: Any) -> tuple[Any, list[Any]]:
        batch = lab.batch(*jobs)
        try:
            return batch, lab.run(executor, batch)
        finally:
            executor.close(kill=False)

    return run


CHAIN = (("Same", 1), ("Call", "print('hello'); raise ValueError('bad')"), ("Same", 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ProcessPool(1),
        lambda: ThreadPool(1),
        maker("concurrent.futures:ThreadPoolExecutor", 1, {"max_workers": 1}),
        maker("concurrent.futures:ProcessPoolExecutor", 1, {"max_workers": 1}),
    ],
    ids=["process", "thread", "foreign thread", "foreign process"],
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_all_kinds_answer_alike(make: Any, ran: Any) -> None:
    batch, answers = ran(make(), *CHAIN)
    assert values(answers) == [1, 3]
    assert answers[1].reason == "ValueError: bad"
    assert answers[1].tail == "hello"
    assert answers[3:] == [Ended()]
    folder = Path(batch.payloads[1].folder).with_name(answers[1].attempt)
    assert (folder / "stdout.txt").read_text() == "hello\n"


# Threads


def test_threads_run_at_once(lab: Any) -> None:
    pool = ThreadPool(2)
    code = "Path('{}').touch()\nwhile not os.path.exists('{}'): time.sleep(0.01)\nresult = threading.get_ident()"
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for mine, other in (("a", "b"), ("b", "a")):
        names = [str(lab.folder / name) for name in (mine, other)]
        pool.submit(lab.batch(("Call", code.format(*names))), lambda _, answer: answers.put(answer))
    heard = [answers.get(timeout=60) for _ in range(4)]
    assert len(set(values(heard))) == 2
    pool.close(kill=False)


def test_recall_from_a_thread_and_kill(lab: Any) -> None:
    others, home = threading.enumerate(), os.getcwd()
    pool = ThreadPool(1)
    begun, go = lab.folder / "begun", lab.folder / "go"
    code = f"os.chdir('/')\nPath({str(begun)!r}).touch()\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    batch = lab.batch(("Call", code), ("Same", 1), echo=True)
    heard: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    pool.submit(batch, lambda _, answer: heard.put(answer))
    tick = threading.Event()
    while not begun.exists():
        tick.wait(0.01)
    pool.recall(batch.serial)
    assert heard.get(timeout=60) == Returned((1,))
    threads = [thread for thread in threading.enumerate() if thread not in others]
    here = os.getcwd()
    pool.close(kill=True)
    assert (here, os.getcwd()) == ("/", home)
    go.touch()
    for thread in threads:
        thread.join(60)
    assert heard.empty()


# In this process


def test_interactive_is_this_thread_with_its_own_streams(
    lab: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    code = "print('hello'); result = threading.get_ident(), os.getcwd(); os.chdir('/tmp'); del sys.stdout"
    batch = lab.batch(("Call", code), ("Call", code))
    (answer, other, _) = lab.run(Interactive(debug=False), batch)
    assert load(answer.inline) == load(other.inline) == (threading.get_ident(), batch.cwd)
    assert os.getcwd() == batch.cwd
    assert capsys.readouterr().out == 2 * "hello\n"
    assert not answer.attempt


def test_interrupting_an_interactive_task(lab: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        lab.run(Interactive(debug=False), lab.batch(("Call", "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)")))


def test_pdb_after_a_failure(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("pdb.post_mortem", seen.append)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    (failed, _) = lab.run(Interactive(debug=True), lab.batch(("Call", "1 / 0")))
    assert failed.reason.startswith("ZeroDivisionError")
    (frame,) = seen
    while frame.tb_next:
        frame = frame.tb_next
    assert frame.tb_frame.f_code.co_filename == str(lab.folder / f"{lab.module}.py")


def test_quitting_at_a_breakpoint_interrupts(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdb.post_mortem", lambda _: pytest.fail("it was asked for"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with pytest.raises(KeyboardInterrupt):
        lab.run(Interactive(debug=True), lab.batch(("Call", "import bdb; raise bdb.BdbQuit")))


# By name


def test_by_name(lab: Any, ran: Any) -> None:
    for name in ("process", "thread", "serial"):
        _, answers = ran(maker(name, 2, {})(), ("Same", 1))
        assert values(answers) == [1]


def test_a_factory_by_name_is_ours_to_shut_down(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = maker("concurrent.futures:ThreadPoolExecutor", 2, {"max_workers": 1, "thread_name_prefix": "named"})()
    answers = lab.run(executor, lab.batch(("Call", "result = threading.current_thread().name")))
    assert values(answers) == ["named_0"]
    executor.close(kill=False)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("named")]


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("proces", {}, "there is no executor 'proces'; it is one of process, thread, serial, "),
        ("thread", {"a": 1}, "executor thread takes no arguments"),
        ("no_such_module:make", {}, "executor no_such_module:make can't be made: ModuleNotFoundError"),
        ("os:no_such_name", {}, "executor os:no_such_name can't be made: AttributeError"),
        ("concurrent.futures:ThreadPoolExecutor", {"bad": 1}, "can't be made: TypeError"),
        ("os:getcwd", {}, "executor os:getcwd gives no concurrent.futures.Executor but a str"),
        ("dask:nowhere", {}, "executor dask:nowhere "),
    ],
)
def test_what_cannot_be_made_is_told(name: str, args: dict[str, object], sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        maker(name, 1, args)()
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_thread_that_cannot_go_on_says_so(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("why")

    monkeypatch.setattr("taskproc.work.run_payload", fail)
    _, (lost,) = ran(ThreadPool(1), ("Call", ""))
    assert lost.reason == "its thread could not go on (KeyError: 'why')"
    assert repr(pickle.loads(lost.error)) == "KeyError('why')"
