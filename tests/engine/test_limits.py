from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.batch import PrefixCommand
from taskproc.errors import RequestError
from taskproc.limits import Lane, Limits, addressed, refuse_unfit

SRUN = PrefixCommand("srun")


def node(name: str = "flow.Train", **channels: int) -> Any:
    return SimpleNamespace(name=name, channels=channels, label="Train()")


def test_limits_bound_by_name_and_in_all() -> None:
    limits = Limits(2, {"gpu": 1, "flow.Train": 5})
    gpu = limits.lane(None, node(gpu=1, other=1))
    assert gpu == Lane(None, (("flow.Train", 1), ("gpu", 1)))
    plain = limits.lane(None, node("flow.Other", other=1))
    taken = limits.take(gpu)
    assert (limits.free(gpu), limits.free(plain)) == (False, True)
    limits.take(plain)
    assert not limits.free(plain)
    limits.give_back(gpu, taken)
    assert limits.free(gpu)
    assert limits.free(plain)


def test_what_a_task_takes_is_counted() -> None:
    limits = Limits(9, {"gpu": 4, "memory_gb": 10**12})
    big, small, none = (limits.lane(None, node(gpu=count, memory_gb=10**11)) for count in (3, 1, 0))
    assert none.limits == (("memory_gb", 10**11),)
    taken = limits.take(big)
    assert (limits.free(big), limits.free(small)) == (False, True)
    limits.take(small)
    assert (limits.free(small), limits.free(none)) == (False, True)
    limits.give_back(big, taken)
    assert limits.free(big)


def test_a_command_gets_numbers_of_its_own() -> None:
    limits = Limits(9, {"gpu": 3})
    command = PrefixCommand("env D={gpu},{task_id}")
    pair, single = limits.lane(command, node(gpu=2)), limits.lane(command, node(gpu=1))
    first, second = limits.take(pair), limits.take(single)
    assert (addressed(command, first, 7).line, addressed(command, second, 8).line) == ("env D=0,1,7", "env D=2,8")
    limits.give_back(pair, first)
    third = limits.take(single)
    assert third == {"gpu": (0,)}
    limits.give_back(single, second)
    assert limits.take(pair) == {"gpu": (1, 2)}


def test_a_prefixed_task_takes_a_worker_unless_a_limit_names_it() -> None:
    limits = Limits(1, {"cluster": 100})
    bound, free = limits.lane(SRUN, node(cluster=1)), limits.lane(SRUN, node(other=1))
    for _ in range(100):
        assert limits.free(bound)
        limits.take(bound)
    assert not limits.free(bound)
    assert limits.free(free)
    limits.take(free)
    assert not limits.free(free)
    assert not limits.free(Lane(None, ()))


def test_what_can_never_begin_is_refused() -> None:
    refuse_unfit([node(gpu=2), node(other=99)], {"gpu": 2, "flow.Train": 1})
    with pytest.raises(RequestError) as caught:
        refuse_unfit([node(gpu=2), node(gpu=3)], {"gpu": 2})
    assert str(caught.value) == (
        "Train() takes 3 of gpu, of which the rate limit allows 2 in all: raise the limit, or lower what it takes in"
        " _task_channel"
    )


TASKS = """
class OnGpu(Task):
    _task_channel = {'gpu': 1, 'memory_gb': 16}
    _task_prefix_command = 'env CUDA_VISIBLE_DEVICES={gpu}'

    def __init__(self, i: int):
        if i == 0:
            self._task_channel = {'gpu': 2, 'memory_gb': 16}

    def run_task(self) -> list[str]:
        mine = os.environ['CUDA_VISIBLE_DEVICES'].split(',')
        for number in mine:
            (HERE / f'gpu{number}').touch(exist_ok=False)  # nobody else is on it
        for number in mine:
            (HERE / f'gpu{number}').unlink()
        return mine

class All(Task):
    parts: RequiresList[list[str]]

    def __init__(self):
        self.parts = [OnGpu(i) for i in range(5)]

    def run_task(self) -> list[list[str]]:
        return self.parts
"""


def test_tasks_at_once_have_numbers_to_themselves(flow: Any) -> None:
    flow.write(TASKS)
    value = flow.run("All()", limits={"gpu": 2, "memory_gb": 64}).value
    assert sorted(value[0]) == ["0", "1"]
    assert {number for part in value[1:] for number in part} <= {"0", "1"}


@pytest.mark.parametrize("words", [["--rate-limit", "gpu=1"], ["--rate-limit", "gpu=1", "--dry-run"]])
def test_the_command_line_refuses_it_in_a_sentence(words: list[str], flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    done = taskproc("run", flow.path, "All", *words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    sentence = done.stderr.splitlines()[-1]
    assert sentence == (
        "taskproc: OnGpu(i=0) takes 2 of gpu, of which the rate limit allows 1 in all: raise the limit, or lower what"
        " it takes in _task_channel"
    )
