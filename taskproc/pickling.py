"""Pickling what users return: by pickle, or by cloudpickle where pickle can't do it or would refer to `__main__`.

Cloudpickle then carries the class or function itself. What can't be pickled at all is told with the part at fault.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
from collections import ChainMap
from importlib import import_module
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakSet

from taskproc.byvalue import BY_VALUE, reduced, reduced_own
from taskproc.origin import look_up, public_name, reference
from taskproc.sink import MAIN, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import BufferedReader

PROTOCOL = 5

_TEXT = pickle.PROTO + bytes([PROTOCOL]) + pickle.BINUNICODE8  # then come its length and itself
_NAMED = pickle.STACK_GLOBAL  # the opcode by which a pickle takes something from a module
_PATHS = "pathlib._local"  # where Python 3.13 has the classes of paths, and those before have nothing
_NOWHERE = "<dynamic-code>"  # what cloudpickle puts for the name of a file
_PIECE = 1 << 17  # characters
_READ = 1 << 20
_BY_VALUE = 6  # the length of what cloudpickle reduces a class to
_EMPTY = CellType()
_STATE = 2  # where the state is in what `__reduce__` returns


class UnkeepableError(Exception):
    """A result can't be kept; the message is a sentence that tells why, and names the part at fault."""


S = TypeVar("S", bound=Sink)


_whole: WeakSet[type] = WeakSet()
"""Classes that came by value into this process, or left it so."""


def pickled(value: object) -> bytes:
    """The pickle of a small value."""
    try:
        data = pickle.dumps(value, PROTOCOL)
        if MAIN not in data:
            return data
    except Exception:  # noqa: BLE001, S110  a user's own `__reduce__` may raise anything; cloudpickle's error tells
        pass
    made = io.BytesIO()
    _value_pickler()(made, PROTOCOL).dump(value)
    return made.getvalue()


def pickled_code(cls: type) -> bytes:
    """A class by value, to be run elsewhere: what tracebacks show of its code, file names and lines, comes along."""
    import linecache

    base: Any = import_module("cloudpickle").Pickler
    reduce_code = base.dispatch_table[CodeType]

    def reduced_code(code: CodeType) -> tuple[Any, ...]:
        make, args = reduce_code(code)
        placed = tuple([code.co_filename if isinstance(arg, str) and arg == _NOWHERE else arg for arg in args])
        known = () if os.path.exists(code.co_filename) else linecache.cache.get(code.co_filename, ())
        return _code, (code.co_filename, known[2] if len(known) > 1 else [], make, placed)

    file = io.BytesIO()
    table = ChainMap[Any, Any]({CodeType: reduced_code}, BY_VALUE, base.dispatch_table)
    override = functools.partialmethod(functools.partial(reduced, base))
    type("CodePickler", (base,), {"dispatch_table": table, "reducer_override": override})(file, PROTOCOL).dump(cls)
    return file.getvalue()


def _code(filename: str, lines: list[str], make: Callable[..., CodeType], args: tuple[Any, ...]) -> CodeType:
    """Code made anew; the lines of a notebook's cell, which are in no file, are put where tracebacks look for them."""
    if lines:
        import linecache

        linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
    return make(*args)


def pickle_into(value: object, new_sink: Callable[[], S]) -> S:
    """Pickle a value into a new sink.

    Raises:
        UnkeepableError: It can't be pickled.
    """
    problem: Exception
    for by_value in (False, True):
        sink = new_sink()
        sink.by_value = by_value
        make = _value_pickler() if by_value else _PlainPickler
        try:
            pickler = make(sink, PROTOCOL)
            pickler.known, pickler.meet, pickler.of_result = sink.known, sink.meet, True
            pickler.dump(value)
        except BaseException as error:  # a user's own `__reduce__` may raise anything
            sink.abandon()
            if isinstance(error, UnkeepableError) or not isinstance(error, Exception):
                raise
            problem = error
        else:
            return sink
    raise explained(value, problem, "result") from problem


def text_into(text: str, new_sink: Callable[[], S]) -> S:
    """Pickle a text as it is into a new sink, in pieces: `pickle` would encode it whole, and copy that."""
    pieces = range(0, len(text), _PIECE)
    size = len(text) if text.isascii() else sum(len(_utf8(text, start)) for start in pieces)
    sink = new_sink()
    try:
        sink.take(memoryview(_TEXT + size.to_bytes(8, "little")))
        for start in pieces:
            sink.take(memoryview(_utf8(text, start)))
        sink.take(memoryview(pickle.STOP))
    except BaseException:
        sink.abandon()
        raise
    return sink


def load_from(file: BufferedReader) -> Any:
    """The value of a pickle in a file; what `text_into` wrote is read in pieces, too."""
    if file.peek()[: len(_TEXT)] != _TEXT:
        return Unpickler(file).load()
    size = int.from_bytes(file.read(len(_TEXT) + 8)[len(_TEXT) :], "little")
    text, data = "", b""
    for left in range(size, 0, -_READ):  # in a `for` loop, CPython appends to the text in place
        data += file.read(min(left, _READ))
        end = _last_character(data) if left > _READ else len(data)
        text += data[:end].decode("utf-8", "surrogatepass")
        data = data[end:]
    return text


