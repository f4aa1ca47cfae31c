"""The file system that a folder lies on: whether other hosts see it too, and whether it keeps them apart."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_MOUNTS = "/proc/self/mountinfo"
_COHERENT = {"nfs", "nfs4", "cifs", "smb3", "ceph", "gpfs", "gfs2", "ocfs2", "lustre"}
_SHARED = {"9p", "afs", "beegfs", "coda", "orangefs", "pvfs2", "virtiofs", "wekafs"}  # and FUSE, GlusterFS among it
_DEAF = {"nolock", "nobrl", "localflock", "local_lock=all", "local_lock=flock", "local_lock=posix"}


class Mount(NamedTuple):
    """A mounted file system: its kind (empty if unknown), and the options that it is mounted with."""

    kind: str
    options: frozenset[str]

    @property
    def is_shared(self) -> bool:
        """Whether other hosts may see the same files; unknown kinds of Linux count as this host's own."""
        return self.kind in _COHERENT | _SHARED or self.kind.startswith("fuse.")

    @property
    def keeps_hosts_apart(self) -> bool:
        """Whether all hosts that see a file see a lock on it, and under that lock what another has written."""
        if not self.is_shared:
            return True
        heard = self.kind != "lustre" or "flock" in self.options
        return self.kind in _COHERENT and heard and not self.options & _DEAF


def mount_of(path: Path) -> Mount:
    """The mount that a path which exists lies on."""
    with suppress(OSError, ValueError):
        device = os.stat(path).st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        mounts = [line.split() for line in Path(_MOUNTS).read_text(errors="replace").splitlines()]
        for fields in reversed(mounts):  # the last one lies on top
            if fields[2] == number:
                rest = fields[fields.index("-") + 1 :]
                return Mount(rest[0], frozenset(",".join([fields[5], *rest[2:]]).split(",")))
    return Mount("", frozenset())
