"""Defining tasks: what a Task class may say, and what happens when one is called."""

from __future__ import annotations

import contextvars
import functools
import itertools
import threading
from abc import ABCMeta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from taskproc import requires
from taskproc.arguments import Parameters
from taskproc.asloaded import note_new
from taskproc.canonical import Unencodable
from taskproc.context import Block, blocks, in_task, running_inits
from taskproc.errors import DefinitionError, GraphError, NoCacheError
from taskproc.future import ATOMIC, Const, FutureBase, instances, is_const, origin_of, own_copy
from taskproc.graph import Node
from taskproc.settings import check_member
from taskproc.taskfile import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskproc.arguments import Values
    from taskproc.record import Key

T = TypeVar("T")

LEVELS_A_THREAD = 50
"""Tasks that may define one another on one thread's stack; deeper ones go on with a fresh stack."""

DEEPEST = 10_000
"""Tasks that may define one another in all."""

_serials = itertools.count()

parameters_of = functools.cache(Parameters)
"""The parameters of a Task class, read once."""


class TaskType(ABCMeta):
    """The type of Task classes: calling one defines a task, or gives the one that is defined already."""

    if not TYPE_CHECKING:  # type checkers read the signature of `__init__`

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return define(cls, args, kwargs)

        # ABCMeta's ask each subclass there is, and keep the answers in each of them.
        __instancecheck__ = type.__instancecheck__
        __subclasscheck__ = type.__subclasscheck__


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
    for owner in (cls, *mixins):
        for name, value in vars(owner).items():
            check_member(cls, name, value)
    cls.task_name = f"{name_of(cls.__module__)}.{cls.__qualname__}"


Needs = tuple[tuple["Node | Const[Any]", ...], tuple[tuple[object, ...], ...]]
"""The upstreams of a task and the item paths in their values, as in `taskproc.graph.Node`."""


class Call(NamedTuple):
    """A task whose `__init__` is running, with its arguments."""

    task: Any
    parameters: Parameters
    values: Values

    def init(self) -> None:
        """Call `__init__`."""
        self.parameters.call(type(self.task).__init__, self.task, self.values)

    def __str__(self) -> str:
        return f"{type(self.task).__qualname__}({self.parameters.show(self.values)})"