def _utf8(text: str, start: int) -> bytes:
    return text[start : start + _PIECE].encode("utf-8", "surrogatepass")


def _last_character(data: bytes) -> int:
    """Where the last character begins, which may go on in the next piece."""
    start = len(data) - 1
    while data[start] & 0xC0 == 0x80:  # 10xxxxxx goes on
        start -= 1
    return start


class _PlainPickler(pickle.Pickler):
    """Pickles by reference."""

    known: set[type]
    meet: Callable[[object], None]
    of_result: bool

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) not in self.known:
            self.meet(obj)
        return reduced_own(obj)


@functools.cache
def _value_pickler() -> Any:
    """The class that pickles by value where it must."""
    base: Any = import_module("cloudpickle").Pickler

    def reducer_override(self: Any, obj: Any) -> Any:
        if type(obj) not in self.known:
            self.meet(obj)
        if self.of_result and (own := reduced_own(obj)) is not NotImplemented:
            return own
        made = reduced(base, self, obj)
        if not isinstance(obj, type) or made is NotImplemented or len(made) != _BY_VALUE:
            return made
        _whole.add(cast("type[Any]", obj))
        make, args, state, *_, fill = made
        return _class, (*reference(obj).split(":"), make, args), (fill, state), None, None, _fill_class

    table = ChainMap(BY_VALUE, base.dispatch_table)
    bare = {"known": (), "meet": id, "of_result": False}  # for a pickle that goes to no sink
    members = {"reducer_override": reducer_override, "dispatch_table": table, **bare}
    return type("ValuePickler", (base,), members)


def _class(module: str, qualname: str, make: Callable[..., type], args: tuple[Any, ...]) -> type:
    """The class of that name that is loaded, or else one made anew, which `_fill_class` then fills."""
    found = look_up(module, qualname)
    return found if isinstance(found, type) else make(*args)


def _fill_class(cls: type, how: tuple[Callable[[type, Any], None], Any]) -> None:
    """Give a class that was made anew its members; one that was here before keeps its own."""
    if cls not in _whole and look_up(*reference(cls).split(":")) is not cls:
        fill, state = how
        fill(cls, state)
    _whole.add(cls)


def unpickled(data: bytes) -> Any:
    """The value of a pickle; what it takes from the file that runs as `__main__` is taken from there."""
    if _NAMED not in data:
        return pickle.loads(data)
    moved = {public_name("__main__"), _PATHS} - {"__main__"}
    return Unpickler(io.BytesIO(data)).load() if any(name.encode() in data for name in moved) else pickle.loads(data)


class Unpickler(pickle.Unpickler):
    """Takes from `__main__` what pickles refer to by the name of the file that runs there, and paths of any Python."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Called for each class and function that a pickle refers to."""
        module = "pathlib" if module == _PATHS != Path.__module__ else module  # 3.13 has some there only
        found = look_up(module, name) if module == public_name("__main__") else None
        return super().find_class(module, name) if found is None else found


def explained(value: object, problem: Exception, name: str) -> UnkeepableError:
    """The sentence that tells which part of a task's result or attribute, called `name`, can't be pickled."""
    if isinstance(problem, RecursionError) or isinstance(problem.__cause__, RecursionError):
        return UnkeepableError(f"its {name} is nested too deeply to be pickled")
    path, why = _culprit(value, problem)
    return UnkeepableError(f"{name if path else f'its {name}'}{path} can't be pickled ({type(why).__name__}: {why})")


def _culprit(value: object, problem: Exception) -> tuple[str, Exception]:
    """The path to the innermost part that can't be pickled, and why it can't."""
    path, seen = "", {id(value)}
    while True:
        for step, part in _parts(value):
            if id(part) not in seen and (why := _refusal(part)) is not None:
                seen.add(id(part))
                path, value, problem = path + step, part, why
                break
        else:
            return path, problem


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in _items(value))
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{index}]", part) for index, part in enumerate(cast("list[Any]", value)))
    elif isinstance(value, type):
        for name, member in vars(cast("type[Any]", value)).items():
            part: Any = getattr(member, "__func__", member)
            is_made = hasattr(part, "__get__") or name == "_abc_impl"  # and so not pickled, as slots are not
            if isinstance(part, FunctionType) or not is_made:
                yield f".{name}", part
    elif isinstance(value, FunctionType):
        code, known = value.__code__, value.__globals__
        read = {name: known[name] for name in code.co_names if name in known}
        cells = zip(code.co_freevars, value.__closure__ or (), strict=True)
        read.update((name, cell.cell_contents) for name, cell in cells if cell != _EMPTY)
        yield from ((f": its {name}", part) for name, part in read.items())
    else:
        yield from ((f".{name}", part) for name, part in _attributes(value).items())


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes that would be pickled."""
    try:
        state = value.__reduce_ex__(PROTOCOL)[_STATE]
    except Exception:  # noqa: BLE001  a name, no state, or nothing that can be pickled
        return {}
    states = cast("Iterable[Any]", state if isinstance(state, tuple) else (state,))
    return {name: part for fields in states if isinstance(fields, dict) for name, part in _items(fields)}


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    items: Iterable[tuple[Any, Any]] = value.items()
    return items


def _refusal(value: object) -> Exception | None:
    try:
        pickled(value)
    except Exception as error:  # noqa: BLE001
        return error
    return None
