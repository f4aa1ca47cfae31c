"""Failed tasks as people read them: what happened last on the screen, with all that helps to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc_cli.views.terminal import paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from taskproc.errors import FailedTaskError


def failure_lines(errors: Sequence[FailedTaskError], rerun: str) -> Iterator[str]:
    """All failures, each whole; `rerun` is the command that debugs the target in this terminal, empty while it does."""
    for error in errors:
        yield from _one(error)
        yield ""
    if rerun:
        yield f"run it again under pdb, in this terminal: {rerun}"


def _one(error: FailedTaskError) -> Iterator[str]:
    if error.details:
        yield error.details.rstrip("\n")
    if error.output:
        yield paint(f"the end of what {error.label} printed:", "dim")
        yield from (f"  {line}" for line in error.output.splitlines())
    if error.log:
        yield paint(f"all it printed: {error.log}", "dim")
    where = f" ({error.where})" if error.where else ""
    yield f"{paint('✘', 'red')} {paint(error.label, 'bold')}{where} failed: {error.reason}"
