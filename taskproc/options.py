"""How to run: all that a caller may choose."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from taskproc.cpus import cpus
from taskproc.errors import RequestError

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Mapping


class Options(NamedTuple):
    """How to run.

    Attributes:
        executor: `process`, `thread`, `serial`, `dask`, `dask:ADDRESS`, `package.module:factory` (called with
            `executor_args`), or an executor that the caller owns.
        workers: How many tasks run at once; None for the CPUs that this process may use, or, if that is more, what
            the executor runs at once.
        limits: How many tasks run at once, by channel or `task_name`; of a channel, how much there is to be taken.
        prefixes: Commands to run tasks under, by channel or `task_name`.
        settings: Such commands from weaker sources (environment, pyproject.toml), the strongest source first, by its
            name.
        result_grace: Seconds for which the result of a prefix command is waited for after its end; None for 10 where
            other hosts may write it, else none.
        detect_source_change: Run a task again when its code has changed.
        keep_going: After a failure, run all that can still run.
        interactive: Run in this thread, one task at a time, with this terminal, and debug what fails.
        force: Which tasks run whatever is recorded.
    """

    executor: str | concurrent.futures.Executor = "process"
    executor_args: Mapping[str, Any] = MappingProxyType({})
    workers: int | None = None
    limits: Mapping[str, int] = MappingProxyType({})
    prefixes: Mapping[str, str] = MappingProxyType({})
    settings: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    result_grace: float | None = None
    detect_source_change: bool = True
    keep_going: bool = False
    interactive: bool = False
    force: Literal["nothing", "requested", "all"] = "nothing"

    def check(self, example: str) -> None:
        """Refuse what callers without types may give; `example` is a `task_name` to name in the error.

        Raises:
            RequestError: One of the options is none.
        """
        for what, named in (("rate_limits", self.limits), ("prefixes", self.prefixes)):
            wrong = [name for name in named if type(name) is not str] if hasattr(named, "keys") else [named]
            if wrong:
                message = f"{what}: {wrong[0]!r} is no name; give a dict by channel or task_name, such as {example!r}"
                raise RequestError(message)
        numbers = {f"rate limit {name}": number for name, number in self.limits.items()}
        if self.workers is not None:
            numbers["max_workers"] = self.workers
        for name, number in numbers.items():
            if type(number) is not int or number < 1:
                raise RequestError(f"{name} is {number!r}, but must be a whole number from 1")
        for name, command in self.prefixes.items():
            if not isinstance(command, str):  # pyright: ignore[reportUnnecessaryIsInstance]  callers may not be typed
                raise RequestError(f"prefix {name} is {command!r}, but must be a command, as text")
        submits = callable(getattr(self.executor, "submit", None)) and not isinstance(self.executor, type)
        if not isinstance(self.executor, str) and not submits:
            raise RequestError(f"executor is {self.executor!r}, but must be a concurrent.futures.Executor, or None")

    @property
    def slots(self) -> int:
        """How many batches may run at once, rate limits apart."""
        if self.interactive or self.executor == "serial":
            return 1
        return self.workers or cpus()
