from __future__ import annotations

import errno
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskproc.batch import Answer, Done, Ended, Lost, Returned
from taskproc.executors import ThreadPool
from taskproc.pool import ProcessPool
from taskproc.value import load
from tests.processes import is_gone


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    pool = ProcessPool(2)
    yield pool
    pool.close(kill=False)


def values(answers: list[Any]) -> list[Any]:
    return [load(answer.inline) for answer in answers if isinstance(answer, Done)]


def wait_for(condition: Any) -> None:
    tick = threading.Event()
    for _ in range(3000):
        if condition():
            return
        tick.wait(0.01)
    pytest.fail("it did not happen in 30 s")


def test_batches_run_and_workers_are_kept(lab: Any, pool: ProcessPool) -> None:
    (first,) = values(lab.run(pool, lab.batch(("Call", "result = os.getpid()"))))
    again = lab.run(pool, lab.batch(*[("Call", "result = os.getpid()")] * 20))
    assert values(again) == [first] * 20
    assert first != os.getpid()
    assert again[-1] == Ended()


def test_two_batches_run_at_once(lab: Any, pool: ProcessPool) -> None:
    """Each task waits for the other's file."""
    code = "Path('{}').touch()\nwhile not os.path.exists('{}'): time.sleep(0.01)\nresult = os.getpid()"
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for mine, other in (("a", "b"), ("b", "a")):
        pool.submit(lab.batch(("Call", code.format(mine, other))), lambda _, answer: answers.put(answer))
    heard = [answers.get(timeout=60) for _ in range(4)]
    assert len(set(values(heard))) == 2


def test_a_worker_sees_what_its_caller_saw(lab: Any, pool: ProcessPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_CALLER", "here")
    code = "result = sys.path, os.getcwd(), os.environ['OF_THE_CALLER']"
    batch = lab.batch(("Call", "os.chdir('/'); sys.path.clear()"), ("Call", "result = os.getcwd()"))
    assert values(lab.run(pool, batch)) == [None, str(lab.folder)]
    batch = lab.batch(("Call", code))
    assert values(lab.run(pool, batch)) == [(list(batch.sys_path), str(lab.folder), "here")]


def test_a_worker_collects_the_garbage_of_tasks_alone(lab: Any, pool: ProcessPool) -> None:
    code = "import gc; result = gc.isenabled(), gc.get_freeze_count() > len(gc.get_objects())"
    assert values(lab.run(pool, lab.batch(("Call", code)))) == [(True, True)]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL (out of memory?)"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("os._exit(3)", "exit status 3"),
        ("os._exit(0)", "exit status 0"),
    ],
)
def test_the_death_of_a_worker(code: str, reason: str, lab: Any, pool: ProcessPool) -> None:
    batch = lab.batch(("Same", 1), ("Call", f"print('last words'); {code}"), ("Same", 2))
    first, last = lab.run(pool, batch)
    assert isinstance(first, Done)
    assert last == Lost(reason, "last words", kept=True)
    assert Path(batch.payloads[1].folder, "stdout.txt").read_text() == "last words\n"
    assert values(lab.run(pool, lab.batch(("Same", 3)))) == [3]


def test_many_deaths(lab: Any, pool: ProcessPool) -> None:
    for _ in range(5):
        (lost,) = lab.run(pool, lab.batch(("Call", "os._exit(3)")))
        assert lost == Lost("exit status 3")


