"""The messages between a relay and its screens, and their encoding as JSON."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, OnErrorOmit, Tag, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator, core_schema

from tui.api.client import ReadRequest
from tui.api.errors import EARLIEST, LATEST, MAX_PAGE_ROWS, MAX_TAGS, ServerFault, clamp
from tui.api.models import read_json, within_bounds
from tui.api.responses import Response
from tui.domain import facts, update
from tui.domain.finding import FindingsRead, QueueWaits, Verdict
from tui.domain.run import Capability, State, Status, TaskId, parse_status
from tui.lazy_dataclass import dataclass

# Encodes dataclasses as JSON, and decodes them with bounds on every number, time and duration.
#
# pydantic makes a schema from the type hints of the dataclasses, so a new field needs no code here. The domain does not
# import pydantic, so its dataclasses cannot declare bounds: this module adds them to the schema. Messages declare
# their own.


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

MAX_ROWS: Final = 100_000
"""Cells of all tasks. 200 tasks have 12,000 in an hour."""

MAX_TASKS: Final = 20_000
MAX_FINDINGS: Final = 1_000

_FIELD_BOUNDS: Final[Mapping[type, Mapping[str, Mapping[str, object]]]] = {
    State: {"tags": {"max_length": MAX_TAGS}},
    update.SourceConnected: {"interval_s": {"gt": 0, "le": MAX_INTERVAL_S}},
    update.WindowRead: {"period": {"gt": timedelta(), "le": MAX_PERIOD}},
    Verdict: {"findings": {"max_length": MAX_FINDINGS}, "refused": {"max_length": 100}, "unread": {"max_length": 100}},
    QueueWaits: {"holders": {"max_length": facts.MAX_HOLDERS}},
    facts.NormalsRead: {"normals": {"max_length": MAX_TASKS}, "before": {"max_length": MAX_TASKS}},
    facts.QueuesRead: {"queues": {"max_length": facts.MAX_QUEUES}, "limits": {"max_length": facts.MAX_QUEUES}},
    facts.WaitsRead: {"waits": {"max_length": MAX_TASKS}},
    facts.QueueWait: {"holders": {"max_length": facts.MAX_HOLDERS}},
    facts.SchedulesRead: {"schedules": {"max_length": facts.MAX_SCHEDULES}},
    facts.TokensRead: {"tokens": {"max_length": facts.MAX_TOKENS}},
    facts.DeploymentsRead: {"deployments": {"max_length": facts.MAX_DEPLOYMENTS}},
    facts.ErrorGroupsRead: {"groups": {"max_length": MAX_PAGE_ROWS}},
}
"""More options for single fields of the domain."""


class Codec(Generic[T]):
    """Encodes and decodes values of one type."""

    def __init__(self, hint: Any, name: str) -> None:
        """`hint` is the type, `name` a noun phrase for its values in error texts."""
        self._hint = hint
        self._name = name

    @cached_property
    def core(self) -> tuple[SchemaValidator, SchemaSerializer]:
        """The parts of pydantic that decode and encode. They are built at first use, which takes some 30 ms."""
        schema = _bounded(TypeAdapter(self._hint).core_schema)
        # Without this option an infinite number in a schedule would become null.
        return SchemaValidator(schema), SchemaSerializer(schema, core_schema.CoreConfig(ser_json_inf_nan="constants"))

    def encode(self, value: T, **options: Any) -> bytes:
        """Return the value as JSON. `options` are those of pydantic's serializer.

        Raises ValueError or RecursionError for values in it that are nested too deep.
        """
        serializer = self.core[1]
        try:
            return serializer.to_json(value, by_alias=True, **options)
        except PydanticSerializationError:
            # JavaScript may send lone surrogates. pydantic cannot write them; Python's encoder escapes them.
            row = serializer.to_python(value, mode="json", by_alias=True, **options)
            return json.dumps(row, separators=(",", ":")).encode("ascii")

    def decode(self, text: bytes) -> T:
        """Return the value that the JSON text describes; unknown fields are ignored. Raises `ServerFault`."""
        try:
            try:
                value: T = self.core[0].validate_json(text)
            except ValidationError:
                # pydantic's parser rejects lone surrogates, 200 levels and very long numbers; Python's reads them.
                try:
                    row = read_json(text)
                except RecursionError:
                    row = read_json(within_bounds(text)[0])
                value = self.core[0].validate_python(row)
        except (ValueError, RecursionError):
            raise ServerFault(f"{self._name} could not be read: not JSON, or not of the expected form", 200) from None
        return value


def _bounded(schema: Any) -> Any:  # noqa: C901  one case a kind
    """Return a pydantic schema with bounds on every number, time and duration in it."""
    match schema:
        case list():
            return [_bounded(part) for part in schema]
        case {"type": "datetime"}:
            return _TIME
        case {"type": "dataclass", "cls": kind} if kind is Status:
            return _STATUS
        case {"type": "int" | "float" | "bool" | "timedelta" as kind}:
            return {**_BOUNDS[kind], **schema}
        case {"type": "dataclass", "cls": kind, "schema": {"fields": list(parts)}}:
            bounds = _FIELD_BOUNDS.get(kind, {})
            for each in parts:
                if issubclass(kind, update.RunPatch) and each["name"] in UNSENT_FIELDS:
                    each["schema"] = each["schema"] | {"schema": _UNSENT}
                value = each
                while "schema" in value:  # the schema of a field that has a default or may be None wraps the value's
                    value = value["schema"]
                value.update(bounds.get(each["name"], {}))
        # A newer relay may send words that this version does not know, an older one other sources.
        case {"type": "dict", "keys_schema": {"type": "enum"} as word}:
            schema = schema | {"keys_schema": core_schema.with_default_schema(word, on_error="omit")}
        case {"type": "tuple", "items_schema": [{"type": "tuple", "items_schema": [{"type": "enum"}, *_]} as pair]}:
            schema = schema | {"items_schema": [core_schema.with_default_schema(pair, on_error="omit")]}
        case _:
            pass
    return {name: _bounded(part) for name, part in schema.items()} if isinstance(schema, dict) else schema


def _read_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("the time has no time zone")
    return time if time.tzinfo is UTC and EARLIEST <= time <= LATEST else clamp(time)


# pydantic's own decoder returns times with a time zone of its own instead of `UTC`, which are slow to compare.
_TIME: Final = core_schema.no_info_after_validator_function(
    _read_time, core_schema.str_schema(), serialization=core_schema.simple_ser_schema("datetime")
)
_STATUS: Final = core_schema.no_info_after_validator_function(
    lambda row: parse_status(row[0], ended=row[1]),
    core_schema.tuple_schema([core_schema.str_schema(), core_schema.bool_schema(strict=True)]),
    # The word of a new status does not say whether the run has ended, so the flag is sent with it.
    serialization=core_schema.plain_serializer_function_ser_schema(lambda each: (each.word, each.canonical.is_final)),
)
_UNSENT: Final = core_schema.no_info_plain_validator_function(lambda _: None)


# `RelayFindings`: the relay's verdict and its facts of the wall, as a message. Only the kinds that changed are sent.
#
# The facts are the decoded ones: no response of the API is in it, and a waitpoint token has no callback address.


@dataclass(frozen=True, slots=True)
class RelayMinutes:
    """A `MinutesRead` in a fifth of the bytes, without the minutes before `since`: only the relay judges by them.

    A row has the numbers of the task and of the cell after `since`, then what the fields of a `TaskMinute` count.
    """

    at: datetime
    since: datetime
    cell: Annotated[timedelta, Field(gt=timedelta(), le=timedelta(days=1))]
    tasks: Annotated[tuple[TaskId, ...], Field(max_length=MAX_TASKS)]
    rows: Annotated[tuple[tuple[int, int, int, int, int, int, int, int], ...], Field(max_length=MAX_ROWS)]
    speeds: Annotated[tuple[facts.TaskSpeed, ...], Field(max_length=MAX_TASKS)] = ()
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
    unread: Annotated[tuple[OnErrorOmit[facts.FactUnread], ...], Field(max_length=100)] = ()
    kind: Literal["findings"] = "findings"

    def updates(self) -> Iterator[facts.WallUpdate]:
        """Yield what the message says. Raises `ServerFault` for minutes that contradict themselves."""
        for name in FACT_NAMES:
            if (fact := getattr(self, name)) is not None:
                yield _minutes_of(fact) if isinstance(fact, RelayMinutes) else fact
        yield from self.schedule_runs
        yield from self.unread
        if self.verdict is not None:
            # It is the relay's verdict of now, however long ago it last changed.
            yield FindingsRead(replace(self.verdict, at=self.at))


_NAMES: Final = {kind: source.name.lower() for kind, source in facts.SOURCE_OF.items()}
FACT_NAMES: Final = tuple(_NAMES.values())
"""The fields of `WallFacts` and of the message that have one fact each."""


def message_of(at: datetime, fact: facts.FactRead) -> RelayFindings:
    """Return the message with one fact."""
    more: dict[str, Any]
    match fact:
        case facts.ScheduleRunsRead():
            more = {"schedule_runs": (fact,)}
        case facts.FactUnread():
            more = {"unread": (fact,)}
        case _:
            more = {_NAMES[type(fact)]: _numbers_of(fact) if isinstance(fact, facts.MinutesRead) else fact}
    return RelayFindings(at, **more)


def _numbers_of(read: facts.MinutesRead) -> RelayMinutes:
    tasks: dict[TaskId, int] = {}
    rows = []
    for each in read.minutes:
        if each.start >= read.since:
            task, cell = tasks.setdefault(each.task, len(tasks)), (each.start - read.since) // read.cell
            rows.append((task, cell, each.triggered, each.started, each.done, each.failed, each.ended, each.unstarted))
    return RelayMinutes(read.at, read.since, read.cell, tuple(tasks), tuple(rows[:MAX_ROWS]), read.speeds, read.is_cut)


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
# message. It ignores unknown fields and words, so a newer program of the same `VERSION` may add them. Anything else
# needs a new version.


VERSION: Final = 9
"""The version of the protocol. A relay refuses screens of another version."""

CLOSE_OTHER_VERSION: Final = 4001
"""The WebSocket close code for a screen of another version. Codes from 4000 are for applications (RFC 6455, 7.4.2)."""

PART_BYTES: Final = 64 * 1024
"""A response is sent in parts of this size, so that it is never copied as a whole."""

MAX_PATCH_BYTES: Final = 64 * 1024
"""A larger patch is sent without its error and schedule. A screen that shows them requests the whole run."""

_NUMBER_0: Final = b'{"number":0,'

_Version = Annotated[int, Field(alias="v", ge=0, le=2**31)]


def _refused_if(is_bad: Callable[[Any], bool]) -> AfterValidator:
    def check(value: Any) -> Any:
        if is_bad(value):
            raise ValueError("out of bounds")
        return value

    return AfterValidator(check)


def _status_tag(status: Any) -> str:
    # The three classes have no field that names their type, so their other fields identify them.
    names = status if isinstance(status, dict) else getattr(status, "__slots__", ())
    return "retrying" if "next_at" in names else "connected" if "interval_s" in names else "stopped"


# The codec clamps every time to these bounds, so this one was outside. A screen must not set its clock by it.
_ClockTime = Annotated[datetime, _refused_if(lambda time: time in {EARLIEST, LATEST})]
# Not by a length: pydantic would refuse lone surrogates, too.
_WITH_IDS: Final = _refused_if(lambda runs: not all(run.id for run in runs))
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
    # A screen detects a dead connection by missing beats. Without this maximum it could take hours.
    beat_s: Annotated[float, Field(ge=0.1, le=60)]
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
    patches: Annotated[tuple[update.RunPatch, ...], _WITH_IDS]
    gone: Annotated[tuple[update.RunGone, ...], _WITH_IDS]
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

_RELAY: Final = Codec[RelayMessage](Annotated[RelayMessage, Field(discriminator="kind")], "a message of the relay")
_SCREEN: Final = Codec[ScreenMessage](Annotated[ScreenMessage, Field(discriminator="kind")], "a message of the screen")
_PATCH: Final = Codec[update.RunPatch](update.RunPatch, "a run")

encode_relay_message: Final = _RELAY.encode
decode_relay_message: Final = _RELAY.decode
encode_screen_message: Final = _SCREEN.encode
decode_screen_message: Final = _SCREEN.decode

_EXCLUDED: Final = dict.fromkeys(UNSENT_FIELDS, True)
_EXCLUDED_IF_LARGE: Final = _EXCLUDED | {"error": True, "fixed": {"schedule"}}


def build_codecs() -> None:
    """Build all schemas now. This imports modules of pydantic, which would fail without a free file descriptor."""
    _ = _RELAY.core, _SCREEN.core, _PATCH.core


def encode_patch(patch: update.RunPatch) -> bytes:
    """Encode one run for `encode_runs`, without its error and schedule where these are too large to send."""
    try:
        row = _PATCH.encode(patch, exclude=_EXCLUDED, exclude_none=True)
    except (RecursionError, ValueError):  # a schedule that is nested too deep
        row = b""
    is_small = 0 < len(row) <= MAX_PATCH_BYTES
    return row if is_small else _PATCH.encode(patch, exclude=_EXCLUDED_IF_LARGE, exclude_none=True)


def encode_runs(
    at: datetime, rows: Iterable[bytes], gone: Iterable[update.RunGone] = (), chunk: Chunk | None = None
) -> bytes:
    """Encode a `Runs` message. `rows` are patches from `encode_patch`, inserted in the JSON of an empty message."""
    message = encode_relay_message(Runs(at, (), tuple(gone), chunk))
    return message.replace(b'"patches":[]', b'"patches":[%b]' % b",".join(rows), 1)


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
