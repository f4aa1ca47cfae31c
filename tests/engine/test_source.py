from __future__ import annotations

import ast
import importlib.util
import linecache
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

import pytest

from taskproc.normal import deeply, normal_code, normal_text
from taskproc.parsed import SourceFile
from taskproc.source import Sources


def test_a_file_is_parsed_once_until_it_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = SourceFile.parse
    monkeypatch.setattr(SourceFile, "parse", lambda *args: parsed.append(args[1]) or parse(*args))
    path = tmp_path / "some.py"
    for text in ("x = 1", "x = 1", "x = 2", "x = 1"):
        path.write_text(text)
        file = Sources().file(str(path))
        assert file is not None
        assert ast.unparse(file.tree) == text
    assert len(parsed) == 3


def normal(text: str) -> str:
    return normal_text(ast.parse(dedent(text)))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("def f(a: int = 1, *b: str, c: int, **d: str) -> int: return a", "def f(a=1, *b, c, **d): return a"),
        ("async def f(a: int) -> int: return a", "async def f(a): return a"),
        ("def f():\n  '''Doc.'''\n  return 1", "def f(): return 1"),
        ("def f():\n  '''Doc.'''", "def f(): pass"),
        ("def f():\n  x: int = 1\n  y: int\n  return x", "def f():\n  x = 1\n  return x"),
        ("class A:\n  '''Doc.'''\n  def f(self): '''Doc.'''", "class A:\n  def f(self): pass"),
        ("class A:\n  x = 1\n  '''What x is.'''", "class A: x = 1"),
        ("class A:\n  _task_channel = 'a'\n  _task_compress_level: int = 3", "class A: pass"),
        ("class A:\n  def f(self):\n    if 1: self._task_channel = 'a'", "class A:\n  def f(self):\n    if 1: pass"),
        ("class A:\n  _task_channel, _task_compress_level = 'a', 3", "class A: pass"),
        ("class A:\n  def f(self): self._task_channel += ['a']", "class A:\n  def f(self): pass"),
        ("class A:\n  def g(self): 1\n  def f(self): 2", "class A:\n  def f(self): 2\n  def g(self): 1"),
        ("x = (1 +\n  2)  # three", "x = 1 + 2"),
        ("x = 'a'", 'x = "a"'),
        ("'''Doc.'''\nx = 1", "x = 1"),
    ],
)
def test_what_does_not_count(text: str, same: str) -> None:
    assert normal(text) == normal(same)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("@d\ndef f(a: int): return a", "@d\ndef f(a): return a"),
        ("class A:\n  x: int = 1", "class A:\n  x = 1"),
        ("class A:\n  x: int", "class A:\n  x: float"),
        ("class A:\n  _task_depends_on = [f]", "class A:\n  _task_depends_on = [g]"),
        (
            "class A:\n  @d\n  def g(self): 1\n  @d\n  def f(self): 2",
            "class A:\n  @d\n  def f(self): 2\n  @d\n  def g(self): 1",
        ),
        ("class A:\n  def f(self): 1\n  def f(self): 2", "class A:\n  def f(self): 2\n  def f(self): 1"),
        ("class A:\n  x = 1\n  y = 2", "class A:\n  y = 2\n  x = 1"),
        ("def f(): return 1", "def f(): return 1.0"),
        ("def f(): return '''a'''", "def f(): return '''b'''"),
        ("async def f(): return 1", "def f(): return 1"),
    ],
)
def test_what_counts(text: str, other: str) -> None:
    assert normal(text) != normal(other)


def function(text: str) -> FunctionType:
    namespace: dict[str, Any] = {}
    exec(dedent(text), namespace)
    found = namespace["f"]
    assert isinstance(found, FunctionType)
    return found


