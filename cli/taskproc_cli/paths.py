"""Files and folders as words of the command line, for the completer: importing pathlib would take longer."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def is_taskfile(word: str) -> bool:
    """Whether a word of the command line means a TASKFILE."""
    return word.endswith(".py") or "/" in word


def taskfile_path(words: list[str]) -> str:
    """The path of the taskfile that the words of a target mean; it need not be there."""
    if words and is_taskfile(words[0]):
        return os.path.expanduser(words[0])
    if words and ":" in words[0]:
        return module_path(words[0].partition(":")[0])
    folder = os.getcwd()
    while not os.path.isfile(os.path.join(folder, "taskfile.py")) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return os.path.join(folder, "taskfile.py")


def module_path(module: str) -> str:
    """The path of a module of the working folder, by its dotted name; it need not be there."""
    path = module.replace(".", "/")
    package = os.path.join(path, "__init__.py")
    return package if os.path.isfile(package) else f"{path}.py"


def entries(start: str, suffix: str = "") -> Iterator[str]:
    """The folders, and with a suffix the files that end in it, whose path starts so; folders end in `/`."""
    folder, slash, name = start.rpartition("/")
    try:
        found = sorted(os.scandir(os.path.expanduser(folder + slash) or "."), key=lambda entry: entry.name)
    except (OSError, ValueError):  # the latter for a name that can be no path
        return
    for entry in found:
        if not entry.name.startswith(name) or entry.name == "__pycache__":
            continue
        if entry.name.startswith(".") and not name.startswith("."):
            continue
        if entry.is_dir():
            yield f"{folder}{slash}{entry.name}/"
        elif suffix and entry.name.endswith(suffix):
            yield f"{folder}{slash}{entry.name}"
