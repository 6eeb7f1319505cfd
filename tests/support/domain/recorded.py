"""Recorded responses as domain values, which a test may change."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.recordings import as_bytes, recording
from tests.support.slices import result_of
from tui.api.errors import Limits
from tui.api.runs import decode_run
from tui.api.traces import decode_span, trace_slices
from tui.domain.run import Run, RunId, SpanId
from tui.domain.text import Raw
from tui.domain.trace import Span, SpanDetail, Trace
from tui.store.merge import merge

READ_AT = datetime(2026, 11, 24, 15, tzinfo=UTC)
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def run_of(number: str, **changes: Any) -> Run:
    """Return the run of a recorded detail. `changes` replace keys of its body; None removes a key."""
    body = recording(number)["response"]["body"] | changes
    answer = decode_run(as_bytes({key: value for key, value in body.items() if value is not None}), READ_AT)
    return merge(None, answer.patch)


def decode_trace(body: bytes, limits: Limits | None = None) -> Trace:
    """Decode a response of `/trace` at once. Raises `ServerFault`."""
    return result_of(trace_slices(body, limits or Limits()))


def trace_of(number: str, change: Callable[[dict[str, Any]], None] | None = None) -> Trace:
    """Return a recorded trace. `change` may modify the root node of the body."""
    body = recording(number)["response"]["body"]
    if change is not None:
        change(body["trace"]["rootSpan"])
    return decode_trace(as_bytes(body))


def trace_as(number: str, run: Run) -> Trace:
    """Return a recorded trace as the trace of another run, since not every kind of end has one."""
    body = recording(number)["response"]["body"]
    own = body["trace"]["rootSpan"]["runId"].encode()
    return decode_trace(as_bytes(body).replace(own, run.id.encode()))


def detail_of(number: str) -> SpanDetail:
    return decode_span(as_bytes(recording(number)["response"]["body"]))


def span(message: str, at_s: float = 0, took_s: float | None = 1, *children: Span, **more: Any) -> Span:
    """Return a span of run `run_a` that began `at_s` after START. `took_s` None: it is open."""
    return Span(
        id=SpanId(more.pop("id", f"span {message}")),
        run_id=RunId(more.pop("run_id", "run_a")),
        message=Raw(message),
        started_at=START + timedelta(seconds=at_s),
        duration=timedelta(seconds=took_s or 0),
        level=more.pop("level", "TRACE"),
        is_partial=took_s is None,
        children=children,
        **more,
    )


def trace(root: Span) -> Trace:
    return Trace(root)
