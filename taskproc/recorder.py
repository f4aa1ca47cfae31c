"""When finished tasks are recorded: together, but soon, or along with the lease of what begins next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from taskproc.kept import renew_views
from taskproc.origin import resolve

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskproc.changes import Version
    from taskproc.fingerprint import Fingerprinter
    from taskproc.graph import Node
    from taskproc.index import Wanted
    from taskproc.journal import Entry, LeaseResult
    from taskproc.record import Key, Row
    from taskproc.store import Journal

FLUSH = 0.1
"""Seconds that a finished task waits for others, to be recorded with them."""

MANY = 1000
"""Finished tasks that are recorded while nothing else is to be done."""

LONG = 0.2
"""Seconds above which a task's result is recorded at once."""


class Recorder:
    """Gathers rows, and commits them to a journal when it is time, with the code that they were made from."""

    def __init__(self, journal: Journal, codes: Fingerprinter) -> None:
        self._journal = journal
        self._codes = codes
        self._versions: dict[bytes, Version] = {}
        self._kept: set[bytes] = set()
        self._rows: list[Entry] = []
        self._shown: list[tuple[Node, Row]] = []
        self._due = 0.0

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, node: Node, row: Row, duration: float) -> None:
        """Take in the row of a task that took `duration` seconds."""
        now = time.monotonic()
        if not self._rows:
            self._due = now + FLUSH
        if duration > LONG:
            self._due = now
        self._rows.append((node.name, node.key, row))
        if row.failure is not None or (row.good is not None and row.good.output.attempt):
            self._shown.append((node, row))
        made = row.failure or row.good
        if made is not None and made.inputs.code not in self._kept:
            self._keep(made.inputs.code, self._codes.of(node.cls).parts)
        output = row.good.output if row.good is not None else None
        if output is not None and output.refs and output.refs_code not in self._kept:
            found = [target for target in map(resolve, output.refs) if target is not None]
            self._keep(output.refs_code, self._codes.parts(found))

    def _keep(self, code: bytes, version: Version) -> None:
        self._kept.add(code)
        self._versions[code] = version

    def flush_due(self, *, idle: bool) -> None:
        """Commit what has waited long enough, and in an `idle` moment what is much."""
        if self._rows and (time.monotonic() >= self._due or (idle and len(self._rows) >= MANY)):
            self.flush()

    def flush(self) -> None:
        """Commit everything."""
        if self._rows:
            self._committed(self._journal.commit(self._rows, self._versions))

    def lease(self, wanted: Wanted) -> LeaseResult:
        """Commit everything, and lease tasks of the journal in the same transaction."""
        lease = self._journal.lease(wanted, self._rows, self._versions)
        self._committed(lease.rejected)
        return lease

    def _committed(self, rejected: Collection[Key]) -> None:
        # An interrupt may end the commit: what was not committed stays for the last flush.
        self._rows, self._versions = [], {}
        for node, row in self._shown:
            if node.key not in rejected:
                renew_views(node, row)
        self._shown = []
