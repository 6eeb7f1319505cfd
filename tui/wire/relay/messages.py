"""The messages between a relay and its screens, as dataclasses, and their encoding as JSON.

A screen is a monitor that gets its runs from a relay instead of the API. Decoding raises `ServerFault` for an invalid
message. It ignores unknown fields, so a newer program of the same `VERSION` may add fields; tui/relay/README.md says
when the version changes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import field, fields
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from tui.domain.environment import Capability
from tui.domain.update import (
    CaughtUp,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    Reconciled,
    RunGone,
    RunPatch,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    WindowRead,
)
from tui.lazy_dataclass import dataclass
from tui.wire.errors import ServerFault
from tui.wire.read_requests import ReadRequest
from tui.wire.relay.codec import UNSENT_FIELDS, Codec
from tui.wire.relay.findings_message import FINDINGS_BOUNDS, RelayFindings
from tui.wire.responses import Response
from tui.wire.times import EARLIEST, LATEST

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
    Annotated[SourceConnected, Tag("connected")]
    | Annotated[SourceRetrying, Tag("retrying")]
    | Annotated[SourceStopped, Tag("stopped")],
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
    patches: tuple[RunPatch, ...]
    gone: tuple[RunGone, ...]
    chunk: Chunk | None = None
    kind: Literal["runs"] = "runs"


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """Everything in the relay's store besides runs. `at` is the server's time."""

    at: _ClockTime
    environment: EnvironmentRead | None = None
    counts: CountsRead | None = None
    sources: tuple[_SourceStatus, ...] = ()
    lost: dict[Capability, str] = field(default_factory=dict)
    caught_up: CaughtUp | None = None
    reconciled: Reconciled | None = None
    history: HistoryRead | None = None
    window: WindowRead | None = None
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
        """The response as an HTTP response of `wire.responses`."""
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
_PATCH: Final = Codec[RunPatch](RunPatch, "a run")

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


def encode_patch(patch: RunPatch) -> bytes:
    """Encode one run for `encode_runs`, without its error and schedule where these are too large to send."""
    try:
        row = _PATCH.encode(patch, exclude=_EXCLUDED, exclude_none=True)
    except (RecursionError, ValueError):  # a schedule that is nested too deep
        row = b""
    if not row or len(row) > MAX_PATCH_BYTES:
        row = _PATCH.encode(patch, exclude=_EXCLUDED_IF_LARGE, exclude_none=True)
    return row


def encode_runs(at: datetime, rows: Iterable[bytes], gone: Iterable[RunGone] = (), chunk: Chunk | None = None) -> bytes:
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
