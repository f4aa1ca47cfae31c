from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from taskproc.batch import Batch, Done, Ended
from taskproc.flight import MANY, Flight, Flights
from taskproc.limits import Lane
from taskproc.record import Made

if TYPE_CHECKING:
    import pytest


class Fast:
    """Has all answers ready at once."""

    streams = True

    def submit(self, batch: Batch, reply: Any) -> None:
        for position in range(2 * MANY + 3):
            reply(batch.serial, Done(position, b"", b"", (), (), b"", False, False, "", "", Made(0.0, 0.0, "")))
        reply(batch.serial, Ended())
        reply(batch.serial + 1, Ended())


def test_what_comes_without_end_is_taken_in_by_turns() -> None:
    flights = Flights("", 1)
    flight: Any = Flight(Fast(), Lane(None, ()), {}, (), (), frozenset(), {})  # type: ignore[arg-type]
    flights.begin(Batch(7, (), (), (), ""), flight)
    turns = [list(flights.heard(restless=True)) for _ in range(4)]
    assert [len(turn) for turn in turns] == [MANY, MANY, 4, 0]  # what is of no batch under way is not heard
    assert {id(heard) for turn in turns for heard, _ in turn} == {id(flight)}
    *done, last = [answer for turn in turns for _, answer in turn]
    assert [answer.position for answer in done if isinstance(answer, Done)] == list(range(2 * MANY + 3))
    assert last == Ended()


def test_a_clock_that_is_set_makes_nothing_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    flight: Any = Flight(Fast(), Lane(None, ()), {}, (), (), frozenset(), {})  # type: ignore[arg-type]
    flight.departed -= 100
    for moment in (flight.begun + 1e9, flight.begun - 1e9):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        made = flight.made()
        assert made.start == flight.begun
        assert 100 <= made.duration < 1e8
