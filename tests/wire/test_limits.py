"""Responses above a limit are truncated, and every truncation is reported."""

import asyncio
import json
import threading
from typing import Any

import pytest

from tests.support.domain.recorded import decode_trace
from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import recording
from tests.support.sure import sure
from tests.support.wire.requests import KEY, NOW, ask
from tui.api.client import Client
from tui.api.errors import MAX_INLINE_BYTES, MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_NOTES, MAX_TAGS, Limits
from tui.api.feed import decode_feed, read_row
from tui.api.queries import RunCounts
from tui.api.responses import Response, decode_query
from tui.api.runs import decode_page, decode_run
from tui.domain.filters import RunFilters
from tui.domain.run import Json, RunId

ROW: dict[str, Any] = recording("014")["response"]["body"]["data"][0]
DETAIL: dict[str, Any] = recording("103")["response"]["body"]
FEED_HEADERS = {"electric-handle": "1", "electric-offset": "0_0"}


def rows(count: int) -> list[Json]:
    return [ROW | {"id": f"run_{number}"} for number in range(count)]


def body(value: Json) -> bytes:
    return json.dumps(value).encode()


def test_page_with_too_many_rows_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.runs.MAX_PAGE_ROWS", 5)
    for count, notes in ((5, []), (7, ["7 rows on a page, only the first 5 are kept"])):
        limits = Limits()
        page = decode_page(body({"data": rows(count), "pagination": {"next": "on"}}), NOW, limits)
        assert [patch.id for patch in page.patches] == [f"run_{number}" for number in range(5)]
        assert (page.unreadable, page.next, limits.notes) == (0, "on", notes)


def test_run_with_too_many_tags_is_truncated() -> None:
    many = {"tags": [f"t{number}" for number in range(50_000)]}
    listed, read = Limits(), Limits()
    row = decode_page(body({"data": [ROW | many]}), NOW, listed).patches[0]
    detail = decode_run(body(DETAIL | many | {"id": ROW["id"]}), NOW, read).patch
    for patch, limits, what in ((row, listed, "the list of runs"), (detail, read, "the run")):
        assert sure(patch.state).tags == tuple(f"t{number}" for number in range(MAX_TAGS))
        assert limits.notes == [
            f"50,000 items in one array or object of {what}, only the first 10,000 are read",
            f"10,000 tags of {ROW['id']}, only the first 100 are kept",
        ]


def test_truncated_children_are_not_reported_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.runs.MAX_RELATIVES", 2)
    for count in (2, 3):
        limits = Limits()
        answer = decode_run(body(DETAIL | {"relatedRuns": {"children": rows(count)}}), NOW, limits)
        assert [patch.id for patch in answer.related] == ["run_0", "run_1"]
        assert answer.patch.lists_all_children is (count == 2)
        assert len(limits.notes) == (count > 2)


def test_feed_with_too_many_rows_keeps_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.feed.MAX_FEED_ROWS", 4)
    row = recording("717")["response"]["body"][0]["value"]
    messages: list[Json] = [{"value": row | {"friendlyId": f"run_{number}"}, "headers": {}} for number in range(6)]
    messages.append({"headers": {"control": "up-to-date"}})
    limits = Limits()
    answer = decode_feed(Response("GET /feed", 200, FEED_HEADERS, body(messages), NOW), None, limits)
    assert len(answer.patches) + len(answer.partial) + answer.unreadable == 4
    assert sure(answer.position).is_up_to_date
    assert limits.notes == ["6 rows in one response of the feed, only the first 4 are kept"]


def test_trace_with_too_many_spans_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.traces.MAX_SPANS", 3)

    def node(name: str, *children: Json) -> dict[str, Json]:
        data: Json = {"message": name, "startTime": "2026-11-24T13:43:46Z", "duration": 1}
        return {"id": name, "runId": "run_1", "data": data, "children": list(children)}

    for count in (2, 3):
        limits = Limits()
        root = node("root", *(node(f"s{number}") for number in range(count)))
        trace = decode_trace(body({"trace": {"traceId": "t", "rootSpan": root}}), limits)
        assert [span.message for span in trace.root.walk()] == ["root", "s0", "s1"]
        assert trace.is_truncated is (count == 3)
        assert len(limits.notes) == (count > 2)


def test_notes_of_one_response_are_limited() -> None:
    limits = Limits()
    for number in range(1000):
        limits.take("ab", 1, f"letters of {number}")
    assert len(limits.notes) == MAX_NOTES


def test_truncation_is_reported_with_its_request(
    recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.api.runs.MAX_PAGE_ROWS", 5)
    sentences: list[str] = []

    async def listen(client: Client) -> None:
        client.on_truncated = sentences.append
        await client.list_runs(RunFilters())

    ask(recordings_api.url, listen)
    (note,) = sentences
    assert note == "GET /api/v1/runs: 44 rows on a page, only the first 5 are kept"


def test_page_above_its_byte_limit_is_rejected(recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize("name", ["taskIdentifier", "version", "status", "ttl", "region", "triggerFunction", "tags"])
def test_long_name_is_truncated(name: str) -> None:
    """A name of megabytes would be cleaned and measured at each repaint of its row."""
    long = "x" * 2_000_000
    limits = Limits()
    patch = decode_page(body({"data": [ROW | {name: [long] if name == "tags" else long}]}), NOW, limits).patches[0]
    assert len(repr(patch)) < 10 * MAX_NAME_CHARS
    (note,) = limits.notes
    assert note.endswith("of 2,000,000 characters, only the first 1,000 are kept")


def test_row_with_an_endless_id_is_unreadable() -> None:
    page = decode_page(body({"data": [ROW | {"id": "x" * 201, "tags": ["a"] * 200}, ROW | {"id": "x" * 200}]}), NOW)
    assert ([len(patch.id) for patch in page.patches], page.unreadable) == ([200], 1)


def test_long_names_of_the_feed_are_truncated() -> None:
    row = recording("717")["response"]["body"][0]["value"]
    long = "x" * 2_000_000
    for column in ("taskIdentifier", "status", "ttl"):
        limits = Limits()
        patch = read_row(RunId("run_1"), row | {column: long, "error": None}, NOW, limits)
        assert len(repr(patch)) < 100 * MAX_NAME_CHARS
        assert len(limits.notes) == 1
    message = {"value": row | {"friendlyId": long}, "headers": {}}
    assert decode_feed(Response("GET /feed", 200, FEED_HEADERS, body([message]), NOW), None).unreadable == 1


def test_long_texts_of_queries_and_spans_are_truncated() -> None:
    long = "x" * 1_000_000
    limits = Limits()
    rows = decode_query(body({"results": [{"message": long, "n": 1}, {"message": "short", "n": 2}]}), limits)
    assert rows == [{"message": long[:MAX_MESSAGE_CHARS], "n": 1}, {"message": "short", "n": 2}]
    data: Json = {"message": long, "startTime": "2026-11-24T13:43:46Z", "duration": 1}
    root: Json = {"id": "root", "runId": "run_1", "data": data, "children": []}
    trace = decode_trace(body({"trace": {"traceId": "t", "rootSpan": root}}), limits)
    assert trace.root.message == long[:MAX_MESSAGE_CHARS]
    assert limits.notes == [
        "a text in a query's row of 1,000,000 characters, only the first 10,000 are kept",
        "a span's message of 1,000,000 characters, only the first 10,000 are kept",
    ]
