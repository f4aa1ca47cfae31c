from __future__ import annotations

import os
from pathlib import Path

from taskproc import token
from taskproc.echo import Growing, Logs

RUN = "0123456789"


def test_what_is_added_to_a_file_is_told_once_and_characters_are_whole(tmp_path: Path) -> None:
    path, growing = tmp_path / "log", Growing()
    told: list[list[str]] = []
    with path.open("wb") as writing, path.open("rb") as reading:
        for piece in (b"one", b"", b"\xc3", b"\xa9", b"\xff"):
            writing.write(piece)
            writing.flush()
            told.append(list(growing.news(reading.fileno())))
    assert told == [["one"], [], [""], ["é"], ["\ufffd"]]


def test_a_file_that_was_emptied_is_told_from_its_beginning(tmp_path: Path) -> None:
    path, growing = tmp_path / "log", Growing()
    with path.open("wb") as writing, path.open("rb") as reading:
        told: list[str] = []
        for text in (b"long before", b"short", b"longer than that"):
            writing.seek(0)
            writing.truncate()
            writing.write(text)
            writing.flush()
            told += growing.news(reading.fileno())
    assert told == ["long before", "short", "longer than that"]


def test_logs_are_those_of_the_run_s_newest_attempt(tmp_path: Path) -> None:
    logs = Logs(tmp_path, RUN)
    assert list(logs.news(now=True)) == []

    def write(attempt: str, text: str, modified: int) -> None:
        (tmp_path / attempt).mkdir(exist_ok=True)
        (tmp_path / attempt / "stdout.txt").write_text(text)
        os.utime(tmp_path / attempt, ns=(modified, modified))

    write(token.scratch(RUN), "of a command", 9)
    write(token.attempt("9876543210", 0), "of another run", 9)
    write(token.attempt(RUN, 0), "one", 1)
    assert list(logs.news(now=True)) == [("stdout", "one")]
    write(token.attempt(RUN, 0), "one two", 1)
    assert list(logs.news(now=False)) == []
    assert list(logs.news(now=True)) == [("stdout", " two")]
    write(token.attempt(RUN, 1), "again", 2)
    (tmp_path / token.attempt(RUN, 1) / "stderr.txt").write_text("trouble")
    assert list(logs.news(now=True)) == [("stdout", "again"), ("stderr", "trouble")]
    (tmp_path / token.attempt(RUN, 2) / "stdout.txt").mkdir(parents=True)
    assert list(logs.news(now=True)) == []  # what can't be read is told by nobody
