from __future__ import annotations

import os
import queue
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskproc.batch import Answer, Done, Ended, Lost, PrefixCommand, Returned
from taskproc.bytecode import PYTHON
from taskproc.files import COMMAND
from taskproc.prefix import PrefixExecutor
from taskproc.value import load
from taskproc.work import ENOUGH
from taskproc.worker import run_file
from tests.processes import is_gone


def values(answers: list[Any]) -> list[Any]:
    return [load(answer.inline) for answer in answers if isinstance(answer, Done)]


@pytest.fixture
def executor() -> Iterator[PrefixExecutor]:
    made = PrefixExecutor()
    yield made
    made.close(kill=False)


@pytest.fixture
def ran(lab: Any, executor: PrefixExecutor) -> Any:
    """The batch of these jobs under a command, and the answers to it."""

    def run(command: str, *jobs: Any) -> tuple[Any, list[Any]]:
        batch = lab.batch(*jobs, command=command)
        return batch, lab.run(executor, batch)

    return run


def beside(batch: Any) -> list[str]:
    """What lies in the folder of the attempts, the attempts apart."""
    attempts = {Path(payload.folder) for payload in batch.payloads}
    return [path.name for path in Path(batch.payloads[0].folder).parent.iterdir() if path not in attempts]


def test_a_prefix_is_a_shell_line(lab: Any, ran: Any) -> None:
    code = "print('hello'); result = os.environ['A'], os.getcwd(), sys.stdin.read()"
    batch, answers = ran("A='x y' B=2", ("Call", code))
    assert values(answers) == [("x y", str(lab.folder), "")]
    assert answers[1:] == [Ended()]
    assert beside(batch) == []
    assert ran("B=2", ("Call", "raise ValueError('bad')"))[1][0].reason == "ValueError: bad"


def test_a_thread_that_a_task_leaves_does_not_keep_its_result_back(ran: Any) -> None:
    code = "threading.Thread(target=threading.Event().wait).start(); result = 1"
    _, answers = ran("nice", ("Call", code))
    assert values(answers) == [1]


def test_what_has_finished_waits_for_nothing_that_was_thought_to_be_short(ran: Any) -> None:
    _, answers = ran("env", ("Call", f"time.sleep({ENOUGH})"), ("Same", 2))
    assert [type(answer) for answer in answers] == [Done, Returned, Ended]


def test_what_a_command_says_is_kept_and_told_apart(ran: Any, capfd: pytest.CaptureFixture[str]) -> None:
    chatter = "echo chatter; echo noise >&2; echo log > {log};"
    batch, answers = ran(chatter, ("Call", "print('hello')"), ("Call", "1 / 0"))
    assert [bool(answer.attempt) for answer in answers[:2]] == [True, True]
    folders = [Path(payload.folder) for payload in batch.payloads]
    assert (folders[0] / "stdout.txt").read_text() == "hello\n"
    assert [(folder / COMMAND).read_text() for folder in folders] == ["chatter\nnoise\nlog\n"] * 2
    assert capfd.readouterr() == ("", "")
    assert beside(batch) == []


@pytest.mark.parametrize(
    ("prefix", "code", "reason"),
    [
        ("exit 3;", "", "(exit status 3)"),
        ("echo a >&2; echo b; exit 0;", "", "(exit status 0): a; b"),
        ("echo said; echo logged > {log}; exit 0;", "", "(exit status 0): logged"),
        ("exec", "os.kill(os.getpid(), 9)", "(killed by SIGKILL (out of memory?))"),
        ("env", "print('last words'); os._exit(0)", "(exit status 0)"),
    ],
)
def test_success_is_what_was_published(prefix: str, code: str, reason: str, ran: Any) -> None:
    batch, (lost,) = ran(prefix, ("Call", code))
    assert lost.reason == f"the prefix command {prefix!r} published no result {reason}"
    folder = Path(batch.payloads[0].folder)
    assert lost.kept == folder.is_dir()
    if "last words" in code:
        assert lost.tail == "last words"
        assert (folder / "stdout.txt").read_text() == "last words\n"
    assert beside(batch) == []


