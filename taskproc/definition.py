"""Defining tasks: what a Task class may say, and what happens when one is called."""

from __future__ import annotations

import contextvars
import itertools
import sys
import threading
from abc import ABCMeta
from typing import TYPE_CHECKING, Any

from taskproc import requires
from taskproc.arguments import Parameters, parameters_of
from taskproc.asloaded import note_new
from taskproc.canonical import Unencodable
from taskproc.context import blocks, in_task
from taskproc.errors import DefinitionError, GraphError, NoCacheError
from taskproc.fixed import ATOMIC, own_copy
from taskproc.future import Const, FutureBase, is_const, origin_of
from taskproc.graph import Node
from taskproc.inputfile import input_files
from taskproc.settings import check_member, check_slots
from taskproc.taskfile import name_of, put_root_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FunctionType

    from taskproc.arguments import Values
    from taskproc.cache import Cache
    from taskproc.canonical import Canonical
    from taskproc.record import Key
    from taskproc.requires import Slot

    Call = tuple[Any, Parameters, Values]
    """A task whose `__init__` is running, with its arguments."""

LEVELS_A_THREAD = 50
"""Tasks that may define one another on one thread's stack; deeper ones go on with a fresh stack."""

DEEPEST = 10_000
"""Tasks that may define one another in all."""

_serials = itertools.count()

_set: Any = object.__setattr__


def prepare_class(cls: Any, root: type) -> None:
    """Check what a new Task class says, install its slots and give it its name.

    Args:
        cls: The class.
        root: `Task` itself.

    Raises:
        DefinitionError: it overrides a built-in, or a setting does not exist or has a wrong value.
    """
    note_new(cls.__module__)
    mixins: list[type] = [base for base in cls.__mro__ if not issubclass(base, root) and base not in root.__mro__]
    requires.install(cls, mixins)
    check_slots(cls)
    for owner in (cls, *mixins):
        for name, value in vars(owner).items():
            check_member(cls, name, value)
    put_root_first(cls.__module__)
    cls.task_name = f"{name_of(cls.__module__)}.{cls.__qualname__}"


class _Running(threading.local):
    """The calls whose `__init__` runs on this thread, by key, outermost first."""

    def __init__(self) -> None:
        self.calls: dict[Key, Call] = {}


_running = _Running()


