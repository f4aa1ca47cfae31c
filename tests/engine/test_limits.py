from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.batch import Command
from taskproc.errors import RequestError
from taskproc.limits import Lane, Limits, numbered, refuse_unfit

SRUN = Command("srun")


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
    command = Command("env D={gpu}")
    pair, single = limits.lane(command, node(gpu=2)), limits.lane(command, node(gpu=1))
    first, second = limits.take(pair), limits.take(single)
    assert (numbered(command, first).line, numbered(command, second).line) == ("env D=0,1", "env D=2")
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
