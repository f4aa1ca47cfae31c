"""`--watch`: when a run is over, wait until a file that it depends on changes, and begin again as a fresh process.

What a run depends on: the user's modules that are loaded, the files that its code was read from, its input files, and
the pyproject.toml that holds its settings. If it ended in an error: also the files that this came through, and all that
the run before depended on.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from taskproc_cli.problems import UsageError
from taskproc_cli.views import terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from taskproc.graph import Node

INTERVAL = 0.2
"""Seconds between two looks; a change counts once it has lasted for one."""

_AGAIN = "TASKPROC__WATCHED"  # tells the process that begins again what the one before it depended on
_LONGEST = 100_000  # bytes of that; a variable of the environment takes no more

State = tuple[int, int, int]
"""Of a file: size, mtime in nanoseconds, inode."""

States = dict[str, object]


class Watch:
    """Whether this process is to begin again, and what for. There is one, made before any file of the user's is read.

    Attributes:
        on: Whether it is.
        nodes: The tasks that the run brings up to date, as far as it came to that; set by `take`.
        error: What ended the work, if an error did.
    """

    def __init__(self) -> None:
        before = os.environ.pop(_AGAIN, None)
        self.on = before is not None
        self.error: BaseException | None = None
        self._started = time.time_ns()
        self._before = (before or "").splitlines()
        self.nodes: Sequence[Node] = ()
        self._named: list[str] = []
        self._found: dict[str, State | None] = {}
        self._look(self._before)

    def begin(self, files: Sequence[Path | None], kwargs: str | None) -> None:
        """Be on, for these files and the one that `--kwargs` may name.

        Raises:
            UsageError: what is read from stdin can't be read again.
        """
        if kwargs == "-":
            raise UsageError(
                "--watch: what --kwargs - reads from stdin can't be read again; name a file, --kwargs @FILE"
            )
        self.on = True
        self._named = [os.path.abspath(file) for file in files if file is not None]
        if kwargs is not None and kwargs.startswith("@"):
            self._named.append(os.path.abspath(os.path.expanduser(kwargs[1:])))
        self._look(self._named)

    def take(self, nodes: Sequence[Node]) -> None:
        """Be told what the run is about to bring up to date."""
        self.nodes = nodes
        if self.on:
            self._look((*self._code(), *self._inputs()))

    def wait(self) -> None:
        """Return when a file has changed, since this process began or from now on."""
        paths = sorted({*self._code(), *self._inputs(), *self._named, *(self._before if self.error else ())})
        terminal.say(terminal.paint(f"watching {len(paths)} file{'s' * (len(paths) != 1)}; Ctrl-C ends it", "dim"))
        known = _states(paths)
        changed = [path for path in paths if self._has_changed(path)]
        while not changed:
            time.sleep(INTERVAL)
            changed = _differing(known, _states(paths))
        while known != (now := _states(paths)):
            known = now
            time.sleep(INTERVAL)
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        terminal.say(terminal.paint(f"{os.path.relpath(changed[0])}{more} changed", "dim"))
        self._before = paths

    def again(self) -> NoReturn:
        """Become a process that runs the same command."""
        told = "\n".join(self._before)
        os.environ[_AGAIN] = told if len(os.fsencode(told)) < _LONGEST else "\n".join(self._named)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  the command of this very process

    def _look(self, paths: Iterable[str]) -> None:
        """Remember how files are that count, as early as that is known of each."""
        for path in paths:
            if path not in self._found:
                self._found[path] = _file_state(path)

    def _has_changed(self, path: str) -> bool:
        """Whether a file changed while this process ran; a folder that a task writes into always has.

        It is another than was found, though it be of an older time, or else it is new by the clock.
        """
        state = _file_state(path)
        if self._found.get(path, state) != state:
            return True
        return state is not None and self._started < state[1] <= time.time_ns()

    def _code(self) -> Iterator[str]:
        """The files of the code that was loaded or, if it could not be, that the error tells of."""
        from taskproc import Task
        from taskproc.failure import is_machinery
        from taskproc.fingerprint import Fingerprinter
        from taskproc.graph import build_graph
        from taskproc.origin import is_user_file, source_file, user_modules

        loaded = map(source_file, user_modules().values())
        codes = Fingerprinter(Task)
        classes = {node.cls for node in build_graph(*self.nodes).nodes} if self.nodes else ()
        program = source_file(sys.modules["__main__"])  # which is among the loaded ones if it is a script of the user's
        read = [file.path for cls in classes for file in codes.of(cls).files if file.path != program]
        told = list(_files_of(self.error)) if self.error is not None else []
        modules = (
            path for path in (*loaded, *told) if path.endswith(".py") and is_user_file(path) and not is_machinery(path)
        )
        held = [str(path) for cls in classes for path in codes.of(cls).inputs]
        named = [path for cls in classes for path in codes.of(cls).watched]
        yield from map(os.path.abspath, (*modules, *read, *held, *named))

    def _inputs(self) -> Iterator[str]:
        from taskproc.canonical import Unencodable, canonical
        from taskproc.graph import build_graph
        from taskproc.inputfile import input_files

        for node in build_graph(*self.nodes).nodes if self.nodes else ():
            yield from map(os.path.abspath, node.files)
            with suppress(Unencodable):
                yield from map(os.path.abspath, input_files(canonical(node.attributes, partial=True).own))


def _files_of(error: BaseException | None) -> Iterator[str]:
    """The files in the traceback of an error, and of those behind it."""
    while error is not None:
        if isinstance(error, SyntaxError) and error.filename:
            yield error.filename
        place: TracebackType | None = error.__traceback__
        while place is not None:
            yield place.tb_frame.f_code.co_filename
            place = place.tb_next
        error = error.__cause__ or error.__context__


def _states(paths: Sequence[str]) -> States:
    """Size and time of modification of files, or of all files in a folder; None of what is not there."""
    from taskproc.inputfile import states

    found: States = {}
    for path in paths:
        try:
            found[path] = dict(states(path))
        except OSError:
            found[path] = None
    return found


def _file_state(path: str) -> State | None:
    """The same of one file, None of anything else; without its ctime, which a task changes that links to it."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _differing(then: States, now: States) -> list[str]:
    return [path for path, state in now.items() if state != then[path]]


watch = Watch()