def test_no_batch_is_waited_for_when_its_worker_cannot_be_seen_to(
    lab: Any, pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bury(worker: object) -> str:
        raise ValueError("odd")

    monkeypatch.setattr("taskproc.process.WorkerProcess.bury", bury)
    assert lab.run(pool, lab.batch(("Call", "os._exit(3)"))) == [
        Lost("what became of its worker can't be told: ValueError: odd")
    ]


def test_a_worker_that_dies_idle_is_replaced(lab: Any, pool: ProcessPool) -> None:
    (pid,) = values(lab.run(pool, lab.batch(("Call", "result = os.getpid()"))))
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert values(lab.run(pool, lab.batch(("Same", 1)))) == [1]


NO_MORE = "no worker could be started, since no more processes or threads are to be had"
NO_THREAD = """
import threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""


def test_no_more_threads_for_a_worker(
    lab: Any, pool: ProcessPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_THREAD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (lost,) = lab.run(pool, lab.batch(("Same", 1)))
    assert lost.reason.startswith(NO_MORE)
    assert lost == Lost(lost.reason)
    monkeypatch.delenv("PYTHONPATH")
    assert values(lab.run(pool, lab.batch(("Same", 2)))) == [2]  # in a process that takes its place


@pytest.mark.parametrize("kind", [ProcessPool, ThreadPool])
def test_no_more_threads_for_the_runner(lab: Any, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pool = kind(2)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        pool.expect(2)
        (lost,) = lab.run(pool, lab.batch(("Same", 1)))
    assert lost.reason.startswith(NO_MORE)
    assert values(lab.run(pool, lab.batch(("Same", 2)))) == [2]
    pool.close(kill=False)


def test_no_more_processes(lab: Any, pool: ProcessPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **settings: Any) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        (lost,) = lab.run(pool, lab.batch(("Same", 1)))
    assert lost.reason.startswith(NO_MORE)
    assert values(lab.run(pool, lab.batch(("Same", 2)))) == [2]


def test_death_is_seen_though_a_forked_child_lives(lab: Any, pool: ProcessPool) -> None:
    code = "child = os.fork()\nif child == 0: signal.pause()\nPath('child').write_text(str(child)); os._exit(3)"
    (lost,) = lab.run(pool, lab.batch(("Call", code)))
    assert lost == Lost("exit status 3")
    wait_for(lambda: is_gone(int((lab.folder / "child").read_text())))


def test_a_child_may_fork_again_in_silence(lab: Any, pool: ProcessPool) -> None:
    code = "for _ in range(2):\n    if child := os.fork():\n        os.waitpid(child, 0); break\n"
    batch = lab.batch(("Call", f"self.pid = os.getpid()\n{code}if os.getpid() != self.pid: os._exit(0)"))
    (done, _) = lab.run(pool, batch)
    assert not done.attempt  # it left nothing: nothing was printed


def test_recall(lab: Any, pool: ProcessPool) -> None:
    """The first task ends only after the others were given back."""
    code = "Path('begun').touch()\nwhile not os.path.exists('go'): time.sleep(0.01)"
    batch = lab.batch(("Call", code), ("Same", 1), ("Same", 2))
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    pool.submit(batch, lambda _, answer: answers.put(answer))
    wait_for((lab.folder / "begun").exists)
    pool.recall(batch.serial)
    assert answers.get(timeout=60) == Returned((1, 2))
    (lab.folder / "go").touch()
    assert isinstance(answers.get(timeout=60), Done)
    assert answers.get(timeout=60) == Ended()
    pool.recall(batch.serial)


SLEEPS = """
child = subprocess.Popen(["sleep", "1000"])
Path("pids").write_text(f"{os.getpid()} {child.pid} ")
time.sleep(1000)
"""


def test_kill_stops_what_runs_and_what_it_started(lab: Any) -> None:
    pool = ProcessPool(1)
    heard: list[Any] = []
    pool.submit(lab.batch(("Call", SLEEPS)), lambda _, answer: heard.append(answer))
    pids = lab.folder / "pids"
    wait_for(lambda: pids.exists() and pids.read_text().endswith(" "))
    pool.close(kill=True)
    assert heard == []
    for pid in pids.read_text().split():
        wait_for(lambda pid=pid: is_gone(int(pid)))


def test_a_pool_that_was_interrupted_at_its_start_can_be_closed(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: threading.Thread) -> None:
        raise KeyboardInterrupt

    pool = ProcessPool(2)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.submit(lab.batch(("Same", 1)), lambda _, answer: None)
    pool.close(kill=True)


def test_a_worker_that_will_not_end_is_made_to(lab: Any) -> None:
    pool = ProcessPool(1)
    code = "threading.Thread(target=time.sleep, args=(1000,)).start()\nresult = os.getpid()"
    (pid,) = values(lab.run(pool, lab.batch(("Call", code))))
    pool.close(kill=False)
    assert is_gone(pid)


RUNNER = """
import os, pickle, sys, threading
from taskproc.batch import Batch
from taskproc.executors import ThreadPool
from taskproc.pool import ProcessPool
batch = pickle.load(open("batch", "rb"))
pool = ProcessPool(1)
pool.submit(batch, lambda *_: None)
while not os.path.exists("pids"):  # a fork amid the start of a worker would hold what that start waits for
    threading.Event().wait(0.01)
if os.fork() == 0:  # a child that outlives the runner
    print(os.getpid(), flush=True)
    threading.Event().wait()
threading.Event().wait()
"""


def test_workers_end_with_a_killed_runner(lab: Any) -> None:
    (lab.folder / "batch").write_bytes(pickle.dumps(lab.batch(("Call", SLEEPS))))
    command = [sys.executable, "-Wignore", "-c", RUNNER]
    with subprocess.Popen(command, cwd=lab.folder, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        child = int(runner.stdout.readline())
        pids = lab.folder / "pids"
        wait_for(lambda: pids.exists() and pids.read_text().endswith(" "))
        runner.kill()
        try:
            for pid in pids.read_text().split():
                wait_for(lambda pid=pid: is_gone(int(pid)))
        finally:
            os.kill(child, signal.SIGKILL)


FLAGS = """
import sys
from taskproc import Cache, Task

class Flags(Task):
    def run_task(self):
        return sys.flags.bytes_warning, sys.flags.dev_mode, sys.flags.utf8_mode, sys.get_int_max_str_digits()

if __name__ == "__main__":
    with Cache("cache"): flags = Flags()
    print(flags.run_graph()[0])
"""


def test_workers_have_the_options_of_their_runner_s_interpreter(python: Any, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(FLAGS)
    words = ["-bb", "-X", "dev", "-Xutf8", "-X", "int_max_str_digits=9999"]
    words += ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"]
    assert python(*words, "study.py").stdout == "(2, True, 1, 9999)\n"


def test_nothing_is_left_open(lab: Any) -> None:
    def descriptors() -> set[str]:
        return set(os.listdir("/dev/fd"))

    before, threads = descriptors(), threading.active_count()
    for kill in (False, True):
        pool = ProcessPool(2)
        lab.run(pool, lab.batch(("Same", 1)))
        lab.run(pool, lab.batch(("Call", "os._exit(3)")))
        lab.run(pool, lab.batch(("Same", 1)))
        pool.close(kill=kill)
    assert descriptors() == before
    assert threading.active_count() == threads


def test_a_keeper_that_cannot_start_a_worker_says_why(
    lab: Any, pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the user's may have the name of a module that is imported for it."""
    monkeypatch.delattr(tempfile, "TemporaryFile")
    pool.expect(1)
    (refused,) = lab.run(pool, lab.batch(("Same", 1)))
    assert "module 'tempfile' has no attribute 'TemporaryFile'" in refused.reason


def test_a_worker_imports_what_it_needs_whatever_lies_beside_the_taskfile(
    lab: Any, pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lab.folder / "contextlib.py").write_text("raise SystemError")
    monkeypatch.syspath_prepend(str(lab.folder))
    assert values(lab.run(pool, lab.batch(("Call", "result = sys.path[0]")))) == [str(lab.folder)]


def test_an_unused_pool_starts_nothing() -> None:
    pool = ProcessPool(8)
    pool.close(kill=False)
    pool.close(kill=True)


def test_ctrl_c_leaves_workers_alone(lab: Any, pool: ProcessPool) -> None:
    asks = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    code = f"os.kill(os.getpid(), signal.SIGINT)\nresult = subprocess.check_output([sys.executable, '-c', {asks!r}])"
    assert values(lab.run(pool, lab.batch(("Call", code)))) == [b"True\n"]


def test_a_large_batch_and_large_answers(lab: Any, pool: ProcessPool) -> None:
    answers = lab.run(pool, lab.batch(*[("Same", bytes(range(256)) * 15) for _ in range(2000)]))
    assert len(answers) == 2001
    assert [answer.position for answer in answers[:-1]] == list(range(2000))
