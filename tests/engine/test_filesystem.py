from __future__ import annotations

import fcntl
import sys
from pathlib import Path

import pytest

from taskproc.filesystem import Mount, mount_of, real


@pytest.mark.parametrize(
    ("kind", "options", "shared", "reach"),
    [
        ("ext4", "rw", False, True),
        ("overlay", "rw", False, True),
        ("", "", False, True),
        ("nfs4", "rw,vers=4.2,local_lock=none", True, True),
        ("nfs", "rw,vers=3,nolock,local_lock=all", True, False),
        ("nfs", "rw,local_lock=flock", True, False),
        ("nfs4", "rw,local_lock=posix", True, False),
        ("lustre", "rw,flock", True, True),
        ("lustre", "rw", True, False),
        ("lustre", "rw,localflock", True, False),
        ("cifs", "rw", True, True),
        ("cifs", "rw,nobrl", True, False),
        ("fuse.glusterfs", "rw", True, False),
        ("fuse.sshfs", "rw", True, False),
        ("beegfs", "rw", True, False),
        ("9p", "rw", True, False),
        ("apfs", "local,journaled", False, True),
        ("smbfs", "nodev,nosuid", True, False),
    ],
)
def test_whom_files_and_locks_reach(kind: str, options: str, shared: bool, reach: bool) -> None:
    mount = Mount(kind, frozenset(options.split(",")))
    assert (mount.is_shared, mount.keeps_hosts_apart) == (shared, reach)


@pytest.mark.usefixtures("macos")
def test_a_name_is_spelled_as_macos_has_it(tmp_path: Path) -> None:
    folder = tmp_path.resolve() / "Lab" / "42"
    folder.mkdir(parents=True)
    (folder / "Study.py").touch()
    (tmp_path / "link").symlink_to(folder)
    assert real(tmp_path / "link" / "STUDY.py") == real(tmp_path / "lab/42/study.py") == str(folder / "Study.py")
    (folder / "e\u0301.py").touch()
    assert real(folder / "\u00c9.py") == str(folder / "e\u0301.py")
    assert real(tmp_path / "LAB" / "new" / "New.py") == str(folder.parent / "new" / "New.py")


@pytest.mark.usefixtures("macos")
def test_another_name_of_a_file_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study.py").touch()
    monkeypatch.setattr("taskproc.filesystem.open_path", lambda number: str(tmp_path / "its_link.py"))
    assert real(tmp_path / "study.py") == str(tmp_path.resolve() / "study.py")


@pytest.mark.skipif(hasattr(fcntl, "F_GETPATH"), reason="macOS ignores case")
def test_elsewhere_a_name_of_another_case_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "OUT").mkdir()
    assert real(tmp_path / "out") == str(tmp_path.resolve() / "out")


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells of its mounts")
def test_the_mount_that_a_path_lies_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mount_of(Path("/proc")).kind == "proc"
    table = tmp_path / "mountinfo"
    monkeypatch.setattr("taskproc.filesystem._MOUNTS", str(table))
    monkeypatch.setattr("os.stat", lambda path: type("Status", (), {"st_dev": 0x2B}))
    below = "40 30 0:43 / /below rw,relatime shared:7 - ext4 /dev/a rw\n"
    table.write_text(f"{below}41 30 0:43 / /mnt/a\\040b rw,noatime - nfs4 server:/a rw,vers=4.2,local_lock=none\n")
    assert mount_of(tmp_path) == Mount("nfs4", frozenset({"rw", "noatime", "vers=4.2", "local_lock=none"}))


def test_what_is_not_known_counts_as_this_hosts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskproc.filesystem._MOUNTS", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert mount_of(tmp_path) == Mount("", frozenset())


LISTED = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//me@files.lab/a%20share on {shared} (smbfs, nodev, nosuid, mounted by me)
server:/export on {shared} (old)/home (nfs, nodev, automounted)
"""


def test_macos_lists_its_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "a share"
    (tmp_path / "mount").write_text(f"#!/bin/sh\ncat <<END\n{LISTED.format(shared=shared)}END\n")
    (tmp_path / "mount").chmod(0o755)
    monkeypatch.setattr("taskproc.filesystem._MOUNTS", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert not mount_of(tmp_path).is_shared
    assert mount_of(shared / "cache").kind == "smbfs"
    assert mount_of(tmp_path / "a shared").kind == "apfs"
    nfs = mount_of(tmp_path / "a share (old)" / "home" / "me")
    assert (nfs.kind, nfs.keeps_hosts_apart) == ("nfs", False)