@pytest.mark.parametrize(
    ("text", "is_same"),
    [
        ("\n\ndef f():\n    return 'a' in {'b', 'c'}", True),
        ("def f():\n    '''Doc.'''\n    return 'a' in {'b', 'c'}", True),
        ("def f(): return 'a' in {'c', 'b'}", True),
        ("def f(): return 'x' in {'b', 'c'}", False),
        ("def f(): return 'a' in {'b', 'd'}", False),
        ("def f(x): return 'a' in {'b', 'c'}", False),
    ],
)
def test_bytecode(text: str, is_same: bool) -> None:
    plain = function("def f():\n    '''What.'''\n    return 'a' in {'b', 'c'}")
    assert (normal_code(plain.__code__) == normal_code(function(text).__code__)) == is_same


def test_a_docstring_that_is_a_value_too_counts() -> None:
    one, other = (function(f"def f():\n    '{text}'\n    return '{text}'") for text in ("a", "b"))
    assert normal_code(one.__code__) != normal_code(other.__code__)


def load(path: Path, text: str) -> ModuleType:
    path.write_text(dedent(text))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_definition_is_found_among_its_likes(tmp_path: Path) -> None:
    module = load(
        tmp_path / "likes.py",
        """
        import sys
        if sys.platform == "nowhere":
            def f(): return 1
        else:
            def f(): return 2
        pair = (lambda x: x + 1, lambda x: x + 2)
        def outer():
            def inner(): return 3
            return inner
        class A:
            def f(self): return 4
            class B:
                def f(self): return 5
        """,
    )
    sources = Sources()

    def text(found: FunctionType) -> str:
        told = sources.function(found.__code__)
        assert told.seen
        return told.text

    assert text(module.f) == "def f():\n    return 2"
    assert [text(found) for found in module.pair] == ["lambda x: x + 1", "lambda x: x + 2"]
    assert text(module.outer()) == "def inner():\n    return 3"
    assert text(module.A.B.f) == "def f(self):\n    return 5"
    assert sources.class_(module.A, [module.A.f.__code__]).text.startswith("class A:\n\n    class B:")


def test_a_file_that_changed_is_not_believed(tmp_path: Path) -> None:
    module = load(tmp_path / "late.py", "def f(): return 1\ndef g(): return 2\n")
    (tmp_path / "late.py").write_text("def g(): return 2\ndef f(): return 3\n")
    sources = Sources()
    assert not sources.function(module.f.__code__).seen
    assert sources.function(module.g.__code__).text == "def g():\n    return 2"


@pytest.mark.parametrize("content", ["def f(:", "", "\0", None])
def test_a_file_that_cannot_be_read_is_unseen(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "broken.py"
    module = load(path, "def f(): return 1\n")
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert not Sources().function(module.f.__code__).seen


def test_a_cell_of_a_notebook_is_read_from_linecache() -> None:
    name, text = "<ipython-input-1-abc>", "def f():\n    # one\n    return 1\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {}
    exec(compile(text, name, "exec"), namespace)
    sources = Sources()
    assert sources.function(namespace["f"].__code__).text == "def f():\n    return 1"
    assert sources.digest(name) == b""


def test_a_file_is_read_once(tmp_path: Path) -> None:
    module = load(tmp_path / "once.py", "def f(): return 1\ndef g(): return 2\n")
    sources = Sources()
    first = sources.file(module.f.__code__.co_filename)
    (tmp_path / "once.py").write_text("")
    assert first is not None
    assert sources.file(module.g.__code__.co_filename) is first
    assert sources.function(module.g.__code__).seen


def test_threads_that_descend_at_once_leave_the_limit_that_was_there() -> None:
    limit, begun = sys.getrecursionlimit(), threading.Event()

    def descend(attempts: list[float]) -> None:
        if len(attempts) > 1:
            attempts.pop()
            raise RecursionError
        begun.set()
        time.sleep(attempts[0])

    threads = [threading.Thread(target=deeply, args=(descend, [seconds, 0])) for seconds in (0.2, 0.4)]
    for thread in threads:  # the first one to begin ends first
        thread.start()
        assert begun.wait(10)
    for thread in threads:
        thread.join()
    assert sys.getrecursionlimit() == limit
