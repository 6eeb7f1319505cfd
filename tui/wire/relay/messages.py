"""What a relay and its screens say to each other: JSON texts, one message each, under a protocol version.

What lives here: the messages as values, and both directions of their coding. Who says what, and when, is `relay`'s and
`sources.relay`'s. Decoding raises `ServerFault` for a message that cannot be read; a field that is not known is left.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar, assert_never

from tui.domain.ids import SpanId
from tui.domain.run import Json
from tui.domain.update import RunGone, RunPatch
from tui.wire.errors import ServerFault
from tui.wire.models import decode
from tui.wire.read_requests import EventsRequest, QueryRequest, ReadRequest, RunRequest, SpanRequest, TraceRequest
from tui.wire.relay.facts import RelayFacts, facts_row, read_facts
from tui.wire.relay.models import AnswerRow, CallRow, ToRelay, ToScreen
from tui.wire.relay.runs import GoneRow, PatchRow, decode_moment, decode_patch, decode_run_id, decode_time, encode_time
from tui.wire.responses import Response

VERSION: Final = 2
"""Of the protocol; two sides with different ones do not talk."""

OTHER_VERSION: Final = 4001
"""How a connection of two versions is closed: 4000 and above are ours (RFC 6455, 7.4.2)."""

PART_BYTES: Final = 64 * 1024
"""Of an answer, which may have millions: who sends it part by part holds no more of it at once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first word of a relay, whose version may be another one; a beat comes every `beat_s`."""

    version: int
    program: str
    at: datetime
    beat_s: float


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs as the relay knows them. `chunk` is set in a snapshot, and None for changes; all times are the server's."""

    at: datetime
    patches: tuple[RunPatch, ...]
    gone: tuple[RunGone, ...]
    chunk: "Chunk | None" = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Which part of a snapshot it is, counted from 0."""

    number: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Beat:
    """The relay is there."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """What the API answered to the call of that number."""

    number: int
    answer: Response


@dataclass(frozen=True, slots=True)
class Hello:
    """The first word of a screen, whose version may be another one."""

    version: int
    program: str


@dataclass(frozen=True, slots=True)
class Call:
    """A question of a screen, numbered by it."""

    number: int
    question: ReadRequest


Message = Welcome | Runs | RelayFacts | Beat | Answered


# --- a relay's words


def encode_welcome(welcome: Welcome) -> bytes:
    """The first word."""
    return _text(
        {
            "kind": "welcome",
            "v": welcome.version,
            "program": welcome.program,
            "at": encode_time(welcome.at),
            "beat_s": welcome.beat_s,
        }
    )


def encode_runs(at: datetime, rows: Iterable[bytes], gone: Iterable[RunGone] = (), chunk: Chunk | None = None) -> bytes:
    """Runs, out of rows that `encode_patch` made."""
    head: dict[str, Json] = {"kind": "changes", "at": encode_time(at)}
    if chunk is not None:
        head |= {"kind": "snapshot", "number": chunk.number, "is_last": chunk.is_last}
    head["gone"] = [{"id": each.id, "at": encode_time(each.at)} for each in gone]
    return _text(head)[:-1] + b',"runs":[' + b",".join(rows) + b"]}"


def encode_facts(facts: RelayFacts) -> bytes:
    """The facts, whole."""
    return _text(facts_row(facts))


def encode_beat(beat: Beat) -> bytes:
    """A beat."""
    return _text({"kind": "beat", "at": encode_time(beat.at)})


def encode_answer(answer: Response) -> bytes:
    """An answer without its number: the same for all who asked. It has as much of its headers as a decoder looks at."""
    return _text(
        {
            "status": answer.status,
            "read_at": encode_time(answer.read_at),
            "content_type": answer.headers.get("content-type", ""),
            "body": answer.body.decode("utf-8", "replace"),
        }
    )


def encode_answered(number: int, answer: bytes) -> Iterator[bytes]:
    """What `encode_answer` made, as the answer to one call: in parts, of which none is a copy of the whole."""
    yield _text({"kind": "answer", "id": number})[:-1] + b","
    for start in range(1, len(answer), PART_BYTES):
        yield answer[start : start + PART_BYTES]


def decode_told(text: bytes) -> Message:
    """Read what a relay said. Raises `ServerFault`."""
    return _decoded(ToScreen, text, _told, "a message of the relay")


# --- a screen's words


def encode_hello(hello: Hello) -> bytes:
    """The first word."""
    return _text({"kind": "hello", "v": hello.version, "program": hello.program})


def encode_call(call: Call) -> bytes:
    """A question."""
    row: dict[str, Json] = {"kind": "call", "id": call.number}
    match call.question:
        case RunRequest(run_id):
            row |= {"what": "run", "run": run_id}
        case TraceRequest(run_id):
            row |= {"what": "trace", "run": run_id}
        case EventsRequest(run_id):
            row |= {"what": "events", "run": run_id}
        case SpanRequest(run_id, span_id):
            row |= {"what": "span", "run": run_id, "span": span_id}
        case QueryRequest(trql, period):
            row |= {"what": "query", "trql": trql, "period": period}
        case _:
            assert_never(call.question)
    return _text(row)


def decode_asked(text: bytes) -> Hello | Call:
    """Read what a screen said. Raises `ServerFault`."""
    return _decoded(ToRelay, text, _asked, "a message of the screen")


# --- parts


def _text(row: Mapping[str, Json]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode("ascii")


def _decoded(shape: Any, text: bytes, convert: Callable[[Any], T], what: str) -> T:
    row = decode(shape, text, what)
    try:
        return convert(row)
    except (ValueError, KeyError, OverflowError):
        pass
    raise ServerFault(f"{what} could not be read: a value of it is none", 200)


def _told(row: Any) -> Message:
    match row["kind"]:
        case "welcome":
            return Welcome(row["v"], row["program"], decode_moment(row["at"]), row["beat_s"])
        case "snapshot":
            return _read_runs(row, Chunk(row["number"], row["is_last"]))
        case "changes":
            return _read_runs(row, None)
        case "facts":
            return read_facts(row)
        case "beat":
            return Beat(decode_moment(row["at"]))
        case _:
            return _read_answer(row)


def _read_runs(row: Any, chunk: Chunk | None) -> Runs:
    runs: list[PatchRow] = row["runs"]
    gone: list[GoneRow] = row["gone"]
    return Runs(
        decode_moment(row["at"]),
        tuple(decode_patch(each) for each in runs),
        tuple(RunGone(decode_run_id(each["id"]), decode_time(each["at"])) for each in gone),
        chunk,
    )


def _read_answer(row: AnswerRow) -> Answered:
    headers = {"content-type": row["content_type"]}
    body = row["body"].encode("utf-8", "replace")
    return Answered(row["id"], Response("the relay", row["status"], headers, body, decode_moment(row["read_at"])))


def _asked(row: Any) -> Hello | Call:
    if row["kind"] == "hello":
        return Hello(row["v"], row["program"])
    return Call(row["id"], _read_question(row))


def _read_question(row: CallRow) -> ReadRequest:
    match row["what"]:
        case "run":
            return RunRequest(decode_run_id(row["run"]))
        case "trace":
            return TraceRequest(decode_run_id(row["run"]))
        case "events":
            return EventsRequest(decode_run_id(row["run"]))
        case "span":
            return SpanRequest(decode_run_id(row["run"]), SpanId(row["span"]))
        case "query":
            return QueryRequest(row["trql"], row.get("period"))
