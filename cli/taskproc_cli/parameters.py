"""A task's parameters as its `__init__` declares them, their values from texts, and the task these make."""

from __future__ import annotations

import inspect
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from taskproc import arguments
from taskproc.errors import ArgumentError
from taskproc.presentation import glimpse
from taskproc_cli.docstring import describe_own_parameters, own_docstring, summary
from taskproc_cli.fields import MISSING, Field, description, fields_of
from taskproc_cli.parameter import Parameter, spelled
from taskproc_cli.problems import UsageError, users_code
from taskproc_cli.shapes import read_json_object, type_name
from taskproc_cli.target import suggestion
from taskproc_cli.words import identifier

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from taskproc import Task


OTHER = "NAME"
"""What help calls a parameter that may have any name."""


class FutureNeededError(UsageError):
    """A parameter must be a task, which no words can give; `problem` says so without saying what to do."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; run a task that makes it instead")
        self.problem = problem


class Parameters(NamedTuple):
    """All parameters of a Task class.

    Attributes:
        about: What the class's own docstring says of it.
        declared: What binds arguments to them, and validates these.
        extra: The annotation of its `**kwargs`, `MISSING` if it has none.
    """

    cls: type[Task]
    about: str
    declared: arguments.Parameters
    named: Mapping[str, Parameter]
    extra: Any

    @property
    def signature(self) -> inspect.Signature:
        """What `__init__` takes, without `self`."""
        return self.declared.signature

    def walk(self) -> Iterator[Parameter]:
        """All parameters and, each behind its whole, the parts that have a name; those of a class once on each path."""
        return (each for parameter in self.named.values() for each in _walk(parameter, ()))

    def others(self) -> Iterator[Parameter]:
        """A parameter that stands for all that `**kwargs` take, and its parts."""
        for each in self.signature.parameters.values():
            if each.kind is each.VAR_KEYWORD and self.extra is not MISSING and OTHER not in self.named:
                about = describe_own_parameters(self.cls).get(each.name, "Any other parameter.")
                yield from _walk(Parameter((OTHER,), f"--{OTHER}", Field(OTHER, OTHER, self.extra, None, about)), ())

    def called(self, name: str) -> Parameter:
        """The parameter of exactly this name; it may be an extra one, whose name is any text."""
        return self.named.get(name) or Parameter((name,), f"--{spelled(name)}", Field(name, name, self.extra))

    def find(self, name: str) -> Parameter | None:
        """The parameter, or part of one, that `split-ratio` or `train.lr` names; it may be an extra one."""
        first, *rest = name.split(".")
        key = identifier(first).replace("-", "_")
        parameter = self.named.get(first) or self.named.get(key)
        if parameter is None and self.extra is not MISSING and key.isidentifier():
            parameter = self.called(key)
        for word in rest:
            parameter = parameter and parameter.part(word)
        return parameter

    def near(self, name: str) -> list[str]:
        """The options that may be meant by a word such as `train.lrr`, which leads to no part: those of the parts."""
        while name:
            name = name.rpartition(".")[0]
            parameter = self.find(name) if name else None
            if parameter is not None:
                return [part.option for part in parameter.parts()]
        return []

    def values(self, given: Mapping[str, Sequence[str]], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The values that options' texts stand for, by name, those `known` already among them.

        A part goes into what is known of the whole, else into its default.

        Raises:
            UsageError: a text is no such value, or the parameter takes tasks alone.
        """
        found = dict(known or {})
        for name in sorted(given, key=lambda name: name.count(".")):
            parameter = self.find(name)
            assert parameter is not None  # an option was made of it
            self.check_giveable(parameter)
            try:
                value = parameter.shape.value(given[name])
            except ValueError as error:
                raise UsageError(f"{parameter.option}: {error}{parameter.hint}") from None
            self._put(found, parameter, value)
        return found

    def _put(self, values: dict[str, Any], parameter: Parameter, value: Any) -> None:
        """Put the value of a parameter, or of a part, in its place among those of all."""
        holder: dict[str, Any] = values
        whole: Parameter | None = self.called(parameter.path[0])
        for key, below in zip(parameter.path, parameter.path[1:], strict=False):
            assert whole is not None
            assert whole.fields is not None  # or the part would not be there
            try:
                holder[key] = whole.fields.parts_of(holder.get(key, whole.field.default))
            except ValueError as error:
                there = f"{whole.option} is {glimpse(error.args[0])}, of which no part can be given alone"
                raise UsageError(f"{parameter.option}: {there}") from None
            holder, whole = holder[key], whole.part(below)
        holder[parameter.path[-1]] = value

    def values_of_json(self, text: str) -> dict[str, Any]:
        """The values in a JSON object, as they are: their types count. `@FILE` and `-` (stdin) say where it is.

        Raises:
            UsageError: it is none, or the task has no such parameter.
        """
        try:
            found = read_json_object(*_json_text(text))
        except ValueError as error:
            raise UsageError(f"--kwargs: {error}") from None
        found = self._as_named(found)
        for name in found:
            if name not in self.named and self.extra is MISSING:
                hint = suggestion(name, self.named) or f"; it has {', '.join(self.named) or 'none'}"
                raise UsageError(f"--kwargs: {self.cls.__qualname__} has no parameter {name!r}{hint}")
            self.check_giveable(self.called(name))
        return found

    def _as_named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by the names of their parameters, which may be spelled in letters that Python takes as equal."""
        found: dict[str, Any] = {name: value for name, value in values.items() if name in self.named}
        for name, value in values.items():
            same = identifier(name)
            found.setdefault(same if same in self.named and same not in found else name, value)
        return found

    def make(self, values: Mapping[str, Any], of_json: Container[str] = ()) -> Task:
        """The task with these values, of which some may come from `--kwargs`; a cache must be open.

        Raises:
            UsageError: a parameter has no value, or one that does not fit.
            UserCodeError: its `__init__`, or one it calls, raised.
        """
        missing = [each for each in self.named.values() if each.required and each.name not in values]
        for parameter in missing:
            self.check_giveable(parameter)  # says so if it is one that can't be given
        if missing:
            needed = [part for each in missing for part in self._needed(each)]
            raise UsageError(f"{self.cls.__qualname__} needs {' and '.join(part.given_by for part in needed)}")
        for name, value in values.items():
            self.check_giveable(self.called(name))
            self._check(self.called(name), value, of_json)
        args, kwargs = self.arranged(values)
        with users_code(f"{self.cls.__qualname__} cannot be made"):
            try:
                self.declared.bind(args, kwargs)
            except ArgumentError as error:
                raise UsageError(self._unfit(error, of_json)) from None
            return self.cls(*args, **kwargs)

    def arranged(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Values by name, as the arguments of a call."""
        signature = self.signature.parameters
        positional: list[Any] = []
        keyword = dict(values)
        spread = any(each.kind is each.VAR_POSITIONAL for each in signature.values() if each.name in values)
        for name, each in signature.items():
            if each.kind is each.VAR_POSITIONAL:
                positional += keyword.pop(name, ())
            elif each.kind is each.POSITIONAL_ONLY or (spread and each.kind is each.POSITIONAL_OR_KEYWORD):
                positional.append(keyword.pop(name, each.default))
        return tuple(positional), keyword

    def _needed(self, parameter: Parameter) -> list[Parameter]:
        """What must be given of a parameter without a value: its parts without a default, or else itself."""
        return [needed for part in parameter.parts() if part.required for needed in self._needed(part)] or [parameter]

    def _unfit(self, error: ArgumentError, of_json: Container[str]) -> str:
        """Say at which option a value does not fit, as far as that is known."""
        if not error.path:
            return str(error)
        first, *path = error.path
        if self.signature.parameters[str(first)].kind is inspect.Parameter.VAR_KEYWORD:
            first, *path = path
        parameter, place = self.called(str(first)), ""
        for key in path:
            part = parameter.part(key) if isinstance(key, str) and not place else None
            if part is not None:
                parameter = part
            elif place or isinstance(key, int):
                place += f"[{key}]" if isinstance(key, int) else f".{key}"
        problem = error.problem
        if problem[1:2].islower():
            problem = problem[:1].lower() + problem[1:]
        return f"{_called(parameter, of_json)}{place}: {problem}{parameter.hint}"

    def _check(self, parameter: Parameter, value: Any, of_json: Container[str]) -> None:
        """Refuse keys that mean nothing, which validation would pass over.

        Raises:
            UsageError: there is one.
        """
        if parameter.fields is None or not isinstance(value, dict):
            return
        for key, entry in cast("dict[str, Any]", value).items():
            part = parameter.part(key)
            if part is not None and part.path[-1] == key:
                self._check(part, entry, of_json)
            elif parameter.fields.others is MISSING:
                hint = suggestion(key, parameter.fields.named) or f"; it has {', '.join(parameter.fields.named)}"
                kind = type_name(parameter.field.annotation)
                raise UsageError(f"{_called(parameter, of_json)}: {kind} has no {key!r}{hint}")

    def check_giveable(self, parameter: Parameter) -> None:
        """Raise a FutureNeededError for a parameter that must be a task."""
        if parameter.shape.future:
            raise FutureNeededError(
                f"{self.cls.__qualname__}: {parameter.name} must be a Future (a task), which can't be given here"
            )


