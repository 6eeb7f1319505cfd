"""Attempts and waits rebuilt from the recorded traces, and from late, cut or odd ones that no recording has."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import READ_AT, START, detail_of, run_of, span, trace, trace_as, trace_of
from tests.support.sure import sure
from tui.domain.error import RunError, build_error, first_own_frame
from tui.domain.run import (
    Attempt,
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
    "it is canceled in its backoff": (
        run("CANCELED", 1, BY_USER),
        [span("Attempt 1", 1, 1, is_error=True, exception=BOOM), span("Retry #1 delay", 3, 60)],
        [(1, FAILED, 2, BOOM)],
    ),
    "a graceful cancel is no error": (run("CANCELED", 1, GRACEFUL), [OPEN], [(1, CANCELED, FINISHED_S, None)]),
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
        ("triggerAndWait()", WaitKind.RUNS),
        ("sessions.open(chat-1).in.waitWithIdleTimeout()", WaitKind.INPUT),
        ("wait.createToken()", None),
        ("trigger()", None),
    ],
)
def test_open_span_shows_the_kind_of_a_wait(message: str, kind: WaitKind | None) -> None:
    found = waits(span(message, 2, None))
    assert (found and found.kind) == kind
    assert waits(span(message, 2, 1)) is None, "it is over"


def test_recorded_parent_waits_only_for_its_child() -> None:
    found = sure(attempts_of(run_of("1238"), trace_of("1237")).wait)
    assert (found.kind, found.task, found.open_count) == (WaitKind.RUNS, "tree-mid", 1)
    assert found.since.isoformat() == "2026-11-26T02:26:33.442000+00:00", "the child began to wait later"


def test_wait_of_a_child_is_not_the_parents() -> None:
    child = span("child", 3, None, span("wait.for()", 4, None, run_id="run_b"), run_id="run_b")
    found = sure(waits(span("triggerAndWait()", 2, None, child)))
    assert (found.kind, found.runs, found.task) == (WaitKind.RUNS, ("run_b",), "child")
    assert waits(span("my own span", 2, None, child)) is None


def test_children_that_ended_are_not_waited_for() -> None:
    below = [span("a", 3, 1, run_id="run_b"), span("b", 3, None, run_id="run_c"), span("b", 3, None, run_id="run_d")]
    found = sure(waits(span("batchTriggerAndWait()", 2, None, *below)))
    assert (len(found.runs), found.open_count, found.task) == (3, 2, None)


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
    [("10 minutes", 600), ("1.5 hours", 5400), ("", None), (None, None), ("9" * 9 + " weeks", 3_650 * 86_400)],
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
OF_CANCELED = ["1 CANCELED 13:45:32.543-13:45:33.494"]
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
    ("132", "232", []),
    ("129", "230", OF_CANCELED),
    ("120", "222", ["1 EXECUTING 13:45:01.071-…"]),
    ("137", "212", ["1 FAILED 14:09:23.045-14:09:24.010, retry 39.927 s, Error: slow retry demo, attempt 1, line 45"]),
    # A run that waits in its first attempt has no attempt spans.
    ("122", "226", ["1 EXECUTING 14:11:50.315-…"]),
    # Parts of the trace of a tree.
    ("142", "236", CHILD),
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


def test_canceled_run_has_no_open_attempt() -> None:
    queued, executing = run_of("127"), run_of("129")
    assert attempts_of(queued, trace_as("228", queued)) == AttemptHistory()
    (attempt,) = attempts_of(executing, trace_as("247", executing)).attempts
    assert (attempt.status.name, attempt.error) == ("CANCELED", None), "before the trace says so"
