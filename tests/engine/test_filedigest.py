from __future__ import annotations

from pathlib import Path

import pytest

from taskproc.canonical import digest
from taskproc.filedigest import _PIECE, digest_at, digest_of


@pytest.mark.parametrize("size", [0, 1, _PIECE, 3 * _PIECE + 7])
def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "file").write_bytes(data[:size])
    assert digest_at(str(tmp_path / "file")) == digest(data[:size])


def test_what_was_read_of_a_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"head and rest")
    with (tmp_path / "file").open("rb", buffering=0) as file:
        file.seek(len(b"head "))
        assert digest_of(file) == digest(b"and rest")
