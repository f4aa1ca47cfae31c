from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from taskproc.cpus import cpus

if TYPE_CHECKING:
    from pathlib import Path

TWO = {"service/cpu.max": "200000 100000"}
ONE = {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}
NONE = {"cpu/service/cpu.cfs_quota_us": "-1", "cpu/service/cpu.cfs_period_us": "100000"}


@pytest.fixture(autouse=True)
def _three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/service", TWO, 2),
        ("0::/service/task", TWO, 2),
        ("0::/service", TWO | {"cpu.max": "50000 100000"}, 1),
        ("0::/service", TWO | {"cpu.max": "max 100000"}, 2),
        ("0::/service", {"service/cpu.max": "150000 100000"}, 2),
        ("0::/service", {"service/cpu.max": "900000 100000"}, 3),
        ("0::/service", {"service/cpu.max": "odd"}, 3),
        ("0::/", TWO, 3),
        ("4:memory:/\n3:cpu,cpuacct:/service\n0::/", ONE, 1),
        ("3:cpu:/service", ONE | NONE, 1),
        ("3:cpu:/service", NONE, 3),
        ("3:cpuset:/\n2:memory:/\n1:name=systemd:/a:b", ONE, 3),
        ("", TWO, 3),
        (None, TWO, 3),
    ],
)
def test_what_a_control_group_has_time_for_is_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, membership: str | None, files: dict[str, str], expected: int
) -> None:
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(f"{text}\n")
    if membership is not None:
        (tmp_path / "membership").write_text(f"{membership}\n")
    monkeypatch.setattr("taskproc.cpus._GROUPS", tmp_path / "groups")
    monkeypatch.setattr("taskproc.cpus._MEMBERSHIP", tmp_path / "membership")
    assert cpus() == expected


def test_cpus_are_counted_where_a_process_may_run_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpus() == 1