def test_a_failing_command_that_published_has_succeeded(ran: Any) -> None:
    _, answers = ran("trap 'exit 7' EXIT;", ("Same", 1))
    assert values(answers) == [1]


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_killed_command_takes_its_group_along(trap: str, lab: Any, executor: PrefixExecutor) -> None:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignore}\nPath('pids').write_text(f'{{os.getpid()}} {{os.getppid()}} ')\ntime.sleep(1000)"
    heard: list[Any] = []
    batch = lab.batch(("Call", code), command=f"{trap}sleep 1000 &")
    executor.submit(batch, lambda _, answer: heard.append(answer))
    pids, tick = lab.folder / "pids", threading.Event()
    while not (pids.exists() and pids.read_text().endswith(" ")):
        tick.wait(0.01)
    executor.close(kill=True)
    assert heard == []
    for pid in map(int, pids.read_text().split()):
        while not is_gone(pid):
            tick.wait(0.01)
    assert beside(batch) == []


def test_many_commands_at_once(lab: Any, executor: PrefixExecutor) -> None:
    """Each of five tasks waits for all the others: nothing but the scheduler bounds them."""
    code = "Path(f'at{self.task_id}{os.getpid()}').touch()\nwhile len(list(Path().glob('at*'))) < 5: time.sleep(0.01)"
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for _ in range(5):
        executor.submit(lab.batch(("Call", code), command="env"), lambda _, answer: answers.put(answer))
    heard = [answers.get(timeout=60) for _ in range(10)]
    assert len(values(heard)) == 5


LATE = """\
#!/bin/sh
"$@"
for file; do case $file in */batch) break ;; esac; done
mv "$file.answers" "$file.hidden"
(sleep 0.3; mv "$file.hidden" "$file.answers") >/dev/null 2>&1 &
"""


@pytest.mark.parametrize("grace", [60, 0])
def test_a_result_that_shows_late_is_waited_for(grace: float, lab: Any) -> None:
    script = lab.folder / "late"
    script.write_text(LATE)
    script.chmod(0o755)
    answers = lab.run(PrefixExecutor(grace), lab.batch(("Same", 1), command=str(script)))
    if grace:
        assert values(answers) == [1]
    else:
        assert "published no result (exit status 0)" in answers[0].reason


# Another Python


def test_a_variable_of_the_shell_is_no_place_for_the_interpreter(ran: Any) -> None:
    _, answers = ran("python=1; env MINE=${python}", ("Call", "result = os.environ['MINE']"))
    assert values(answers) == ["1"]


