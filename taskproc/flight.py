"""Batches that are under way, and what is heard of them."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from taskproc.batch import Echoed
from taskproc.echo import Logs
from taskproc.pace import Pace
from taskproc.record import Made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.batch import Answer, Batch, Executor
    from taskproc.graph import Node
    from taskproc.limits import Lane, Taken
    from taskproc.record import Key

SILENCE = 0.05
"""Seconds before a batch is recalled that is not heard of."""

PATIENCE = 0.5
"""The same where its worker may still be starting."""

MANY = 1000
"""Answers after which something else has its turn, however many there are: recording, above all."""

_LONG = 3600.0


@dataclass(slots=True, eq=False)
class Flight:
    """A batch: its tasks and attempts by position, and those that have no answer yet.

    `taken` is what of the limits it has. `read` are its tasks whose results are used by later ones of the batch. `logs`
    show what one of them prints, which is to be told, if the executor does not tell until the end.
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
    departed: float = field(default_factory=time.monotonic)  # the same moment, by a clock that nobody sets
    heard: float = field(default_factory=time.monotonic)
    answered: bool = False
    recalled: bool = False
    logs: tuple[int, Logs] | None = None

    def recall(self) -> None:
        """Ask for what has not begun."""
        self.recalled = True
        self.executor.recall(self.serial)

    def made(self) -> Made:
        """When and how long one of its tasks has run at the most, which cannot tell itself."""
        return Made(self.begun, time.monotonic() - self.departed, "")

    def printed(self, *, now: bool) -> Iterator[tuple[Flight, Answer]]:
        """What its logs show and was not told yet."""
        if self.logs is not None:
            position, logs = self.logs
            for stream, text in logs.news(now=now):
                yield self, Echoed(position, stream, text)


class Flights:
    """All batches of a run that are under way.

    Up to `workers` workers may be starting, until as many batches have ended.
    """

    def __init__(self, run: str, workers: int) -> None:
        self._run = run
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
        if not flight.executor.streams:
            batch = self._followed(batch, flight)
        self._flights[batch.serial] = flight
        flight.executor.submit(batch, lambda serial, answer: self._answers.put((serial, answer)))

    def _followed(self, batch: Batch, flight: Flight) -> Batch:
        """The batch, in which no payload sends what it prints: that is read from its logs instead."""
        payloads = list(batch.payloads)
        for position, payload in enumerate(payloads):
            if payload.echo:
                flight.logs = position, Logs(Path(payload.folder).parent, self._run)
                payloads[position] = payload._replace(echo=False)
        return batch._replace(payloads=tuple(payloads))

    def heard(self, *, restless: bool) -> Iterator[tuple[Flight, Answer]]:
        """The answers that are there, up to `MANY`, and what logs show.

        Waits for the first one: briefly if `restless`, if a batch may need recalling or has logs, else up to an hour.
        """
        under_way = list(self._flights.values())
        for each in under_way:
            yield from each.printed(now=False)
        restless = restless or any(len(each.unanswered) > 1 or each.logs for each in under_way)
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
                if flight.logs is not None:  # its answers come all at once, when all is printed
                    yield from flight.printed(now=True)
                    flight.logs = None
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
