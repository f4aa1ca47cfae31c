from __future__ import annotations

import pytest

from taskproc import pace
from taskproc.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_a_reader_pauses_only_where_things_come_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, mine = Clock(), Pace()
    monkeypatch.setattr(pace, "time", clock)

    def look(waited: float) -> bool:
        pauses = len(clock.slept)
        mine.pause()
        clock.now += waited
        mine.found()
        return len(clock.slept) > pauses

    assert [look(waited) for waited in (0.0, 0.0, 1.0, 0.0001, 0.1)] == [False, True, True, False, True]
    assert max(clock.slept) < 0.001
    assert not look(0.1)


def test_what_is_there_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, mine = Clock(), Pace()
    monkeypatch.setattr(pace, "time", clock)
    for _ in range(3):
        mine.pause(there=True)
        mine.found()
    assert not clock.slept
    mine.pause()
    assert clock.slept


def test_where_nothing_comes_the_pace_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, mine = Clock(), Pace()
    monkeypatch.setattr(pace, "time", clock)
    for _ in range(3):
        mine.pause()
        clock.now += 1.0
    assert not clock.slept
