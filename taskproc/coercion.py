"""Values made to fit the annotations of their parameters, by pydantic, or the sentence that says why they do not."""

from __future__ import annotations

import contextlib
import copy
import functools
import sys
import types
import typing
import warnings
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union, cast, get_args, get_origin

from taskproc.errors import ArgumentError
from taskproc.fields import fields_of
from taskproc.fitting import DICTS, LISTS, LooseDefault, checks_itself, field_names, fits, loose_defaults
from taskproc.flat import SCALARS
from taskproc.future import FutureBase
from taskproc.presentation import glimpse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence


class Misfit(Exception):  # noqa: N818  says what the value is
    """A value does not fit: the steps of `place` lead to the part at fault, `reason` says what it should be.

    Attributes:
        final: Whether even a default is refused: most are taken as their author wrote them, but a file must exist.
    """

    def __init__(self, place: Sequence[int | str], reason: str, *, final: bool = False) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason
        self.final = final

    @property
    def path(self) -> str:
        """The place as it would be written in Python: `.layers[2]`."""
        return "".join(map(_step, self.place))


def coercion(annotation: Any) -> Callable[[Any], Any]:
    """A function that gives a value as its annotation's type, or raises `Misfit`.

    Raises:
        TypeError: pydantic cannot make sense of the annotation.
    """
    from pydantic import ConfigDict, PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError
    from pydantic_core import SchemaValidator

    config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    try:
        # A tuple of one, for pydantic takes no configuration beside a class that may have its own.
        with making_adapters():
            adapter: Any = TypeAdapter(cast("Any", tuple)[portable(annotation)], config=config)
            adapter.rebuild()  # says which name is missing, if one is
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise TypeError(error.message.partition("\n")[0]) from None
    validator = SchemaValidator(_checked(adapter.core_schema))

    def coerce(value: Any) -> Any:
        try:
            return validator.validate_python((value,))[0]
        except ValidationError as error:
            raise _misfit(cast("Sequence[Mapping[str, Any]]", error.errors(include_url=False)), value) from None

    return coerce


@contextlib.contextmanager
def making_adapters() -> Generator[None]:
    """Silence pydantic's warning that it does not protect what is `ReadOnly`: nobody here relies on that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* using the `ReadOnly` qualifier", UserWarning)
        yield


def portable(annotation: Any) -> Any:
    """An annotation as pydantic takes it, on every Python, and so that a task can be identified by what comes out."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is typing.LiteralString:
        return str
    if origin in (Iterable, Collection):  # pydantic would give an iterator that can be read once
        return types.GenericAlias(list, (portable(args[0]),))
    if origin is Annotated:
        return Annotated[(portable(args[0]), *annotation.__metadata__)]
    if origin in (Union, types.UnionType):
        return Union[tuple(map(portable, args))]  # noqa: UP007  made from a tuple
    if isinstance(origin, type) and args:
        inner = tuple(map(portable, args))
        return annotation if inner == args else cast("Any", origin)[inner]
    if typing.is_typeddict(annotation) and sys.version_info < (3, 12):
        return _newer_typed_dict(annotation)
    return _numpy_scalar(annotation) if isinstance(annotation, type) else annotation


def _newer_typed_dict(cls: Any) -> Any:
    """A TypedDict of the standard library as one of typing_extensions, which pydantic asks for before Python 3.12."""
    from typing_extensions import TypedDict

    if type(cls).__module__ != "typing":
        return cls
    fields: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        need: Any = get_origin(hint)  # what the class knows of it is wrong where annotations are strings
        if need in (typing.Required, typing.NotRequired):
            (inner,) = get_args(hint)
        else:
            need, inner = typing.Required if name in cls.__required_keys__ else typing.NotRequired, hint
        fields[name] = need[portable(inner)]
    return cast("Any", TypedDict)(cls.__name__, fields)


def _numpy_scalar(cls: type) -> Any:
    """A scalar type of numpy as the plain type whose values it takes, for pydantic knows none of numpy's."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or cls not in numpy.sctypeDict.values():
        return cls
    from pydantic import AfterValidator

    wide = {numpy.bool_: bool, numpy.integer: int, numpy.floating: float, numpy.complexfloating: complex}
    for kind, plain in wide.items():
        if issubclass(cls, kind):
            return Annotated[plain, AfterValidator(cls)]
    return cls


def _checked(schema: Any) -> Any:
    """A schema of pydantic's by which fields of dataclass instances are checked too, and defaults of all classes."""
    kind = schema.__class__
    if kind is list:
        return [_checked(part) for part in schema]
    if kind is not dict:
        return schema
    made = {key: _checked(part) for key, part in schema.items()}
    what = made.get("type")
    if what == "dataclass" and not checks_itself(made["cls"]):
        return _wrapped(made, _fields_check(made["cls"]))
    if what in ("dataclass", "model", "named-tuple", "call"):
        return _wrapped(made, _defaults_check(made.get("cls", made.get("function"))))
    return made


def _wrapped(schema: dict[str, Any], check: Callable[[Any, Any], Any]) -> Any:
    from pydantic_core import core_schema

    name = schema.pop("ref", None)
    return core_schema.no_info_wrap_validator_function(check, cast("Any", schema), ref=name)


