"""A task's arguments: bound to names, validated, encoded into its key."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, cast

from taskproc.canonical import Unencodable, canonical, deep, digest, flat
from taskproc.errors import ArgumentError
from taskproc.fitting import fits_or_default, is_known
from taskproc.fixed import own_copy
from taskproc.presentation import glimpse
from taskproc.record import Key
from taskproc.requires import annotations_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskproc.canonical import Canonical

Values = tuple[Any, ...]
"""The validated value of each parameter, in the order of the signature."""


class Parameters:
    """The parameters of one Task class, read from its `__init__` once.

    Attributes:
        signature: The signature without `self`, annotations evaluated where they can be.
        kin: Tells classes of one name apart: 0 for the first of them that `parameters_of` met.
    """

    def __init__(self, cls: type) -> None:
        self.kin = 0
        self._name = cls.__qualname__
        init = cast("Any", cls).__init__
        bare = bare_signature(init)
        hints = _hints(init)
        parameters = [p.replace(annotation=hints.get(p.name, p.annotation)) for p in list(bare.parameters.values())[1:]]
        self.signature = inspect.Signature(parameters)
        self._bind = _binder(self._name, parameters)
        self._validators = tuple(_Validator(p) for p in parameters)
        self._fits = tuple(validator.fits for validator in self._validators)
        self._names = tuple(p.name for p in parameters)
        order = sorted(range(len(parameters)), key=lambda i: self._names[i])
        self._order = order if order != sorted(order) else None  # of the names; None for that of the parameters
        self._prefix = canonical((cast("Any", cls).task_name, tuple(sorted(self._names))), plain=True).data
        self._variadic = {p.name: p.kind for p in parameters if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        self._positional = all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Values:
        """The value of each parameter, defaults filled in, validated and coerced.

        Raises:
            ArgumentError: an argument is missing, unknown, or does not fit its annotation.
        """
        try:
            values: Values = self._bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(str(error)) from None
        try:
            for fits, value in zip(self._fits, values, strict=False):
                if not fits(value):
                    break
            else:
                return values
            return tuple([v.coerce(value, self._name) for v, value in zip(self._validators, values, strict=True)])
        except RecursionError:
            raise ArgumentError(f"{self._name}: an argument contains itself, or is nested too deeply") from None

    def key(self, values: Values) -> tuple[Key, Canonical | None]:
        """The key of the task with these arguments, and their encoding, unless they hold nothing but plain data.

        Raises:
            ArgumentError: one of them cannot be encoded.
        """
        ordered = values if self._order is None else tuple([values[i] for i in self._order])
        data = flat(ordered)
        if data is not None:
            return Key(digest(self._prefix + data)), None
        encoded = self._encoded(ordered, values)
        return Key(digest(self._prefix + encoded.data)), encoded

    def _encoded(self, ordered: Values, values: Values) -> Canonical:
        try:
            return deep(ordered, plain=True)
        except Unencodable:
            for name, value in zip(self._names, values, strict=True):
                try:
                    canonical(value, plain=True)
                except Unencodable as error:
                    message = (
                        f"{self._name}: argument {name}{error.path} cannot identify a task ({error.reason});"
                        " pass it as a task's output"
                    )
                    raise ArgumentError(message) from None
            raise

    def call(self, init: Callable[..., None], task: object, values: Values) -> None:
        """Call a task's `__init__` with copies of its arguments, so that it cannot modify what identifies the task."""
        if self._positional:
            init(task, *own_copy(values))
            return
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter, value in zip(self.signature.parameters.values(), values, strict=True):
            given = own_copy(value)
            if parameter.kind is parameter.VAR_POSITIONAL:
                args.extend(given)
            elif parameter.kind is parameter.VAR_KEYWORD:
                kwargs.update(given)
            elif parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[parameter.name] = given
            else:
                args.append(given)
        init(task, *args, **kwargs)

    def named(self, values: Values) -> dict[str, Any]:
        """The arguments by name; those of `**kwargs` by their own."""
        if not self._variadic:
            return dict(zip(self._names, values, strict=True))
        found: dict[str, Any] = {}
        for name, value in zip(self._names, values, strict=True):
            if self._variadic.get(name) is inspect.Parameter.VAR_KEYWORD:
                found.update(value)
            else:
                found[name] = value
        return found

    def show(self, values: Values) -> str:
        """The arguments for people: `n=6, k=3`, long ones cut short."""
        return ", ".join(f"{name}={glimpse(value)}" for name, value in self.named(values).items())


