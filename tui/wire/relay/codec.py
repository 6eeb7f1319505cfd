"""Encodes dataclasses as JSON, and decodes them with bounds on every number, time and duration.

pydantic makes a schema from the type hints of the dataclasses, so a new field needs no code here. The domain does not
import pydantic, so its dataclasses cannot declare bounds: this module adds them to the schema.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator, core_schema

from tui.domain.run import State
from tui.domain.status import Status, parse_status
from tui.domain.update import RunPatch, SourceConnected, WindowRead
from tui.wire.errors import ServerFault
from tui.wire.json_limits import within_bounds
from tui.wire.limits import MAX_TAGS
from tui.wire.models import read_json
from tui.wire.times import EARLIEST, LATEST, clamp

T = TypeVar("T")

MAX_INTEGER: Final = 2**53
"""Beyond it JSON numbers are not exact in every language."""

MAX_DURATION: Final = timedelta(microseconds=10**17)
"""Some 3,000 years, the maximum of `durationMs` in `wire.models`. The sum of many still fits a timedelta."""

MAX_INTERVAL_S: Final = 3_600
MAX_PERIOD: Final = timedelta(days=3_650)

UNSENT_FIELDS: Final = frozenset({"metadata", "body", "attempts"})
"""Fields of a patch that a relay does not send and a screen ignores. A screen requests the whole run for them."""

_BOUNDS: Final[Mapping[str, Mapping[str, object]]] = {
    "int": {"strict": True, "ge": 0, "le": MAX_INTEGER},
    "float": {"strict": True, "allow_inf_nan": False},
    "bool": {"strict": True},
    "timedelta": {"ge": -MAX_DURATION, "le": MAX_DURATION},
}
"""Options of pydantic's schema for each type of value."""

OMITS_UNREADABLE: Final = "omits_unreadable"
"""An option of our own for a tuple: an item that cannot be read is left out. An older relay names other sources."""

FieldBounds = Mapping[tuple[type, str], Mapping[str, object]]
"""Options of pydantic's schema for single fields of dataclasses."""

_FIELD_BOUNDS: Final[FieldBounds] = {
    (State, "tags"): {"max_length": MAX_TAGS},
    (SourceConnected, "interval_s"): {"gt": 0, "le": MAX_INTERVAL_S},
    (WindowRead, "period"): {"gt": timedelta(), "le": MAX_PERIOD},
}
"""More options for single fields."""


class Codec(Generic[T]):
    """Encodes and decodes values of one type. The schema is built at first use, which takes some 30 ms."""

    def __init__(self, hint: Any, name: str, bounds: FieldBounds = MappingProxyType({})) -> None:
        """`hint` is the type, `name` a noun phrase for its values in error texts. `bounds` are more for its fields."""
        self._hint = hint
        self._name = name
        self._bounds = {**_FIELD_BOUNDS, **bounds}

    @cached_property
    def _schema(self) -> Any:
        return _bounded(TypeAdapter(self._hint).core_schema, self._bounds)

    @cached_property
    def _validator(self) -> SchemaValidator:
        return SchemaValidator(self._schema)

    @cached_property
    def _serializer(self) -> SchemaSerializer:
        # Without this option an infinite number in a schedule would become null.
        return SchemaSerializer(self._schema, core_schema.CoreConfig(ser_json_inf_nan="constants"))

    def build(self) -> None:
        """Build the schema now."""
        _ = self._validator, self._serializer

    def encode(self, value: T, *, exclude: Any = None, exclude_none: bool = False) -> bytes:
        """Return the value as JSON.

        Raises ValueError or RecursionError for values in it that are nested too deep.
        """
        options: dict[str, Any] = {"exclude": exclude, "exclude_none": exclude_none, "by_alias": True}
        try:
            return self._serializer.to_json(value, **options)
        except PydanticSerializationError:
            # JavaScript may send lone surrogates. pydantic cannot write them; Python's encoder escapes them.
            row = self._serializer.to_python(value, mode="json", **options)
            return json.dumps(row, separators=(",", ":")).encode("ascii")

    def decode(self, text: bytes) -> T:
        """Return the value that the JSON text describes; unknown fields are ignored. Raises `ServerFault`."""
        value: T
        try:
            value = self._validator.validate_json(text)
        except ValidationError:
            pass
        else:
            return value
        # pydantic's parser rejects lone surrogates, more than 200 levels and very long numbers; Python's reads them.
        try:
            try:
                row = read_json(text)
            except RecursionError:
                row = read_json(within_bounds(text)[0])
            value = self._validator.validate_python(row)
        except (ValueError, RecursionError):
            raise ServerFault(f"{self._name} could not be read: not JSON, or not of the expected form", 200) from None
        return value


