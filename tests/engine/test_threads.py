from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from pathlib import Path

import pytest

from taskproc.filesystem import Mount
from taskproc.threads import ThreadCapture


def test_threads_are_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = ThreadCapture()
    both = threading.Barrier(2)

    def work(name: str) -> None:
        with capture(str(tmp_path / name), None):
            both.wait()
            print("out of", name)
            both.wait()
            print("err of", name, file=sys.stderr)
            sys.stdout.buffer.write(b"bytes\n")
            assert sys.stdin.read() == ""
            both.wait()

    threads = [threading.Thread(target=work, args=(name,), daemon=True) for name in ("one", "two")]
    original = sys.stdout, sys.stderr, sys.stdin
    for thread in threads:
        thread.start()
    print("mine")
    for thread in threads:
        thread.join()
    assert (sys.stdout, sys.stderr, sys.stdin) == original
    assert capsys.readouterr() == ("mine\n", "")
    for name in ("one", "two"):
        assert (tmp_path / name / "stdout.txt").read_text() == f"out of {name}\nbytes\n"
        assert (tmp_path / name / "stderr.txt").read_text() == f"err of {name}\n"


def test_a_thread_that_prints_nothing_leaves_nothing(tmp_path: Path) -> None:
    with ThreadCapture()(str(tmp_path / "folder"), None):
        sys.stdout.flush()
        print(end="")
        assert not sys.stdout.isatty()
        sys.stdout.fileno()
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("kind", ["ext4", "nfs4", "fuse.sshfs"])
def test_other_threads_go_on_while_a_server_is_asked_for_a_folder(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("taskproc.threads.mount_of", lambda path: Mount(kind if path == tmp_path else "", frozenset()))
    monkeypatch.setattr("taskproc.threads.exists", lambda path: not asked.append(path))
    folder, capture = tmp_path / "Class" / "7" / "attempt", ThreadCapture()
    assert capture.has(str(folder)) == capture.has(str(folder)) == (kind == "ext4")
    assert len(asked) == (2 if kind == "ext4" else 0)
    folder.mkdir(parents=True)
    assert capture.has(str(folder))


def test_contexts_nest(tmp_path: Path) -> None:
    capture = ThreadCapture()
    with capture(str(tmp_path / "outer"), None):
        print("a")
        with capture(str(tmp_path / "inner"), None):
            print("b")
        print("c")
    assert (tmp_path / "outer" / "stdout.txt").read_text() == "a\nc\n"
    assert (tmp_path / "inner" / "stdout.txt").read_text() == "b\n"


def test_a_task_may_wrap_what_it_detaches_from_a_stream(tmp_path: Path) -> None:
    with ThreadCapture()(str(tmp_path), None):
        sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="latin-1")  # type: ignore[union-attr, attr-defined]
        print("é")
        sys.stdout.close()
    assert (tmp_path / "stdout.txt").read_bytes() == b"\xe9\n"


def test_redirection_within_a_task(tmp_path: Path) -> None:
    with ThreadCapture()(str(tmp_path), None):
        with contextlib.redirect_stdout(io.StringIO()) as aside:
            print("aside")
        print("kept")
    assert aside.getvalue() == "aside\n"
    assert (tmp_path / "stdout.txt").read_text() == "kept\n"


def test_a_task_may_remove_what_it_has_printed(tmp_path: Path) -> None:
    with ThreadCapture()(str(tmp_path / "task"), None):
        print("printed")
        (tmp_path / "task" / "stdout.txt").unlink()
    assert not list((tmp_path / "task").iterdir())


def test_redirection_lasts_while_others_begin_and_end(tmp_path: Path) -> None:
    capture = ThreadCapture()
    text = io.StringIO()

    def other() -> None:
        with capture(str(tmp_path / "other"), None):
            pass

    with capture(str(tmp_path / "task"), None):
        with contextlib.redirect_stdout(text):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            print("redirected")
        print("printed")
    assert text.getvalue() == "redirected\n"
    assert (tmp_path / "task" / "stdout.txt").read_text() == "printed\n"


def test_what_tasks_have_put_in_place_of_a_stream_goes_once_none_runs(tmp_path: Path) -> None:
    original = sys.stdout
    within, over = threading.Event(), threading.Event()

    def work() -> None:
        with ThreadCapture()(str(tmp_path / "one"), None), contextlib.redirect_stdout(io.StringIO()):
            within.set()
            assert over.wait(60)

    thread = threading.Thread(target=work, daemon=True)
    with ThreadCapture()(str(tmp_path / "other"), None):
        thread.start()
        assert within.wait(60)
        with contextlib.redirect_stdout(io.StringIO()):  # which gives back what the other one has put there
            over.set()
            thread.join()
    assert sys.stdout is original


