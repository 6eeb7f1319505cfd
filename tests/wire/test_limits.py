"""Responses above a limit are truncated, and every truncation is reported. None fills the memory."""

import asyncio
import gzip
import json
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace
from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import recording
from tests.support.sure import sure
from tests.support.wire.requests import KEY, NOW, ask
from tui.api.client import Client
from tui.api.errors import MAX_INLINE_BYTES, MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_NOTES, MAX_TAGS, Limits
from tui.api.feed import decode_feed
from tui.api.models import MAX_DEPTH, MAX_ITEMS, within_bounds
from tui.api.queries import RunCounts
from tui.api.responses import STEP_BYTES, BodyError, BodyReader, Response, decode_query
from tui.api.runs import decode_page, decode_run
from tui.domain.run import Json

ROW: dict[str, Any] = recording("014")["response"]["body"]["data"][0]
DETAIL: dict[str, Any] = recording("103")["response"]["body"]
FEED_ROW: dict[str, Any] = recording("717")["response"]["body"][0]["value"]
FEED_HEADERS = {"electric-handle": "1", "electric-offset": "0_0"}
SPAN: dict[str, Json] = {"message": "root", "startTime": "2026-11-24T13:43:46Z", "duration": 1}
LONG = "x" * 2_000_000


def rows(count: int) -> list[Json]:
    return [ROW | {"id": f"run_{number}"} for number in range(count)]


def body(value: Json) -> bytes:
    return json.dumps(value).encode()


def trace_of(**root: Json) -> bytes:
    return body({"trace": {"traceId": "t", "rootSpan": {"id": "root", "runId": "run_1", "data": SPAN, **root}}})


def feed_of(*rows: dict[str, Json]) -> Response:
    messages: list[Json] = [{"value": row, "headers": {}} for row in rows]
    return Response("GET /feed", 200, FEED_HEADERS, body([*messages, {"headers": {"control": "up-to-date"}}]), NOW)


# --- numbers of rows


def test_page_with_too_many_rows_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.models.MAX_PAGE_ROWS", 5)
    for count, notes in ((5, []), (7, ["7 rows on a page, only the first 5 are kept"])):
        limits = Limits()
        page = decode_page(body({"data": rows(count), "pagination": {"next": "on"}}), NOW, limits)
        assert [patch.id for patch in page.patches] == [f"run_{number}" for number in range(5)]
        assert (page.unreadable, page.next, limits.notes) == (0, "on", notes)


def test_truncated_children_are_not_reported_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.runs.MAX_RELATIVES", 2)
    for count in (2, 3):
        limits = Limits()
        answer = decode_run(body(DETAIL | {"relatedRuns": {"children": rows(count)}}), NOW, limits)
        assert [patch.id for patch in answer.related] == ["run_0", "run_1"]
        assert (answer.patch.lists_all_children, len(limits.notes)) == (count == 2, count - 2)


def test_feed_with_too_many_rows_keeps_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.feed.MAX_FEED_ROWS", 4)
    limits = Limits()
    answer = decode_feed(feed_of(*(FEED_ROW | {"friendlyId": f"run_{number}"} for number in range(6))), None, limits)
    assert len(answer.patches) + len(answer.partial) + answer.unreadable == 4
    assert sure(answer.position).is_up_to_date
    assert limits.notes == ["6 rows in one response of the feed, only the first 4 are kept"]


def test_trace_with_too_many_spans_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.traces.MAX_SPANS", 3)
    for count in (2, 3):
        limits = Limits()
        children: list[Json] = [
            {"id": f"s{number}", "runId": "run_1", "data": SPAN | {"message": f"s{number}"}} for number in range(count)
        ]
        trace = decode_trace(trace_of(children=children), limits)
        assert [span.message for span in trace.root.walk()] == ["root", "s0", "s1"]
        assert (trace.is_truncated, len(limits.notes)) == (count == 3, count - 2)


# --- lengths of texts


@pytest.mark.parametrize("name", ["taskIdentifier", "version", "status", "ttl", "region", "triggerFunction", "tags"])
def test_long_name_is_truncated(name: str) -> None:
    """A name of megabytes would be cleaned and measured at each repaint of its row."""
    limits = Limits()
    row = ROW | {name: [LONG] if name == "tags" else LONG}
    (patch,) = decode_page(body({"data": [row]}), NOW, limits).patches
    assert len(repr(patch)) < 10 * MAX_NAME_CHARS
    (note,) = limits.notes
    assert note.endswith("2,000,000 characters, of which only the first 1,000 are kept")


