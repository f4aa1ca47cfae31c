"""Task, the language that taskfiles are written in. Nothing in the engine knows this module."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  `get_type_hints` of a user's class evaluates ours
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from taskproc.building import refuse_itself
from taskproc.canonical import canonical
from taskproc.context import blocks
from taskproc.copies import Place, carried, copy_of, itself, kept_in, node_of, referred, sent
from taskproc.definition import TaskType, prepare_class
from taskproc.errors import NoCacheError
from taskproc.future import FutureBase
from taskproc.options import Options
from taskproc.presentation import to_json, unpacked_json
from taskproc.record import WIDTH
from taskproc.settings import RESERVED, check_attribute

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    from taskproc.batch import State
    from taskproc.events import RunStats
    from taskproc.files import View
    from taskproc.future import Future
    from taskproc.graph import Node

T = TypeVar("T")

_ENCODED = canonical(("task", bytes(WIDTH))).data[:-WIDTH]
"""The encoding of `("task", key)`, which ends with the key."""


class Task(FutureBase, metaclass=TaskType):
    """A unit of work: what it needs is said in `__init__`, what it does in `run_task`.

    A task is known by its class and arguments, defined within a `with Cache(...)` block, and the future of its result.

    Attributes:
        task_name: The name of the class, `module.QualName`.
        _task_compress_level: Effort of compressing results, 0 to 9 (gzip's levels).
        _task_prefix_command: A command to run each task under, `srun -c {cpus}`; one shell line.
        _task_channel: What `rate_limits` bound: the name of something scarce, several, or how much the task takes of
            each, `{"gpu": 1, "memory_gb": 16}`.
        _task_resources: What prefix commands may name in braces, `{"cpus": 4}`.

    Example:
        >>> class Square(Task):
        ...     def __init__(self, x: int):
        ...         self.x = x
        ...     def run_task(self) -> int:
        ...         return self.x**2
        >>> with Cache("./cache"):
        ...     answer, stats = Square(12).run_graph()
    """

    __slots__ = ("__dict__", "__weakref__", "_task_node", "_task_place")

    task_name: ClassVar[str] = "taskproc.Task"
    _task_compress_level: int = 9
    _task_prefix_command: str = ""
    _task_channel: str | list[str] | dict[str, int] = []  # noqa: RUF012  read as it stands, as users write it
    _task_resources: Mapping[str, Any] = {}

    if TYPE_CHECKING:
        _task_node: Node | None
        _task_place: Place | None

    def __init__(self) -> None:
        """Say what the task needs: assign a future to each slot, and any other attribute."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        prepare_class(cls, Task)

    def run_task(self) -> Any:
        """Do the work, in a process or thread of its own; slots read as values.

        The returned value is what the task's readers get, as `return self.prev1 + self.prev2`; it must be serializable
        with cloudpickle.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not say what to do: define run_task")

    def run_graph(
        self: Future[T],
        *,
        executor: Executor | None = None,
        max_workers: int | None = None,
        rate_limits: Mapping[str, int] | None = None,
        prefixes: Mapping[str, str] | None = None,
        detect_source_change: bool = True,
        keep_going: bool = False,
        force_interactive: bool = False,
        show_progress: bool = False,
    ) -> tuple[T, RunStats]:
        """Run what is needed to bring the task up to date; gives its result, and what was done for it.

        Args:
            executor: Where tasks run: any `concurrent.futures.Executor` (never shut down here); None for our processes.
            max_workers: How many tasks run at once; by default the CPUs that this process may use.
            rate_limits: How many tasks run at once, or how much of a channel they take, by channel or `task_name`.
            prefixes: Commands to run tasks under, by channel or `task_name`; `''` takes the class's own away.
            detect_source_change: Run a task again when its code has changed.
            keep_going: After a failure, run all that can still run.
            force_interactive: Run in this process and thread, one task at a time, with this terminal.
            show_progress: Show a live display: on stderr, or in a notebook as HTML.

        Raises:
            FailedTaskError: A task failed; with `keep_going` an `ExceptionGroup` of them.
            RequestError: The request was wrong, and nothing ran.

        Example:
            >>> Choose(6, 3).run_graph(max_workers=2)[0]
            20
        """
        from taskproc.run import run

        node = node_of(self, "run_graph")
        options = Options(
            executor="process" if executor is None else executor,
            workers=max_workers,
            limits=rate_limits or {},
            prefixes=prefixes or {},
            detect_source_change=detect_source_change,
            keep_going=keep_going,
            interactive=force_interactive,
        )
        if not show_progress:
            return run(node, options)
        from taskproc_cli.views.progress import shown_progress

        with shown_progress(own_terminal=force_interactive) as listener:
            return run(node, options, listener)

    def get_task_result(self: Future[T]) -> T:
        """The recorded result.

        Raises:
            NoResultError: (a LookupError) there is none, or it is not up to date; the message says why.

        Example:
            >>> answer, stats = Choose(6, 3).run_graph()
            >>> Choose(6, 3).get_task_result()
            20
        """
        from taskproc.run import recorded_result

        result: T = recorded_result(node_of(self, "get_task_result"))
        return result

    @property
    def task_args(self) -> dict[str, Any]:
        """The arguments as JSON: names to values, a future as a reference (`__task__`, `__key__`, `__item__`).

        Example:
            >>> Choose(6, k=3).task_args
            {'n': 6, 'k': 3}
        """
        if self._task_place is not None:
            return {name: unpacked_json(value) for name, value in self._task_place.args.items()}
        node = node_of(self, "task_args")
        return {name: to_json(value) for name, value in node.parameters.named(node.values).items()}

    def to_json(self) -> dict[str, Any]:
        """The task as a JSON dict: a reference to it, and its arguments.

        Example:
            >>> sorted(Choose(6, 3).to_json())
            ['__args__', '__item__', '__key__', '__task__']
        """
        key = self._task_key("to_json")
        return {"__task__": self.task_name, "__key__": key, "__item__": [], "__args__": self.task_args}

    @property
    def task_id(self) -> int:
        """The integer id, unique in the class; allocated when first asked for, and kept for good.

        Example:
            >>> Choose(6, 3).task_id == Choose(6, 3).task_id != Choose(6, 2).task_id
            True
        """
        if self._task_place is not None and self._task_place.folder:
            return self._task_place.task_id
        from taskproc.kept import task_id

        return task_id(node_of(self, "task_id"))

    @property
    def task_directory(self) -> Path:
        """A folder of the task's own. In `run_task` it is fresh; from outside, it shows what the last good run left.

        Example:
            >>> class Train(Task):
            ...     def run_task(self) -> None:
            ...         (self.task_directory / "model.bin").write_bytes(b"weights")
        """
        return self._kept("data", "task_directory")

    @property
    def task_stdout(self) -> Path:
        """The file that shows what the task last printed: `task.task_stdout.read_text()`."""
        return self._kept("stdout.txt", "task_stdout")

    @property
    def task_stderr(self) -> Path:
        """The file that shows what the task last printed to stderr: `task.task_stderr.read_text()`."""
        return self._kept("stderr.txt", "task_stderr")

    def _kept(self, what: View, name: str) -> Path:
        if self._task_place is None or not self._task_place.folder:
            from taskproc.kept import kept_path

            return kept_path(node_of(self, name), what)
        return kept_in(self._task_place.folder, what)

    def clear_task(self) -> None:
        """Clear the task's result, so that it and all that needs it run again: `Choose(3, 3).clear_task()`."""
        from taskproc.kept import clear

        node = node_of(self, "clear_task")
        clear(node.home, {node.name: [node.key]})

    @classmethod
    def clear_all_tasks(cls) -> None:
        """Clear the class's results, `Choose.clear_all_tasks()`, in the cache of the `with Cache(...)` block around."""
        from taskproc.kept import clear

        if not blocks.get():
            call = f"{cls.__qualname__}.clear_all_tasks()"
            raise NoCacheError(f"clear_all_tasks needs a cache; write `with Cache('./cache'): {call}`")
        clear(blocks.get()[-1].cache, {cls.task_name: None})

    @classmethod
    def cli(cls) -> NoReturn:
        """Run what the command line asks for, and exit: `if __name__ == "__main__": Choose.cli()` at a file's end."""
        from taskproc_cli.app import run_task_class

        run_task_class(cls)

    def __setattr__(self, name: str, value: object) -> None:
        if self._task_node is not None:
            raise AttributeError(f"{self!r} cannot be modified after its __init__: set {name} there")
        if name in RESERVED or name[:6] == "_task_":
            check_attribute(type(self), name, value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if self._task_node is not None:
            raise AttributeError(f"{self!r} cannot be modified after its __init__: delete {name} there")
        object.__delattr__(self, name)

    def __repr__(self) -> str:
        if self._task_node is not None:
            return self._task_node.label
        args = self.task_args if self._task_place is not None else {}
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in args.items())})"

    def _repr_html_(self) -> str | None:
        """What notebooks show; None, for which they show the repr, of a task that is not defined yet, or that runs."""
        from taskproc_cli.views.card import card

        return card(self._task_node) if self._task_node is not None else None

    def __taskproc_canonical__(self) -> bytes:
        node = self._task_node
        if node is None and self._task_place is None:
            refuse_itself(self)
        return _ENCODED + (bytes.fromhex(self._task_key("its key")) if node is None else node.key)

    def __reduce__(self) -> tuple[Any, ...]:
        """A task travels as a reference, and as the copy itself where it is in what that is made of.

        The copy that runs takes what it has along, for processes that it starts.
        """
        if self._task_place is not None and self._task_place.folder:
            return carried(self, self._task_place)
        key = self._task_key("its key")
        if key == sent.get():
            return itself, ()
        return referred(self, Place(self.task_args, key))

    def _task_carried(self) -> Any:
        """How the copy that runs is pickled in its result: with what it has, but for its place."""
        own = self._task_node is None
        return carried(self, Place(self.task_args, self._task_key("its key"))) if own else NotImplemented

    def _task_key(self, what: str) -> str:
        return node_of(self, what).key.hex() if self._task_place is None else self._task_place.key

    @classmethod
    def _task_revive(cls, state: State, slots: dict[str, object], folder: str, task_id: int) -> Task:
        """The copy that runs (called by workers)."""
        attributes, args, key = state
        task = copy_of(cls, attributes, Place(args, key, folder, task_id))
        vars(task).update(slots)
        return task