def define(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The task of a class with these arguments: the one defined in this block already, or a new one.

    Raises:
        NoCacheError: there is no block.
        ArgumentError: the arguments do not fit.
        GraphError: the task needs itself, its definition has no end, or it leaves a slot without a future.
    """
    around = blocks.get()
    if not around:
        name = cls.__qualname__
        if in_task.get():
            raise NoCacheError(
                f"{name} was defined inside run_task: tasks are made in __init__, and assigned to a slot (Requires)"
            )
        raise NoCacheError(f"{name} was defined outside a cache; write `with Cache('./cache'): {name}(...)`")
    block = around[-1]
    parameters = parameters_of(cls)
    values = parameters.bind(args, kwargs)
    key, refs = parameters.key(values)
    known = block.tasks.get((cls, key))
    if known is not None:
        return known
    task = cls.__new__(cls)
    task._task_begin()
    values = tuple([own_copy(value) for value in values])
    needs = _initialize(key, Call(task, parameters, values))
    task._task_end(_node(task, key, values, needs, refs, block))
    return block.tasks.setdefault((cls, key), task)  # another thread may have been first


def _initialize(key: Key, call: Call) -> Needs:
    """Run a task's `__init__`; what it needs."""
    building: dict[Key, Call] | None = running_inits.get()
    if building is None:
        building = {}
        running_inits.set(building)
    _check_depth(building, key, call)
    building[key] = call
    try:
        if len(building) % LEVELS_A_THREAD:
            call.init()
        else:
            _on_fresh_stack(call.init)
        needs = _needs(call.task, building)
        _check_undeclared(call, needs[0])
        return needs
    finally:
        del building[key]
        if not building:
            running_inits.set(None)


def _check_depth(building: dict[Key, Call], key: Key, call: Call) -> None:
    if key in building:
        raise GraphError(_cycle(building, key))
    if len(building) >= DEEPEST:
        message = (
            f"{next(iter(building.values()))} has a definition without end, or one over {DEEPEST:,} tasks deep"
            f" (at {call}); stop its recursion, or pass futures instead"
        )
        raise GraphError(message)


def _cycle(building: dict[Key, Call], key: Key) -> str:
    """The sentence about a task that was met again while its `__init__` was running."""
    keys = list(building)
    cycle = [str(building[k]) for k in keys[keys.index(key) :]]
    return "a task needs itself: " + " → ".join([*cycle, cycle[0]])


def _on_fresh_stack(function: Any) -> None:
    """Call a function on a thread of its own, whose stack is empty, and wait for it.

    A recursion limit that is merely raised does not do: CPython 3.12 and newer also bound the C stack, per thread.
    """
    context = contextvars.copy_context()
    failure: list[BaseException] = []

    def call() -> None:
        try:
            context.run(function)
        except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
            failure.append(error)

    thread = threading.Thread(target=call, name="taskproc-definition", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0].with_traceback(None if isinstance(failure[0], GraphError) else failure[0].__traceback__)


def _needs(task: Any, building: dict[Key, Call]) -> Needs:
    """What a task's slots were given: the upstreams, and the item paths in their values."""
    cls = task.__class__
    state = task.__dict__
    upstreams: list[Node | Const[Any]] = []
    paths: list[tuple[object, ...]] = []
    for name, slot in requires.slots_of(cls).items():
        if name not in state:
            message = (
                f"{cls.__qualname__}.{name} was never assigned: give it a future (a task, an item, a Const) in __init__"
            )
            raise GraphError(message)
        for _, future in slot.positions(state[name]):
            if not isinstance(future, FutureBase):  # a list or dict can be added to after it was assigned
                raise slot.refuse(task, future, requires.hint(future, requires.NOT_A_FUTURE))
            source, path = origin_of(future)
            node: Node | None = getattr(source, "_task_node", None)
            try:
                upstreams.append(_other(source, building) if node is None else node)
            except Unencodable as error:
                raise slot.refuse(task, future, f"{error}; make it a task's output") from None
            paths.append(path)
    return tuple(upstreams), tuple(paths) if any(paths) else ()


def _check_undeclared(call: Call, upstreams: Sequence[Node | Const[Any]]) -> None:
    """Refuse a future in an attribute that is no slot, where nothing else has it run: an annotation was forgotten.

    A task may keep futures that it was given, and those that its upstreams need.
    """
    slots = requires.slots_of(call.task.__class__)
    for name, value in call.task.__dict__.items():
        if value.__class__ in ATOMIC or name in slots:
            continue
        future = _first(value)
        if isinstance(future, FutureBase) and not _is_needed(future, call.values, upstreams):
            kind: Any = requires.kind_for(value)
            message = (
                f"{call.task.__class__.__qualname__}.{name} is no slot, so nothing would run what it holds:"
                f" declare it in the class, `{name}: {kind.__name__}[...]`"
            )
            raise DefinitionError(message)


def _first(value: Any) -> object:
    kind = value.__class__
    if kind is list or kind is tuple:
        return value[0] if value else None
    return next(iter(value.values()), None) if kind is dict else value


def _is_needed(future: FutureBase, values: Values, upstreams: Sequence[Node | Const[Any]]) -> bool:
    source = origin_of(future)[0]
    node: Node | None = getattr(source, "_task_node", None)
    if any(origin_of(given)[0] is source for given in instances(FutureBase, values)):
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


def _other(source: FutureBase, building: dict[Key, Call]) -> Const[Any]:
    """An upstream that is no task, or none that can be needed."""
    if is_const(source):
        _ = source.digest  # or it says that it has none
        return source
    for key, call in building.items():
        if call.task is source:
            raise GraphError(_cycle(building, key))
    message = f"{source!r} is not defined (its __init__ failed, or it was unpickled): call its class for it"
    raise GraphError(message)


def _node(task: Any, key: Key, values: Values, needs: Needs, refs: tuple[Any, ...], block: Block) -> Node:
    cls = task.__class__
    upstreams, paths = needs
    sources = tuple([upstream for upstream in upstreams if isinstance(upstream, Node)])
    if len(sources) < len(upstreams):
        refs += tuple([ref for upstream in upstreams if isinstance(upstream, Const) for ref in upstream.refs])
    return Node(
        key=key,
        cls=cls,
        name=cls.task_name,
        serial=next(_serials),
        parameters=parameters_of(cls),
        values=values,
        upstreams=sources if len(sources) == len(upstreams) else upstreams,
        paths=paths,
        sources=sources,
        refs=tuple(dict.fromkeys(refs)) if refs else (),
        cache=block.cache.path,
        trust=block.cache.trust,
        task=task,
    )
