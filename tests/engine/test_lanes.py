from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from taskproc.batch import PrefixCommand
from taskproc.lanes import LEAST, MOST, TARGET, Durations, Lanes, ranks
from taskproc.limits import Lane
from taskproc.record import Inputs, Key, Made, Output, Record, Row, Stamp

PLAIN = Lane(None, ())


@dataclass(eq=False)
class Stand:
    """Stands for a node."""

    serial: int
    name: str = "Task"
    sources: tuple[Stand, ...] = ()
    names: tuple[str, ...] = ()
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        self.key = Key(self.serial.to_bytes(16, "big"))


def rows(seconds: dict[Stand, float]) -> dict[Key, Row]:
    output = Output(b"", Stamp(b""), b"", b"", b"", "")
    inputs = Inputs(b"", b"", b"", b"", b"")
    return {node.key: Row(0, good=Record(inputs, output, Made(0, s, ""))) for node, s in seconds.items()}


def durations(seconds: dict[Any, float]) -> Durations:
    return Durations(rows(seconds), list(seconds))  # type: ignore[arg-type]


def lanes(known: Durations, ready: Iterable[Any], *, workers: int = 1, order: dict[Key, float] | None = None) -> Lanes:
    made = Lanes(workers, known, lambda node: Lane(None, tuple((name, 1) for name in node.names)), order or {})  # type: ignore[attr-defined]
    for node in ready:
        made.push(node)
    return made


def nobody(node: Any, within: dict[Key, int]) -> tuple[()]:
    return ()


def serials(nodes: Iterable[Any]) -> list[int]:
    return [node.serial for node in nodes]


def test_a_duration_is_the_tasks_own_or_that_of_its_class() -> None:
    quick, slow, new, other = Stand(0), Stand(1), Stand(2), Stand(3, "Other")
    known = durations({quick: 1.0, slow: 3.0})
    assert [known.of(node) for node in (quick, slow, new, other)] == [1.0, 3.0, 1.5, None]  # type: ignore[arg-type]
    known.learn(new, 5.5)  # type: ignore[arg-type]
    assert known.of(Stand(4)) == 2.5  # type: ignore[arg-type]


def test_tasks_of_unknown_duration_go_one_by_one() -> None:
    waiting = lanes(durations({}), [Stand(n) for n in range(3)])
    assert [serials(waiting.take(PLAIN, nobody)) for _ in range(3)] == [[0], [1], [2]]
    assert not waiting


def test_short_tasks_go_together_and_long_ones_alone() -> None:
    short, long = [Stand(n) for n in range(4)], [Stand(n, "Long") for n in (4, 5)]
    known = durations(dict.fromkeys(short, 0.001) | dict.fromkeys(long, TARGET))
    waiting = lanes(known, short + long)
    assert [serials(waiting.take(PLAIN, nobody)) for _ in range(3)] == [[0, 1, 2, 3], [4], [5]]


def test_a_batch_holds_no_more_than_it_should() -> None:
    nodes = [Stand(n) for n in range(MOST + 10)]
    assert len(lanes(durations(dict.fromkeys(nodes, 0.0)), nodes).take(PLAIN, nobody)) == MOST
    assert len(lanes(durations(dict.fromkeys(nodes, TARGET / 4)), nodes).take(PLAIN, nobody)) == 4


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_worker_gets_its_share(workers: int) -> None:
    nodes = [Stand(n) for n in range(12)]
    waiting = lanes(durations(dict.fromkeys(nodes, LEAST / 2)), nodes, workers=workers)
    assert len(waiting.take(PLAIN, nobody)) == 12 // workers


def test_what_is_done_in_no_time_is_not_shared() -> None:
    nodes = [Stand(n) for n in range(12)]
    assert len(lanes(durations(dict.fromkeys(nodes, LEAST / 8)), nodes, workers=12).take(PLAIN, nobody)) == 8


def test_where_nothing_is_batched_each_goes_alone() -> None:
    nodes = [Stand(n) for n in range(2)]
    known = durations(dict.fromkeys(nodes, 0.0))
    waiting = lanes(known, nodes)
    waiting.batching = False
    assert serials(waiting.take(PLAIN, nobody)) == [0]
    waiting = lanes(known, nodes)
    waiting.alone.add(nodes[1].key)
    assert [serials(waiting.take(PLAIN, nobody)) for _ in range(2)] == [[0], [1]]


def test_tasks_that_their_command_names_go_one_by_one() -> None:
    nodes = [Stand(n) for n in range(2)]
    lane = Lane(PrefixCommand("srun --job-name {task_id}"), ())
    waiting = Lanes(1, durations(dict.fromkeys(nodes, 0.0)), lambda node: lane, {})
    for node in nodes:
        waiting.push(node)  # type: ignore[arg-type]
    assert [serials(waiting.take(lane, nobody)) for _ in range(2)] == [[0], [1]]


def test_a_chain_goes_in_one_batch() -> None:
    chain = [Stand(n) for n in range(5)]
    known = durations(dict.fromkeys(chain, 0.001))

    def followers(node: Any, within: dict[Key, int]) -> list[Any]:
        return chain[node.serial + 1 : node.serial + 2]

    assert serials(lanes(known, chain[:1]).take(PLAIN, followers)) == [0, 1, 2, 3, 4]
    behind = Stand(5, names=("gpu",))
    assert serials(lanes(known, chain[:1]).take(PLAIN, lambda node, within: [behind])) == [0]


def test_the_longest_chain_goes_first() -> None:
    first = Stand(0)
    second = Stand(1)
    reader = Stand(2, sources=(second,))
    known = durations({first: 1.0, second: 0.5, reader: 1.0})
    order = ranks([first, second, reader], {node.key for node in (first, second, reader)}, known)  # type: ignore[list-item]
    assert [order[node.key] for node in (first, second, reader)] == [1.0, 1.5, 1.0]
    waiting = lanes(known, [first, second], order=order)
    assert [serials(waiting.take(PLAIN, nobody)) for _ in range(2)] == [[1], [0]]


def test_what_need_not_run_has_no_rank() -> None:
    low = Stand(0)
    high = Stand(1, sources=(low,))
    assert ranks([low, high], {low.key}, durations({low: 1.0, high: 9.0})) == {low.key: 1.0}  # type: ignore[list-item]


def test_the_lane_with_the_most_urgent_task_is_next() -> None:
    gpu, cpu = Stand(0, names=("gpu",)), Stand(1)
    waiting = lanes(durations({}), [gpu, cpu], order={gpu.key: 1.0, cpu.key: 2.0})
    assert waiting.next_lane(lambda lane: True) == PLAIN
    assert waiting.next_lane(lambda lane: bool(lane.limits)) == Lane(None, (("gpu", 1),))
    assert waiting.next_lane(lambda lane: False) is None