def test_once_nobody_waits_what_tasks_did_is_undone_and_what_they_do_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", original := io.StringIO())
    capture, within, go = ThreadCapture(), threading.Event(), threading.Event()

    def work() -> None:
        with capture(str(tmp_path / "one"), None):
            os.chdir("/")
            sys.stdout = io.StringIO()
            within.set()
            assert go.wait(60)
            print("kept")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert within.wait(60)
    capture.let_go()
    assert os.getcwd() == str(tmp_path)
    print("mine")
    os.chdir("/tmp")
    with ThreadCapture()(str(tmp_path / "two"), None):
        os.chdir("/")
    assert os.getcwd() == "/tmp"  # where the next run began
    go.set()
    thread.join()
    assert (tmp_path / "one" / "stdout.txt").read_text() == "kept\n"
    assert sys.stdout is original
    assert original.getvalue() == "mine\n"
    with capture(str(tmp_path / "late"), None):
        os.chdir(tmp_path)
        sys.stdout = later = io.StringIO()
    assert (os.getcwd(), sys.stdout) == (str(tmp_path), later)


def test_letting_go_of_no_task_undoes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadCapture()(str(tmp_path / "before"), None):
        pass
    monkeypatch.setattr(sys, "stdout", mine := io.StringIO())
    monkeypatch.chdir("/")
    ThreadCapture().let_go()
    assert (sys.stdout, os.getcwd()) == (mine, "/")


def test_overlapping_runs_go_back_to_where_the_first_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere, both = threading.Event(), threading.Event()

    def work() -> None:
        with ThreadCapture()(str(tmp_path / "one"), None):
            os.chdir("/")
            elsewhere.set()
            assert both.wait(60)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert elsewhere.wait(60)
    with ThreadCapture()(str(tmp_path / "two"), None):
        both.set()
        thread.join()
    assert os.getcwd() == str(tmp_path)


def test_a_task_stays_in_its_folder_while_others_begin_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    capture, over = ThreadCapture(), threading.Event()
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work() -> None:
        while not over.is_set():
            with capture(str(tmp_path / "other"), None):
                pass

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in range(2000):
            with capture(str(tmp_path / "mine"), None):
                os.chdir("/")
                assert {os.getcwd() for _ in range(3)} == {"/"}
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(switch)


def test_a_run_in_the_background_leaves_streams_to_the_main_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends while tasks run stays ended, and one that begins then is left in place."""
    monkeypatch.setattr(sys, "stdout", original := io.StringIO())
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        capture = ThreadCapture()
        with capture(str(tmp_path / "one"), None):
            print("kept")
            begun.set()
            assert go.wait(60)
            with capture(str(tmp_path / "two"), None):
                pass

    thread = threading.Thread(target=work, daemon=True)
    with contextlib.redirect_stdout(io.StringIO()):
        thread.start()
        assert begun.wait(60)
    with contextlib.redirect_stdout(io.StringIO()) as mine:
        go.set()
        thread.join()
        print("mine")
    assert sys.stdout is original
    assert mine.getvalue() == "mine\n"
    assert (tmp_path / "one" / "stdout.txt").read_text() == "kept\n"


def test_the_working_folder_is_the_same_once_no_task_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    with ThreadCapture()(str(tmp_path), None):
        os.chdir("/")
        with ThreadCapture()(str(tmp_path), None):
            assert os.getcwd() == "/"
        assert os.getcwd() == "/"
    assert os.getcwd() == str(tmp_path / "gone")
    with ThreadCapture()(str(tmp_path), None):
        os.chdir("/")
        (tmp_path / "gone").rmdir()
    assert os.getcwd() == "/"


def test_a_thread_may_delete_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", original := io.StringIO())
    with ThreadCapture()(str(tmp_path / "one"), None):
        del sys.stdout
    assert sys.stdout is original
    other, around = ThreadCapture()(str(tmp_path / "two"), None), threading.Event()
    ended = threading.Event()

    def work() -> None:
        with other:
            around.set()
            assert ended.wait(60)
            print("mine")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert around.wait(60)
    with ThreadCapture()(str(tmp_path / "one"), None):
        del sys.stdout
    ended.set()
    thread.join()
    assert (tmp_path / "two" / "stdout.txt").read_text() == "mine\n"
    assert sys.stdout is original


def test_another_thread_may_be_printing_when_a_stream_is_given_back(tmp_path: Path) -> None:
    with ThreadCapture()(str(tmp_path), None):
        held = sys.stdout
    with ThreadCapture()(str(tmp_path), None):
        assert sys.stdout is held  # `print` goes on with it, and does not keep it alive
    assert held.write("") == 0
