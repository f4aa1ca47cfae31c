"""Tasks whose `__init__` runs: how deep one may define another, and how one that needs itself is met."""

from __future__ import annotations

import contextvars
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from taskproc.errors import GraphError
from taskproc.future import FutureBase
from taskproc.requires import slots_of

if TYPE_CHECKING:
    from taskproc.arguments import Parameters, Values
    from taskproc.record import Key

    Call = tuple[Any, Parameters, Values]
    """A task whose `__init__` is running, with its arguments."""

    Identity = tuple[type, Key, int]
    """What tells a task from others: its class, key and kin."""

LEVELS_A_THREAD = 50
"""Tasks that may define one another on one thread's stack; deeper ones go on with a fresh stack."""

DEEPEST = 10_000
"""Tasks that may define one another in all."""


class _Running(threading.local):
    """The calls whose `__init__` runs on this thread, by identity, outermost first."""

    def __init__(self) -> None:
        self.calls: dict[Identity, Call] = {}


_running = _Running()


def begin(identity: Identity, call: Call) -> None:
    """A task's `__init__` is to run.

    Raises:
        GraphError: it runs already, since the task needs itself, or there is no end to what it defines.
    """
    calls = _running.calls
    if identity in calls:
        raise GraphError(_cycle(calls, identity))
    if len(calls) >= DEEPEST:
        message = (
            f"{_shown(*next(iter(calls.values())))} has a definition without end, or one over {DEEPEST:,} tasks deep"
            f" (at {_shown(*call)}); stop its recursion, or pass futures instead"
        )
        raise GraphError(message)
    calls[identity] = call


def initialize(call: Call) -> None:
    """Run the `__init__` that began last."""
    task, parameters, values = call
    try:
        if len(_running.calls) % LEVELS_A_THREAD:
            parameters.call(task.__class__.__init__, task, values)
        else:
            _on_fresh_stack(lambda: parameters.call(task.__class__.__init__, task, values))
    except (AttributeError, TypeError) as error:
        _hint_at_futures(task, values, error)
        raise


def _hint_at_futures(task: Any, values: Values, error: Exception) -> None:
    """Where an `__init__` that failed was about a future in a slot or argument, say when there is a value."""
    with suppress(Exception):  # they may be anything
        if getattr(getattr(error, "obj", None), "_task_node", task) is None:
            return  # what has no such attribute is a task itself that is being made, this one or another
        slots = slots_of(task.__class__)
        state: dict[str, Any] = task.__dict__
        held = [one for name, value in state.items() if name in slots for one in slots[name].futures(value)]
        kinds = {type(one).__name__ for one in (*held, *values) if isinstance(one, FutureBase)}
        if kind := next((kind for kind in sorted(kinds) if f"'{kind}'" in str(error)), ""):
            note = f"{kind} is a future: run_task reads its value, from the slot that it was assigned to"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)


def end(identity: Identity) -> None:
    """A task is defined, or will not be."""
    del _running.calls[identity]


def _shown(task: Any, parameters: Parameters, values: Values) -> str:
    return f"{type(task).__qualname__}({parameters.show(values)})"


def _cycle(building: dict[Identity, Call], identity: Identity) -> str:
    """The sentence about a task that was met again while its `__init__` was running."""
    calls = list(building.values())
    cycle = [_shown(*call) for call in calls[list(building).index(identity) :]]
    return "a task needs itself: " + " → ".join([*cycle, cycle[0]])


def refuse_itself(task: object) -> None:
    """Refuse what needs a task whose `__init__` is running.

    Raises:
        GraphError: it is this one.
    """
    for identity, (one, _, _) in _running.calls.items():
        if one is task:
            raise GraphError(_cycle(_running.calls, identity))


def _on_fresh_stack(function: Any) -> None:
    """Call a function on a thread of its own, whose stack is empty, and wait for it.

    A recursion limit that is merely raised does not do: CPython 3.12 and newer also bound the C stack, per thread.
    """
    context = contextvars.copy_context()
    calls = _running.calls
    failure: list[BaseException] = []

    def call() -> None:
        _running.calls = calls
        try:
            context.run(function)
        except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
            failure.append(error)

    thread = threading.Thread(target=call, name="taskproc-definition", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0].with_traceback(None if isinstance(failure[0], GraphError) else failure[0].__traceback__)
