"""What `[TASKFILE] [TASK]` means: a file or module, a task in it, an instance of that, and the cache it goes with.

Of the words of a target,

    taskfile.py Choose            a word that ends in .py or holds a / is a TASKFILE
    package.module:Choose         both in one word
    Choose, Outer.Inner           a TASK of the default taskfile: taskfile.py here, or in the nearest folder above
    Choose#7                      a recorded instance of it
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from taskproc import taskfile
from taskproc.errors import RequestError, TaskfileError
from taskproc.origin import member, user_modules
from taskproc_cli.classes import is_task, task_classes
from taskproc_cli.paths import is_taskfile
from taskproc_cli.problems import users_code
from taskproc_cli.words import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

CACHE_FOLDER = ".taskproc"


class Target(NamedTuple):
    """What a command is about.

    Attributes:
        taskfile: The file that defines the tasks, absolute; None if a module was named, or there is no default one.
        module: The dotted name of the module, where one was named.
        task: The TASK as typed, without its instance; None where none was named.
        instance: The id behind `#`, if any.
    """

    taskfile: Path | None
    module: str | None = None
    task: str | None = None
    instance: int | None = None

    @property
    def folder(self) -> Path:
        """The folder of the taskfile; the working folder where there is none."""
        return self.taskfile.resolve().parent if self.taskfile else Path.cwd()


def parse_target(words: Sequence[str]) -> Target:
    """Read the words of a target; of the disk it asks only where the default taskfile is.

    Raises:
        RequestError: the words are too many, or do not say what a target says.
    """
    if "" in words:
        raise RequestError("'' names no task: leave the word out, or name one")
    first, *rest = words or ("",)
    name, colon, task = first.partition(":")
    if name.endswith(".py") and colon and not first.endswith(".py"):
        raise RequestError(
            f"{first!r} is no target: put a space between the taskfile and the task: {name} {task.lstrip(':')}"
        )
    path, module = None, None
    if is_taskfile(first):
        path = Path(os.path.abspath(expanded(first, "the taskfile")))
    elif colon:
        module = name
        rest = [task, *rest] if task else rest
    else:
        path = taskfile.find(Path.cwd())
        rest = [*words]
    if len(rest) > 1:
        raise RequestError(
            f"unexpected {rest[1]!r} after the task {rest[0]!r}: parameters are given as options, --name {rest[1]}"
        )
    return Target(path, module, *_split_instance(rest[0] if rest else ""))


def parse_taskfile(word: str) -> Target:
    """Read a target that is a taskfile or a module alone; an empty word means the default taskfile.

    Raises:
        RequestError: it is another word.
    """
    target = parse_target([word] if word else [])
    if target.task is not None:
        raise RequestError(f"{word!r} is no taskfile: the name of one ends in .py or contains a /")
    return target


def _split_instance(word: str) -> tuple[str | None, int | None]:
    task, mark, number = word.partition("#")
    if not mark:
        return task or None, None
    if not task or not (number.isascii() and number.isdigit()):
        raise RequestError(f"{word!r} names no instance: write TASK#ID, such as Train#7")
    return task, int(number)


def load_module(target: Target) -> ModuleType:
    """Import what a target is about.

    Raises:
        TaskfileError: there is no such file or module.
        UserCodeError: importing it raised.
    """
    gc.freeze()  # of what is there before the user's code, nothing is garbage, not even at the end
    with users_code(f"{target.taskfile or target.module} cannot be loaded"):
        module = _load(target)
    taskfile.requested[:] = [module.__name__] if module.__name__ != "__main__" else []
    return module


def _load(target: Target) -> ModuleType:
    if target.module is not None:
        return _import(target.module)
    if target.taskfile is None:
        raise TaskfileError(
            f"there is no {taskfile.DEFAULT} in {Path.cwd()} or a folder above it"
            f"{_file_meant(target.task or '') or ': name the taskfile before the task'}"
        )
    check_taskfile(target.taskfile)
    return taskfile.load(target.taskfile)


def _file_meant(task: str) -> str:
    """A hint at the taskfile that a word means which stands where a task's name would."""
    if Path(task).suffix and Path(task).is_file():
        return "; the name of a taskfile ends in .py"
    file = f"{task.replace('.', '/')}.py"
    return f"; did you mean the taskfile {file}?" if task and Path(file).is_file() else ""


