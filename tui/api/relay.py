"""The messages between a relay and its screens, and their encoding as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator, core_schema

from tui.api.client import ReadRequest
from tui.api.errors import EARLIEST, LATEST, MAX_TAGS, ServerFault, clamp
from tui.api.facts import MAX_GROUPS
from tui.api.models import read_json, within_bounds
from tui.api.responses import Response
from tui.domain import facts, update
from tui.domain.environment import Capability
from tui.domain.finding import FindingsRead, QueueWaits, Verdict
from tui.domain.ids import TaskId
from tui.domain.run import State
from tui.domain.status import Status, parse_status
from tui.lazy_dataclass import dataclass

# Encodes dataclasses as JSON, and decodes them with bounds on every number, time and duration.
#
# pydantic makes a schema from the type hints of the dataclasses, so a new field needs no code here. The domain does not
# import pydantic, so its dataclasses cannot declare bounds: this module adds them to the schema.


T = TypeVar("T")

MAX_INTEGER: Final = 2**53
"""Beyond it JSON numbers are not exact in every language."""

MAX_DURATION: Final = timedelta(microseconds=10**17)
"""Some 3,000 years, the maximum of `durationMs` in `api.models`. The sum of many still fits a timedelta."""

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
    (update.SourceConnected, "interval_s"): {"gt": 0, "le": MAX_INTERVAL_S},
    (update.WindowRead, "period"): {"gt": timedelta(), "le": MAX_PERIOD},
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
    if issubclass(kind, update.RunPatch) and name in UNSENT_FIELDS:
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


# `RelayFindings`: the relay's verdict and its facts of the wall, as a message. Only the kinds that changed are sent.
#
# The facts are the decoded ones: no response of the API is in it, and a waitpoint token has no callback address.


MAX_ROWS: Final = 100_000
"""Cells of all tasks. 200 tasks have 12,000 in an hour."""

MAX_TASKS: Final = 20_000
MAX_FINDINGS: Final = 1_000
_MAX_CELL: Final = timedelta(days=1)

_Numbers = tuple[int, int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class RelayMinutes:
    """A `MinutesRead` in a fifth of the bytes, without the minutes before `since`: only the relay judges by them.

    A row has the numbers of the task and of the cell after `since`, then what the fields of a `TaskMinute` count.
    """

    at: datetime
    since: datetime
    cell: timedelta
    tasks: tuple[TaskId, ...]
    rows: tuple[_Numbers, ...]
    speeds: tuple[facts.TaskSpeed, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class RelayFindings:
    """The relay's verdict, or facts. None: it did not change. All times are the server's."""

    at: datetime
    verdict: Verdict | None = None
    minutes: RelayMinutes | None = None
    normals: facts.NormalsRead | None = None
    queues: facts.QueuesRead | None = None
    waits: facts.WaitsRead | None = None
    schedules: facts.SchedulesRead | None = None
    tokens: facts.TokensRead | None = None
    deployments: facts.DeploymentsRead | None = None
    errors: facts.ErrorGroupsRead | None = None
    schedule_runs: Annotated[tuple[facts.ScheduleRunsRead, ...], Field(max_length=facts.MAX_SCHEDULES)] = ()
    unread: Annotated[tuple[facts.FactUnread, ...], Field(max_length=100)] = ()
    kind: Literal["findings"] = "findings"

    def updates(self) -> Iterator[facts.WallUpdate]:
        """Yield what the message says. Raises `ServerFault` for minutes that contradict themselves."""
        if self.minutes is not None:
            yield _minutes_of(self.minutes)
        for name in _NAMES.values():
            fact: facts.WallUpdate | None = getattr(self, name)
            if fact is not None:
                yield fact
        yield from self.schedule_runs
        yield from self.unread
        if self.verdict is not None:
            # It is the relay's verdict of now, however long ago it last changed.
            yield FindingsRead(replace(self.verdict, at=self.at))


_NAMES: Final[dict[type[facts.FactRead], str]] = {
    facts.NormalsRead: "normals",
    facts.QueuesRead: "queues",
    facts.WaitsRead: "waits",
    facts.SchedulesRead: "schedules",
    facts.TokensRead: "tokens",
    facts.DeploymentsRead: "deployments",
    facts.ErrorGroupsRead: "errors",
}
FACT_NAMES: Final = ("minutes", *_NAMES.values())
"""The fields of `WallFacts` and of the message that have one fact each."""

FINDINGS_BOUNDS: Final[FieldBounds] = {
    (Verdict, "findings"): {"max_length": MAX_FINDINGS},
    (Verdict, "refused"): {"max_length": 100, OMITS_UNREADABLE: True},
    (Verdict, "unread"): {"max_length": 100},
    (RelayFindings, "unread"): {OMITS_UNREADABLE: True},
    (RelayMinutes, "cell"): {"gt": timedelta(), "le": _MAX_CELL},
    (RelayMinutes, "tasks"): {"max_length": MAX_TASKS},
    (RelayMinutes, "rows"): {"max_length": MAX_ROWS},
    (RelayMinutes, "speeds"): {"max_length": MAX_TASKS},
    (facts.NormalsRead, "normals"): {"max_length": MAX_TASKS},
    (facts.NormalsRead, "before"): {"max_length": MAX_TASKS},
    (facts.QueuesRead, "queues"): {"max_length": facts.MAX_QUEUES},
    (facts.QueuesRead, "limits"): {"max_length": facts.MAX_QUEUES},
    (facts.WaitsRead, "waits"): {"max_length": MAX_TASKS},
    (facts.QueueWait, "holders"): {"max_length": facts.MAX_HOLDERS},
    (QueueWaits, "holders"): {"max_length": facts.MAX_HOLDERS},
    (facts.SchedulesRead, "schedules"): {"max_length": facts.MAX_SCHEDULES},
    (facts.TokensRead, "tokens"): {"max_length": facts.MAX_TOKENS},
    (facts.DeploymentsRead, "deployments"): {"max_length": facts.MAX_DEPLOYMENTS},
    (facts.ErrorGroupsRead, "groups"): {"max_length": MAX_GROUPS},
}
"""Options of the codec for single fields."""


def message_of(at: datetime, fact: facts.FactRead) -> RelayFindings:
    """Return the message with one fact."""
    match fact:
        case facts.MinutesRead():
            return RelayFindings(at, minutes=_numbers_of(fact))
        case facts.ScheduleRunsRead():
            return RelayFindings(at, schedule_runs=(fact,))
        case facts.FactUnread():
            return RelayFindings(at, unread=(fact,))
        case _:
            more: dict[str, Any] = {_NAMES[type(fact)]: fact}
            return RelayFindings(at, **more)


def _numbers_of(read: facts.MinutesRead) -> RelayMinutes:
    tasks: dict[TaskId, int] = {}
    rows = tuple(
        (
            tasks.setdefault(each.task, len(tasks)),
            (each.start - read.since) // read.cell,
            each.triggered,
            each.started,
            each.done,
            each.failed,
            each.ended,
            each.unstarted,
        )
        for each in read.minutes
        if each.start >= read.since
    )
    return RelayMinutes(read.at, read.since, read.cell, tuple(tasks), rows[:MAX_ROWS], read.speeds, read.is_cut)


def _minutes_of(numbers: RelayMinutes) -> facts.MinutesRead:
    try:
        minutes = tuple(
            facts.TaskMinute(numbers.tasks[task], numbers.since + cell * numbers.cell, *counts)
            for task, cell, *counts in numbers.rows
        )
    except (IndexError, OverflowError):
        raise ServerFault("a message of the relay could not be read: minutes without a task or a time", 200) from None
    return facts.MinutesRead(numbers.at, numbers.since, numbers.cell, minutes, numbers.speeds, numbers.is_cut)


# The messages between a relay and its screens, as dataclasses, and their encoding as JSON.
#
# A screen is a monitor that gets its runs from a relay instead of the API. Decoding raises `ServerFault` for an invalid
# message. It ignores unknown fields, so a newer program of the same `VERSION` may add fields; tui/relay/README.md says
# when the version changes.


VERSION: Final = 7
"""The version of the protocol. A relay refuses screens of another version."""

CLOSE_OTHER_VERSION: Final = 4001
"""The WebSocket close code for a screen of another version. Codes from 4000 are for applications (RFC 6455, 7.4.2)."""

PART_BYTES: Final = 64 * 1024
"""A response is sent in parts of this size, so that it is never copied as a whole."""

MAX_PATCH_BYTES: Final = 64 * 1024
"""A larger patch is sent without its error and schedule. A screen that shows them requests the whole run."""

_NO_PATCHES: Final = b'"patches":[]'
_NUMBER_0: Final = b'{"number":0,'

_Version = Annotated[int, Field(alias="v", ge=0, le=2**31)]
# A screen detects a dead connection by missing beats. Without this maximum it could take hours.
_BeatSeconds = Annotated[float, Field(ge=0.1, le=60)]


def _check_clock(time: datetime) -> datetime:
    # The codec clamps every time to these bounds, so this one was outside. A screen must not set its clock by it.
    if time in {EARLIEST, LATEST}:
        raise ValueError("no clock shows this time")
    return time


def _status_tag(status: Any) -> str:
    # The three classes have no field that names their type, so their other fields identify them.
    names = status if isinstance(status, dict) else {field.name for field in fields(status)}
    return "retrying" if "next_at" in names else "connected" if "interval_s" in names else "stopped"


_ClockTime = Annotated[datetime, AfterValidator(_check_clock)]
_SourceStatus = Annotated[
    Annotated[update.SourceConnected, Tag("connected")]
    | Annotated[update.SourceRetrying, Tag("retrying")]
    | Annotated[update.SourceStopped, Tag("stopped")],
    Discriminator(_status_tag),
]


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first message of a relay. Its form is the same in every version. A `Beat` follows every `beat_s`."""

    version: _Version
    program: str
    at: _ClockTime
    beat_s: _BeatSeconds
    kind: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The position of a message in a snapshot. `number` counts from 0."""

    number: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of the relay's store: a chunk of a snapshot, or changes (`chunk` is None). All times are the server's."""

    at: _ClockTime
    patches: tuple[update.RunPatch, ...]
    gone: tuple[update.RunGone, ...]
    chunk: Chunk | None = None
    kind: Literal["runs"] = "runs"


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """Everything in the relay's store besides runs. `at` is the server's time."""

    at: _ClockTime
    environment: update.EnvironmentRead | None = None
    counts: update.CountsRead | None = None
    sources: tuple[_SourceStatus, ...] = ()
    lost: dict[Capability, str] = field(default_factory=dict)
    caught_up: update.CaughtUp | None = None
    reconciled: update.Reconciled | None = None
    history: update.HistoryRead | None = None
    window: update.WindowRead | None = None
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat: the relay is still connected."""

    at: _ClockTime
    kind: Literal["beat"] = "beat"


@dataclass(frozen=True, slots=True)
class CallResponse:
    """The API's response to the `Call` with that number. The only header that decoders need is the content type."""

    number: int
    status: Annotated[int, Field(ge=100, le=599)]
    read_at: _ClockTime
    content_type: str
    body: str
    kind: Literal["response"] = "response"

    @property
    def response(self) -> Response:
        """The response as an HTTP response of `api.responses`."""
        headers = {"content-type": self.content_type}
        return Response("the relay", self.status, headers, self.body.encode("utf-8", "replace"), self.read_at)


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a screen. Its form is the same in every version."""

    version: _Version
    program: Annotated[str, Field(max_length=200)]
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True)
class Call:
    """A read request that the relay passes on to the API. The screen numbers its calls."""

    number: int
    request: Annotated[ReadRequest, Field(discriminator="kind")]
    kind: Literal["call"] = "call"


@dataclass(frozen=True, slots=True)
class Watch:
    """The screen shows findings from now on, or does so no more. The relay sends `RelayFindings` while it does."""

    is_watching: bool
    kind: Literal["watch"] = "watch"


RelayMessage = Welcome | Runs | RelayFacts | RelayFindings | Beat | CallResponse
ScreenMessage = Hello | Call | Watch

_RELAY: Final = Codec[RelayMessage](
    Annotated[RelayMessage, Field(discriminator="kind")], "a message of the relay", FINDINGS_BOUNDS
)
_SCREEN: Final = Codec[ScreenMessage](Annotated[ScreenMessage, Field(discriminator="kind")], "a message of the screen")
_PATCH: Final = Codec[update.RunPatch](update.RunPatch, "a run")

_EXCLUDED: Final = dict.fromkeys(UNSENT_FIELDS, True)
_EXCLUDED_IF_LARGE: Final = _EXCLUDED | {"error": True, "fixed": {"schedule"}}


def build_codecs() -> None:
    """Build all schemas now. This imports modules of pydantic, which would fail without a free file descriptor."""
    for codec in (_RELAY, _SCREEN, _PATCH):
        codec.build()


def encode_relay_message(message: RelayMessage) -> bytes:
    """Encode a message from the relay to a screen."""
    return _RELAY.encode(message)


def decode_relay_message(text: bytes) -> RelayMessage:
    """Decode a message from the relay to a screen. Raises `ServerFault`."""
    message = _RELAY.decode(text)
    if isinstance(message, Runs):
        run_ids = [patch.id for patch in message.patches] + [gone.id for gone in message.gone]
        if not all(run_ids):
            raise ServerFault("a message of the relay could not be read: a run without an id", 200)
    return message


def encode_screen_message(message: ScreenMessage) -> bytes:
    """Encode a message from a screen to the relay."""
    return _SCREEN.encode(message)


def decode_screen_message(text: bytes) -> ScreenMessage:
    """Decode a message from a screen to the relay. Raises `ServerFault`."""
    return _SCREEN.decode(text)


def encode_patch(patch: update.RunPatch) -> bytes:
    """Encode one run for `encode_runs`, without its error and schedule where these are too large to send."""
    try:
        row = _PATCH.encode(patch, exclude=_EXCLUDED, exclude_none=True)
    except (RecursionError, ValueError):  # a schedule that is nested too deep
        row = b""
    if not row or len(row) > MAX_PATCH_BYTES:
        row = _PATCH.encode(patch, exclude=_EXCLUDED_IF_LARGE, exclude_none=True)
    return row


def encode_runs(
    at: datetime, rows: Iterable[bytes], gone: Iterable[update.RunGone] = (), chunk: Chunk | None = None
) -> bytes:
    """Encode a `Runs` message. `rows` are patches from `encode_patch`, inserted in the JSON of an empty message."""
    before, after = encode_relay_message(Runs(at, (), tuple(gone), chunk)).split(_NO_PATCHES, 1)
    return b"".join((before, _NO_PATCHES[:-1], b",".join(rows), b"]", after))


def encode_response(response: Response) -> bytes:
    """Encode a response with the number 0, once for all screens that requested it."""
    content_type = response.headers.get("content-type", "")
    body = response.body.decode("utf-8", "replace")
    return encode_relay_message(CallResponse(0, response.status, response.read_at, content_type, body))


def response_parts(number: int, response: bytes) -> Iterator[bytes]:
    """Yield a response from `encode_response` in parts, with this number in place of the 0."""
    yield b'{"number":%d,' % number
    for start in range(len(_NUMBER_0), len(response), PART_BYTES):
        yield response[start : start + PART_BYTES]
