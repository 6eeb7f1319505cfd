"""Decoding of the realtime feed: all recorded responses, and those of Electric itself."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import as_bytes, recording
from tests.support.sure import sure
from tests.support.wire.requests import NOW, ask
from tests.wire.test_recordings import FEEDS
from tui.api.errors import Limits, ServerFault
from tui.api.feed import (
    HEAVY_COLUMNS,
    UNUSED_COLUMNS,
    FeedPosition,
    FeedResponse,
    FeedTarget,
    decode_feed,
    read_array,
    read_documents,
    read_row,
)
from tui.api.responses import Response, read_date
from tui.domain.error import RunError
from tui.domain.run import ABSENT, Precision, RunId, RunStatus, State

FAILED_RUN = RunId("run_cmwuqwphl00009f7de45f6e3t")
AFTER = FeedPosition("h", "1_1", "1", is_up_to_date=True)


def answer_of(response: dict[str, Any]) -> Response:
    headers = {key.lower(): value for key, value in response["headers"].items()}
    return Response(
        "GET /it", response["status"], headers, as_bytes(response["body"]), read_date(headers.get("date"), NOW)
    )


def feed_of(number: str) -> FeedResponse:
    return decode_feed(answer_of(recording(number)["response"]), None, Limits())


def polls(number: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recording(number)["polls"]
    return found


def rows_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    return [message["value"] for message in response["body"] if "value" in message]


ANSWERS = [name for name in FEEDS if "response" in recording(name)]


@pytest.mark.parametrize("name", ANSWERS)
def test_recorded_response_gives_its_rows_and_position(name: str) -> None:
    response = recording(name)["response"]
    feed = feed_of(name)
    rows = rows_of(response)
    # Long recordings were shortened. The remaining rows are complete.
    assert [patch.id for patch in feed.patches] == [row["friendlyId"] for row in rows]
    assert (feed.partial, feed.unreadable) == ((), 0)
    assert feed.position is not None
    assert feed.position.offset in response["headers"].values()
    assert feed.position.handle in response["headers"].values()
    assert feed.position.cursor == response["headers"].get("electric-cursor")
    for patch, row in zip(feed.patches, rows, strict=True):
        assert patch.state is not None
        assert patch.state.precision is Precision.FEED
        assert patch.state.status.word == row["status"]
        assert (patch.error is None) == ("error" not in row)
        assert (patch.metadata is None) == ("metadata" not in row)
        assert (patch.attempts, patch.attempt_count) == (None, None)


@pytest.mark.parametrize("number", ["760", "761"])
def test_recorded_poll_continues_from_the_previous_response(number: str) -> None:
    position: FeedPosition | None = None
    for poll in polls(number):
        sent = poll["request"]["query"]
        assert {"offset", "handle", "live", "cursor"} & sent.keys() == (
            {"offset"} if position is None else position.params().keys()
        )
        if position is not None:
            assert position.params().items() <= sent.items()
        position = decode_feed(answer_of(poll["response"]), position, Limits()).position


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ('{"json":{"a":1},"meta":{}}', "application/super+json", {"a": 1}),
        ('{"a":1}', "application/super+json", {"a": 1}),
        ("null", "application/json", None),
        ("{broken", "application/json", "{broken"),
        ("text", {"no": "type"}, "text"),
        (None, "application/json", ABSENT),
    ],
)
def test_stored_text_is_decoded_by_its_type(text: str | None, kind: Any, value: Any) -> None:
    row = {"payload": text, "payloadType": kind, "output": None, "outputType": kind}
    body = read_documents(row)["body"]
    assert (body.payload, body.output) == (value, ABSENT)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("725", ("Process exited with code 1 after signal null.", "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE")),
        ("727", ("Run exceeded maximum compute time (maxDuration) of 5 seconds", "MAX_DURATION_EXCEEDED")),
        ("725a", ("runner lost", "TASK_EXECUTION_FAILED")),
        ("728", ("a plain string was thrown", None)),
    ],
)
def test_error_has_the_true_text_that_rest_replaces(number: str, expected: tuple[str, str | None]) -> None:
    facet = sure(feed_of(number).patches[0].error)
    assert isinstance(facet[1], RunError)
    assert (facet[1].message, facet[1].code) == expected
    assert not facet[1].has_code_only


def test_invalid_numbers_and_times_have_defaults() -> None:
    row = rows_of(recording("717")["response"])[0]

    def read(**odd: str) -> State:
        return sure(sure(read_row(FAILED_RUN, row | odd, NOW)).state)

    odd = {
        "usageDurationMs": "1e400",
        "costInCents": "NaN",
        "baseCostInCents": "x",
        "completedAt": "soon",
        "isTest": "?",
    }
    state = read(**odd)
    assert (state.compute, state.cost_cents, state.base_cost_cents, state.finished_at) == (timedelta(), 0.0, 0.0, None)
    assert read(usageDurationMs="1e300").compute > timedelta(days=365)
    # An unknown status with an end is final, one without an end counts as waiting.
    assert read(status="FROBNICATED").status.canonical.is_final
    assert read(**odd, status="FROBNICATING").status.canonical is RunStatus.QUEUED


def message(value: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    return {"headers": headers} if value is None else {"value": value, "headers": headers}


def decoded(*messages: Any, headers: dict[str, str] | None = None, after: FeedPosition | None = AFTER) -> FeedResponse:
    given = {"electric-handle": "h", "electric-offset": "2_2"} if headers is None else headers
    return decode_feed(Response("GET /it", 200, given, json.dumps(messages).encode(), NOW), after, Limits())


def test_row_without_an_id_is_counted_and_a_delete_ignored() -> None:
    feed = decoded(message({"status": "EXECUTING"}), message({"id": "cm1"}, operation="delete"), "odd", message())
    assert (feed.patches, feed.partial, feed.unreadable) == ((), (), 1)


def test_response_without_headers_keeps_the_previous_position() -> None:
    feed = decoded(message(control="up-to-date"), headers={})
    assert feed.position == FeedPosition("h", "1_1", None, is_up_to_date=True)
    with pytest.raises(ServerFault, match="no handle or offset"):
        decoded(message(control="up-to-date"), headers={}, after=None)


def test_poll_sends_window_and_tags_and_skips_heavy_columns(recordings_api: RecordingsApi) -> None:
    reply = Reply(
        body=as_bytes([message(control="up-to-date")]), headers={"electric-handle": "h", "electric-offset": "1_1"}
    )
    recordings_api.answer(reply)
    target = FeedTarget(window=timedelta(days=30), tags=("shop:berlin",))
    answer = ask(recordings_api.url, lambda client: client.read_feed(target, AFTER))
    assert answer.position == FeedPosition("h", "1_1", None, is_up_to_date=True)
    request = recordings_api.requests[0]
    assert request.path == "/realtime/v1/runs"
    assert request.query == {
        "createdAt": "24h",
        "tags": "shop:berlin",
        "skipColumns": ",".join((*HEAVY_COLUMNS, *UNUSED_COLUMNS)),
        "offset": "1_1",
        "handle": "h",
        "live": "true",
        "cursor": "1",
    }
    assert request.headers["x-trigger-electric-version"] == "1.0.0-beta.1"
    assert request.headers["x-trigger-api-version"] == "2025-07-16"


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8), max_size=5))
def test_any_array_of_texts_is_read_unchanged(texts: list[str]) -> None:
    quoted = ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    assert read_array("{" + ",".join(quoted) + "}") == tuple(texts)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (None, ()),
        ("{}", ()),
        ("{a,b c,NULL}", ("a", "b c")),
        ('{"NULL"}', ("NULL",)),
        ("{a,", ()),
        ('{"a}', ()),
        ("{{a}}", ()),
    ],
)
def test_unquoted_or_invalid_array_is_read(text: str | None, items: tuple[str, ...]) -> None:
    assert read_array(text) == items


def test_array_full_of_spaces_is_read_in_linear_time() -> None:
    assert read_array("{" + " " * 100_000 + "{}") == ()
