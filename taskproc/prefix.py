"""Tasks behind a prefix command, such as `srun -c 4` or `nice`: one run of the command per batch, one thread per run.

What waits in a scheduler's queue costs a thread, and the command's own process.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from taskproc.batch import Executor, Lost
from taskproc.job import Job, call
from taskproc.process import allow_files
from taskproc.shortage import shortage_in

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskproc.batch import Batch, Reply

_FIRM = 1.0  # seconds for a command to heed SIGTERM
_PATIENCE = 2.0
_SUBMITTING = 1.0  # seconds for a command to say which job it has submitted
_MOST = 500  # ids on one command line


class PrefixExecutor(Executor):
    """Runs each batch by the shell line that it carries."""

    def __init__(self, grace: float | None = None) -> None:
        """Prepare; `grace` is how many seconds a result may be seen later than the end of its command (see `Job`)."""
        self._grace = grace
        self._jobs: set[Job] = set()

    def submit(self, batch: Batch, reply: Reply) -> None:
        if not self._jobs:
            allow_files()
        job = Job(batch, reply, self._grace, self._jobs.discard)
        self._jobs.add(job)
        try:
            job.start()
        except RuntimeError as error:  # no more threads are to be had
            self._jobs.discard(job)
            why = shortage_in(error) or f": {error}"
            reply(batch.serial, Lost(f"the prefix command {job.command.line!r} could not be run{why}"))

    def close(self, *, kill: bool) -> None:
        jobs = [job for job in list(self._jobs) if job.is_alive()]
        if kill:
            for job in jobs:
                job.give_up()
            _cancel(jobs)
        deadline = time.monotonic() + (_FIRM if kill else _PATIENCE)
        for job in jobs:
            if kill:
                job.stop(signal.SIGTERM)
        for job in jobs:
            job.join(max(0.0, deadline - time.monotonic()))
            if kill or job.is_alive():
                job.give_up()
                job.stop(signal.SIGKILL)  # the command may be gone, and others of its group still be there
                job.join()


def _cancel(jobs: Collection[Job]) -> None:
    """Take back what was submitted to batch systems: ending the commands does not."""
    deadline = time.monotonic() + _SUBMITTING
    submitted: dict[str, list[str]] = {}
    for job in jobs:
        if job.submission is not None and (number := job.submitted(deadline)):
            submitted.setdefault(job.submission.cancel, []).append(number)
    for cancel, ids in submitted.items():
        for start in range(0, len(ids), _MOST):
            call(" ".join([cancel, *ids[start : start + _MOST]]))
