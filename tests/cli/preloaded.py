"""The executable, begun by a fork of a process that has its modules loaded: the imports are most of what it costs.

Its stdin is a socket, on which each request is three files, and then a line of JSON; its answers are the process that
was begun, and how that ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path

import taskproc
import taskproc_cli

LEFT_OUT = {"taskproc.__main__", "taskproc.pytest_plugin", "taskproc.worker", "taskproc_cli.__main__"}


def load() -> None:
    """Import what any command may need."""
    for package in (taskproc, taskproc_cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in LEFT_OUT:
                import_module(module.name)


def asked(connection: socket.socket) -> list[str] | None:
    """Fork for each request; in such a process its words, and here, after the last one, None."""
    stream = connection.makefile("rwb")
    while True:
        _, files, _, _ = socket.recv_fds(connection, 1, 3)
        if not files:
            return None
        words, folder, environ = json.loads(stream.readline())
        process = os.fork()
        if not process:
            for number, file in enumerate(files):
                os.dup2(file, number)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environ)
        for file in files:
            os.close(file)
        if not process:
            return list(words)
        stream.write(b"%d\n" % process)
        stream.flush()
        stream.write(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
        stream.flush()


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
    with socket.socket(fileno=os.dup(0)) as requests:
        given = asked(requests)
    if given:
        sys.argv = given
        sys.path[0] = str(Path(given[0]).parent)
        try:
            runpy.run_path(given[0], run_name="__main__")
        except SystemExit as end:
            if not isinstance(end.code, int):
                raise
            leave(end.code)
