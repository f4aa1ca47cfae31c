"""What ties a process to its runner: a socket whose other end the runner holds, and closes by dying.

Linux then ends the process with all of its group, by SIGIO. Elsewhere that signal is ignored by default, so a shell
waits for the end of the socket, and ends the group that it is in. A thread of the process could not: a task may hold
the interpreter for as long as it likes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import weakref

_BY_SIGNAL = hasattr(fcntl, "F_SETSIG")  # as on Linux
_GUARD = "(trap '' HUP INT TERM; read -r over <&3 || kill -9 0) </dev/null >/dev/null 2>&1 &"

_ours: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def _close_in_child() -> None:
    for end in _ours:
        with contextlib.suppress(OSError):
            os.close(end.detach())


os.register_at_fork(after_in_child=_close_in_child)


def keep_from_children(end: socket.socket) -> None:
    """Have a forked child close this socket, lest it makes others believe that this process lives."""
    _ours.add(end)


class Lifeline:
    """The runner's end, to be made before the process that it is for, and closed after its death.

    Attributes:
        number: The descriptor to pass to the process.
        name: What the process must be told, for `hold`.
    """

    def __init__(self) -> None:
        self._our_end, self._their_end = socket.socketpair()
        keep_from_children(self._our_end)
        self.number = self._their_end.fileno()
        self.name = f"{self.number}:{os.fstat(self.number).st_ino}"
        if _BY_SIGNAL:
            fcntl.fcntl(self.number, fcntl.F_SETSIG, signal.SIGTERM)

    def passed(self, group: int | None = None) -> None:
        """Tell that the process has its end.

        Until that holds it, Linux sends SIGTERM to `group` when the runner dies: a command between the two may end
        what it has begun elsewhere.
        """
        if group is not None and _BY_SIGNAL:
            fcntl.fcntl(self.number, fcntl.F_SETOWN, -group)
            fcntl.fcntl(self.number, fcntl.F_SETFL, fcntl.fcntl(self.number, fcntl.F_GETFL) | os.O_ASYNC)
        self._their_end.close()

    def close(self) -> None:
        """Let go."""
        self._their_end.close()
        if not _BY_SIGNAL:
            with contextlib.suppress(OSError):
                self._our_end.send(b"over\n")  # tells the shell that nobody has died
        self._our_end.close()


def hold(name: str = "") -> bool:
    """End with the runner from now on; false, and nothing, if that can't be.

    A command in between may not pass the lifeline on; or it numbers processes anew, as `unshare --pid` does, so that
    the group, which is of outside, has no number here to send a signal to.
    """
    if not name or os.getpgrp() == 0:
        return False
    number, inode = map(int, name.split(":"))
    try:
        if os.fstat(number).st_ino != inode:
            return False
        if not _BY_SIGNAL:
            _guard(number)
            return True
        os.set_inheritable(number, False)  # noqa: FBT003
        fcntl.fcntl(number, fcntl.F_SETSIG, 0)
        fcntl.fcntl(number, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
        if not os.read(number, 1):  # the runner is gone already: no signal will tell
            os._exit(1)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _guard(number: int) -> None:
    """Have a shell wait in the group of this process: no child of it, which a task may wait for."""
    shell = os.posix_spawn("/bin/sh", ["sh", "-c", _GUARD], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, number, 3)])
    os.waitpid(shell, 0)
    os.close(number)
