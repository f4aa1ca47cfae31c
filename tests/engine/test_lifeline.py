from __future__ import annotations

import contextlib
import os

import pytest

from taskproc.lifeline import Lifeline, hold


def test_a_lifeline_that_no_signal_can_serve_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where processes are numbered anew, as behind `unshare --pid`, a group of outside has the number 0."""
    monkeypatch.setattr(os, "getpgrp", lambda: 0)
    with contextlib.closing(Lifeline()) as lifeline:
        assert not hold(lifeline.name)
