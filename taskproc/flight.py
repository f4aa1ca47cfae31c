"""Batches that are under way, and what is heard of them."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taskproc.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.batch import Answer, Batch, Executor
    from taskproc.graph import Node
    from taskproc.limits import Lane, Taken
    from taskproc.record import Key

SILENCE = 0.05
PATIENCE = 0.5
"""Seconds before a batch is recalled whose worker may still be starting."""

MANY = 1000
"""Answers after which something else has its turn, however many there are: recording, above all."""

_LONG = 3600.0


@dataclass(slots=True)
class Flight:
    """A batch: its tasks and attempts by position, and those that have no answer yet.

    `taken` is what of the limits it has. `read` are its tasks whose results are used by later ones of the batch.
    """

    executor: Executor
    lane: Lane
    taken: Taken
    nodes: tuple[Node, ...]
    attempts: tuple[str, ...]
    read: frozenset[Key]
    unanswered: dict[int, Node]
    serial: int = 0
    begun: float = field(default_factory=time.time)
    heard: float = field(default_factory=time.monotonic)
    answered: bool = False
    recalled: bool = False

    def recall(self) -> None:
        """Ask for what has not begun."""
        self.recalled = True
        self.executor.recall(self.serial)


class Flights:
    """All batches that are under way; `workers` may be starting, up to so many, until as many batches have ended."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._flights: dict[int, Flight] = {}
        self._answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        self._pace = Pace()
        self._landed = 0

    def __bool__(self) -> bool:
        return bool(self._flights)

    def begin(self, batch: Batch, flight: Flight) -> None:
        """Hand a batch to its executor."""
        flight.serial = batch.serial
        self._flights[batch.serial] = flight
        flight.executor.submit(batch, lambda serial, answer: self._answers.put((serial, answer)))

    def heard(self, *, restless: bool) -> Iterator[tuple[Flight, Answer]]:
        """The answers that are there, up to `MANY`; waits for one, if `restless` or about to recall not for long."""
        restless = restless or any(len(flight.unanswered) > 1 for flight in self._flights.values())
        patience = SILENCE / 2 if restless else _LONG
        self._pace.pause(there=not self._answers.empty())
        for _ in range(MANY):
            try:
                serial, answer = self._answers.get(timeout=patience)
            except queue.Empty:
                return
            if patience:
                self._pace.found()
                patience = 0.0
            flight = self._flights.get(serial)
            if flight is not None:
                flight.heard = time.monotonic()
                yield flight, answer

    def end(self, flight: Flight) -> None:
        """A batch has got its last answer."""
        del self._flights[flight.serial]
        self._landed += 1

    def recall_silent(self) -> None:
        """Recall batches that have not been heard of for too long."""
        now = time.monotonic()
        for flight in self._flights.values():
            patience = SILENCE if flight.answered or self._landed >= self._workers else PATIENCE
            if len(flight.unanswered) > 1 and not flight.recalled and now - flight.heard >= patience:
                flight.recall()

    def recall_all(self) -> None:
        """Recall every batch."""
        for flight in self._flights.values():
            flight.recall()