def check_taskfile(path: Path) -> None:
    """Raise a TaskfileError that tells the nearest name where a taskfile does not exist."""
    if not path.exists():
        names = [each.name for each in path.parent.glob("*.py")]
        raise TaskfileError(f"taskfile {path} does not exist{suggestion(path.name, names)}")


def _import(module: str) -> ModuleType:
    import importlib

    taskfile.put_first(str(Path.cwd()))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the module is there: it is one of its own imports that is not
        raise TaskfileError(f"there is no module {error.name!r} in {Path.cwd()} or on sys.path") from None
    except (ValueError, TypeError) as error:
        if all(part.isidentifier() for part in module.split(".")):
            raise
        raise TaskfileError(f"{module!r} is no module name: write package.module:Task") from error


def resolve_task(module: ModuleType, task: str | None) -> type[Any]:
    """The Task class that a TASK means; without one, `Main`, else the only one of the file.

    Raises:
        RequestError: there is no such task, or the choice is open.
    """
    classes = task_classes(module)
    if task is None:
        return _default_task(module, classes)
    name = task.removeprefix(f"{taskfile.name_of(module.__name__)}.")
    if name in classes:
        return classes[name]
    for same in (task, identifier(name)):
        if same in classes:
            return classes[same]
    if (found := _imported(module, task)) is not None:
        return found
    if lacking := getattr(member(module, name), "__abstractmethods__", None):
        raise RequestError(
            f"{name} in {_place(module)} is abstract: name a class that defines {', '.join(sorted(lacking))}"
        )
    tasks = f"; its tasks are {', '.join(classes)}" if classes else ", nor any other"
    hint = _file_meant(task) or suggestion(task, classes) or tasks
    raise RequestError(f"there is no task {task!r} in {_place(module)}{hint}")


def _imported(module: ModuleType, task: str) -> type[Any] | None:
    """A task of another module: one that this module has by such a name, else one that is loaded, by its full name."""
    found = member(module, task)
    if is_task(found):
        return found
    classes = (cls for each in user_modules().values() for cls in task_classes(each).values())
    return next((cls for cls in classes if cls.task_name == task), None)


def _default_task(module: ModuleType, classes: Mapping[str, type[Any]]) -> type[Any]:
    if "Main" in classes:
        return classes["Main"]
    if len(classes) == 1:
        return next(iter(classes.values()))
    if not classes:
        imported = ", ".join(name for name, thing in vars(module).items() if is_task(thing))
        hint = f"name one that it imports, {imported}" if imported else "define a class that derives from taskproc.Task"
        raise RequestError(f"there is no task in {_place(module)}: {hint}")
    raise RequestError(f"{_place(module)} has no task Main; name one of its tasks: {', '.join(classes)}")


def _place(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or f"module {module.__name__}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'X'?` for the nearest known word, or nothing."""
    import difflib

    by_fold = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_fold, n=1)
    return f"; did you mean {by_fold[near[0]]!r}?" if near else ""


def cache_path(target: Target, option: str | None) -> Path:
    """Where results are kept: where the option says, from the working folder, else `.taskproc` beside the taskfile.

    Where there is no taskfile, the working folder stands for its folder.

    Raises:
        RequestError: it names no folder, or a `~user` who is unknown.
    """
    if option == "":
        raise RequestError("--cache: '' is no folder; leave the option out for the usual one")
    return target.folder / CACHE_FOLDER if option is None else Path.cwd() / expanded(option, "--cache")


def expanded(path: str, what: str) -> Path:
    """A path, its `~` replaced by the home folder; `what` is its name in errors."""
    try:
        if b"\0" in os.fsencode(path):
            raise RequestError(f"{what} {path!r} is no path: it holds a null character")
        return Path(path).expanduser()
    except UnicodeEncodeError as error:
        lacking = f"this locale ({error.encoding}) lacks letters of it: set PYTHONUTF8=1"
        raise RequestError(f"{what} {path!r} is no path here, for {lacking}") from error
    except RuntimeError as error:
        raise RequestError(f"{what} {path!r} begins with the home folder of an unknown user") from error