def _bounded(schema: Any, bounds: FieldBounds) -> Any:
    """Return a pydantic schema with bounds on every number, time and duration in it."""
    if isinstance(schema, list):
        return [_bounded(part, bounds) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kind: Any = schema.get("type")
    if kind in _BOUNDS:
        return {**_BOUNDS[kind], **schema}
    if kind == "datetime":
        return _TIME
    if kind == "dataclass":
        if schema["cls"] is Status:
            return _STATUS
        schema = _with_bounded_fields(schema, bounds)
    if kind == "dict" and schema["keys_schema"]["type"] == "enum":
        # A newer relay may send keys that this version does not know. The rest of its message is still valid.
        schema = schema | {"keys_schema": core_schema.with_default_schema(schema["keys_schema"], on_error="omit")}
    return {name: _bounded(part, bounds) for name, part in schema.items()}


def _with_bounded_fields(schema: Any, bounds: FieldBounds) -> Any:
    kind, arguments = schema["cls"], schema["schema"]
    fields = [
        field | {"schema": _field_schema(kind, field["name"], field["schema"], bounds)} for field in arguments["fields"]
    ]
    return schema | {"schema": arguments | {"fields": fields}}


def _field_schema(kind: type, name: str, schema: Any, bounds: FieldBounds) -> Any:
    if issubclass(kind, RunPatch) and name in UNSENT_FIELDS:
        return schema | {"schema": _UNSENT, "on_error": "default"}
    options = bounds.get((kind, name))
    return schema if options is None else _add_bounds(schema, options)


def _add_bounds(schema: Any, bounds: Mapping[str, object]) -> Any:
    # The schema of a field that has a default or may be None wraps the schema of the value.
    if "schema" in schema:
        return schema | {"schema": _add_bounds(schema["schema"], bounds)}
    options = dict(bounds)
    if options.pop(OMITS_UNREADABLE, False):
        options["items_schema"] = [
            core_schema.with_default_schema(each, on_error="omit") for each in schema["items_schema"]
        ]
    return schema | options


def _read_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("the time has no time zone")
    return time if time.tzinfo is UTC and EARLIEST <= time <= LATEST else clamp(time)


def _read_status(row: tuple[str, bool]) -> Status:
    word, is_final = row
    return parse_status(word, ended=is_final)


def _status_row(status: Status) -> tuple[str, bool]:
    # The word of a new status does not say whether the run has ended, so the flag is sent with it.
    return status.word, status.canonical.is_final


class _Nothing:
    """No JSON becomes an instance of this class."""


# pydantic's own decoder returns times with a time zone of its own instead of `UTC`, which are slow to compare.
_TIME: Final = core_schema.no_info_after_validator_function(
    _read_time, core_schema.str_schema(), serialization=core_schema.simple_ser_schema("datetime")
)
_STATUS: Final = core_schema.no_info_after_validator_function(
    _read_status,
    core_schema.tuple_schema([core_schema.str_schema(), core_schema.bool_schema(strict=True)]),
    serialization=core_schema.plain_serializer_function_ser_schema(_status_row),
)
_UNSENT: Final = core_schema.is_instance_schema(_Nothing)
