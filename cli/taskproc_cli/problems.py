"""Errors as people meet them: one sentence, and an exit status."""

from __future__ import annotations

import re
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from typer import TyperException

from taskproc.errors import EndRequest, FailedTaskError, NoResultError, RequestError, TaskprocError
from taskproc.origin import is_user_file, source_file
from taskproc_cli.streams import printing_to_stderr

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

OK, FAILED, WRONG = 0, 1, 2
SIGNALLED = 128
"""An exit status that a signal caused is this and the signal's number."""

INTERRUPTED = SIGNALLED + 2

_NO_MEMORY = re.compile("failed to map segment|annot allocate memory")  # of a library, as it is loaded


class UsageError(RequestError):
    """The words of the command line ask for nothing that there is."""


class UserCodeError(RequestError):
    """The user's own code raised; `__cause__` is what it raised."""


class AnsweredNoError(TaskprocError):
    """A question was answered no."""


class Signalled(EndRequest):
    """A signal asks the program to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def users_code(doing: str, *, passing: tuple[type[TaskprocError], ...] = ()) -> Generator[None]:
    """Run code of the user's, which may print: stdout is for what was asked for.

    What it raises, but for a sentence of ours about a mistake and what is `passing`, is an error of theirs in `doing`
    that: so is a task that failed as they ran it there.
    """
    try:
        with printing_to_stderr():
            yield
    except RequestError as error:
        place = _place(error)
        if place and not hasattr(error, "__notes__"):
            error.add_note(f"({place})")
        raise
    except passing:
        raise
    except TaskprocError as error:
        told, *_ = str(error).splitlines() or [type(error).__name__]  # the traceback has the rest
        raise UserCodeError(f"{doing}: {told}") from error
    except SyntaxError as error:
        raise UserCodeError(f"{doing}: {error}") from error
    except (Exception, SystemExit) as error:
        raise UserCodeError(f"{doing}: {one_line(error)}{_import_meant(error)}") from error


def _import_meant(error: BaseException) -> str:
    """A hint, where a module is missing that lies in the working folder, or a file is in no package."""
    if isinstance(error, ImportError) and "no known parent package" in str(error):
        return "; put an __init__.py beside the file, or import without the dot"
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    here, name = Path.cwd(), error.name.partition(".")[0]
    is_here = (here / name).is_dir() or (here / f"{name}.py").is_file()
    if not is_here or not {"", str(here)}.isdisjoint(sys.path):
        return ""
    return f"; {name} lies in {here}, which is not searched for modules: set PYTHONPATH={here}"


def unwrapped(error: BaseException) -> BaseException:
    """The error itself; of what Python 3.11 makes of an interrupt while a class is made, the interrupt."""
    raised = error.__cause__ if isinstance(error, UserCodeError) else error
    cause = raised.__cause__ if isinstance(raised, RuntimeError) else None
    return cause if isinstance(cause, KeyboardInterrupt | Signalled) else error


def status_of(error: BaseException) -> int:
    """The exit status that an error ends the program with."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, Signalled):
        return SIGNALLED + error.number
    if isinstance(error, FailedTaskError | NoResultError | AnsweredNoError | BaseExceptionGroup):
        return FAILED
    return WRONG


def sentence(error: BaseException) -> str:
    """What to say of an error; empty where nothing need be said."""
    if isinstance(error, AnsweredNoError):
        return ""
    if isinstance(error, KeyboardInterrupt | Signalled):
        kept = ["what had finished is kept, and the same command goes on from there"]
        return f"interrupted; {getattr(error, '__notes__', kept)[0]}"
    if isinstance(error, TaskprocError):
        return " ".join((str(error), *getattr(error, "__notes__", ())))
    if isinstance(error, TyperException):
        return error.format_message()
    if isinstance(error, FileNotFoundError) and error.filename is None:
        return "the working folder is not there any more: go to another one"  # nothing else is asked for without a name
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and _NO_MEMORY.search(str(error))):
        return f"there is too little memory for this ({_innermost(error)}; see `ulimit -v`); what is finished is kept"
    if path := _hiding():
        return f"{path} hides the module of the standard library that has its name ({one_line(error)}): rename it"
    if isinstance(error, ImportError):
        return f"taskproc can't be loaded ({one_line(error)}): was its installation, or Python's, moved or replaced?"
    return f"this is a bug of taskproc, please report it: {one_line(error)} ({_innermost(error)})"


def _hiding() -> str:
    """A loaded file of the user's that has the name of a module of the standard library; empty if there is none."""
    loaded = sys.stdlib_module_names & sys.modules.keys()
    found = (source_file(sys.modules[name]) for name in sorted(loaded))
    return next((path for path in found if path and is_user_file(path)), "")


def one_line(error: BaseException) -> str:
    """An exception as Python's last line of a traceback tells it."""
    try:
        told = traceback.TracebackException.from_exception(error, limit=0)
        told.__notes__ = None  # they would be the last line
        return " ".join([*told.format_exception_only()][-1].split())
    except Exception:  # noqa: BLE001  an exception of the user's may fail to say what it is
        return type(error).__name__


def _place(error: BaseException) -> str:
    """The innermost line of the user's own code that an error came through; empty if it came through none."""
    from taskproc.failure import is_machinery

    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    theirs = [(file, line) for file, line in lines if is_user_file(file) and not is_machinery(file)]
    if not theirs:
        return ""
    file, line = theirs[-1]
    path = Path(file)
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"


def _innermost(error: BaseException) -> str:
    """Where an error of ours was raised."""
    place: TracebackType | None = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return "nowhere"
    return f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}"
