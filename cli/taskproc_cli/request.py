"""What a command about a task is asked for: the task's class, and the values of its parameters."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from taskproc.cache import Cache
from taskproc.errors import RequestError
from taskproc_cli.outline import read_outline
from taskproc_cli.parameter import spelled
from taskproc_cli.parameters import FutureNeededError, Parameters, parameters_of
from taskproc_cli.problems import UsageError
from taskproc_cli.settings import Settings
from taskproc_cli.target import Target, cache_path, check_taskfile, load_module, resolve_task, suggestion
from taskproc_cli.words import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskproc import Task
    from taskproc.graph import Node
    from taskproc.index import Wanted
    from taskproc.record import Key, Row
    from taskproc.store import Store

NAMED = 3
"""How many recorded instances are named where one is needed."""


@dataclass(eq=False)
class Request:
    """A target and the values of its parameters.

    Attributes:
        target: What the words say.
        cls: The class, where it is known beforehand: the request is that of its own `cli()`.
        values: Those given, by name.
        given: The names of the values that options give, which may be parts; the others are of `--kwargs`.
        words: The words of the request, as typed.
        kwargs: What `--kwargs` says, if it is given.
        folder: What `--cache` says, if it is given.
        trust: Whether a cache that others can write is taken.
        origins: Where the setting is that stands for an option, by its name in the program, if one does.
    """

    target: Target
    cls: type[Task] | None = None
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    given: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    kwargs: str | None = None
    folder: str | None = None
    trust: bool = False
    origins: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def rerun(self) -> str:
        """The command that runs the same in this terminal, with pdb."""
        from taskproc_cli.again import program, script

        return shlex.join([*(script() if self.cls else [*program(), "run"]), "-i", *self.words])

    @cached_property
    def settings(self) -> Settings:
        """What is said of options elsewhere than on the command line."""
        return Settings(self.target.folder)

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters of the task's class, which the taskfile is loaded for."""
        return parameters_of(self.cls or load_class(self.target))

    def refuse_instance(self) -> None:
        """Raise a UsageError where the target is `TASK#ID`, for a command that makes the task from its parameters."""
        if self.target.instance is not None:
            name = self.target.task
            raise UsageError(
                f"{name}#{self.target.instance} is a recorded instance; say {name} and its parameters instead"
            )

    def _refuse_parameters(self) -> None:
        """Raise a UsageError where parameters are given beside `TASK#ID`."""
        given = [f"--{spelled(name)}" for name in sorted(self.given)] or ["--kwargs"] * bool(self.values)
        if given:
            name = f"{self.target.task}#{self.target.instance}"
            raise UsageError(f"{name} is one recorded instance, whatever its parameters: leave {given[0]} out")

    def called(self, name: str) -> str:
        """What to call an option in errors, by its name in the program: where its value was found."""
        return self.origins.get(name) or f"--{name.replace('_', '-')}"

    @property
    def loaded(self) -> bool:
        """Whether the class was needed so far: parameters were given, or the command always asks for them."""
        return "parameters" in vars(self)

    @cached_property
    def cache(self) -> Cache:
        """Where the results are kept."""
        if self.folder is None and self.target.taskfile is not None:
            check_taskfile(self.target.taskfile)  # which tells the place
        return Cache(cache_path(self.target, self.folder), trust=self.trust)

    def store(self) -> Store:
        """What the cache holds, open to be looked at."""
        from taskproc.store import open_store

        return open_store(self.cache, write=False)

    def node(self) -> Node:
        """The task that is meant."""
        return self.nodes([(self.values, "")])[0]

    def recorded_node(self) -> Node:
        """The task that is meant, for a command about what is recorded: such a task can be named by its id too.

        Raises:
            UsageError: it can't be made from words, but be named so.
        """
        try:
            return self.node()
        except FutureNeededError as error:
            raise UsageError(f"{error.problem}; {self._instances()}") from None

    def _instances(self) -> str:
        """How to name recorded instances of the class, the newest first."""
        cls = self.parameters.cls
        with self.store() as store:
            ids = [row.task_id for row in store.read_all(cls.task_name).rows.values() if row.good or row.failure]
        named = [f"{cls.__qualname__}#{number}" for number in sorted(ids, reverse=True)[:NAMED]]
        more = f" or another of {len(ids):,}" if len(ids) > NAMED else ""
        known = f"such as {', '.join(named)}{more}" if named else f"of which there is none in {self.cache.path}"
        return f"name a recorded instance, {cls.__qualname__}#ID, {known}"

    def nodes(self, points: Iterable[tuple[Mapping[str, Any], str]]) -> list[Node]:
        """The tasks with these values, each with what to call it in errors where there are several."""
        found: list[Node] = []
        of_json = self.values.keys() - {name.partition(".")[0] for name in self.given}
        with self.cache:
            for values, label in points:
                try:
                    node = self.parameters.make(values, of_json)._task_node
                except RequestError as error:
                    if label:
                        error.add_note(f"(at {label})")
                    raise
                assert node is not None  # it is defined
                found.append(node)
        return found

    def main_nodes(self) -> Sequence[Node]:
        """The tasks that the file's main task needs, itself among them; none where that can't be made by itself."""
        from taskproc.graph import build_graph

        main = replace(self, target=self.target._replace(task=None, instance=None), values={}, given=frozenset())
        with suppress(RequestError):
            return build_graph(main.node()).nodes
        return ()

    def instance(self) -> Instance:
        """What is recorded of the one task that is meant: `TASK#ID`, or that of these parameters.

        Raises:
            UsageError: nothing is.
        """
        with self.store() as store:
            if self.target.instance is not None:
                self._refuse_parameters()
                name, label = self._recorded_name(store.names()), f"{self.target.task}#{self.target.instance}"
                found = store.find(name, self.target.instance)
            else:
                node = self.recorded_node()
                name, label = node.name, node.label
                found = next(iter(store.read({name: [node.key]}).rows.items()), None)
        if found is None:
            raise UsageError(f"nothing is recorded of {label} in {self.cache.path}")
        return Instance(name, label, *found)

    def recorded(self) -> Wanted | None:
        """What of the cache is meant, by `task_name` and key: one task, all of a class, or everything (None).

        The taskfile is loaded only where parameters are given.
        """
        if self.target.instance is not None:
            instance = self.instance()
            return {instance.name: [instance.key]}
        if self.loaded:
            node = self.recorded_node()
            return {node.name: [node.key]}
        if self.target.task is None:
            return None
        with self.store() as store:
            name = self._recorded_name(store.names())
            return {name: [*store.read_all(name).rows]}

    def _recorded_name(self, names: Sequence[str]) -> str:
        """The `task_name` of the target, which the taskfile need not be loaded for.

        Raises:
            UsageError: nothing of that name is recorded, nor is there such a task.
        """
        from taskproc.taskfile import module_name

        task = self.target.task or ""
        module = self.target.module or (module_name(self.target.taskfile)[0] if self.target.taskfile else "")
        short = identifier(task.removeprefix(f"{module}."))
        name = f"{module}.{short}"
        if name in names:
            return name
        if task in names:
            return task
        outline = read_outline(str(self.target.taskfile))
        if outline is not None and short in outline.tasks:
            return name
        elsewhere = meant = [each for each in names if each.endswith(f".{task}")]
        if self.target.taskfile is not None or self.target.module is not None:
            first = task.partition(".")[0]
            homes = [each.removesuffix(f".{task}") for each in elsewhere]
            package = module if Path(self.target.taskfile or "").stem == "__init__" else module.rpartition(".")[0]
            meant = [f"{home}.{task}" for home in homes if outline and outline.imports(home, first, package)]
        if len(meant) == 1:
            return meant[0]
        known = [each.removeprefix(f"{module}.") for each in names] + list(outline.tasks if outline else ())
        hint = f"; did you mean {elsewhere[0]!r}?" if elsewhere else suggestion(task, known)
        raise UsageError(f"there is no task {task!r}, and nothing is recorded of one{hint}")


class Instance(NamedTuple):
    """A task as recorded."""

    name: str
    label: str
    key: Key
    row: Row


def load_class(target: Target) -> type[Task]:
    """The class that a target means, its taskfile imported."""
    return resolve_task(load_module(target), target.task)


def request_for_class(cls: type[Task]) -> Request:
    """What a class's own `cli()` asks for: that class, with the cache beside its file."""
    from taskproc.taskfile import file_of

    return Request(Target(file_of(cls.__module__), task=cls.__qualname__), cls)
