"""Attempts and waits rebuilt from traces that no recording has: late, cut or odd ones, and any trace."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import READ_AT, START, run_of, span, trace, trace_of
from tests.support.sure import sure
from tui.domain.error import RunError
from tui.domain.run import (
    AttemptHistory,
    AttemptStatus,
    Precision,
    Run,
    RunId,
    Stamp,
    State,
    Wait,
    WaitKind,
    parse_status,
)
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


def seconds_until(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - START).total_seconds()


def summary_of(history: AttemptHistory) -> list[tuple[int, AttemptStatus, float | None, RunError | None]]:
    """Return each attempt with the second of its end and its error."""
    return [(each.number, each.status, seconds_until(each.completed_at), each.error) for each in history.attempts]


OPEN = span("Attempt 1", 1, None)
FAILS = span("Attempt 1", 1, 2, is_error=True)
SECOND = span("Attempt 2", 8, None)
OWN = RunError(Raw("own"))
BY_USER = RunError(Raw("Canceled by user"))
GRACEFUL = RunError(Raw("trigger.dev internal error"), code="TASK_RUN_CANCELLED", has_code_only=True)
CASES = {
    "it ends at the start of its retry delay": (
        run("EXECUTING", 2),
        [OPEN, span("Retry #1 delay", 5, 2), SECOND],
        [(1, FAILED, 5, None), (2, EXECUTING, None, None)],
    ),
    "it ends at the start of the next attempt": (
        run("EXECUTING", 2),
        [OPEN, SECOND],
        [(1, FAILED, 8, None), (2, EXECUTING, None, None)],
    ),
    "the next one is missing from the trace": (
        run("EXECUTING", 2),
        [FAILS, span("Retry #1 delay", 3, 1)],
        [(1, FAILED, 3, None), (2, EXECUTING, None, None)],
    ),
    "only the last one is added to a cut trace": (
        run("FAILED", 9, BOOM),
        [FAILS, SECOND],
        [(1, FAILED, 3, None), (2, FAILED, None, None), (9, FAILED, FINISHED_S, BOOM)],
    ),
    "it is queued for a retry": (run("QUEUED", 1), [OPEN], [(1, FAILED, None, None)]),
    "a newer trace has one that is not counted": (
        run("QUEUED", 1),
        [FAILS, SECOND],
        [(1, FAILED, 3, None), (2, EXECUTING, None, None)],
    ),
    "it is canceled in its backoff": (
        run("CANCELED", 1, BY_USER),
        [span("Attempt 1", 1, 1, is_error=True, exception=BOOM), span("Retry #1 delay", 3, 60)],
        [(1, FAILED, 2, BOOM)],
    ),
    "a graceful cancel is no error": (run("CANCELED", 1, GRACEFUL), [OPEN], [(1, CANCELED, FINISHED_S, None)]),
    "its exception wins": (
        run("FAILED", 1, BOOM),
        [span("Attempt 1", 1, 1, is_error=True, exception=OWN)],
        [(1, FAILED, 2, OWN)],
    ),
    "a completed run completes it": (run("COMPLETED", 1), [OPEN], [(1, COMPLETED, FINISHED_S, None)]),
    "the run is known only by its id": (
        Run(RunId("run_a")),
        [span("Attempt 1", 1, 1), SECOND],
        [(1, COMPLETED, 2, None), (2, EXECUTING, None, None)],
    ),
    "other spans have similar names": (
        run("COMPLETED", 1),
        [
            span("Attempt 1", 1, 1, span("Attempt 2", 2, 1, attempt_number=1), attempt_number=1),
            span("Attempt 3", 1, 1, run_id="run_b"),
            span("Attempt 4", 1, 1, attempt_number=1),
            span("Attempt 0", 1, 1),
            span("Attempt 5 of 6", 1, 1),
            span("Attempt 7\n", 1, 1),
            span("Attempt ٨", 1, 1),
            span("Attempt " + "9" * 5000, 1, 1),
        ],
        [(1, COMPLETED, 2, None)],
    ),
}


@pytest.mark.parametrize(("run", "spans", "attempts"), CASES.values(), ids=CASES)
def test_attempts_of_odd_traces(run: Run, spans: list[Span], attempts: list[object]) -> None:
    found = history(run, *spans)
    assert summary_of(found) == attempts
    assert found.retry_at is None


def test_next_attempt_has_the_time_of_the_end_of_its_delay() -> None:
    found = history(run("EXECUTING", 1), OPEN, span("Retry #1 delay", 5, 2))
    assert summary_of(found) == [(1, FAILED, 5, None)]
    assert found.retry_at == START + timedelta(seconds=7)
    assert found.attempts[0].retry_delay == timedelta(seconds=2)


def test_root_error_without_a_code_belongs_to_a_lost_worker() -> None:
    lost = run("CANCELED", 1, RunError(Raw("blurred"), code="TASK_RUN_STALLED_EXECUTING", has_code_only=True))
    assert attempts_of(lost, trace(span("task", 0, None, OPEN)), BOOM).attempts[0].error == BOOM
    assert not needs_root_error(run("CANCELED", 1, GRACEFUL), trace(span("task", 0, None, OPEN)))


def test_closed_span_wins_over_an_open_one_of_the_same_attempt() -> None:
    spans = [span("Attempt 1", 1, 1, is_error=True, id="closed"), span("Attempt 1", 2, None, id="open")]
    for order in (spans, spans[::-1]):
        assert [attempt.id for attempt in history(run("FAILED", 1), *order).attempts] == ["closed"]


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


def waits(*inside: Span, number: int = 1, detail: str = "120", **changes: Any) -> Wait | None:
    """Return the wait of an executing run whose open attempt has these spans."""
    attempt = span(f"Attempt {number}", 1, None, span("run()", 1, None, *inside), attempt_number=number)
    run = run_of(detail, id="run_a", attemptCount=number, **changes)
    return attempts_of(run, trace(span("task", 0, None, attempt))).wait


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("wait.forToken()", WaitKind.TOKEN),
        ("wait.for()", WaitKind.TIME),
        ("wait.until()", WaitKind.TIME),
        ("triggerAndWait()", WaitKind.RUNS),
        ("tasks.triggerAndWait()", WaitKind.RUNS),
        ("inputStream.wait()", WaitKind.INPUT),
        ("sessions.open(chat-1).in.waitWithIdleTimeout()", WaitKind.INPUT),
        ("chat.plugin.wait()", None),
        ("wait.createToken()", None),
        ("trigger()", None),
    ],
)
def test_open_span_shows_the_kind_of_a_wait(message: str, kind: WaitKind | None) -> None:
    found = waits(span(message, 2, None))
    assert (found and found.kind) == kind
    assert waits(span(message, 2, 1)) is None, "it is over"


def test_run_of_waits_for_its_token() -> None:
    found = sure(attempts_of(run_of("1233"), trace_of("1230")).wait)
    assert (found.kind, found.since.isoformat()) == (WaitKind.TOKEN, "2026-11-26T02:26:31.762000+00:00")


def test_recorded_parent_waits_only_for_its_child() -> None:
    found = sure(attempts_of(run_of("1238"), trace_of("1237")).wait)
    assert (found.kind, found.task, found.open_count) == (WaitKind.RUNS, "tree-mid", 1)
    assert found.since.isoformat() == "2026-11-26T02:26:33.442000+00:00", "the child began to wait later"


def test_latest_of_several_open_waits_counts() -> None:
    found = waits(
        span("wait.for()", 5, None, id="late"),
        span("wait.forToken()", 3, None, id="early"),
        span("outer", 2, None, span("triggerAndWait()", 4, None, id="middle")),
    )
    assert found is not None
    assert (found.span_id, found.kind) == ("late", WaitKind.TIME)


def test_wait_of_a_child_is_not_the_parents() -> None:
    child = span("child", 3, None, span("wait.for()", 4, None, run_id="run_b"), run_id="run_b")
    found = sure(waits(span("triggerAndWait()", 2, None, child)))
    assert (found.kind, found.runs, found.task) == (WaitKind.RUNS, ("run_b",), "child")
    assert waits(span("my own span", 2, None, child)) is None


def test_children_that_ended_are_not_waited_for() -> None:
    below = [span("a", 3, 1, run_id="run_b"), span("b", 3, None, run_id="run_c"), span("b", 3, None, run_id="run_d")]
    found = sure(waits(span("batchTriggerAndWait()", 2, None, *below)))
    assert (len(found.runs), found.open_count, found.task) == (3, 2, None)


def test_wait_of_an_earlier_attempt_is_over() -> None:
    lost = span("Attempt 1", 1, None, span("wait.for()", 2, None), attempt_number=1)
    second = span("Attempt 2", 3, None, attempt_number=2)
    run = run_of("120", id="run_a", attemptCount=2)
    assert attempts_of(run, trace(span("task", 0, None, lost, second))).wait is None


def read(wait: Wait, word: str = "EXECUTING", *, later_s: float = 0.0) -> Run:
    """Return a run that changed `later_s` after its trace was read with a wait that had just begun."""
    run = run_of("120", id="run_a", status=word)
    assert run.state is not None
    history = attempts_of(run, trace(span("task", 0, None)))
    stamp = Stamp(wait.since, Precision.TRACE, START)
    state = replace(run.state, updated_at=wait.since + timedelta(seconds=later_s))
    return replace(run, state=state, attempts=(stamp, replace(history, wait=wait)))


WAIT = Wait(WaitKind.TIME, START, span("s").id, Raw("10 minutes"))


def test_wait_is_known_until_the_run_changes() -> None:
    assert read(WAIT).wait == WAIT
    assert read(WAIT, later_s=1).wait is None
    assert read(WAIT, "WAITING", later_s=1).wait == WAIT, "it was suspended meanwhile"
    assert read(WAIT, "WAITING", later_s=31).wait is None, "it went on, and waits for something else"
    assert read(WAIT, "COMPLETED").wait is None


@pytest.mark.parametrize(
    ("subject", "lasts_s"),
    [
        ("10 minutes", 600),
        ("1.5 hours", 5400),
        ("1 week", 604_800),
        ("1 month", None),
        ("2026-11-26T03:00:00.000Z", None),
        ("", None),
        (None, None),
        ("9" * 9 + " weeks", 3_650 * 86_400),
    ],
)
def test_wait_for_time_has_a_duration(subject: str | None, lasts_s: float | None) -> None:
    wait = replace(WAIT, subject=None if subject is None else Raw(subject))
    assert wait.duration == (None if lasts_s is None else timedelta(seconds=lasts_s))
    assert wait.until is None or lasts_s is None
    if lasts_s is not None:
        assert wait.is_over(START + timedelta(seconds=lasts_s))
        assert not wait.is_over(START + timedelta(seconds=lasts_s - 0.5))


@pytest.mark.parametrize(
    ("subject", "ends_s"),
    [
        ("2026-11-24T12:10:00.000Z", 600),
        ("2026-11-24T11:00:00.000Z", 0),
        ("9999-12-31T23:59:59.999Z", 3_650 * 86_400),
        ("+275760-09-13T00:00:00.000Z", None),
        ("", None),
    ],
)
def test_wait_until_a_time_ends_then(subject: str, ends_s: float | None) -> None:
    wait = replace(WAIT, subject=Raw(subject))
    assert wait.until == (None if ends_s is None else START + timedelta(seconds=ends_s))
    assert replace(wait, kind=WaitKind.TOKEN).until is None
    if ends_s is not None:
        assert wait.is_over(START + timedelta(seconds=ends_s))
        assert not wait.is_over(START + timedelta(seconds=ends_s - 0.5))
