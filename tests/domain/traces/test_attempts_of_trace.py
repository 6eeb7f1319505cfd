"""Attempts rebuilt from traces that no recording has: late, cut or odd ones, and any trace."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import READ_AT, START, span, trace
from tui.domain.error import RunError
from tui.domain.run import AttemptHistory, AttemptStatus, Precision, Run, RunId, Stamp, State, parse_status
from tui.domain.text import Raw
from tui.domain.trace import Span, attempts_of, needs_root_error

EXECUTING, COMPLETED = AttemptStatus.EXECUTING, AttemptStatus.COMPLETED
FAILED, CANCELED = AttemptStatus.FAILED, AttemptStatus.CANCELED
BOOM = RunError(Raw("boom"))
FINISHED_S = 100


def run(word: str, count: int | None = 0, error: RunError | None = None) -> Run:
    is_final = parse_status(word).canonical.is_final
    state = State(
        updated_at=START,
        precision=Precision.DETAIL,
        status=parse_status(word),
        started_at=START,
        finished_at=START + timedelta(seconds=FINISHED_S) if is_final else None,
    )
    stamp = Stamp(START, Precision.DETAIL, READ_AT)
    return Run(RunId("run_a"), state=state, attempt_count=count, error=(stamp, error))


def history(run: Run, *children: Span) -> AttemptHistory:
    return attempts_of(run, trace(span("task", 0, None, *children)))


def summary_of(history: AttemptHistory) -> list[tuple[int, AttemptStatus, float | None]]:
    return [
        (
            attempt.number,
            attempt.status,
            None if attempt.completed_at is None else (attempt.completed_at - START).total_seconds(),
        )
        for attempt in history.attempts
    ]


def test_open_attempt_ends_at_the_start_of_its_retry_delay() -> None:
    found = history(
        run("EXECUTING", 2), span("Attempt 1", 1, None), span("Retry #1 delay", 5, 2), span("Attempt 2", 8, None)
    )

    assert summary_of(found) == [(1, FAILED, 5), (2, EXECUTING, None)]
    assert found.attempts[0].retry_delay == timedelta(seconds=2)
    assert found.retry_at is None


def test_open_attempt_ends_at_the_start_of_the_next_attempt() -> None:
    assert summary_of(history(run("EXECUTING", 2), span("Attempt 1", 1, None), span("Attempt 2", 8, None))) == [
        (1, FAILED, 8),
        (2, EXECUTING, None),
    ]


def test_crashed_attempt_ends_at_the_start_of_its_retry_delay() -> None:
    found = history(run("EXECUTING", 1), span("Attempt 1", 1, None), span("Retry #1 delay", 5, 2))

    assert summary_of(found) == [(1, FAILED, 5)]
    assert found.retry_at == START + timedelta(seconds=7)


def test_attempt_missing_from_the_trace_is_added() -> None:
    found = history(run("EXECUTING", 2), span("Attempt 1", 1, 2, is_error=True), span("Retry #1 delay", 3, 1))

    assert summary_of(found) == [(1, FAILED, 3), (2, EXECUTING, None)]
    assert found.attempts[1].started_at is None
    assert found.retry_at is None


def test_only_the_last_attempt_is_added_to_a_cut_trace() -> None:
    found = history(run("FAILED", 9, BOOM), span("Attempt 1", 1, 2, is_error=True), span("Attempt 2", 4, None))

    assert summary_of(found) == [(1, FAILED, 3), (2, FAILED, None), (9, FAILED, FINISHED_S)]
    assert [attempt.error for attempt in found.attempts] == [None, None, BOOM]


def test_run_queued_for_a_retry_has_no_running_attempt() -> None:
    assert summary_of(history(run("QUEUED", 1), span("Attempt 1", 1, None))) == [(1, FAILED, None)]
    assert summary_of(attempts_of(run("QUEUED", 1), None)) == [(1, FAILED, None)]


def test_newer_trace_shows_an_attempt_not_counted_yet() -> None:
    found = history(run("QUEUED", 1), span("Attempt 1", 1, 1, is_error=True), span("Attempt 2", 9, None))

    assert summary_of(found) == [(1, FAILED, 2), (2, EXECUTING, None)]


def test_failed_attempt_stays_failed_after_a_cancel_in_backoff() -> None:
    found = history(
        run("CANCELED", 1, RunError(Raw("Canceled by user"))),
        span("Attempt 1", 1, 1, is_error=True, exception=BOOM),
        span("Retry #1 delay", 3, 60),
    )

    assert summary_of(found) == [(1, FAILED, 2)]
    assert found.attempts[0].error == BOOM
    assert found.retry_at is None


def test_graceful_cancel_is_not_the_attempts_error() -> None:
    error = RunError(Raw("trigger.dev internal error"), code="TASK_RUN_CANCELLED", has_code_only=True)
    canceled = run("CANCELED", 1, error)

    found = history(canceled, span("Attempt 1", 1, None))

    assert (summary_of(found), found.attempts[0].error) == ([(1, CANCELED, FINISHED_S)], None)
    assert not needs_root_error(canceled, trace(span("task")))


def test_root_error_without_a_code_belongs_to_a_lost_worker() -> None:
    lost = run("CANCELED", 1, RunError(Raw("blurred"), code="TASK_RUN_STALLED_EXECUTING", has_code_only=True))
    root = trace(span("task", 0, None, span("Attempt 1", 1, None)))

    assert attempts_of(lost, root, BOOM).attempts[0].error == BOOM


def test_exception_of_an_attempt_wins_over_the_runs_error() -> None:
    own = RunError(Raw("own"))

    found = history(run("FAILED", 1, BOOM), span("Attempt 1", 1, 1, is_error=True, exception=own))

    assert found.attempts[0].error == own


def test_completed_run_completes_an_open_attempt() -> None:
    found = history(run("COMPLETED", 1), span("Attempt 1", 1, None))

    assert (summary_of(found), found.attempts[0].error) == ([(1, COMPLETED, FINISHED_S)], None)


def test_open_attempt_ends_with_the_root_span_without_a_run_end() -> None:
    failed = run("FAILED", 1)
    assert failed.state is not None
    failed = replace(failed, state=replace(failed.state, finished_at=None))

    assert summary_of(attempts_of(failed, trace(span("task", 0, 50, span("Attempt 1", 1, None))))) == [(1, FAILED, 50)]
    assert summary_of(attempts_of(failed, trace(span("task", 0, None, span("Attempt 1", 1, None))))) == [
        (1, FAILED, None)
    ]


def test_duration_is_never_negative_if_clocks_differ() -> None:
    found = history(run("FAILED", 1), span("Attempt 1", FINISHED_S + 3, None))

    assert found.attempts[0].duration == timedelta()


def test_spans_with_similar_names_are_not_attempts() -> None:
    found = history(
        run("COMPLETED", 1),
        span("Attempt 1", 1, 1, span("Attempt 2", 2, 1, attempt_number=1), attempt_number=1),
        span("Attempt 3", 1, 1, run_id="run_b"),
        span("Attempt 4", 1, 1, attempt_number=1),
        span("Attempt 0", 1, 1),
        span("Attempt 5 of 6", 1, 1),
        span("Attempt 7\n", 1, 1),
        span("Attempt ٨", 1, 1),
        span("Attempt " + "9" * 5000, 1, 1),
    )

    assert summary_of(found) == [(1, COMPLETED, 2)]


def test_closed_span_wins_over_an_open_one_of_the_same_attempt() -> None:
    spans = [span("Attempt 1", 1, 1, is_error=True, id="closed"), span("Attempt 1", 2, None, id="open")]

    for order in (spans, spans[::-1]):
        assert [attempt.id for attempt in history(run("FAILED", 1), *order).attempts] == ["closed"]


def test_trace_without_the_run_has_no_attempts() -> None:
    other = trace(span("task", 0, 1, span("Attempt 1", run_id="run_b"), run_id="run_b"))

    found = attempts_of(run("FAILED", 2, BOOM), other)

    assert (summary_of(found), found.is_trace_gone) == ([(2, FAILED, FINISHED_S)], False)
    assert not needs_root_error(run("CRASHED", 1, replace(BOOM, code="X_Y", has_code_only=True)), other)


def test_run_known_only_by_id_has_the_attempts_of_its_trace() -> None:
    found = history(Run(RunId("run_a")), span("Attempt 1", 1, 1), span("Attempt 2", 3, None))

    assert summary_of(found) == [(1, COMPLETED, 2), (2, EXECUTING, None)]


words = st.sampled_from(
    ["QUEUED", "EXECUTING", "DEQUEUED", "WAITING", "COMPLETED", "FAILED", "CRASHED", "CANCELED", "EXPIRED"]
)


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    messages = draw(
        st.lists(
            st.sampled_from([f"Attempt {n}" for n in range(1, 5)] + [f"Retry #{n} delay" for n in range(1, 5)] + ["x"]),
            max_size=8,
        )
    )
    return [
        span(
            message,
            at_s,
            draw(st.sampled_from([None, 0.5, 40])),
            id=f"{at_s}",
            is_error=draw(st.booleans()),
            is_cancelled=draw(st.booleans()),
            exception=draw(st.sampled_from([None, BOOM])),
        )
        for at_s, message in enumerate(messages)
    ]


@given(words, st.integers(0, 5), st.sampled_from([None, BOOM]), spans(), st.randoms(use_true_random=False))
def test_attempts_are_ordered_and_only_the_last_may_be_open(
    word: str, count: int, error: RunError | None, children: list[Span], random: Random
) -> None:
    of = run(word, count, error)
    found = history(of, *children)
    numbers = [attempt.number for attempt in found.attempts]

    assert numbers == sorted(set(numbers))
    assert max(numbers, default=0) >= count
    assert all(attempt.status is not EXECUTING for attempt in found.attempts[: None if of.is_final else -1])
    assert all(attempt.duration is None or attempt.duration >= timedelta() for attempt in found.attempts)
    assert found.retry_at is None or not of.is_final
    random.shuffle(children)
    assert history(of, *children) == found
