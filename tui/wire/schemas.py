"""Builds validators of pydantic_core from the type hints of typed dictionaries.

pydantic makes the same schemas. Importing it and running its generator takes 60 ms of CPU and 7 MB, more than half of
what the API needs before the first rows. Only the messages of a relay use it.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Required, TypeVar, get_args, get_origin, get_type_hints, is_typeddict

from pydantic_core import CoreSchema, SchemaValidator, core_schema

T = TypeVar("T")

_PLAIN: dict[Any, Callable[[], CoreSchema]] = {
    Any: core_schema.any_schema,
    bool: core_schema.bool_schema,
    float: core_schema.float_schema,
    int: core_schema.int_schema,
    str: core_schema.str_schema,
}


@cache
def validator_of(hint: Any) -> SchemaValidator:
    """Return the validator of a typed dictionary, or of a list of them."""
    return SchemaValidator(_schema_of(hint))


def bounded(**bounds: object) -> Callable[[CoreSchema], CoreSchema]:
    """Return an annotation that adds options, such as `ge` or `max_length`, to the schema of a type."""
    return lambda schema: {**schema, **bounds}


def none_on_error(schema: CoreSchema) -> CoreSchema:
    """Read an invalid value as None. An annotation."""
    return core_schema.with_default_schema(schema, default=None, on_error="default")


def _omitted_on_error(schema: CoreSchema) -> CoreSchema:
    return core_schema.with_default_schema(schema, on_error="omit")


OmittedOnError = Annotated[T, _omitted_on_error]
"""A key or an item that is dropped if its value is invalid."""


def _schema_of(hint: Any) -> CoreSchema:
    if (plain := _PLAIN.get(hint)) is not None:
        return plain()
    if is_typeddict(hint):
        return core_schema.typed_dict_schema(
            {
                name: core_schema.typed_dict_field(_schema_of(each), required=name in hint.__required_keys__)
                for name, each in get_type_hints(hint, include_extras=True).items()
            }
        )
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        schema = _schema_of(arguments[0])
        for annotation in arguments[1:]:
            schema = annotation(schema)
        return schema
    if origin is Required:
        return _schema_of(arguments[0])
    if origin is list:
        return core_schema.list_schema(_schema_of(arguments[0]))
    if origin is dict:
        return core_schema.dict_schema(_schema_of(arguments[0]), _schema_of(arguments[1]))
    if len(arguments) == 2 and arguments[1] is type(None):
        return core_schema.nullable_schema(_schema_of(arguments[0]))
    raise TypeError(f"no schema for {hint!r}")
