"""Attempts rebuilt from the recorded traces, one for every kind of end."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.domain.recorded import READ_AT, detail_of, run_of, trace_as, trace_of
from tui.domain.error import RunError, build_error, first_own_frame
from tui.domain.run import Attempt, AttemptHistory, Precision, Run, Stamp
from tui.domain.text import Raw
from tui.domain.trace import attempts_of, needs_root_error


def clock(moment: datetime | None) -> str:
    return "…" if moment is None else f"{moment:%H:%M:%S.%f}"[:-3]


def brief(attempt: Attempt) -> str:
    """Return all that is known of an attempt, on one line."""
    parts = [f"{attempt.number} {attempt.status.name} {clock(attempt.started_at)}-{clock(attempt.completed_at)}"]
    if attempt.retry_delay is not None:
        parts.append(f"retry {attempt.retry_delay.total_seconds():g} s")
    if attempt.error is not None:
        error = attempt.error
        parts.append(f"{error.code or error.name}: {error.message[:43]}")
        own = None if error.stack is None else first_own_frame(error.stack, error.message)
        parts += ["the code alone"] * error.has_code_only + ([] if own is None else [f"line {own.line}"])
    return ", ".join(parts)


def briefs(history: AttemptHistory) -> list[str]:
    return [brief(attempt) for attempt in history.attempts]


UPSTREAM = "Error: Upstream returned 503 on attempt {}: service"
EXIT_CODE = "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE"
CODE_ALONE = f"{EXIT_CODE}: trigger.dev internal error (TASK_PROCESS_EX, the code alone"
CHILD = ["1 COMPLETED 13:46:33.648-13:46:36.516"]
CANCELED = ["1 CANCELED 13:45:32.543-13:45:33.494"]
HISTORIES = [
    (
        "103",
        "241",
        [
            f"1 FAILED 13:43:46.756-13:43:47.171, retry 0.946 s, {UPSTREAM.format(1)}, line 20",
            f"2 FAILED 13:43:48.680-13:43:49.098, retry 1.953 s, {UPSTREAM.format(2)}, line 20",
            f"3 FAILED 13:43:52.135-13:43:52.555, {UPSTREAM.format(3)}, line 20",
        ],
    ),
    (
        "108",
        "246",
        [
            "1 FAILED 13:43:57.049-13:43:59.432, retry 0.915 s, RangeError: first attempt always fails, line 40",
            "2 COMPLETED 13:44:04.215-13:44:04.267",
        ],
    ),
    ("105", "243", ["1 FAILED 13:43:55.732-13:43:55.742, None: a plain string was thrown"]),
    ("107", "245", ["1 FAILED 13:43:56.647-13:43:58.083, AbortTaskRunError: no point in retrying this, line 37"]),
    ("132", "232", []),
    ("128", "230", CANCELED),
    ("129", "230", CANCELED),
    ("120", "222", ["1 EXECUTING 13:45:01.071-…"]),
    ("140", "233", ["1 EXECUTING 13:46:33.227-…"]),
    # The trace does not have the span of the retry's delay yet.
    ("130", "210", [f"1 FAILED 13:43:46.756-13:43:47.171, {UPSTREAM.format(1)}, line 20"]),
    ("137", "212", ["1 FAILED 14:09:23.045-14:09:24.010, retry 39.927 s, Error: slow retry demo, attempt 1, line 45"]),
    # A run that waits in its first attempt has no attempt spans.
    ("122", "226", ["1 EXECUTING 14:11:50.315-…"]),
    # Parts of the trace of a tree.
    ("142", "236", CHILD),
    ("142", "234", CHILD),
    ("143", "234", ["1 COMPLETED 13:46:35.200-13:46:35.807"]),
    ("143", "237", ["1 COMPLETED 13:46:35.200-13:46:35.807"]),
    (
        "144",
        "238",
        [
            "1 FAILED 13:46:37.864-13:46:39.327, retry 0.466 s, Error: leaf 3 failed on purpose, line 3",
            "2 FAILED 13:46:40.181-13:46:41.611, Error: leaf 3 failed on purpose, line 3",
        ],
    ),
    # The trace is behind: the error is the run's own.
    ("145", "239", ["1 FAILED 13:46:44.936-13:46:48.210, SubtaskUnwrapError: Error in leaf: leaf 7 failed on purpose"]),
]


@pytest.mark.parametrize(("detail", "trace", "expected"), HISTORIES)
def test_attempts_are_those_of_the_trace(detail: str, trace: str, expected: list[str]) -> None:
    run, read = run_of(detail), trace_of(trace)
    history = attempts_of(run, read)
    assert briefs(history) == expected
    assert clock(history.retry_at) == ("14:10:04.011" if detail == "137" else "…")
    assert not history.is_trace_gone
    assert not needs_root_error(run, read)


UNCAUGHT_CODE = "TASK_RUN_UNCAUGHT_EXCEPTION"
UNCAUGHT = {"status": "FAILED", "error": {"message": f"trigger.dev internal error ({UNCAUGHT_CODE})"}}


@pytest.mark.parametrize(
    ("detail", "trace", "span", "changes", "expected"),
    [
        ("109", "247", "269", {}, f"58.872-13:43:59.905, {EXIT_CODE}: Process exited with code 1 after signal nul"),
        ("109", "247", None, {}, f"58.872-13:43:59.905, {CODE_ALONE}"),
        (
            "109",
            "247",
            "284",
            UNCAUGHT,
            f"58.872-13:43:59.905, {UNCAUGHT_CODE}: thrown outside of the task promise, line 43",
        ),
        (
            "111",
            "249",
            "285",
            {},
            "59.869-13:44:04.943, MAX_DURATION_EXCEEDED: Run exceeded maximum compute time (maxDurat",
        ),
    ],
)
def test_open_attempt_of_a_crash_has_the_error_of_the_root_span(
    detail: str, trace: str, span: str | None, changes: dict[str, Any], expected: str
) -> None:
    run, read = run_of(detail, **changes), trace_of(trace)
    assert needs_root_error(run, read)
    found = attempts_of(run, read, None if span is None else detail_of(span).error)
    assert briefs(found) == [f"1 FAILED 13:43:{expected}"]


# Not every kind of end has a recorded trace of its own.
STALLED = "TASK_RUN_STALLED_EXECUTING"
TRUE_ERROR = build_error("TASK_EXECUTION_FAILED: runner lost", name="Internal error")


def test_lost_worker_cancels_the_attempt_with_a_reason() -> None:
    run = run_of("147")
    trace = trace_as("247", run)
    assert needs_root_error(run, trace)
    (attempt,) = briefs(attempts_of(run, trace))
    assert attempt.startswith(f"1 CANCELED 13:43:58.872-14:17:46.015, {STALLED}: ")
    assert run.state is not None
    error = build_error(f"{STALLED}: Run timed out after 5 minutes", name="Internal error")
    fed = (Stamp(run.state.updated_at, Precision.FEED, READ_AT), error)
    told = Run(run.id, state=run.state, attempt_count=1, error=fed)
    assert not needs_root_error(told, trace), "the feed told it"
    assert [attempt.error for attempt in attempts_of(told, trace).attempts] == [error]


def test_system_failure_fails_an_attempt_that_seemed_completed() -> None:
    run = run_of("149")
    trace = trace_as("240", run)
    assert needs_root_error(run, trace)
    (attempt,) = attempts_of(run, trace, TRUE_ERROR).attempts
    assert (attempt.status.name, attempt.error) == ("FAILED", TRUE_ERROR)


def test_canceled_run_has_no_open_attempt() -> None:
    queued, executing = run_of("127"), run_of("129")
    assert attempts_of(queued, trace_as("228", queued)) == AttemptHistory()
    (attempt,) = attempts_of(executing, trace_as("247", executing)).attempts
    assert (attempt.status.name, attempt.error) == ("CANCELED", None), "before the trace says so"


def test_thrown_object_becomes_its_json_text() -> None:
    thrown = {"message": '{"code":42}'}

    def throw_an_object(root: dict[str, Any]) -> None:
        for node in root["children"]:
            for event in node["data"].get("events", []):
                if event["name"] == "exception":
                    event["properties"]["exception"] = thrown

    (attempt,) = attempts_of(run_of("105", error=thrown), trace_of("243", throw_an_object)).attempts
    assert attempt.error == RunError(Raw('{"code":42}'))


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("103", [f"3 FAILED …-13:43:52.604, {UPSTREAM.format(3)}, line 20"]),
        (
            "109",
            [f"1 FAILED 13:43:56.475-13:43:59.905, {CODE_ALONE}"],
        ),
        ("125", []),
        ("124", []),
    ],
)
def test_last_attempt_is_known_without_a_trace(detail: str, expected: list[str]) -> None:
    history = attempts_of(run_of(detail), None)
    assert briefs(history) == expected
    assert history.is_trace_gone is bool(expected), "a new run has not lost its trace"
    assert not needs_root_error(run_of(detail), None)
