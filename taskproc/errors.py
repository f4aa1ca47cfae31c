"""What can go wrong, in one family.

TaskprocError                 somebody's request or code can be mended; `str()` is the sentence to show
├── RequestError              the request was wrong; found before any task runs
│   ├── DefinitionError       a Task class says something it must not        (also TypeError)
│   ├── ArgumentError         a task's argument does not fit its parameter   (also TypeError, ValueError)
│   ├── GraphError            tasks that cannot stand in one graph           (also ValueError)
│   ├── NoCacheError          a task was made outside every cache            (also RuntimeError)
│   ├── TaskfileError         a taskfile cannot be found or loaded
│   └── CacheError            a cache is refused, or cannot be used          (also OSError)
├── FailedTaskError           a task failed; `.task` and `__cause__` say which and why
└── NoResultError             no up-to-date result is there                  (also LookupError)

EndRequest, of a root of its own like KeyboardInterrupt, is no error: a signal asks the program to end.
"""

from __future__ import annotations

from typing import Any


class TaskprocError(Exception):
    """Root of all that a user of taskproc can mend; `str()` is the sentence to show.

    Example:
        >>> try:
        ...     answer, stats = Choose(6, "three").run_graph()
        ... except TaskprocError as error:
        ...     print(error)
        Choose: argument k: Input should be a valid integer, unable to parse string as an integer (got 'three')
    """


class RequestError(TaskprocError):
    """The request was wrong, so nothing has run; or the cache has failed, which may happen in the middle of a run.

    Example:
        >>> Choose(6, 3).run_graph(max_workers=0)
        Traceback (most recent call last):
        taskproc.errors.RequestError: max_workers is 0, but must be a whole number from 1
    """


class DefinitionError(RequestError, TypeError):
    """A Task class says something it must not, or a slot is given what is no future.

    Example:
        >>> class Train(Task):
        ...     _task_chanel = "gpu"
        Traceback (most recent call last):
        taskproc.errors.DefinitionError: Train._task_chanel is not a setting of tasks; did you mean _task_channel?
    """


class ArgumentError(RequestError, TypeError, ValueError):
    """A task's argument does not fit its parameter, or cannot identify a task.

    Attributes:
        path: The parameter whose value does not fit, and the keys and indices that lead to the part which does not;
            empty where something else is wrong.
        problem: What it should be, and is not.

    Example:
        >>> Choose(6, [3])
        Traceback (most recent call last):
        taskproc.errors.ArgumentError: Choose: argument k: Input should be a valid integer (got [3])
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = (), problem: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.problem = problem


class GraphError(RequestError, ValueError):
    """Tasks that cannot stand in one graph, or a task without what it needs.

    Example:
        >>> class Loop(Task):
        ...     up: Requires[int]
        ...     def __init__(self) -> None:
        ...         self.up = Loop()
        >>> Loop()
        Traceback (most recent call last):
        taskproc.errors.GraphError: a task needs itself: Loop() → Loop()
    """


class NoCacheError(RequestError, RuntimeError):
    """A task was made outside every `with Cache(...)` block, which is where tasks are defined.

    Example:
        >>> with Cache("./cache"):
        ...     task = Choose(6, 3)
    """


class TaskfileError(RequestError):
    """A taskfile cannot be found or loaded; the command line raises it.

    Example:
        >>> from taskproc import taskfile
        >>> taskfile.load(Path("study.txt"))
        Traceback (most recent call last):
        taskproc.errors.TaskfileError: taskfile ... does not exist
    """


class CacheError(RequestError, OSError):
    """A cache is refused, or the disk it lies on does not do what is asked.

    Example:
        >>> with Cache("words.txt"):
        ...     Choose(6, 3).run_graph()
        Traceback (most recent call last):
        taskproc.errors.CacheError: ...
    """


class NoResultError(TaskprocError, LookupError):
    """A task has no up-to-date result; the message names the task and the reason.

    Example:
        >>> Choose(50, 0).get_task_result()
        Traceback (most recent call last):
        taskproc.errors.NoResultError: Choose(n=50, k=0) has no up-to-date result (never ran); run it first
    """


class FailedTaskError(TaskprocError):
    """A task failed.

    Attributes:
        task: The task that failed, as constructed (None where only its record is known).
        label: How the task is named to people, `Train(seed=3)`.
        where: Its recorded instance, `module.Train#7`.
        reason: One line: the exception, the signal, or the exit status.
        details: The user's own traceback, as text; empty where there is none.
        output: The tail of what the task printed.
        log: The file with all that was printed, also by its prefix command, or the folder of several; else empty.
        blocks: How many tasks can't run because this one failed.

    `__cause__` is the exception that the task raised, where one could be brought back.

    Example:
        >>> class Inverse(Task):
        ...     def __init__(self, x: int):
        ...         self.x = x
        ...     def run_task(self) -> float:
        ...         return 1 / self.x
        >>> try:
        ...     Inverse(0).run_graph()
        ... except FailedTaskError as error:
        ...     print(error.label, error.reason)
        Inverse(x=0) ZeroDivisionError: division by zero
    """

    def __init__(
        self,
        label: str,
        reason: str,
        *,
        task: Any = None,
        where: str = "",
        details: str = "",
        output: str = "",
        log: str = "",
        blocks: int = 0,
    ) -> None:
        super().__init__(label, reason)
        self.task = task
        self.label = label
        self.where = where
        self.reason = reason
        self.details = details
        self.output = output
        self.log = log
        self.blocks = blocks

    def __str__(self) -> str:
        lines = [f"{self.label} failed: {self.reason}"]
        lines += [f"  {line}" for line in self.details.splitlines()]
        if self.output:
            lines += ["its output ended with:", *(f"  {line}" for line in self.output.splitlines())]
        if self.log:
            lines.append(f"all it printed: {self.log}")
        if self.blocks:
            lines.append(f"it blocks {self.blocks:,} task{'' if self.blocks == 1 else 's'}")
        if self.task is not None:
            lines.append("to look into it with pdb, in a terminal: error.task.run_graph(force_interactive=True)")
        return "\n".join(lines)


class EndRequest(BaseException):
    """Raised by a handler of signals wherever the program is, also in a task: the program is to end."""