def test_row_with_an_endless_id_is_unreadable() -> None:
    page = decode_page(body({"data": [ROW | {"id": "x" * 201, "tags": ["a"] * 200}, ROW | {"id": "x" * 200}]}), NOW)
    assert ([len(patch.id) for patch in page.patches], page.unreadable) == ([200], 1)
    assert decode_feed(feed_of(FEED_ROW | {"friendlyId": LONG}), None, Limits()).unreadable == 1


def test_long_texts_of_queries_and_spans_are_truncated() -> None:
    limits = Limits()
    rows = decode_query(body({"results": [{"message": LONG, "n": 1}, {"message": "short", "n": 2}]}), limits)
    assert rows == [{"message": LONG[:MAX_MESSAGE_CHARS], "n": 1}, {"message": "short", "n": 2}]
    assert decode_trace(trace_of(data=SPAN | {"message": LONG}), limits).root.message == LONG[:MAX_MESSAGE_CHARS]
    assert limits.notes == [
        "text in a query's row: 2,000,000 characters, of which only the first 10,000 are kept",
        "span's message: 2,000,000 characters, of which only the first 10,000 are kept",
    ]


# --- the depth and length of any JSON


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_within_the_limits_is_unchanged(value: object) -> None:
    text = json.dumps(value).encode()
    assert within_bounds(text)[0] == text


