"""Runs scripts in forks of this process, which has the program's modules loaded: imports are most of what one costs.

Each line of stdin is a request in JSON: the script and its words, the folder, the environment, and three files for the
standard streams. Each line of stdout is how that ended: the exit status, or minus a signal.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path

import taskproc
import taskproc_cli
from taskproc.asloaded import note_new
from taskproc.origin import user_modules

LEFT_OUT = {"taskproc.__main__", "taskproc.pytest_plugin", "taskproc.worker", "taskproc_cli.__main__"}
PATIENCE = 60  # seconds that a script may take


def load() -> None:
    """Import what any command may need."""
    for package in (taskproc, taskproc_cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in LEFT_OUT:
                import_module(module.name)
    note_new("taskproc")  # which of them are the user's is asked for when a task is defined, and remembered
    user_modules()


def run(words: list[str], folder: str, environ: dict[str, str], streams: list[str]) -> int:
    """Be the script: the exit status."""
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR | os.O_APPEND), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.dont_write_bytecode = bool(environ.get("PYTHONDONTWRITEBYTECODE"))
    if encoding := environ.get("PYTHONIOENCODING"):
        for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
            stream.reconfigure(encoding=encoding, errors=errors)  # type: ignore[attr-defined]
    signal.alarm(PATIENCE)
    sys.argv = words
    sys.path[0] = str(Path(words[0]).parent)
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def leave(status: int) -> None:
    """End as the interpreter does, but for taking the modules apart, which takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        if not stream.closed:
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    # As the tests' own process has them (see tests/conftest.py).
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    load()
    gc.freeze()
    for line in sys.stdin:
        process = os.fork()
        if not process:
            leave(run(*json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
