"""A task's parameters as its `__init__` declares them, their values from texts, and the task these make."""

from __future__ import annotations

import difflib
import json
import re
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from taskproc import arguments
from taskproc_cli.docstring import describe_parameters, own_docstring, summary
from taskproc_cli.problems import UsageError, users_code
from taskproc_cli.shapes import Shape, read_json_object, shape_of

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping, Sequence

    from taskproc import Task


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `default` is what help shows, empty for none; `about` is what the docstring says."""

    name: str
    shape: Shape
    required: bool = False
    default: str = ""
    about: str = ""

    @property
    def option(self) -> str:
        """The option that gives it: `--split-ratio`."""
        return "--" + re.sub("(?<=[^_])_(?=[^_])", "-", self.name)


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters of a Task class.

    Attributes:
        about: What the class's own docstring says of it.
        extra: The shape of its `**kwargs`, None if it has none.
    """

    cls: type[Task]
    about: str
    signature: inspect.Signature
    named: Mapping[str, Parameter]
    extra: Shape | None

    def values(self, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The values that options' texts stand for, by name.

        Raises:
            UsageError: a text is no such value, or the parameter takes tasks alone.
        """
        found: dict[str, Any] = {}
        for name, texts in given.items():
            parameter = self._find(name)
            try:
                found[name] = parameter.shape.value(texts)
            except ValueError as error:
                raise UsageError(f"{parameter.option}: {error}") from None
        return found

    def values_of_json(self, text: str) -> dict[str, Any]:
        """The values in a JSON object, as they are: their types count.

        Raises:
            UsageError: it is none, or the task has no such parameter.
        """
        try:
            found = read_json_object(text)
        except ValueError as error:
            raise UsageError(f"--kwargs: {error}") from None
        for name in found:
            self._find(name)
        return found

    def make(self, values: Mapping[str, Any]) -> Task:
        """The task with these values; a cache must be open.

        Raises:
            UsageError: a parameter has no value.
            UserCodeError: its `__init__`, or one it calls, raised.
        """
        missing = [
            parameter for parameter in self.named.values() if parameter.required and parameter.name not in values
        ]
        if missing:
            for parameter in missing:
                self._find(parameter.name)  # says so if it is one that can't be given
            options = " and ".join(parameter.option for parameter in missing)
            raise UsageError(f"{self.cls.__qualname__} needs {options}")
        positional: list[Any] = []
        keyword = dict(values)
        spread = any(
            each.kind is each.VAR_POSITIONAL for each in self.signature.parameters.values() if each.name in values
        )
        for name, each in self.signature.parameters.items():
            if each.kind is each.VAR_POSITIONAL:
                positional += keyword.pop(name, ())
            elif each.kind is each.POSITIONAL_ONLY or (spread and each.kind is each.POSITIONAL_OR_KEYWORD):
                positional.append(keyword.pop(name, each.default))
        with users_code(f"{self.cls.__qualname__} cannot be made"):
            return self.cls(*positional, **keyword)

    def _find(self, name: str) -> Parameter:
        """A parameter that can be given.

        Raises:
            UsageError: there is none of that name, or it must be a task.
        """
        task = self.cls.__qualname__
        parameter = self.named.get(name)
        if parameter is None:
            if self.extra is None:
                near = difflib.get_close_matches(name, self.named, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise UsageError(f"{task} has no parameter {name}{hint}")
            parameter = Parameter(name, self.extra)
        if parameter.shape.future:
            raise UsageError(
                f"{task}: {name} must be a Future (a task), which can't be given here; run a task that makes it instead"
            )
        return parameter


def parameters_of(cls: type[Task]) -> Parameters:
    """Read the parameters of a Task class."""
    signature = arguments.Parameters(cls).signature
    about = describe_parameters(cls.__doc__) | describe_parameters(cls.__init__.__doc__)
    named: dict[str, Parameter] = {}
    extra = None
    for each in signature.parameters.values():
        annotation = Any if each.annotation is each.empty else each.annotation
        variadic = each.kind is each.VAR_POSITIONAL
        if each.kind is each.VAR_KEYWORD:
            extra = shape_of(annotation)
        else:
            named[each.name] = Parameter(
                each.name,
                shape_of(types.GenericAlias(list, (annotation,)) if variadic else annotation),
                each.default is each.empty and not variadic,
                "" if each.default is each.empty else _typed(each.default),
                about.get(each.name, ""),
            )
    return Parameters(cls, summary(own_docstring(cls)), signature, named, extra)


def _typed(default: Any) -> str:
    """A default as it would be typed."""
    if default is None:
        return ""
    if hasattr(default, "_value_"):  # an enum's member
        default = default.value
    try:
        return default if isinstance(default, str) else json.dumps(default)
    except (TypeError, ValueError, RecursionError):
        return str(default)
