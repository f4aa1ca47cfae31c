"""An exception, as it is told and sent."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
from importlib import import_module
from itertools import dropwhile
from typing import Any

from taskproc.pickling import UnkeepableError, pickled

_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")
_MACHINERY = ("taskproc", "taskproc_cli", "cloudpickle", "importlib")


def reason_of(error: BaseException) -> str:
    """One line: `ValueError: bad`; the whole sentence for an error of ours."""
    if isinstance(error, UnkeepableError):
        return str(error)
    text = "its message can't be shown"
    with contextlib.suppress(Exception):
        text = str(error)
    name = type(error).__qualname__
    lines = text.strip().splitlines()
    return f"{name}: {lines[0]}" if lines else name


def users_traceback(error: BaseException) -> str:
    """The traceback as text, from the user's own code on; empty where no code of theirs was reached."""
    import traceback

    whole = traceback.TracebackException.from_exception(error)
    reached = isinstance(error, SyntaxError)  # which tells its place by itself
    parts: list[traceback.TracebackException | None] = [whole]
    while parts:
        if part := parts.pop():
            frames = [frame for frame in part.stack if not is_machinery(frame.filename)]
            own = list(dropwhile(lambda frame: _is_library(frame.filename), frames))
            reached = reached or bool(own)
            part.stack = traceback.StackSummary.from_list(own)
            parts += [part.__cause__, part.__context__, *(part.exceptions or ())]
    return "".join(whole.format()) if reached else ""


def is_machinery(filename: str) -> bool:
    """Whether code is taskproc's, or of what it pickles and imports with.

    Those are packages that are loaded: a folder of the user's may have the name of one.
    """
    packages = [sys.modules[name] for name in _MACHINERY if name in sys.modules]
    folders = [folder for package in packages for folder in getattr(package, "__path__", ())]
    return filename.startswith(("<frozen ", *(os.path.join(folder, "") for folder in folders)))


def _is_library(filename: str) -> bool:
    """Whether code is of the standard library."""
    return filename.startswith(_LIBRARY) and "site-packages" not in filename


def packed(error: BaseException) -> bytes:
    """The pickled exception, or nothing if it would not come back as it is."""
    for pickle_it in (pickled, _pickled_by_parts):
        with contextlib.suppress(Exception):
            data = pickle_it(error)
            copy = pickle.loads(data)
            if type(copy) is type(error) and reason_of(copy) == reason_of(error):
                return data
    return b""


def _pickled_by_parts(error: BaseException) -> bytes:
    """The pickle of an exception whose `__init__` takes other arguments than it passes on, or that holds a lock."""
    base: Any = import_module("cloudpickle").Pickler

    def reducer_override(self: Any, obj: Any) -> Any:
        if isinstance(obj, BaseException):
            return _remade, (type(obj), obj.args, _that_can_be_pickled(vars(obj)))
        return base.reducer_override(self, obj)

    file = io.BytesIO()
    type("PartsPickler", (base,), {"reducer_override": reducer_override})(file).dump(error)
    return file.getvalue()


def _that_can_be_pickled(attributes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        with contextlib.suppress(Exception):
            pickled(value)
            found[name] = value
    return found


def _remade(cls: type[BaseException], args: tuple[Any, ...], attributes: dict[str, Any]) -> BaseException:
    error = cls.__new__(cls, *args)
    vars(error).update(attributes)
    return error