def test_the_interpreter_stands_where_the_command_says(lab: Any, ran: Any, executor: PrefixExecutor) -> None:
    _, answers = ran("""sh -c 'exec {python} "$@"' --""", ("Same", 1))
    assert values(answers) == [1]
    batch = lab.batch(("Call", "result = os.environ['MINE']"))
    other = lab.folder / "python"
    other.write_text(f'#!/bin/sh\nMINE=yes exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    for line in ("env", "env {python}"):
        assert values(lab.run(executor, batch._replace(command=PrefixCommand(line, str(other))))) == ["yes"]


def test_another_python_refuses(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskproc.wire.PYTHON", "3.0")
    _, answers = ran("env", ("Same", 1))
    assert [answer.reason.partition(":")[0] for answer in answers] == [
        f"the worker has Python {PYTHON}, and this run has 3.0"
    ]


# Batch systems

SBATCH = """#!/bin/sh
[ "$1" = --wait ] && shift
[ "$1" = -J ] && shift 2
head -n 1 "$1" | grep -q '^#!/bin/sh' || exit 9
echo Submitted batch job 41
sh -c 'echo $$ > {folder}/job; exec "$0"' "$1" > {folder}/noise 2>&1 {wait}
{then}
"""


@pytest.fixture
def sbatch(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a command called `sbatch` on PATH, and a `scancel` that tells what it was called with."""
    monkeypatch.setenv("PATH", f"{lab.folder}{os.pathsep}{os.environ['PATH']}")

    def make(wait: str = "", then: str = "") -> None:
        scripts = {
            "sbatch": SBATCH.format(folder=lab.folder, wait=wait, then=then),
            "scancel": f"#!/bin/sh\necho $@ >> {lab.folder}/cancelled\nkill $(cat {lab.folder}/job)\n",
            "scontrol": "#!/bin/sh\necho JobId=$4 JobState=CANCELLED Reason=None Priority=1\n",
        }
        for name, text in scripts.items():
            (lab.folder / name).write_text(text)
            (lab.folder / name).chmod(0o755)

    return make


def test_what_takes_a_script_gets_one(lab: Any, ran: Any, sbatch: Any) -> None:
    sbatch()
    batch, answers = ran("env X=1 sbatch --wait -J a", ("Call", "print('hello'); result = os.environ['X']"))
    assert values(answers) == ["1"]
    assert Path(batch.payloads[0].folder, COMMAND).read_text() == "Submitted batch job 41\n"
    assert (lab.folder / "noise").read_text() == ""


def test_a_job_that_is_lost_is_told_in_the_schedulers_words_and_cancelled(lab: Any, ran: Any, sbatch: Any) -> None:
    sbatch(then="exit 0")
    _, (lost,) = ran("sbatch", ("Call", "os._exit(0)"))
    reason = "the prefix command 'sbatch' published no result (exit status 0)"
    assert lost.reason == f"{reason}: JobState=CANCELLED Reason=None; Submitted batch job 41"
    assert (lab.folder / "cancelled").read_text() == "41\n"


@pytest.mark.skipif(not shutil.which("setsid"), reason="setsid is not here")
def test_jobs_are_cancelled_where_ending_the_command_leaves_them(
    lab: Any, executor: PrefixExecutor, sbatch: Any
) -> None:
    sbatch(wait="& trap 'exit 1' TERM; wait $!")
    code = "Path('pid').write_text(f'{os.getpid()} ')\ntime.sleep(1000)"
    heard: list[Any] = []
    executor.submit(lab.batch(("Call", code), command="setsid -w sbatch"), lambda _, answer: heard.append(answer))
    tick = threading.Event()
    while not (lab.folder / "pid").exists() or not (lab.folder / "pid").read_text():
        tick.wait(0.01)
    executor.close(kill=True)
    assert heard == []
    assert (lab.folder / "cancelled").read_text() == "41\n"
    while not is_gone(int((lab.folder / "pid").read_text())):
        tick.wait(0.01)


# Where it runs


def test_a_job_is_not_run_twice(lab: Any, executor: PrefixExecutor) -> None:
    """As a batch system does that takes a job up again after its node has failed."""
    again = 'sh -c \'"$@"; "$@"; exit 5\' --'
    code = "open('runs', 'a').write('x'); os._exit(0)"
    (lost,) = lab.run(executor, lab.batch(("Call", code), command=again))
    assert isinstance(lost, Lost)
    assert (lab.folder / "runs").read_text() == "x"
    assert "(exit status 5): taskproc: the job had begun on " in lost.reason
    assert lost.reason.endswith(", and is not run twice")


def test_a_job_whose_run_is_over_ends_before_its_body(tmp_path: Path) -> None:
    (tmp_path / ".runs").mkdir()
    folder = tmp_path / "flow.Train" / "0" / "0123456789f00000"
    folder.mkdir(parents=True)
    (folder / "batch").write_bytes(b"")
    for _ in range(2):  # a run that is dead, and one that has cleaned up
        with pytest.raises(SystemExit, match="the run that wanted this job is over"):
            run_file(folder / "batch")
        (folder / "batch").unlink(missing_ok=True)
