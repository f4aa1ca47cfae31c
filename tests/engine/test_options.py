from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from taskproc.cpus import cpus
from taskproc.options import Options


@pytest.mark.parametrize(
    ("options", "slots"),
    [
        ({"workers": 7}, 7),
        ({}, cpus()),
        ({"workers": 7, "executor": "thread"}, 7),
        ({"workers": 7, "executor": ThreadPoolExecutor(1)}, 7),
        ({"workers": 7, "executor": "serial"}, 1),
        ({"workers": 7, "interactive": True}, 1),
    ],
)
def test_slots(options: dict[str, Any], slots: int) -> None:
    assert Options(**options).slots == slots


def test_what_options_share_cannot_be_modified() -> None:
    with pytest.raises(TypeError):
        Options().limits["gpu"] = 1  # type: ignore[index]