def _walk(parameter: Parameter, above: tuple[Any, ...]) -> Iterator[Parameter]:
    yield parameter
    classes = parameter.fields.classes if parameter.fields else ()
    if not any(cls in above for cls in classes):
        for part in parameter.parts():
            yield from _walk(part, (*above, *classes))


def parameters_of(cls: type[Task]) -> Parameters:
    """Read the parameters of a Task class."""
    declared = arguments.Parameters(cls)
    about = describe_own_parameters(cls)
    named: dict[str, Parameter] = {}
    extra = MISSING
    for each in declared.signature.parameters.values():
        annotation = Any if each.annotation is each.empty else each.annotation
        default = MISSING if each.default is each.empty else each.default
        if each.kind is each.VAR_KEYWORD:
            told = fields_of(arguments.unpacked(annotation))
            extra = told.others if told else annotation
            for key, field in told.named.items() if told else ():
                named[key] = Parameter((key,), f"--{spelled(key)}", field._replace(about=about.get(key, field.about)))
            continue
        if each.kind is each.VAR_POSITIONAL:
            annotation, default = types.GenericAlias(list, (annotation,)), None
        text = about.get(each.name) or description(annotation)
        option = f"--{spelled(each.name)}"
        named[each.name] = Parameter((each.name,), option, Field(each.name, each.name, annotation, default, text))
    return Parameters(cls, summary(own_docstring(cls)), declared, named, extra)


def _called(parameter: Parameter, of_json: Container[str]) -> str:
    """What to call a parameter in errors: the option, unless its value comes from `--kwargs`."""
    return f"--kwargs: {parameter.name}" if parameter.path[0] in of_json else parameter.option


def _json_text(text: str) -> tuple[str, str]:
    """What is in the file that a text names (`@FILE`, `-` for stdin), and what to call it; else the text itself.

    Raises:
        ValueError: the file can't be read.
    """
    if text != "-" and not text.startswith("@"):
        return text, ""
    if text == "-":
        if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  closed before the program began
            raise ValueError("stdin is closed")
        return sys.stdin.buffer.read().decode("utf-8-sig"), "stdin"
    if text == "@":
        raise ValueError("the name of a file must follow the @")
    try:
        return Path(text[1:]).expanduser().read_text("utf-8-sig"), text[1:]
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ValueError(f"{text[1:]} cannot be read ({reason})") from None
