"""The file system of a folder: whether hosts share it, whether it keeps them apart, and how it spells names."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

GET_PATH: int | None = getattr(fcntl, "F_GETPATH", None)  # of macOS

_MOUNTS = "/proc/self/mountinfo"
_COHERENT = {"nfs", "nfs4", "cifs", "smb3", "ceph", "gpfs", "gfs2", "ocfs2", "lustre"}
_SHARED = {"9p", "afs", "beegfs", "coda", "orangefs", "pvfs2", "virtiofs", "wekafs"}  # and FUSE, GlusterFS among it
_SHARED_OF_MACOS = {"acfs", "afpfs", "macfuse", "osxfuse", "smbfs", "webdav"}
_DEAF = {"nolock", "nobrl", "localflock", "local_lock=all", "local_lock=flock", "local_lock=posix"}
_LISTED = re.compile(r"^.* on (/.*) \(([^()]*)\)$", re.MULTILINE)


class Mount(NamedTuple):
    """A mounted file system: its kind (empty if unknown), and the options that it is mounted with."""

    kind: str
    options: frozenset[str]

    @property
    def is_shared(self) -> bool:
        """Whether other hosts may see the same files; unknown kinds count as this host's own."""
        return self.kind in _COHERENT | _SHARED | _SHARED_OF_MACOS or self.kind.startswith("fuse.")

    @property
    def keeps_hosts_apart(self) -> bool:
        """Whether all hosts that see a file see a lock on it, and under that lock what another has written."""
        if not self.is_shared:
            return True
        heard = self.kind != "lustre" or "flock" in self.options
        return self.kind in _COHERENT and heard and not self.options & _DEAF


def real(path: str | os.PathLike[str]) -> str:
    """The absolute path of a file or folder without links; on macOS spelled as it is there, whatever was typed.

    Case is ignored there, and whether an accent is a letter's or a character of its own.
    """
    found = os.path.realpath(path)  # unlike `resolve`, it takes links that go in circles
    return found if GET_PATH is None else _spelled(found)


def _spelled(path: str) -> str:
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        above, name = os.path.split(path)
        return os.path.join(_spelled(above), name)
    except OSError:
        return path
    try:
        found = open_path(number)
    finally:
        os.close(number)
    return found if _folded(found) == _folded(path) else path  # it may be another name of the same file


def open_path(number: int) -> str:
    """The path of what a descriptor is open for, where `GET_PATH` is."""
    assert GET_PATH is not None
    return os.fsdecode(fcntl.fcntl(number, GET_PATH, bytes(1024)).rstrip(b"\0"))


def _folded(name: str) -> str:
    from unicodedata import normalize

    return normalize("NFC", name).casefold()


def mount_of(path: Path) -> Mount:
    """The mount that a path which exists lies on."""
    if not os.path.exists(_MOUNTS):
        return _listed(os.path.realpath(path))
    with suppress(OSError, ValueError):
        device = os.stat(path).st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        mounts = [line.split() for line in Path(_MOUNTS).read_text("utf-8", "replace").splitlines()]
        for fields in reversed(mounts):  # the last one lies on top
            if fields[2] == number:
                rest = fields[fields.index("-") + 1 :]
                return Mount(rest[0], frozenset(",".join([fields[5], *rest[2:]]).split(",")))
    return Mount("", frozenset())


def _listed(path: str) -> Mount:
    """The same as macOS lists it, which does not tell whether locks reach a server: so they may not."""
    import subprocess

    found: dict[str, str] = {}
    with suppress(OSError):
        done = subprocess.run(["mount"], check=False, stdin=subprocess.DEVNULL, capture_output=True)  # noqa: S607
        found.update(_LISTED.findall(os.fsdecode(done.stdout)))
    places = [place for place in found if os.path.join(path, "").startswith(os.path.join(place, ""))]
    if not places:
        return Mount("", frozenset())
    kind, *options = found[max(places, key=len)].split(", ")
    return Mount(kind, frozenset({*options, "nolock"}))
