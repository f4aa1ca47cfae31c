"""The JSON schema of a task's arguments: what `--kwargs` may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError

from taskproc.arguments import unpacked
from taskproc.coercion import making_adapters, portable
from taskproc.presentation import to_json

if TYPE_CHECKING:
    from taskproc_cli.parameters import Parameters


class _Schema(GenerateJsonSchema):
    """Says nothing of what JSON can't say: a future, an array, any class of the user's."""

    def enum_schema(self, schema: Any) -> dict[str, Any]:
        try:
            return super().enum_schema(schema)
        except PydanticSerializationError:  # a member's value
            return {}

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:  # noqa: ARG002
        return {}


def arguments_schema(parameters: Parameters) -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of the object that has a task's arguments by name."""
    declared = {name: each for name, each in parameters.signature.parameters.items() if not unpacked(each.annotation)}
    annotations = {name: Any if each.annotation is each.empty else each.annotation for name, each in declared.items()}
    annotations |= {name: each.field.annotation for name, each in parameters.named.items() if name not in declared}
    adapters: list[tuple[str, Literal["validation"], TypeAdapter[Any]]] = [
        (name, "validation", _adapter(annotation)) for name, annotation in annotations.items()
    ]
    found, shared = TypeAdapter.json_schemas(adapters, schema_generator=_Schema)
    schemas: dict[str, Any] = {name: schema for (name, _), schema in found.items()}
    properties: dict[str, Any] = {}
    for name, parameter in parameters.named.items():
        schema, each = schemas[name], declared.get(name)
        if each and each.kind is each.VAR_POSITIONAL:
            schema = {"type": "array", "items": schema}
        if each and each.default is not each.empty:
            schema = {**schema, "default": to_json(each.default)}
        if parameter.about:
            schema = {**schema, "description": parameter.about}
        if parameter.shape.future:
            schema = {**schema, "$comment": "a task, which JSON cannot give"}
        properties[name] = schema
    others = [schemas[name] for name, each in declared.items() if each.kind is each.VAR_KEYWORD]
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "type": "object",
        "properties": properties,
        "required": [name for name, each in parameters.named.items() if each.required],
        "additionalProperties": others[0] if others else False,
        **shared,
    }


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    """What validates a parameter; anything, where that can't be told."""
    for config in (ConfigDict(arbitrary_types_allowed=True), None):  # a model has its own, and refuses another
        try:
            with making_adapters():
                adapter = TypeAdapter[Any](portable(annotation), config=config)
                adapter.rebuild()  # says which name is missing, if one is
        except (PydanticUserError, PydanticUndefinedAnnotation):
            continue
        return adapter
    return TypeAdapter(Any)