_first: dict[str, type] = {}  # Task classes by name


@functools.cache
def parameters_of(cls: type) -> Parameters:
    """The parameters of a Task class, read once; it is kept alive from now on."""
    parameters = Parameters(cls)
    if _first.setdefault(cast("Any", cls).task_name, cls) is not cls:
        parameters.kin = id(cls)
    return parameters


class _Validator:
    """Validates one parameter; pydantic loads only when a value's type is not its annotation's already."""

    __slots__ = ("_coerce", "_parameter", "fits")

    def __init__(self, parameter: inspect.Parameter) -> None:
        annotation = parameter.annotation
        if parameter.kind is parameter.VAR_POSITIONAL:
            annotation = (
                types.GenericAlias(tuple, (annotation, ...)) if is_known(annotation) else inspect.Parameter.empty
            )
        elif parameter.kind is parameter.VAR_KEYWORD:
            annotation = unpacked(annotation) or (
                types.GenericAlias(dict, (str, annotation)) if is_known(annotation) else inspect.Parameter.empty
            )
        self._parameter = parameter.replace(annotation=annotation)
        self._coerce: Callable[[Any], Any] | None = None
        self.fits = fits_or_default(annotation, parameter.default)

    def coerce(self, value: Any, task: str) -> Any:
        """The value as its annotation's type."""
        if self.fits(value):
            return value
        from taskproc.coercion import Misfit, coercion

        name = self._parameter.name
        if self._coerce is None:
            try:
                self._coerce = coercion(self._parameter.annotation)
            except TypeError as error:
                message = f"{task}: the annotation of argument {name} cannot be validated: {error}"
                raise ArgumentError(message) from None
        try:
            coerced = self._coerce(value)
            return _by_name(coerced) if self._parameter.kind is inspect.Parameter.VAR_KEYWORD else coerced
        except Misfit as misfit:
            if value is self._parameter.default and not misfit.final:
                return value  # a default is the author's own word, like `x: int = None`
            message = f"{task}: argument {name}{misfit.path}: {misfit.reason}"
            raise ArgumentError(message, (name, *misfit.place), misfit.reason) from None


def unpacked(annotation: Any) -> Any:
    """The TypedDict that `**kwargs: Unpack[...]` names; None where there is none."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Unpack else None


def _binder(name: str, parameters: Sequence[inspect.Parameter]) -> Callable[..., Any]:
    """A function with these parameters that returns their values: ten times as fast as `Signature.bind`."""
    defaults = {f"default_{i}": p.default for i, p in enumerate(parameters)}
    bare = inspect.Signature(
        [
            p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else _Name(f"default_{i}"))
            for i, p in enumerate(parameters)
        ]
    )
    values = "".join(f"__by_name__({p.name}), " if p.kind is p.VAR_KEYWORD else f"{p.name}, " for p in parameters)
    namespace: dict[str, Any] = {"__by_name__": _by_name, **defaults}
    exec(f"def bind{bare}: return ({values})", namespace)  # noqa: S102  the text is made of parameter names alone
    bind = cast("types.FunctionType", namespace["bind"])
    bind.__qualname__ = name
    return bind


def _by_name(kwargs: dict[str, Any]) -> dict[str, Any]:
    """`**kwargs` in the order of their names, for the order of keywords in a call means nothing."""
    return dict(sorted(kwargs.items()))


class _Name:
    """Shows as a bare name, where `inspect.Signature` shows a default."""

    def __init__(self, name: str) -> None:
        self._text = name

    def __repr__(self) -> str:
        return self._text


def bare_signature(function: Any) -> inspect.Signature:
    """The signature of a function, whether or not its annotations can be evaluated."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def _hints(init: Any) -> dict[str, Any]:
    """The annotations of a function, evaluated; those that cannot be (names of a type checker's alone) are left out."""
    try:
        return typing.get_type_hints(init, include_extras=True)
    except Exception:  # noqa: BLE001  an annotation is any expression, and may raise anything
        found: dict[str, Any] = {}
        for name, annotation in annotations_of(init).items():
            holder = types.SimpleNamespace(__annotations__={name: annotation})
            try:
                found.update(typing.get_type_hints(holder, getattr(init, "__globals__", {}), include_extras=True))
            except Exception:  # noqa: BLE001
                found[name] = inspect.Parameter.empty
        return found
