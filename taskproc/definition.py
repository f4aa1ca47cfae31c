"""Defining tasks: what a Task class may say, and what happens when one is called."""

from __future__ import annotations

import itertools
import sys
from abc import ABCMeta
from typing import TYPE_CHECKING, Any

from taskproc import requires
from taskproc.arguments import Parameters, parameters_of
from taskproc.asloaded import note_new
from taskproc.building import begin, end, initialize, refuse_itself
from taskproc.canonical import Unencodable
from taskproc.context import blocks, in_task
from taskproc.errors import DefinitionError, GraphError, NoCacheError
from taskproc.fixed import own_copy
from taskproc.flat import SCALARS
from taskproc.future import Const, FutureBase, is_const, origin_of
from taskproc.graph import Node, kin_of, named
from taskproc.inputfile import input_files
from taskproc.settings import check_member, check_name, check_slots
from taskproc.taskfile import name_of, put_root_first

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping, Sequence
    from types import FunctionType

    from taskproc.arguments import Values
    from taskproc.cache import Cache
    from taskproc.canonical import Canonical
    from taskproc.record import Key
    from taskproc.requires import Slot

_serials = itertools.count()
_DEEP = 9  # lists and dicts within each other that are looked into

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
    for name in requires.annotations_of(cls):  # a mixin may declare what it finds in a task
        check_name(cls, name)
    for owner in (cls, *mixins):
        for name, value in vars(owner).items():
            check_member(cls, name, value)
    put_root_first(cls.__module__)
    cls.task_name = f"{name_of(cls.__module__)}.{cls.__qualname__}"


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
    kin = parameters.kin if encoded is None else parameters.kin ^ _kin(encoded, block.cache)
    known = block.tasks[cls].get((key, kin))
    if known is not None:
        return known
    values = own_copy(values)
    task = cls.__new__(cls)
    _set(task, "_task_node", None)
    _set(task, "_task_place", None)
    begin(identity := (cls, key, kin), call := (task, parameters, values))
    try:
        initialize(call)
        _set(task, "_task_node", _node(key, encoded, task, values, block.cache, kin))
    finally:
        end(identity)
    return block.tasks[cls].setdefault((key, kin), task)  # another thread may have been first


class _Signature:
    """What `help` and the like show as the signature of a Task class: that of its `__init__`, not of our `__call__`."""

    def __get__(self, cls: type[Any] | None, kind: type[Any]) -> inspect.Signature:
        if cls is None:
            raise AttributeError  # of `TaskType` itself there is nothing to say
        return Parameters(cls).signature  # anew: who asks may go on to replace `__init__`


class TaskType(ABCMeta):
    """The type of Task classes: calling one defines a task, or gives the one that is defined already."""

    if not TYPE_CHECKING:  # type checkers read the signature of `__init__`
        __call__ = define

        def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any], **kwargs: Any) -> TaskType:
            # Without a class statement nothing says which module this is: it is the caller's, not that of ABCMeta.
            members.setdefault("__module__", sys._getframe(1).f_globals.get("__name__", "builtins"))
            return super().__new__(mcs, name, bases, members, **kwargs)

        def __setattr__(cls, name: str, value: object) -> None:
            if name.startswith("_task_"):
                check_member(cls, name, value)
            super().__setattr__(name, value)

        __signature__ = _Signature()

        # ABCMeta's ask each subclass there is, and keep the answers in each of them.
        __instancecheck__ = type.__instancecheck__
        __subclasscheck__ = type.__subclasscheck__


def _no_cache(cls: type) -> NoCacheError:
    name = cls.__qualname__
    if in_task.get():
        return NoCacheError(
            f"{name} was defined inside run_task: tasks are made in __init__, and assigned to a slot (Requires)"
        )
    message = f"{name} was defined outside a cache; write `with Cache('./cache'): {name}(...)`"
    return NoCacheError(f"{message}, or make it in the __init__ of the task that needs it")


def _kin(arguments: Canonical, cache: Cache) -> int:
    """What tells apart arguments with one encoding: the objects that its names stand for, and the caches of its tasks.

    It is 0 as a rule: each name stands for the object that had it first, and the tasks are of this cache.
    """
    if not arguments.refs and _are_plain(arguments.own, cache):
        return 0
    found = named(arguments.refs)
    for one in arguments.own:
        if isinstance(one, FutureBase) and not is_const(source := origin_of(one)[0]):
            node: Node | None = getattr(source, "_task_node", None)
            if node is None:  # a reference: its key is that of the task that it stands for
                task: Any = source
                found.append((bytes.fromhex(task._task_key("its key")), parameters_of(task.__class__).kin))
            elif node.home is cache or node.cache == cache.path:
                found.append((node.key, node.kin))
            else:
                found.append((node.key, (node.kin, node.cache)))
    return kin_of(found) if any(what for _, what in found) else 0


def _are_plain(objects: Sequence[object], cache: Cache) -> bool:
    """Whether all these are tasks of that cache which their keys alone tell apart, as nearly always."""
    for one in objects:
        node: Node | None = getattr(one, "_task_node", None)
        if node is None or node.kin or node.home is not cache:
            return False
    return True


def _node(key: Key, encoded: Canonical | None, task: Any, values: Values, cache: Cache, kin: int) -> Node:
    """The node of a task whose `__init__` has run."""
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
    return Node(
        key, cls, cls.task_name, next(_serials), values, upstreams, paths, sources, refs, files, cache, task, kin
    )


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
    """The upstream that a future comes from which is no task itself, and the item path in its value."""
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
        if value.__class__ in SCALARS or name in slots:
            continue
        future = _first(value)
        if isinstance(future, FutureBase) and not _is_needed(future, given, upstreams):
            kind = requires.kind_for(value)
            message = f"{task.__class__.__qualname__}.{name} is no slot, so nothing would run what it holds: " + (
                "assign the futures to slots, a list (RequiresList) or a dict (RequiresDict) to each"
                if kind is None
                else f"declare it in the class, `{name}: {kind.__name__}[...]`"
            )
            raise DefinitionError(message)


def _first(value: Any) -> object:
    """What a value begins with, if it is a list, a tuple or a dict of such."""
    for _ in range(_DEEP):
        kind = value.__class__
        if kind is list or kind is tuple:
            value = value[0] if value else None
        elif kind is dict:
            value = next(iter(value.values()), None)
        else:
            break
    return value


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
    """The source if it is a `Const`; any other is a task that is not defined, and refused."""
    if is_const(source):
        _ = source.digest  # raises if the value has none
        return source
    refuse_itself(source)
    message = f"{source!r} is not defined (its __init__ failed, or it was unpickled): call its class for it"
    raise GraphError(message)
