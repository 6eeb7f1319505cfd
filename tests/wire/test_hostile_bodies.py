"""Whatever a server sends, each decoder returns an answer or raises `ServerFault` in one line."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace
from tests.support.slices import result_of
from tests.support.wire.requests import NOW
from tui.api.errors import Limits, ServerFault
from tui.api.facts import DEPLOYMENTS, ERROR_GROUPS, QUEUE_METRICS, QUEUES, SCHEDULES, TOKENS
from tui.api.feed import decode_feed
from tui.api.responses import Response, decode_environment, decode_id, decode_query
from tui.api.runs import decode_page, decode_run
from tui.api.traces import decode_span, event_slices, log_slices
from tui.domain.run import RunId

FEED_HEADERS = {"electric-handle": "1", "electric-offset": "0_0"}
TRACE_KEYS = ("trace", "rootSpan", "children", "data", "startTime", "events", "properties", "exception", "duration")
ROW_KEYS = ("id", "status", "taskIdentifier", "message", "level", "spanId", "parentId", "runId", "attempts", "error")
LIST_KEYS = ("data", "pagination", "next", "results", "relatedRuns", "generator", "createdAt", "name", "type")
ENOUGH = {"id": "x", "status": "x", "taskIdentifier": "x", "version": "x", "slug": "x", "name": "x", "type": "task"}

DECODERS: dict[str, Callable[[bytes], object]] = {
    "page": lambda body: decode_page(body, NOW),
    "run": lambda body: decode_run(body, NOW),
    "feed": lambda body: decode_feed(Response("GET /feed", 200, FEED_HEADERS, body, NOW), None, Limits()),
    "trace": decode_trace,
    "span": decode_span,
    "events": lambda body: result_of(event_slices(body, RunId("run_a"))),
    "log": lambda body: result_of(log_slices(body)),
    "query": lambda body: decode_query(body, Limits()),
    "id": decode_id,
    "environment": decode_environment,
    "error groups": lambda body: ERROR_GROUPS.decode(body, Limits()),
    "metrics": lambda body: QUEUE_METRICS.decode(body, Limits()),
    "queues": lambda body: QUEUES.decode(body, Limits()),
    "schedules": lambda body: SCHEDULES.decode(body, Limits()),
    "tokens": lambda body: TOKENS.decode(body, Limits()),
    "deployments": lambda body: DEPLOYMENTS.decode(body, Limits()),
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-11-24T13:43:46Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*TRACE_KEYS, *ROW_KEYS, *LIST_KEYS)), inner, max_size=5)
    ),
    max_leaves=20,
)


def fault_of(decode: Callable[[bytes], object], body: bytes) -> str:
    try:
        decode(body)
    except ServerFault as fault:
        return str(fault)
    return ""


DEEP = 10_000
"""Levels beyond those that any parser of Python may go down by itself."""

OF_ANOTHER_SHAPE = (
    *(b"", b"<html>", b"\xff\xfe", b'"x"', b"null", b"7", b"[" * DEEP, b'{"a":' + b"[" * DEEP),
    *(b'{"data": null}', b'{"data": {}}', b'{"data": [', b'{"data": 5}'),
    *(b'{"events":null}', b'{"events":[{]}', b'{"events":[1 2]}', b'{"events":[1,', b'{"events":[' + b"[" * DEEP),
    *(b'{"events":[' + b"9" * 5000 + b"]}", b'{"trace":' + b"9" * 5000 + b"}"),
    *(b'{"trace":null}', b'{"trace":{"rootSpan":{}}}', b'{"trace":{"rootSpan":{"children":[' * DEEP),
    b'{"trace":{"traceId":"t","rootSpan":{"id":"s","runId":"r","data":{"message":"m"}}}}',
)


@pytest.mark.parametrize("name", DECODERS)
def test_body_of_another_shape_is_a_server_fault(name: str) -> None:
    for body in OF_ANOTHER_SHAPE:
        with pytest.raises(ServerFault) as fault:
            DECODERS[name](body)
        assert (fault.value.status, str(fault.value).isprintable()) == (200, True), body[:40]


@given(json_values)
@example({"data": [[], None, {"id": None}]})
def test_any_json_is_an_answer_or_a_server_fault(value: Any) -> None:
    bodies = (value, [{"value": value, "headers": {}}], *({key: value} for key in ("data", "results", "events")))
    roots = ({"trace": {"traceId": "t", "rootSpan": value}}, ENOUGH | {"attempts": value, "relatedRuns": value})
    for body in (*bodies, *roots, {"data": [ENOUGH | {"tags": value, "updatedAt": value, "metadata": value}]}):
        for decode in DECODERS.values():
            assert fault_of(decode, json.dumps(body).encode()).isprintable()


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_a_server_fault(body: bytes) -> None:
    for decode in DECODERS.values():
        for each in (body, b'{"events":[' + body + b"]}", b'{"data":[' + body + b"]}"):
            assert fault_of(decode, each).isprintable()
