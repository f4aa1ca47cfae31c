from __future__ import annotations

import asyncio
import contextvars
import functools
import re
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, Const, DefinitionError, GraphError, Requires, Task


class Up(Task):
    def __init__(self, x: int = 1) -> None:
        self.x = x

    def run_task(self) -> int:
        return self.x


class Down(Task):
    up: Requires[int]

    def __init__(self, up: Any) -> None:
        self.up = up

    def run_task(self) -> int:
        return self.up + 1


def place(task: Any) -> Path:
    path: Path = task._task_node.cache
    return path


def test_equal_arguments_give_the_same_instance_within_one_block(tmp_path: Path) -> None:
    with Cache(tmp_path):
        first = Up()
        assert Up(1) is first
    with Cache(tmp_path):
        assert Up(1) is not first
        assert Up(1).to_json() == first.to_json()


def test_a_cache_is_its_resolved_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    with Cache("link/../real/./cache") as first:
        up = Up()
    monkeypatch.chdir("/")
    with Cache(tmp_path / "real" / "cache") as second:
        down = Down(up)
    assert first.path == second.path == place(up) == tmp_path.resolve() / "real" / "cache"
    assert down.run_graph(force_interactive=True)[0] == 2


def test_a_graph_of_two_caches_is_an_error_that_names_them(tmp_path: Path) -> None:
    with Cache(tmp_path / "a"):
        up = Up()
    with Cache(tmp_path / "b"):
        down = Down(up)
    with pytest.raises(GraphError, match=r"Down\(.*\) is in the cache .*/b, but needs Up\(x=1\) of .*/a"):
        down.run_graph()
    assert not list(tmp_path.iterdir())


def test_blocks_nest(tmp_path: Path) -> None:
    with Cache(tmp_path / "a"):
        outer = Up()
        with Cache(tmp_path / "b"):
            assert Up() is not outer
            assert place(Up()) == tmp_path / "b"
            with pytest.raises(ZeroDivisionError), Cache(tmp_path / "c"):
                _ = 1 / 0
            assert place(Up()) == tmp_path / "b"
        assert Up() is outer


def test_one_cache_can_be_entered_again_and_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache, cache:
        inner = Up()
    with cache:
        assert Up() is not inner
    with pytest.raises(RuntimeError):
        Up()


async def later() -> None: ...


def stepwise() -> Iterator[None]:
    yield


async def both() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("body", [later, stepwise, both, Up, functools.partial(stepwise)])
def test_a_cache_decorates_only_what_runs_within_its_call(body: Any, tmp_path: Path) -> None:
    name = re.escape(getattr(body, "__name__", repr(body)))
    with pytest.raises(DefinitionError, match=rf"above {name}, for .*: write `with Cache"):
        Cache(tmp_path)(body)


def test_a_cache_is_a_decorator(tmp_path: Path) -> None:
    @Cache(tmp_path)
    def make(x: int, *, more: int) -> Up:
        """Doc."""
        assert Up(x + more) is Up(x + more)
        return Up(x + more)

    first, second = make(1, more=2), make(1, more=2)
    assert first is not second
    assert (make.__name__, make.__doc__) == ("make", "Doc.")
    assert first.run_graph(force_interactive=True)[0] == 3


def test_a_decorated_function_may_call_itself(tmp_path: Path) -> None:
    @Cache(tmp_path)
    def make(n: int) -> Any:
        return Down(make(n - 1)) if n else Up()

    assert make(3).run_graph(force_interactive=True)[0] == 4


def test_a_task_outside_a_cache_is_an_error_that_shows_the_line_to_write(tmp_path: Path) -> None:
    with Cache(tmp_path):
        pass
    with pytest.raises(RuntimeError, match=r"with Cache\('\./cache'\): Up\(\.\.\.\)"):
        Up()
    with pytest.raises(RuntimeError, match=r"with Cache\('\./cache'\): Up\.clear_all_tasks\(\)"):
        Up.clear_all_tasks()


def test_each_thread_has_blocks_of_its_own(tmp_path: Path) -> None:
    barrier = threading.Barrier(4, timeout=30)

    def work(i: int) -> tuple[Any, bool]:
        try:
            Up()
        except RuntimeError:
            with Cache(tmp_path / str(i)):
                task = Up()
                barrier.wait()
                return task, Up() is task
        return None, False

    with Cache(tmp_path / "main"), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
        assert place(Up()) == tmp_path / "main"
    assert all(same for _, same in found)
    assert [place(task) for task, _ in found] == [tmp_path / str(i) for i in range(4)]


MEETING = threading.Barrier(2, timeout=30)


class Slow(Down):
    def __init__(self) -> None:
        MEETING.wait()
        self.up = Up()


def test_threads_that_share_a_block_define_one_task_together(tmp_path: Path) -> None:
    with Cache(tmp_path):
        contexts = [contextvars.copy_context() for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda context: context.run(Slow), contexts)
        assert first is second is Slow()
    assert first.run_graph(force_interactive=True)[0] == 2


def test_a_block_reaches_into_coroutines_and_their_threads(tmp_path: Path) -> None:
    async def define() -> tuple[Up, Up]:
        return Up(), await asyncio.to_thread(Up)

    with Cache(tmp_path):
        first, second = asyncio.run(define())
        assert first is second is Up()


def test_making_a_cache_and_defining_tasks_writes_nothing(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache"):
        task = Down(Up())
        _ = task.task_args, task.to_json(), task.task_name, repr(task), Const(1)
        with pytest.raises(LookupError):
            task.get_task_result()
    assert not list(tmp_path.iterdir())
