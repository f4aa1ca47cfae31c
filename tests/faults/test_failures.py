"""Failures of every kind, and results that can't be kept: told for what they are, with the user's frames and output."""

from __future__ import annotations

from typing import Any

import pytest

from taskproc import FailedTaskError

TASKS = """
import threading, warnings

class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(first)
        self.second = second

class Holds(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()

class Mute(Exception):
    def __str__(self):
        raise RuntimeError('no')

class Holder:
    def __init__(self):
        self.inner = {'a': [1, threading.Lock()]}

class NoLoad:
    def __reduce__(self):
        return int, ('x',)

def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value

def warn():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warnings.warn('attention')

def leave(error):
    raise error

class Fails(Task):
    def __init__(self, how: str):
        self.how = how
    def run_task(self) -> Any:
        note(self.how)
        print('said before')
        if (HERE / 'healed').exists():
            return 1
        return {
            'value': lambda: leave(ValueError('bad')),
            'exit': lambda: leave(SystemExit('bye')),
            'exit 0': lambda: leave(SystemExit(0)),
            'interrupt': lambda: leave(KeyboardInterrupt()),
            'group': lambda: leave(ExceptionGroup('many', [ValueError('a'), TypeError('b')])),
            'base group': lambda: leave(BaseExceptionGroup('many', [KeyboardInterrupt(), TypeError('b')])),
            'odd': lambda: leave(Odd('first', 2)),
            'holds': lambda: leave(Holds('locked')),
            'mute': lambda: leave(Mute()),
            'warning': warn,
            'part': lambda: {'key': Holder()},
            'generator': lambda: (n for n in range(3)),
            'deep': deep,
            'load': lambda: [NoLoad()],
        }[self.how]()

class Good(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        return self.n

class Blocked(Task):
    part: Requires[Any]
    def __init__(self, how: str, n: int):
        self.part = Fails(how)
    def run_task(self) -> int:
        return 1

class Main(Task):
    parts: RequiresList[Any]
    def __init__(self, how: str):
        self.parts = [Blocked(how, n) for n in range(9)] + [Good(n) for n in range(5)]
    def run_task(self) -> int:
        return len(self.parts)
"""
REASONS = {
    "value": "ValueError: bad",
    "exit": "SystemExit: bye",
    "exit 0": "SystemExit: 0",
    "interrupt": "KeyboardInterrupt",
    "group": "ExceptionGroup: many (2 sub-exceptions)",
    "base group": "BaseExceptionGroup: many (2 sub-exceptions)",
    "odd": "Odd: first",
    "holds": "Holds: locked",
    "mute": "Mute: its message can't be shown",
    "warning": "UserWarning: attention",
    "part": "result['key'].inner['a'][1] can't be pickled (TypeError: cannot pickle '_thread.lock' object)",
    "generator": "its result can't be pickled (TypeError: cannot pickle 'generator' object)",
    "deep": "its result is nested too deeply to be pickled",
    "load": "its result can be pickled but not unpickled (ValueError: invalid literal for int() with base 10: 'x')",
}


@pytest.mark.parametrize("how", REASONS)
def test_a_failure_is_told_for_what_it_is(flow: Any, how: str) -> None:
    flow.write(TASKS)
    for executor in ("thread", "process"):
        with pytest.raises(ExceptionGroup) as caught:
            flow.run(f"Main({how!r})", executor=executor, workers=1, keep_going=True)
        (error,) = caught.value.exceptions
        assert isinstance(error, FailedTaskError)
        assert (error.label, error.reason, error.output) == (f"Fails(how={how!r})", REASONS[how], "said before")
        assert "taskproc/" not in error.details
        flow.notes()
    (flow.folder / "healed").touch()
    ran = flow.run(f"Main({how!r})")
    assert (ran.value, ran.reused) == (14, {"Good": 5})
    assert ran.reasons[f"Fails(how={how!r})"].startswith("failed last time: ")


MANY = """
class Part(Task):
    def __init__(self, n: int):
        self.n = n
    def run_task(self) -> int:
        note(f'{self.n}')
        if self.n == 17 and not (HERE / 'healed').exists():
            raise ValueError
        return self.n

class Main(Task):
    parts: RequiresList[int]
    def __init__(self, edited: int):
        self.parts = [Part(n) for n in range(30)]
    def run_task(self) -> int:
        return sum(self.parts)
"""


def test_what_failed_goes_first(flow: Any) -> None:
    flow.write(MANY)
    with pytest.raises(FailedTaskError):
        flow.run("Main(1)")
    flow.notes()
    (flow.folder / "healed").touch()
    ran = flow.run("Main(1)", force="all")
    assert (ran.value, repr(ran.stats.tasks[0].task)) == (sum(range(30)), "Part(n=17)")


def test_blocked_tasks_are_counted(flow: Any, taskproc: Any) -> None:
    flow.write(TASKS)
    words = ["run", flow.path, "Main", "--how", "value", "-k", "--cache", flow.cache]
    done = taskproc(*words, check=False)
    assert done.returncode == 1
    assert " · 0 reused · 5 ran · 1 failed · 10 blocked\n" in done.stderr
    assert done.stderr.count("Blocked(") == 0


HUGE = """
class Huge(Task):
    _task_compress_level = 1
    def run_task(self) -> bytes:
        return bytes((4 << 30) + 10)

class Size(Task):
    huge: Requires[bytes]
    def __init__(self):
        self.huge = Huge()
    def run_task(self) -> int:
        return len(self.huge)
"""


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_result_over_4_gib_is_kept(flow: Any) -> None:
    flow.write(HUGE)
    assert flow.run("Size()", executor="process", workers=1).value == (4 << 30) + 10
    assert flow.run("Size()").executed == {}