@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}"), ('{"[{\\\\\\"":[', "]}")])
def test_values_below_the_depth_are_cut(pair: tuple[str, str]) -> None:
    nested = pair[0] * 5_000 + "1" + pair[1] * 5_000
    value = json.loads(within_bounds(f"[{nested}, 2, {nested}]".encode())[0])
    assert value[1] == 2
    depth, inner = 1, value[0]
    while isinstance(inner, dict | list):
        (inner,) = inner.values() if isinstance(inner, dict) else inner
        depth += 1
    assert (depth, inner) == (MAX_DEPTH, "…")


@pytest.mark.parametrize("count", [MAX_ITEMS - 1, MAX_ITEMS, MAX_ITEMS + 1, 3 * MAX_ITEMS])
def test_items_above_the_limit_are_cut(count: int) -> None:
    value: Any = {"list": [["a,b", each] for each in range(count)], "keys": {f"k{key}": {} for key in range(count)}}
    bounded, longest = within_bounds(json.dumps(value | {"last": [1, 2]}).encode())
    kept = min(count, MAX_ITEMS)
    expected = {"list": value["list"][:kept], "keys": {f"k{key}": {} for key in range(kept)}, "last": [1, 2]}
    assert (json.loads(bounded), longest) == (expected, count)


@pytest.mark.parametrize("text", [b"[" * 5_000, b'{"' + b'\\"' * 200_000, b"]" * 5_000 + b"[" * 5_000, b'"\\'])
def test_invalid_json_stays_invalid(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(within_bounds(text)[0])


def cut_by(decode: Callable[[bytes, Any, Limits], Any], value: Json, text: str = "") -> tuple[Any, list[str]]:
    """Decode a body in which `text` stands for "@"; return the answer and the notes."""
    limits = Limits()
    return decode(json.dumps(value).replace('"@"', text).encode(), NOW, limits), limits.notes


def test_excess_of_one_run_leaves_the_other_rows() -> None:
    deep, many = '{"a":' * 5_000 + "1" + "}" * 5_000, {"tags": [f"t{number}" for number in range(50_000)]}
    two: Json = {"data": [ROW | {"id": "run_1", "metadata": "@"}, ROW | {"id": "run_2"}], "pagination": {}}
    page, notes = cut_by(decode_page, two, deep)
    assert [patch.id for patch in page.patches] == ["run_1", "run_2"]
    assert notes == [f"values nested more than {MAX_DEPTH} levels deep in the list of runs are left out"]
    page, notes = cut_by(decode_page, two, json.dumps({f"k{key}": key for key in range(2 * MAX_ITEMS)}))
    assert [len(patch.metadata[1]) for patch in page.patches] == [MAX_ITEMS, 0]
    assert notes == ["20,000 items in one array or object of the list of runs, only the first 10,000 are read"]
    for decode, value, what in (
        (decode_page, {"data": [ROW | many]}, "the list of runs"),
        (decode_run, DETAIL | many, "the run"),
    ):
        answer, notes = cut_by(decode, value)
        patch = answer.patches[0] if decode is decode_page else answer.patch
        assert sure(patch.state).tags == tuple(f"t{number}" for number in range(MAX_TAGS))
        assert notes == [
            f"50,000 items in one array or object of {what}, only the first 10,000 are read",
            f"10,000 tags of {patch.id}, only the first 100 are kept",
        ]


# --- reports


def test_notes_of_one_response_are_limited() -> None:
    limits = Limits()
    for number in range(1000):
        limits.take("ab", 1, f"letters of {number}")
    assert len(limits.notes) == MAX_NOTES


def test_response_above_its_byte_limit_is_rejected(
    recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.api.client.MAX_QUERY_BYTES", 1000)
    recordings_api.answer(Reply(body={"results": [{"n": "x" * 2000}]}), method="POST")
    with pytest.raises(Exception, match="more than 1,000 bytes"):
        ask(recordings_api.url, lambda client: client.query(RunCounts(None)))


@pytest.mark.parametrize(("size", "is_in_thread"), [(10, False), (MAX_INLINE_BYTES + 1, True)])
def test_large_response_is_decoded_in_a_thread(size: int, is_in_thread: bool) -> None:
    """The event loop keeps running meanwhile."""
    client = Client("http://127.0.0.1:1", KEY, clock=lambda: NOW)
    answer = Response("GET /it", 200, {}, bytes(size), NOW)
    decoding = asyncio.run(client.decode(answer, lambda *_: threading.current_thread()))
    assert (decoding is not threading.main_thread()) is is_in_thread


MEGABYTE = 1024 * 1024


def read_body(encoding: str, body: bytes, *, max_bytes: int = MEGABYTE, chunk_bytes: int = 65_536) -> bytes:
    reader = BodyReader(encoding, max_bytes)
    for start in range(0, len(body), chunk_bytes):
        for _ in reader.add(body[start : start + chunk_bytes]):
            pass
    return reader.body()


@given(st.binary(max_size=3000), st.integers(1, 500))
def test_body_is_decompressed_from_chunks_of_any_size(body: bytes, chunk_bytes: int) -> None:
    assert read_body("gzip", gzip.compress(body), chunk_bytes=chunk_bytes) == body
    assert read_body("", body, chunk_bytes=chunk_bytes) == body


@pytest.mark.parametrize("size", [STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES + 7])
def test_body_of_several_steps_is_decompressed_completely(size: int) -> None:
    assert read_body("x-gzip", gzip.compress(b"a" * size), max_bytes=size) == b"a" * size


def test_body_at_its_limit_is_accepted_and_one_above_is_not() -> None:
    for encoding, pack in (("gzip", gzip.compress), ("identity", bytes)):
        assert len(read_body(encoding, pack(bytes(1000)), max_bytes=1000)) == 1000
        with pytest.raises(BodyError, match="more than"):
            read_body(encoding, pack(bytes(1001)), max_bytes=1000)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "identity, gzip ,gzip", "gzip,deflate", "GZIP,gzip", "br, gzip"])
def test_body_compressed_more_than_once_is_rejected(encoding: str) -> None:
    with pytest.raises(BodyError, match="compressed more than once"):
        BodyReader(encoding, MEGABYTE)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "compress", "\x1b[31m", "gzip;q=1"])
def test_unrequested_coding_is_rejected(encoding: str) -> None:
    with pytest.raises(BodyError, match="not requested"):
        BodyReader(encoding, MEGABYTE)


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"a" * 1000)[:-9], b"no gzip", gzip.compress(b"a")[:-8] + bytes(8), zlib.compress(b"a")],
    ids=["cut", "no gzip", "wrong checksum", "zlib"],  # the bytes contain the current time
)
def test_invalid_gzip_body_is_rejected(packed: bytes) -> None:
    with pytest.raises(BodyError, match="cannot be decompressed"):
        read_body("gzip", packed)


def test_decompression_bomb_stays_within_its_limit() -> None:
    bomb = gzip.compress(bytes(40 * MEGABYTE))
    tracemalloc.start()
    try:
        with pytest.raises(BodyError, match="more than"):
            read_body("gzip", bomb, max_bytes=4 * MEGABYTE, chunk_bytes=len(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEGABYTE


def test_endless_empty_gzip_blocks_are_rejected() -> None:
    """Empty deflate blocks decompress to nothing, so the limit must count compressed bytes too."""
    packer = zlib.compressobj(wbits=31)
    block = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    empty = packer.flush(zlib.Z_FULL_FLUSH) or b"\x00\x00\x00\xff\xff"
    with pytest.raises(BodyError, match="more than"):
        read_body("gzip", block + empty * 40_000, max_bytes=100_000)
