"""Which runs are alive: one lock file per run, held for the run's life and freed by the kernel whatever ends it.

    <cache>/.runs/<run>.lock    locked by the run; says on which host it is
    <cache>/.runs/<run>/        its scratch files

A lock belongs to an open file, not to a process, so two runs in two threads see each other as alive. A child made by
fork closes its copies at once and can't keep a dead run alive. On file systems that do not keep hosts apart a run of
another host counts as alive for as long as its file is there.
"""

from __future__ import annotations

import fcntl
import functools
import os
from contextlib import suppress
from pathlib import Path

from taskproc.filesystem import mount_of
from taskproc.token import is_run, new_run, run_of

RUNS = ".runs"

_BOOT = "/proc/sys/kernel/random/boot_id"
_HOST_SIZE = 200
_held: set[int] = set()


def _close_in_child() -> None:
    for descriptor in tuple(_held):
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)


class RunLock:
    """A run's lock, held from construction to `release`. `run` is its random id, of 10 hexadecimal characters."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / RUNS
        self._folder.mkdir(exist_ok=True)
        while True:
            self.run = new_run()
            self._path = self._folder / f"{self.run}.lock"
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            _held.add(self._file)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
                os.write(self._file, _here())
            except BaseException:
                self.release()
                raise
            if os.fstat(self._file).st_nlink:  # a sweeper may have taken it for a dead run's before it was locked
                return
            self._close()

    @property
    def folder(self) -> Path:
        """The run's folder for scratch files; made by whoever writes the first one."""
        return self._folder / self.run

    def release(self) -> None:
        """Remove the scratch files and end the run."""
        if self._file in _held:  # otherwise a forked child, in which the run does not live
            _remove_folder(self.folder)
            self._path.unlink(missing_ok=True)
            self._close()

    def _close(self) -> None:
        _held.discard(self._file)
        os.close(self._file)


def is_alive(cache: Path, run: str) -> bool:
    """Whether the run still holds its lock, or may hold it on a host that can't be asked."""
    path = cache / RUNS / f"{run}.lock"
    try:
        with path.open("rb", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return _is_out_of_reach(path, file.fileno())
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def out_of_reach(cache: Path) -> Path | None:
    """The lock file of a run on another host that can't be asked whether it is alive, if there is one."""
    for run in known_runs(cache):
        path = cache / RUNS / f"{run}.lock"
        with suppress(OSError), path.open("rb", buffering=0) as file:
            if _is_out_of_reach(path, file.fileno()):
                return path
    return None


def _is_out_of_reach(path: Path, file: int) -> bool:
    host = os.pread(file, _HOST_SIZE, 0)
    return bool(host) and host.split()[0] != _here().split()[0] and not mount_of(path).keeps_hosts_apart


@functools.cache
def _here() -> bytes:
    """What identifies this host until its next start, and its name."""
    name = os.uname().nodename
    boot = ""
    with suppress(OSError):
        boot = Path(_BOOT).read_text("ascii").strip()
    return f"{boot or name} {name}\n".encode()[:_HOST_SIZE]


def is_over(attempt: str | Path) -> bool:
    """Whether the run that began the attempt in this folder is over."""
    folder = Path(attempt)
    cache = folder.parents[2]
    return (cache / RUNS).is_dir() and not is_alive(cache, run_of(folder.name))


def is_swept(attempt: str) -> bool:
    """Whether the run that began this attempt is over, and what it left was removed."""
    folder = Path(attempt)
    runs = folder.parents[2] / RUNS
    return runs.is_dir() and not (runs / f"{run_of(folder.name)}.lock").exists()


def known_runs(cache: Path) -> set[str]:
    """Every run that has left a trace in `.runs`, alive or dead."""
    with suppress(FileNotFoundError):
        return {item.split(".")[0] for item in os.listdir(cache / RUNS) if is_run(item.split(".")[0])}
    return set()


def any_alive(cache: Path, but: str = "") -> bool:
    """Whether any run on this cache is alive, not counting the run `but`."""
    return any(is_alive(cache, run) for run in known_runs(cache) if run != but)


def remove_dead(cache: Path) -> None:
    """Remove lock files and scratch folders of runs that are dead."""
    for run in known_runs(cache):
        _remove_if_dead(cache / RUNS / f"{run}.lock", cache / RUNS / run)


def _remove_if_dead(lock: Path, scratch: Path) -> None:
    try:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_out_of_reach(lock, file):
            return
        _remove_folder(scratch)
        lock.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(file)


def _remove_folder(folder: Path) -> None:
    if folder.exists():
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
