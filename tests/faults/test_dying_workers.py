"""Tasks that take their worker with them: the one to blame is named with its last words, and all others finish."""

from __future__ import annotations

from typing import Any

import pytest

from taskproc import FailedTaskError

TASKS = """
import ctypes, resource

class Ok(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        return self.n

class Die(Task):
    def __init__(self, how: str, n: int = 0):
        self.how = how
    def run_task(self) -> int:
        print('last words')
        if (HERE / 'healed').exists():
            return 0
        match self.how:
            case 'segfault': ctypes.string_at(0)
            case 'exit': os._exit(3)
            case 'exit 0': os._exit(0)
            case 'abort': os.abort()
            case 'kill': os.kill(os.getpid(), signal.SIGKILL)
            case 'term': os.kill(os.getpid(), signal.SIGTERM)
            case 'memory':
                if sys.platform == 'linux':  # macOS has no such limit
                    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
                bytearray(1 << 62)
            case 'descriptors': os.closerange(0, 100)

class Main(Task):
    parts: RequiresList[int]
    def __init__(self, how: str, many: int = 1):
        self.parts = [*map(Ok, range(20)), *[Die(how, n) for n in range(many)], *map(Ok, range(20, 40))]
    def run_task(self) -> int:
        return sum(self.parts)
"""
REASONS = {
    "segfault": "killed by SIGSEGV",
    "exit": "exit status 3",
    "exit 0": "exit status 0",
    "abort": "killed by SIGABRT",
    "kill": "killed by SIGKILL (out of memory?)",
    "term": "killed by SIGTERM",
    "memory": "MemoryError",
}


def failures(flow: Any, text: str, **options: Any) -> list[FailedTaskError]:
    with pytest.raises(ExceptionGroup) as caught:
        flow.run(text, executor="process", keep_going=True, **options)
    return list(caught.value.exceptions)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", [*REASONS, "descriptors"])
def test_the_task_to_blame_is_named(flow: Any, how: str) -> None:
    flow.write(TASKS)
    (error,) = failures(flow, f"Main({how!r})", workers=1)  # which is replaced, for the others
    assert error.label == f"Die(how={how!r}, n=0)"
    assert error.reason == REASONS.get(how, error.reason)
    assert error.output == "last words"
    (flow.folder / "healed").touch()
    ran = flow.run(f"Main({how!r})")
    assert (ran.value, ran.executed, ran.reused) == (780, {"Die": 1, "Main": 1}, {"Ok": 40})


def die_often(flow: Any, many: int) -> None:
    flow.write(TASKS)
    found = failures(flow, f"Main('kill', {many})", workers=2)
    assert [error.reason for error in found] == [REASONS["kill"]] * many
    (flow.folder / "healed").touch()
    assert flow.run(f"Main('kill', {many})").reused == {"Ok": 40}
    print(f"{many} workers died")


def test_many_workers_die(flow: Any) -> None:
    die_often(flow, 8)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_hundreds_of_workers_die(flow: Any) -> None:
    die_often(flow, 300)


def test_what_killed_attempts_have_left_is_swept(flow: Any) -> None:
    flow.write("""
    class Dies(Task):
        def run_task(self):
            (self.task_directory / 'big').write_text('checkpoint')
            if not (HERE / 'well').exists():
                os.kill(os.getpid(), signal.SIGKILL)
    """)
    for _ in range(2):
        with pytest.raises(FailedTaskError):
            flow.run("Dies()", executor="process")
    (flow.folder / "well").touch()
    flow.run("Dies()", executor="process")
    assert len([*flow.cache.rglob("big")]) == 1
