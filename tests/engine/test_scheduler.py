from __future__ import annotations

import os
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from taskproc.batch import LAST, Answer, Batch, Executor, Lost, Refused, Reply
from taskproc.cache import Cache
from taskproc.errors import FailedTaskError
from taskproc.events import Planned, Reused, Started, Waiting
from taskproc.executors import ThreadPool
from taskproc.failure import packed
from taskproc.journal import Journal
from taskproc.lanes import Durations
from taskproc.store import open_store
from taskproc.threads import ThreadCapture
from taskproc.work import Work

FAN = """
class Leaf(Task):
    def __init__(self, n):
        self.n = n
    def run_task(self):
        note(f'Leaf({self.n})')
        body(self.n)
        return self.n

class Sum(Task):
    leaves: RequiresList[int]
    def __init__(self, size):
        self.leaves = [Leaf(n) for n in range(size)]
    def run_task(self):
        note('Sum')
        return sum(self.leaves)

class Chain(Task):
    prev: Requires[int]
    def __init__(self, n):
        self.prev = Chain(n - 1) if n else Const(0)
    def run_task(self):
        return self.prev + 1

def body(n):
    pass
"""


class Direct(Executor):
    """Runs batches at once in the thread that submits them, and remembers them."""

    streams = True

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.recalled: list[int] = []

    def submit(self, batch: Batch, reply: Reply) -> None:
        self.batches.append(batch)
        for answer in self.answers(batch):
            reply(batch.serial, answer)

    def answers(self, batch: Batch) -> list[Answer]:
        answers: list[Answer] = []
        Work(batch, answers.append, ThreadCapture()).run()
        return answers

    def recall(self, serial: int) -> None:
        self.recalled.append(serial)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`use(executor)`: runs go to this one, and all tasks are taken for short."""

    def used(executor: Executor) -> Any:
        monkeypatch.setattr("taskproc.dispatch.maker", lambda name, workers, args: lambda: executor)
        monkeypatch.setattr(Durations, "of", lambda self, node: 0.0)
        return executor

    return used


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the transactions of runs, which record nothing before they end."""
    counts: Counter[str] = Counter()

    def count(name: str) -> None:
        real = getattr(Journal, name)

        def method(self: Journal, *args: Any) -> Any:
            counts[name] += 1
            return real(self, *args)

        monkeypatch.setattr(Journal, name, method)

    for name in ("lease", "commit", "release", "poll"):
        count(name)
    monkeypatch.setattr("taskproc.recorder.FLUSH", 3600)
    monkeypatch.setattr("taskproc.recorder.LONG", 3600)
    return counts


# What it costs.


@pytest.mark.parametrize("size", [50, 200])
def test_many_short_tasks_take_one_trip_and_three_transactions(
    flow: Any, use: Any, counted: Counter[str], size: int
) -> None:
    flow.write(FAN)
    direct = use(Direct())
    assert flow.run(f"Sum({size})").value == sum(range(size))
    assert [len(batch.payloads) for batch in direct.batches] == [size + 1]
    assert counted == {"lease": 1, "commit": 1}


@pytest.mark.parametrize("size", [50, 200])
def test_a_chain_of_short_tasks_takes_one_trip(flow: Any, use: Any, counted: Counter[str], size: int) -> None:
    flow.write(FAN)
    direct = use(Direct())
    assert flow.run(f"Chain({size - 1})").value == size
    assert [len(batch.payloads) for batch in direct.batches] == [size]
    assert counted == {"lease": 1, "commit": 1}


