"""Failed tasks as people read them: last on the screen, with all that helps to mend them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc_cli.views.quantities import count
from taskproc_cli.views.terminal import paint, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from taskproc.errors import FailedTaskError

WHOLE = 10
"""How many failures are told whole; of more, the others in a line each."""


def failure_lines(errors: Sequence[FailedTaskError], debug: Callable[[FailedTaskError], str]) -> Iterator[str]:
    """All failures, that which blocks most tasks last; `debug` gives the command that runs a task under pdb, or ''."""
    ranked = sorted(errors, key=lambda error: error.blocks)
    for place, error in enumerate(ranked, start=WHOLE - len(ranked)):
        if place < 0:
            yield f"{_headline(error)} ({error.where})"
            continue
        if error is not ranked[0]:
            yield ""
        yield from _whole(error, debug(error))


def _whole(error: FailedTaskError, debug: str) -> Iterator[str]:
    if error.output:
        yield paint(f"the end of what {error.label} printed:", "dim")
        yield from (f"  {line}" for line in error.output.splitlines())
    yield from error.details.splitlines()
    yield _headline(error)
    yield from (f"  {note}" for note in getattr(error, "__notes__", ()))
    fields = {
        "task": error.where,
        "blocks": count(error.blocks, "task") if error.blocks else "",
        "log": error.log,
        "debug": debug,
    }
    for name, text in fields.items():
        if text:
            yield f"  {paint(f'{name:<6}', 'dim')}  {text}"


def _headline(error: FailedTaskError) -> str:
    return f"{sign(good=False)} {paint(error.label, 'bold')} failed: {error.reason}"
