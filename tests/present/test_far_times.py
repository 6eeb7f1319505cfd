"""Whatever times a server sends: they are decoded, and every page that shows them is drawn."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace
from tests.support.present.run_rows import columns_for, row
from tests.support.present.trees import view_of
from tui.api.responses import read_date
from tui.api.runs import decode_run
from tui.domain.run import Json, Precision, Run, Stamp
from tui.domain.trace import attempts_of
from tui.domain.tree import build_tree, rows_of_trace
from tui.domain.update import RunPatch
from tui.features.attempts.words import ReadProgress, attempts_page
from tui.features.detail.words import Relatives
from tui.features.errors.error import ErrorLayout
from tui.features.runs.command import run_page, tree_lines
from tui.features.runs.printed import run_object, transition_line, tree_objects
from tui.features.runs.words import summary_lines
from tui.features.tree.words import row as tree_row
from tui.store.merge import merge
from tui.text.blocks import Now
from tui.text.json import compact

TIMES = st.sampled_from(
    [
        "2026-11-24T13:46:44.988Z",
        "9999-12-31T23:59:59.999Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "+275760-09-13T00:00:00.000Z",
        "-271821-04-20T00:00:00.000Z",
        "1969-12-31T23:59:59Z",
    ]
) | st.datetimes().map(lambda time: f"{time.isoformat()}Z")
LENGTHS: st.SearchStrategy[Json] = (
    st.sampled_from([0, -1, 1e300, -1e300, 10**30, 946_000_128, float("nan"), float("inf"), "soon", None])
    | st.integers()
    | st.floats()
)
STATUSES = st.sampled_from(["EXECUTING", "QUEUED", "DELAYED", "FAILED", "COMPLETED", "CANCELED", "CRASHED"])
MOMENTS = st.sampled_from(
    ["Tue, 24 Nov 2026 14:05:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "x"]
)


def spans() -> st.SearchStrategy[Json]:
    """The spans of a trace: attempts, waits between them, and their children."""
    data = st.fixed_dictionaries(
        {
            "message": st.sampled_from(["Attempt 1", "Attempt 2", "Retry #1 delay", "Retry #2 delay", "run()"]),
            "startTime": TIMES,
            "duration": LENGTHS,
            "isPartial": st.booleans(),
            "isError": st.booleans(),
        }
    )
    node = st.fixed_dictionaries({"id": st.uuids().map(str), "runId": st.just("run_1"), "data": data})
    return st.lists(node, max_size=6)


@st.composite
def traces(draw: st.DrawFn) -> bytes:
    data = {"message": "task", "startTime": draw(TIMES), "duration": draw(LENGTHS), "isPartial": draw(st.booleans())}
    root = {"id": "root", "runId": "run_1", "data": data, "children": draw(spans())}
    return json.dumps({"trace": {"traceId": "t", "rootSpan": root}}).encode()


@st.composite
def details(draw: st.DrawFn) -> bytes:
    times = ("createdAt", "updatedAt", "startedAt", "finishedAt", "expiredAt", "delayedUntil")
    detail: dict[str, Any] = {"id": "run_1", "status": draw(STATUSES), "taskIdentifier": "task"}
    detail |= {name: draw(TIMES) for name in times if draw(st.booleans())}
    return json.dumps(detail | {"durationMs": draw(LENGTHS), "attemptCount": 2}).encode()


def drawn(run: Run, now: datetime, width: int) -> None:
    """Draw the run on every page, expecting no exception."""
    for moment in (Now(now), Now(now, now)):
        attempts_page(run, ReadProgress(), moment, ErrorLayout(width), None)
        summary_lines(run, [run], moment, width)
        row(run, columns_for(width), moment)
    run_page(run, Relatives(children=[run]), now=now, width=width)
    transition_line(None, run, now)
    compact(run_object(run))


@settings(max_examples=40)
@given(details(), traces(), MOMENTS, st.integers(30, 200))
def test_run_of_any_times_is_drawn_everywhere(detail: bytes, trace: bytes, date: str, width: int) -> None:
    now = read_date(date, datetime(2026, 11, 24, tzinfo=UTC))
    run = merge(None, decode_run(detail, now).patch)
    stamp = Stamp(now, Precision.TRACE, now)
    history = attempts_of(run, decode_trace(trace))
    drawn(merge(run, RunPatch(run.id, now, attempts=(stamp, history))), now, width)


@settings(max_examples=40)
@given(traces(), details(), MOMENTS, st.integers(30, 200))
def test_tree_of_any_times_is_drawn(trace: bytes, detail: bytes, date: str, width: int) -> None:
    now = read_date(date, datetime(2026, 11, 24, tzinfo=UTC))
    run = merge(None, decode_run(detail, now).patch)
    rows = rows_of_trace(decode_trace(trace).root)
    for known in ({}, {run.id: run}):
        tree = build_tree(run.id, rows, known)
        tree_lines(tree, now=now, width=width)
        for node in tree_objects(tree):
            compact(node)
        for branch in view_of(tree, known.get).shown:
            tree_row(branch, width, Now(now))