def test_what_finished_is_recorded_in_the_transaction_that_leases_the_next_batch(
    flow: Any, use: Any, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskproc.lanes.MOST", 50)
    flow.write(FAN)
    direct = use(Direct())
    assert flow.run("Sum(200)").value == sum(range(200))
    assert [len(batch.payloads) for batch in direct.batches] == [50, 50, 50, 50, 1]
    assert counted == {"lease": 5, "commit": 1}


def test_each_task_is_submitted_once(flow: Any, use: Any) -> None:
    flow.write(FAN)
    pool = ThreadPool(2)
    submitted: list[str] = []

    class Watched(Direct):
        def submit(self, batch: Batch, reply: Reply) -> None:
            submitted.extend(payload.folder for payload in batch.payloads)
            pool.submit(batch, reply)

        def recall(self, serial: int) -> None:
            pool.recall(serial)

    use(Watched())
    assert flow.run("Sum(100)", executor="process", workers=2).value == sum(range(100))
    pool.close(kill=False)
    assert len(submitted) == len(set(submitted)) == 101
    assert set(flow.notes().values()) == {1}


def test_no_more_batches_are_open_than_there_are_workers(flow: Any, use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three leaves have begun before one is over."""
    flow.write(FAN)
    waits = """
    import time
    while (HERE / 'notes').read_text().count('Leaf') < 3:
        time.sleep(0.001)
"""
    flow.edit(("    pass", waits))
    pool = ThreadPool(8)
    lock, opened, most = threading.Lock(), [0], [0]

    class Watched(Direct):
        def submit(self, batch: Batch, reply: Reply) -> None:
            with lock:
                opened[0] += 1
                most[0] = max(most[0], opened[0])
            pool.submit(batch, partial(self.pass_on, reply))

        def pass_on(self, reply: Reply, serial: int, answer: Answer) -> None:
            if isinstance(answer, LAST):
                with lock:
                    opened[0] -= 1
            reply(serial, answer)

    use(Watched())
    monkeypatch.setattr(Durations, "of", lambda self, node: None)
    flow.run("Sum(20)", executor="process", workers=3)
    pool.close(kill=False)
    assert most == [3]


# What does not go well.


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_nothing_waits_behind_a_long_task(flow: Any, executor: str) -> None:
    """Half of the leaves are one batch, and the first of it needs the last of it to run elsewhere."""
    flow.write(FAN)
    flow.run("Sum(8)")
    flow.edit(
        (
            "    pass",
            """
    import time
    while n == 0 and 'Leaf(3)' not in (HERE / 'notes').read_text():
        time.sleep(0.001)
""",
        )
    )
    flow.notes()
    assert flow.run("Sum(8)", executor=executor, workers=2).value == 28
    assert set(flow.notes().values()) == {1}


def test_a_silent_batch_is_recalled_once(flow: Any, use: Any) -> None:
    flow.write(FAN)

    class Hesitant(Direct):
        def submit(self, batch: Batch, reply: Reply) -> None:
            self.batches.append(batch)
            self.go_on = partial(super().submit, batch, reply)

        def recall(self, serial: int) -> None:
            super().recall(serial)
            self.go_on()

    hesitant = use(Hesitant())
    assert flow.run("Sum(4)").value == 6
    assert hesitant.recalled == [hesitant.batches[0].serial]


def test_where_a_worker_dies_the_task_that_ran_is_blamed(flow: Any, use: Any) -> None:
    flow.write(FAN)

    class Dying(Direct):
        def answers(self, batch: Batch) -> list[Answer]:
            answers = super().answers(batch)
            return answers if len(self.batches) > 1 else [*answers[:2], Lost("it was killed by SIGKILL", "last words")]

    dying = use(Dying())
    with pytest.raises(ExceptionGroup) as caught:
        flow.run("Sum(5)", keep_going=True)
    (error,) = caught.value.exceptions
    assert isinstance(error, FailedTaskError)
    assert (error.label, error.reason, error.output) == ("Leaf(n=2)", "it was killed by SIGKILL", "last words")
    assert [len(batch.payloads) for batch in dying.batches] == [6, 1, 1]
    assert flow.run("Sum(5)").executed == {"Leaf": 1, "Sum": 1}


def test_where_answers_come_last_a_lost_batch_goes_again_one_by_one(flow: Any, use: Any) -> None:
    flow.write(FAN)

    class Fragile(Direct):
        streams = False

        def answers(self, batch: Batch) -> list[Answer]:
            answers = super().answers(batch)
            bad = any(getattr(answer, "inline", None) == self.bad for answer in answers)
            return [Lost("the pool is broken", error=packed(KeyError("why")))] if bad else answers

        bad = b"\x80\x05K\x02."

    fragile = use(Fragile())
    with pytest.raises(ExceptionGroup) as caught:
        flow.run("Sum(4)", keep_going=True)
    (error,) = caught.value.exceptions
    assert isinstance(error, FailedTaskError)
    assert (error.label, repr(error.__cause__)) == ("Leaf(n=2)", "KeyError('why')")
    assert [len(batch.payloads) for batch in fragile.batches] == [5, 1, 1, 1, 1]


def test_a_batch_that_is_refused_is_not_asked_again(flow: Any, use: Any) -> None:
    flow.write(FAN)

    class Refusing(Direct):
        def answers(self, batch: Batch) -> list[Answer]:
            return [Refused("taskfile changed during the run")]

    refusing = use(Refusing())
    with pytest.raises(FailedTaskError, match="taskfile changed during the run"):
        flow.run("Sum(3)")
    assert len(refusing.batches) == 1


@pytest.mark.parametrize("how", [{"executor": "serial"}, {"interactive": True}])
def test_after_a_failure_nothing_new_begins(flow: Any, how: dict[str, Any]) -> None:
    flow.write(FAN)
    flow.edit(("    pass", "    raise ValueError('bad')"))
    with pytest.raises(FailedTaskError, match="ValueError: bad"):
        flow.run("Sum(5)", **how)
    assert sum(flow.notes().values()) == 1


@pytest.mark.parametrize("executor", ["serial", "thread", "process"])
def test_keep_going_runs_all_that_can_run(flow: Any, executor: str) -> None:
    flow.write(FAN)
    flow.edit(("    pass", "    if n % 2: raise ValueError(f'bad {n}')"))
    with pytest.raises(ExceptionGroup) as caught:
        flow.run("Sum(6)", executor=executor, keep_going=True)
    errors = [error for error in caught.value.exceptions if isinstance(error, FailedTaskError)]
    assert sorted(error.reason for error in errors) == [f"ValueError: bad {n}" for n in (1, 3, 5)]
    assert flow.notes() == {f"Leaf({n})": 1 for n in range(6)}
    flow.edit(("if n % 2: raise", "if n == 99: raise"))
    assert flow.run("Sum(6)").value == 15


DAMAGES = {
    "removed": lambda path: path.unlink(),
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "flipped": lambda path: path.write_bytes(
        (content := path.read_bytes())[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    ),
}

BIG = """
class Big(Task):
    def run_task(self):
        note('Big')
        return os.urandom(10_000)
class Size(Task):
    big: Requires[bytes]
    def __init__(self, n=0):
        self.big = Big()
    def run_task(self):
        note('Size')
        return len(self.big)
"""


def damage(path: Path, how: str) -> None:
    """Harm a file so that only reading it shows that, where that can be."""
    before = path.stat()
    DAMAGES[how](path)
    if path.exists():
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_value_found_damaged_is_made_again(flow: Any, how: str, executor: str) -> None:
    flow.write(BIG)
    flow.run("Size()")

    def harm(event: Any) -> None:
        if isinstance(event, Planned):
            damage(next(flow.cache.rglob("result.pkl.gz")), how)

    flow.notes()
    ran = flow.run("Size(1)", executor=executor, listener=harm)
    assert (ran.value, ran.executed, ran.reused) == (10_000, {"Big": 1, "Size": 1}, {})
    assert ran.reasons["Big()"].startswith("damaged: ")
    assert flow.notes() == {"Big": 1, "Size": 1}
    assert flow.run("Size(1)").executed == {}


# Other runs.


def test_what_others_recorded_since_the_plan_is_reused(flow: Any) -> None:
    flow.write(FAN)

    def other(event: Any) -> None:
        if isinstance(event, Planned):
            flow.run("Sum(3)")

    ran = flow.run("Sum(3)", listener=other)
    assert (ran.value, ran.executed, ran.reused) == (3, {}, {"Leaf": 3, "Sum": 1})
    assert set(flow.notes().values()) == {1}


@pytest.mark.parametrize("fails", [False, True])
def test_what_another_run_has_begun_is_waited_for(flow: Any, fails: bool) -> None:
    flow.write(FAN)
    flow.edit(
        (
            "    pass",
            f"""
    import time
    while not (HERE / 'go').exists():
        time.sleep(0.001)
    if {fails}:
        print('last words')
        raise ValueError('bad')
""",
        )
    )
    begun = threading.Event()
    outcomes: list[Any] = []

    def heard(event: Any) -> None:
        if isinstance(event, Started):
            begun.set()

    def run_other() -> None:
        try:
            outcomes.append(flow.run("Sum(1)", executor="thread", listener=heard).value)
        except FailedTaskError as error:
            outcomes.append(error.reason)

    other = threading.Thread(target=run_other, daemon=True)
    other.start()
    assert begun.wait(60)
    told: list[Any] = []

    def listen(event: Any) -> None:
        told.append(event)
        if isinstance(event, Waiting):
            (flow.folder / "go").touch()

    if fails:
        with pytest.raises(FailedTaskError, match="ValueError: bad") as caught:
            flow.run("Leaf(0)", executor="thread", listener=listen)
        assert isinstance(caught.value.__cause__, ValueError)
        assert caught.value.output == "last words"
    else:
        ran = flow.run("Leaf(0)", executor="thread", listener=listen)
        assert (ran.value, ran.executed, ran.reused) == (0, {}, {"Leaf": 1})
        assert any(isinstance(event, Reused) for event in told)
    other.join()
    assert outcomes == (["ValueError: bad"] if fails else [0])
    assert any(isinstance(event, Waiting) for event in told)
    assert flow.notes()["Leaf(0)"] == 1


@pytest.mark.parametrize("failed_before", [False, True])
def test_what_another_run_leaves_undone_is_run(flow: Any, failed_before: bool) -> None:
    flow.write(FAN)
    if failed_before:
        flow.edit(("    pass", "    if not (HERE / 'mended').exists(): raise ValueError('bad')"))
        with pytest.raises(FailedTaskError):
            flow.run("Leaf(0)")
        (flow.folder / "mended").touch()
    flow.notes()
    node = flow.task("Leaf(0)")._task_node
    with open_store(Cache(flow.cache)) as store:
        store.allocate({node.name: [node.key]})
        with store.begin_run() as journal:
            journal.lease({node.name: [node.key]})

            def give_up(event: Any) -> None:
                if isinstance(event, Waiting):
                    journal.release([node.key])

            assert flow.run("Leaf(0)", listener=give_up).executed == {"Leaf": 1}
    assert flow.notes() == {"Leaf(0)": 1}


def test_what_is_cleared_meanwhile_is_not_recorded(flow: Any) -> None:
    flow.write(FAN)

    def clear(event: Any) -> None:
        if isinstance(event, Started):
            flow.task("Leaf(0)").clear_task()

    assert flow.run("Leaf(0)", listener=clear).value == 0
    assert flow.run("Leaf(0)").reasons == {"Leaf(n=0)": "cleared"}


def test_what_is_decided_stays_decided_within_a_run(flow: Any) -> None:
    """The leaves are reused by the plan; that another run has cleared them meanwhile is for the next run to see."""
    flow.write(FAN)
    flow.run("Sum(3)")
    flow.edit(("return sum(self.leaves)", "return -sum(self.leaves)"))

    def clear(event: Any) -> None:
        if isinstance(event, Planned):
            flow.task("Leaf(1)").clear_task()

    ran = flow.run("Sum(3)", listener=clear)
    assert (ran.value, ran.executed) == (-3, {"Sum": 1})
    assert flow.run("Sum(3)").executed == {"Leaf": 1, "Sum": 1}