def define(cls: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The task of a class with these arguments: the one defined in this block already, or a new one.

    Raises:
        NoCacheError: there is no block.
        ArgumentError: the arguments do not fit.
        GraphError: the task needs itself, its definition has no end, or it leaves a slot without a future.
    """
    around = blocks.get()
    if not around:
        raise _no_cache(cls)
    block = around[-1]
    parameters = parameters_of(cls)
    values = parameters.bind(args, kwargs)
    key, encoded = parameters.key(values)
    known = block.tasks[cls].get(key)
    if known is not None:
        return known
    values = own_copy(values)
    task = cls.__new__(cls)
    _set(task, "_task_node", None)
    _set(task, "_task_place", None)
    _set(task, "_task_node", _initialize(key, encoded, (task, parameters, values), block.cache))
    return block.tasks[cls].setdefault(key, task)  # another thread may have been first


class TaskType(ABCMeta):
    """The type of Task classes: calling one defines a task, or gives the one that is defined already."""

    if not TYPE_CHECKING:  # type checkers read the signature of `__init__`
        __call__ = define

        def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any], **kwargs: Any) -> TaskType:
            # Without a class statement nothing says which module this is: it is the caller's, not that of ABCMeta.
            members.setdefault("__module__", sys._getframe(1).f_globals.get("__name__", "builtins"))
            return super().__new__(mcs, name, bases, members, **kwargs)

        # ABCMeta's ask each subclass there is, and keep the answers in each of them.
        __instancecheck__ = type.__instancecheck__
        __subclasscheck__ = type.__subclasscheck__


def _no_cache(cls: type) -> NoCacheError:
    name = cls.__qualname__
    if in_task.get():
        return NoCacheError(
            f"{name} was defined inside run_task: tasks are made in __init__, and assigned to a slot (Requires)"
        )
    return NoCacheError(f"{name} was defined outside a cache; write `with Cache('./cache'): {name}(...)`")


def _initialize(key: Key, encoded: Canonical | None, call: Call, cache: Cache) -> Node:
    """Run a task's `__init__`."""
    calls = _running.calls
    if key in calls:
        raise GraphError(_cycle(calls, key))
    if len(calls) >= DEEPEST:
        message = (
            f"{_shown(*next(iter(calls.values())))} has a definition without end, or one over {DEEPEST:,} tasks deep"
            f" (at {_shown(*call)}); stop its recursion, or pass futures instead"
        )
        raise GraphError(message)
    task, parameters, values = call
    calls[key] = call
    try:
        if len(calls) % LEVELS_A_THREAD:
            parameters.call(task.__class__.__init__, task, values)
        else:
            _on_fresh_stack(lambda: parameters.call(task.__class__.__init__, task, values))
        return _node(key, encoded, call, cache)
    finally:
        del calls[key]


def _shown(task: Any, parameters: Parameters, values: Values) -> str:
    return f"{type(task).__qualname__}({parameters.show(values)})"


def _cycle(building: dict[Key, Call], key: Key) -> str:
    """The sentence about a task that was met again while its `__init__` was running."""
    keys = list(building)
    cycle = [_shown(*building[k]) for k in keys[keys.index(key) :]]
    return "a task needs itself: " + " → ".join([*cycle, cycle[0]])


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


def _node(key: Key, encoded: Canonical | None, call: Call, cache: Cache) -> Node:
    """The node of a task whose `__init__` has run."""
    task, _, values = call
    cls = task.__class__
    slots = requires.slots_of(cls)
    upstreams, paths, constants = _needs(task, slots) if slots else ((), (), [])
    refs: tuple[type | FunctionType, ...] = ()
    own: tuple[object, ...] = ()
    if encoded is not None:
        _, refs, _, own = encoded
    _check_undeclared(task, own, slots, upstreams)
    sources = upstreams
    if constants:
        sources = tuple([one for one in upstreams if isinstance(one, Node)])
        known = [constant.__taskproc_canonical__() for constant in constants]
        refs += tuple([ref for each in known for ref in each.refs])
        own += tuple([one for each in known for one in each.own])
    if refs:
        refs = tuple(dict.fromkeys(refs))
    files = input_files(own) if own else ()
    return Node(key, cls, cls.task_name, next(_serials), values, upstreams, paths, sources, refs, files, cache, task)


def _needs(task: Any, slots: Mapping[str, Slot]) -> tuple[tuple[Any, ...], tuple[Any, ...], list[Const[Any]]]:
    """What a task's slots were given: upstreams and item paths as in `taskproc.graph.Node`, and which are constants."""
    state = task.__dict__
    upstreams: list[Node | Const[Any]] = []
    paths: dict[int, tuple[object, ...]] = {}
    constants: list[Const[Any]] = []
    for name, slot in slots.items():
        if name not in state:
            message = f"{task.__class__.__qualname__}.{name} was never assigned: give it {slot.takes} in __init__"
            raise GraphError(message)
        for future in slot.futures(state[name]):
            upstream: Node | Const[Any] | None = getattr(future, "_task_node", None)
            if upstream is None:
                upstream, path = _origin(task, slot, future)
                if path:
                    paths[len(upstreams)] = path
                if isinstance(upstream, Const):
                    constants.append(upstream)
            upstreams.append(upstream)
    return tuple(upstreams), tuple([paths.get(i, ()) for i in range(len(upstreams))]) if paths else (), constants


def _origin(task: Any, slot: Slot, future: object) -> tuple[Node | Const[Any], tuple[object, ...]]:
    """The upstream that a future comes from which is no task, and the item path in its value."""
    if not isinstance(future, FutureBase):  # a list or dict can be added to after it was assigned
        raise slot.refuse(task, future, requires.hint(future, requires.NOT_A_FUTURE))
    source, path = origin_of(future)
    node: Node | None = getattr(source, "_task_node", None)
    try:
        return _other(source) if node is None else node, path
    except Unencodable as error:
        raise slot.refuse(task, future, f"{error}; make it a task's output") from None


def _check_undeclared(
    task: Any, given: Sequence[object], slots: Mapping[str, Slot], upstreams: Sequence[Node | Const[Any]]
) -> None:
    """Refuse a future in an attribute that is no slot, where nothing else has it run: an annotation was forgotten.

    A task may keep futures that it was given, and those that its upstreams need.
    """
    for name, value in task.__dict__.items():
        if value.__class__ in ATOMIC or name in slots:
            continue
        future = _first(value)
        if isinstance(future, FutureBase) and not _is_needed(future, given, upstreams):
            kind: Any = requires.kind_for(value)
            message = (
                f"{task.__class__.__qualname__}.{name} is no slot, so nothing would run what it holds:"
                f" declare it in the class, `{name}: {kind.__name__}[...]`"
            )
            raise DefinitionError(message)


def _first(value: Any) -> object:
    kind = value.__class__
    if kind is list or kind is tuple:
        return value[0] if value else None
    return next(iter(value.values()), None) if kind is dict else value


def _is_needed(future: FutureBase, given: Sequence[object], upstreams: Sequence[Node | Const[Any]]) -> bool:
    source = origin_of(future)[0]
    node: Node | None = getattr(source, "_task_node", None)
    if any(isinstance(one, FutureBase) and origin_of(one)[0] is source for one in given):
        return True
    layer = {id(upstream): upstream for upstream in upstreams}
    while layer:
        if id(source if node is None else node) in layer:
            return True
        later = [
            one for one in layer.values() if isinstance(one, Node) and node is not None and one.serial > node.serial
        ]
        layer = {id(upstream): upstream for one in later for upstream in one.sources}
    return False


def _other(source: FutureBase) -> Const[Any]:
    """An upstream that is no task, or none that can be needed."""
    if is_const(source):
        _ = source.digest  # or it says that it has none
        return source
    for key, (task, _, _) in _running.calls.items():
        if task is source:
            raise GraphError(_cycle(_running.calls, key))
    message = f"{source!r} is not defined (its __init__ failed, or it was unpickled): call its class for it"
    raise GraphError(message)
