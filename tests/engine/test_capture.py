from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskproc.batch import Batch, Echoed
from taskproc.capture import end_of, tail
from taskproc.executors import ThreadPool
from taskproc.pool import ProcessPool

PRINTS = """
import ctypes
print("python"); print("error", file=sys.stderr)
os.write(1, b"descriptor\\n")
subprocess.run(["sh", "-c", "echo child; echo problem >&2"])
ctypes.CDLL(None).puts(b"library")
print("no end", end="")
"""


def logs(batch: Batch, index: int = 0) -> dict[str, str] | None:
    folder = Path(batch.payloads[index].folder)
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else None


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    pool = ProcessPool(1)
    yield pool
    pool.close(kill=False)


def test_a_process_keeps_all_that_is_printed(lab: Any, pool: ProcessPool) -> None:
    batch = lab.batch(("Call", PRINTS), ("Same", 1), ("Call", "print('second')"))
    answers = lab.run(pool, batch)
    first = logs(batch)
    assert first is not None
    assert sorted(first) == ["stderr.txt", "stdout.txt"]
    assert sorted(first["stdout.txt"].splitlines()) == ["child", "descriptor", "library", "no end", "python"]
    assert first["stderr.txt"] == "error\nproblem\n"
    assert logs(batch, 1) is None
    assert logs(batch, 2) == {"stdout.txt": "second\n"}
    assert [bool(answer.attempt) for answer in answers[:3]] == [True, False, True]
    assert answers[0].files == ()


def test_what_is_written_to_a_stream_by_name_is_kept(lab: Any, pool: ProcessPool) -> None:
    """It empties the stream; what was there has been published by then, and so is this."""
    log = str(lab.folder / "cache" / f"{1:08x}{0:08x}" / "stdout.txt")
    wait = f"while not os.path.exists({log!r}) or %r not in open({log!r}).read(): time.sleep(0.01)\n"
    code = (
        f"print('a long line before')\n{wait % 'before'}os.system('echo a line >/dev/stdout; echo more')\n"
        f"{wait % 'more'}os.system('echo one that is longer >/dev/stdout')\n"
        f"{wait % 'longer'}print('end')"
    )
    batch = lab.batch(("Call", code), ("Call", "print('next')"))
    assert batch.payloads[0].folder == os.path.dirname(log)
    lab.run(pool, batch)
    assert logs(batch) == {"stdout.txt": "a long line before\na line\nmore\none that is longer\nend\n"}
    assert logs(batch, 1) == {"stdout.txt": "next\n"}


def test_streams_are_whole_again_for_the_next_task(lab: Any, pool: ProcessPool) -> None:
    spoilers = [
        "print('before', end=''); sys.stdout = open(os.devnull, 'w'); sys.stderr = None",
        "print('before', end=''); sys.stdout.close()",
        "print('before', end='', flush=True); os.close(1); os.close(2)",
        "print('before', end=''); os.dup2(os.open(os.devnull, os.O_WRONLY), 1)",
        "print('before', end=''); del sys.stdout, sys.stderr",
    ]
    jobs = [("Call", code) for spoiler in spoilers for code in (spoiler, "print('after'); os.system('echo child')")]
    batch = lab.batch(*jobs)
    lab.run(pool, batch)
    for index in range(0, len(jobs), 2):
        assert logs(batch, index) == {"stdout.txt": "before"}, jobs[index]
        assert logs(batch, index + 1) == {"stdout.txt": "after\nchild\n"}, jobs[index]


def test_a_forked_child_that_leaves_the_task_keeps_nothing_of_its_own(lab: Any, pool: ProcessPool) -> None:
    fork = "print('before')\nchild = os.fork()\nif child: os.waitpid(child, 0)\nprint('after' if child else 'child')"
    batch = lab.batch(("Call", fork), ("Call", "print('next')"))
    answers = lab.run(pool, batch)
    assert logs(batch) == {"stdout.txt": "before\nchild\nafter\n"}
    assert logs(batch, 1) == {"stdout.txt": "next\n"}
    assert len(answers) == 3


def test_stdin_is_empty(lab: Any, pool: ProcessPool) -> None:
    code = "result = sys.stdin.read(), subprocess.run(['cat'], capture_output=True).stdout"
    assert lab.run(pool, lab.batch(("Call", code)))[0].inline == lab.run(pool, lab.batch(("Same", ("", b""))))[0].inline


def test_odd_text_is_kept(lab: Any, pool: ProcessPool) -> None:
    batch = lab.batch(("Call", "print('é', chr(0xdc80)); sys.stdout.buffer.write(bytes([255]))"))
    lab.run(pool, batch)
    assert Path(batch.payloads[0].folder, "stdout.txt").read_bytes() == "é \\udc80\n".encode() + b"\xff"


@pytest.mark.parametrize("make", [ProcessPool, ThreadPool])
def test_echo_tells_while_the_task_runs(make: Any, lab: Any) -> None:
    """The task goes on only when what it printed has been heard."""
    go = lab.folder / "go"
    code = f"print('one', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint('two')"
    batch = lab.batch(("Call", code), echo=True)
    executor, heard, done = make(1), [], threading.Event()

    def reply(serial: int, answer: Any) -> None:
        heard.append(answer)
        if getattr(answer, "text", "").startswith("one"):
            go.touch()
        if type(answer).__name__ in {"Ended", "Lost", "Refused"}:
            done.set()

    executor.submit(batch, reply)
    assert done.wait(60)
    executor.close(kill=False)
    assert "".join(answer.text for answer in heard if type(answer).__name__ == "Echoed") == "one\ntwo\n"
    assert logs(batch) == {"stdout.txt": "one\ntwo\n"}


@pytest.mark.parametrize("make", [ProcessPool, ThreadPool])
def test_many_lines_are_told_in_few_pieces(make: Any, lab: Any) -> None:
    executor = make(1)
    heard = lab.run(executor, lab.batch(("Call", "for n in range(20_000): print('line', n)"), echo=True))
    executor.close(kill=False)
    pieces = [answer.text for answer in heard if isinstance(answer, Echoed)]
    assert "".join(pieces) == "".join(f"line {n}\n" for n in range(20_000))
    assert len(pieces) < 2_000


def test_tail(tmp_path: Path) -> None:
    assert tail(str(tmp_path)) == ""
    (tmp_path / "stdout.txt").write_text("".join(f"o{number}\n" for number in range(5000)))
    assert tail(str(tmp_path)).splitlines() == [f"o{number}" for number in range(4980, 5000)]
    (tmp_path / "stderr.txt").write_text("e0\ne1\n")
    assert tail(str(tmp_path)).splitlines() == [*(f"o{number}" for number in range(4982, 5000)), "e0", "e1"]
    (tmp_path / "stderr.txt").write_text("".join(f"e{number}\n" for number in range(50)))
    assert len(tail(str(tmp_path)).splitlines()) == 20


def test_of_a_progress_bar_the_tail_has_its_last_state(tmp_path: Path) -> None:
    bar = "".join(f"\r{number}%" for number in range(-2000, 101))
    (tmp_path / "stderr.txt").write_bytes(f"loss is nan\r\n{bar}\n{bar}\r".encode())
    assert tail(str(tmp_path)) == "loss is nan\n100%\n100%"
    (tmp_path / "stderr.txt").write_text("x" * 100_000)
    assert len(tail(str(tmp_path))) == 1 << 13


def test_the_end_of_a_file_is_no_longer_than_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert end_of(path, 3) == ""
    path.write_text("abcdef")
    assert (end_of(path, 3), end_of(path, 9)) == ("def", "abcdef")