def _defaults_check(cls: Any) -> Callable[[Any, Any], Any]:
    """A check by which defaults are coerced that a model or named tuple was made with."""
    defaults: dict[str, Any] | None = getattr(cls, "_field_defaults", None)

    def check(value: Any, handler: Any) -> Any:
        if type(value) is cls and defaults is not None:  # pydantic makes it anew: from what is no default
            value = {
                name: entry for name, entry in value._asdict().items() if entry is not defaults.get(name, defaults)
            }
        return _settled(handler(value))

    return check


def _fields_check(cls: Any) -> Callable[[Any, Any], Any]:
    """A check by which an instance of a dataclass stays what it is, but for fields that are coerced in a copy."""
    fields = [field for field in fields_of(cls).values() if field.init]
    fitting = fits(cls)

    def check(value: Any, handler: Any) -> Any:
        if type(value) is not cls:
            if isinstance(value, cls):  # of a class derived from it: another's to check
                return _settled(value)
            value = handler(value)
            if fitting(value):  # its defaults too, which nobody has looked at
                return value
        entries = [(field, getattr(value, field.name)) for field in fields]
        given = {field.name: entry for field, entry in entries if entry is not field.default}
        made, found = handler(given), copy.copy(value)
        for name in given:
            object.__setattr__(found, name, getattr(made, name))
        return _settled(found)

    return check


def _settled(value: Any) -> Any:
    """An instance, or a copy of it in which the defaults that it holds are coerced, where they can be."""
    return _deeply_settled(value) if checks_itself(value.__class__) else _with_fields(value, _coerced_defaults(value))


def _deeply_settled(value: Any) -> Any:
    """The same for all that the value holds, at any depth: pydantic takes instances in a model as they are."""
    kind = value.__class__
    if isinstance(value, FutureBase) or kind in SCALARS:
        return value
    if kind in LISTS:
        entries = map(_deeply_settled, value)
        return deque(entries, value.maxlen) if kind is deque else cast("Any", kind)(entries)
    if kind in DICTS:
        found = copy.copy(value)
        found.update((key, _deeply_settled(entry)) for key, entry in value.items())
        return found
    made = _coerced_defaults(value)
    for name in field_names(kind):
        held = made.get(name, getattr(value, name, None))
        found = _deeply_settled(held)
        if found is not held:
            made[name] = found
    return _with_fields(value, made)


def _with_fields(value: Any, made: dict[str, Any]) -> Any:
    if not made:
        return value
    if isinstance(value, tuple):
        return cast("Any", value)._replace(**made)
    found = copy.copy(value)
    for name, entry in made.items():
        object.__setattr__(found, name, entry)
    return found


def _coerced_defaults(value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    kind = cast("Any", type(value))
    for loose, coerce in _loose(kind):
        if loose.is_in(value):
            try:
                made[loose.name] = coerce(loose.default)
            except Misfit as misfit:
                if misfit.final:
                    raise Misfit([loose.name, *misfit.place], misfit.reason, final=True) from None
    return made


@functools.cache
def _loose(cls: Any) -> list[tuple[LooseDefault, Callable[[Any], Any]]]:
    """The defaults of a class's fields that might be coerced, each with what would do it."""
    found: list[tuple[LooseDefault, Callable[[Any], Any]]] = []
    for loose in loose_defaults(cls):
        with contextlib.suppress(TypeError):  # pydantic cannot make sense of the annotation
            found.append((loose, coercion(loose.annotation)))
    return found


def _misfit(errors: Sequence[Mapping[str, Any]], value: Any) -> Misfit:
    """What is told of a value's errors: those of the part that lies deepest, since of a union it came nearest."""
    places = [_place(error, value) for error in errors]
    deepest = max(places, key=len)
    found = [error for error, place in zip(errors, places, strict=True) if place == deepest]
    reasons = list(dict.fromkeys(error["msg"].removeprefix("Value error, ") for error in found))
    reason = " or ".join([reasons[0], *[each.removeprefix("Input should be ") for each in reasons[1:]]])
    if not _is_missing(found[0]):
        given = found[0]["input"]
        reason = f"{reason} (got {glimpse(given)})"
        if type(given).__name__ == found[0].get("ctx", {}).get("class_name"):
            reason += ", of another class of that name: if that was defined anew, define the task's anew too"
    final = any(isinstance(error.get("ctx", {}).get("error"), ArgumentError) for error in found)
    return Misfit(deepest, reason, final=final)


def _place(error: Mapping[str, Any], value: Any) -> list[int | str]:
    """The steps that lead to an error's place, without those by which pydantic tells a union's options apart."""
    place: list[int | str] = []
    for step in error["loc"][1:]:
        try:
            value = getattr(value, step) if isinstance(step, str) and hasattr(value, step) else _entry(value, step)
        except (LookupError, TypeError):
            continue
        place.append(step)
    return [*place, error["loc"][-1]] if _is_missing(error) else place


def _entry(value: Any, step: int | str) -> Any:
    return [*value][cast("int", step)] if value.__class__ in (set, frozenset) else value[step]


def _is_missing(error: Mapping[str, Any]) -> bool:
    return str(error["type"]).startswith("missing")


def _step(step: int | str) -> str:
    return f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]"
