"""Attempts rebuilt from the recorded traces, one for every kind of end."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.domain.recorded import READ_AT, detail_of, run_of, trace_as, trace_of, utc
from tui.domain.error import RunError, build_error
from tui.domain.run import Attempt, AttemptHistory, AttemptStatus, Precision, Run, Stamp
from tui.domain.text import Raw
from tui.domain.trace import attempts_of, needs_root_error

EXECUTING, COMPLETED = AttemptStatus.EXECUTING, AttemptStatus.COMPLETED
FAILED, CANCELED = AttemptStatus.FAILED, AttemptStatus.CANCELED


def statuses(history: AttemptHistory) -> list[tuple[int, AttemptStatus]]:
    return [(attempt.number, attempt.status) for attempt in history.attempts]


def only_attempt(history: AttemptHistory) -> Attempt:
    (attempt,) = history.attempts
    return attempt


def error_of(attempt: Attempt) -> RunError:
    assert attempt.error is not None
    return attempt.error


def internal(code: str) -> dict[str, str]:
    return {"message": f"trigger.dev internal error ({code})"}


def test_failed_run_has_an_error_per_attempt_and_retry_delays() -> None:
    history = attempts_of(run_of("103"), trace_of("241"))

    assert statuses(history) == [(1, FAILED), (2, FAILED), (3, FAILED)]
    first, second, third = history.attempts
    assert first == Attempt(
        number=1,
        status=FAILED,
        id=first.id,
        started_at=utc("13:43:46.756"),
        completed_at=utc("13:43:47.171705"),
        error=first.error,
        retry_delay=timedelta(milliseconds=946),
    )
    assert (first.id, second.id, third.id) == ("d302116e1a078ca1", "fef64c170830fa1a", "dec31bdec5289eb2")
    assert [error_of(attempt).message for attempt in history.attempts] == [
        f"Upstream returned 503 on attempt {number}: service unavailable" for number in (1, 2, 3)
    ]
    assert error_of(third).name == "Error"
    assert "src/trigger/errors.ts:20:29" in (error_of(third).stack or "")
    assert (second.retry_delay, third.retry_delay) == (timedelta(seconds=1, milliseconds=953), None)
    assert history.retry_at is None
    assert not history.is_trace_gone


def test_completed_run_keeps_the_error_of_its_first_attempt() -> None:
    first, second = attempts_of(run_of("108"), trace_of("246")).attempts

    assert (first.status, second.status) == (FAILED, COMPLETED)
    assert error_of(first).message
    assert second.error is None
    assert first.retry_delay == timedelta(milliseconds=915)


def test_thrown_string_becomes_a_message_without_name_and_stack() -> None:
    attempt = only_attempt(attempts_of(run_of("105"), trace_of("243")))

    assert (attempt.status, attempt.error) == (FAILED, RunError(Raw("a plain string was thrown")))


def test_thrown_object_becomes_its_json_text() -> None:
    thrown = {"message": '{"code":42}'}

    def throw_an_object(root: dict[str, Any]) -> None:
        for node in root["children"]:
            for event in node["data"].get("events", []):
                if event["name"] == "exception":
                    event["properties"]["exception"] = thrown

    attempt = only_attempt(attempts_of(run_of("105", error=thrown), trace_of("243", throw_an_object)))

    assert (attempt.status, attempt.error) == (FAILED, RunError(Raw('{"code":42}')))


def test_abort_error_fails_the_only_attempt() -> None:
    run, trace = run_of("107"), trace_of("245")
    history = attempts_of(run, trace)

    assert error_of(only_attempt(history)).name == "AbortTaskRunError"
    assert (only_attempt(history).retry_delay, history.retry_at) == (None, None)
    assert not needs_root_error(run, trace)


def test_crash_ends_the_open_attempt_with_the_root_spans_error() -> None:
    run, trace = run_of("109"), trace_of("247")
    assert needs_root_error(run, trace)

    attempt = only_attempt(attempts_of(run, trace, detail_of("269").error))

    assert (attempt.status, attempt.id) == (FAILED, "a45230ef74934838")
    assert (attempt.started_at, attempt.completed_at) == (utc("13:43:58.872"), utc("13:43:59.905"))
    error = error_of(attempt)
    assert (error.code, error.message) == (
        "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE",
        "Process exited with code 1 after signal null.",
    )


def test_crash_has_only_its_code_without_the_root_span() -> None:
    error = error_of(only_attempt(attempts_of(run_of("109"), trace_of("247"))))

    assert (error.code, error.has_code_only) == ("TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE", True)


def test_uncaught_exception_has_the_stack_of_the_root_span() -> None:
    run = run_of("109", status="FAILED", error=internal("TASK_RUN_UNCAUGHT_EXCEPTION"))
    assert needs_root_error(run, trace_of("247"))

    attempt = only_attempt(attempts_of(run, trace_of("247"), detail_of("284").error))

    error = error_of(attempt)
    assert (attempt.status, error.code) == (FAILED, "TASK_RUN_UNCAUGHT_EXCEPTION")
    assert error.message == "thrown outside of the task promise"
    assert "at Timeout._onTimeout (file:///app/src/trigger/errors.ts:43:130)" in (error.stack or "")


def test_out_of_memory_fails_the_attempt_with_its_code() -> None:
    run = run_of("109", error=internal("TASK_PROCESS_OOM_KILLED"))
    assert needs_root_error(run, trace_of("247"))
    true_error = build_error("TASK_PROCESS_OOM_KILLED: Process exited with code 137.", name="Internal error")

    attempt = only_attempt(attempts_of(run, trace_of("247"), true_error))

    assert (attempt.status, attempt.error) == (FAILED, true_error)
    assert error_of(attempt).code == "TASK_PROCESS_OOM_KILLED"


def test_max_duration_fails_the_attempt_at_the_end_of_the_run() -> None:
    run, trace = run_of("111"), trace_of("249")
    assert needs_root_error(run, trace)

    attempt = only_attempt(attempts_of(run, trace, detail_of("285").error))

    assert (attempt.status, attempt.completed_at) == (FAILED, utc("13:44:04.943"))
    assert error_of(attempt).code == "MAX_DURATION_EXCEEDED"
    assert error_of(attempt).message.startswith("Run exceeded maximum compute time")


def test_lost_worker_cancels_the_attempt_with_a_reason() -> None:
    run = run_of("147")
    trace = trace_as("247", run)
    assert needs_root_error(run, trace)

    attempt = only_attempt(attempts_of(run, trace))

    assert (attempt.status, attempt.completed_at) == (CANCELED, utc("14:17:46.015"))
    assert error_of(attempt).code == "TASK_RUN_STALLED_EXECUTING"


def test_feed_error_of_a_lost_worker_needs_no_span_detail() -> None:
    error = build_error("TASK_RUN_STALLED_EXECUTING: Run timed out after 5 minutes", name="Internal error")
    run = run_of("147")
    assert run.state is not None
    with_error = Run(
        run.id,
        state=run.state,
        attempt_count=1,
        error=(Stamp(run.state.updated_at, Precision.FEED, READ_AT), error),
    )

    assert not needs_root_error(with_error, trace_as("247", run))
    assert only_attempt(attempts_of(with_error, trace_as("247", run))).error == error


def test_system_failure_fails_an_attempt_that_seemed_completed() -> None:
    run = run_of("149")
    trace = trace_as("240", run)
    true_error = build_error("TASK_EXECUTION_FAILED: runner lost", name="Internal error")
    assert needs_root_error(run, trace)

    attempt = only_attempt(attempts_of(run, trace, true_error))

    assert (attempt.status, attempt.error) == (FAILED, true_error)


def test_run_canceled_in_the_queue_has_no_attempts() -> None:
    history = attempts_of(run_of("127"), trace_as("228", run_of("127")))

    assert history == AttemptHistory()


@pytest.mark.parametrize("detail", ["128", "129"])
def test_run_canceled_while_executing_has_a_canceled_attempt(detail: str) -> None:
    run, trace = run_of(detail), trace_of("230")

    attempt = only_attempt(attempts_of(run, trace))

    assert (attempt.status, attempt.error) == (CANCELED, None)
    assert attempt.completed_at == utc("13:45:33.494")
    assert not needs_root_error(run, trace)


def test_cancel_closes_an_open_attempt_before_the_trace_does() -> None:
    run = run_of("129")

    attempt = only_attempt(attempts_of(run, trace_as("247", run)))

    assert (attempt.status, attempt.error) == (CANCELED, None)


def test_run_expired_in_the_queue_has_no_attempts() -> None:
    run, trace = run_of("132"), trace_of("232")

    assert attempts_of(run, trace, detail_of("286").error) == AttemptHistory()
    assert not needs_root_error(run, trace)


@pytest.mark.parametrize(("detail", "trace"), [("120", "222"), ("140", "233")])
def test_running_attempt_is_open(detail: str, trace: str) -> None:
    attempt = only_attempt(attempts_of(run_of(detail), trace_of(trace)))

    assert (attempt.status, attempt.completed_at, attempt.error, attempt.duration) == (EXECUTING, None, None, None)
    assert attempt.started_at is not None


def test_short_backoff_adds_no_attempt() -> None:
    history = attempts_of(run_of("130"), trace_of("210"))

    assert statuses(history) == [(1, FAILED)]
    assert history.retry_at is None  # the trace does not have the span of the delay yet


def test_long_backoff_has_the_time_of_the_next_attempt() -> None:
    history = attempts_of(run_of("137"), trace_of("212"))

    assert statuses(history) == [(1, FAILED)]
    assert only_attempt(history).retry_delay == timedelta(seconds=39, milliseconds=927)
    assert history.retry_at == utc("14:10:04.011")


def test_waiting_run_without_attempt_spans_is_in_its_first() -> None:
    attempt = only_attempt(attempts_of(run_of("122"), trace_of("226")))

    assert attempt == Attempt(number=1, status=EXECUTING, started_at=utc("14:11:50.315"))


@pytest.mark.parametrize("trace", ["236", "234"])
def test_child_uses_its_own_part_of_a_tree_trace(trace: str) -> None:
    attempt = only_attempt(attempts_of(run_of("142"), trace_of(trace)))

    assert (attempt.id, attempt.status) == ("de58470e8c54fb90", COMPLETED)


def test_grandchild_uses_its_own_part_of_the_root_trace() -> None:
    assert attempts_of(run_of("143"), trace_of("234")) == attempts_of(run_of("143"), trace_of("237"))


def test_failed_child_of_a_batch_has_its_retries() -> None:
    history = attempts_of(run_of("144"), trace_of("238"))

    assert statuses(history) == [(1, FAILED), (2, FAILED)]
    assert {error_of(attempt).message for attempt in history.attempts} == {"leaf 3 failed on purpose"}


def test_failed_parent_has_its_own_error_while_the_trace_lags() -> None:
    attempt = only_attempt(attempts_of(run_of("145"), trace_of("239")))

    assert (attempt.status, attempt.completed_at) == (FAILED, utc("13:46:48.210"))
    assert error_of(attempt).name == "SubtaskUnwrapError"


def test_last_attempt_has_the_runs_error_without_a_trace() -> None:
    run = run_of("103")
    history = attempts_of(run, None)

    assert history.is_trace_gone
    attempt = only_attempt(history)
    assert (attempt.number, attempt.status, attempt.id, attempt.started_at) == (3, FAILED, None, None)
    assert attempt.completed_at == utc("13:43:52.604")
    assert run.error_value is not None
    assert attempt.error == run.error_value


def test_only_attempt_starts_with_the_run_without_a_trace() -> None:
    attempt = only_attempt(attempts_of(run_of("109"), None))

    assert (attempt.number, attempt.started_at) == (1, utc("13:43:56.475"))
    assert not needs_root_error(run_of("109"), None)


@pytest.mark.parametrize("detail", ["125", "124"])
def test_new_run_has_not_lost_its_trace(detail: str) -> None:
    assert attempts_of(run_of(detail), None) == AttemptHistory()
