from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.attempt_pages import of, rows_of, text, thrice
from tests.support.present.samples import (
    CREATED,
    HOSTILE,
    NOW,
    STAMP,
    STARTED,
    attempt,
    failure,
    full,
    sample,
    texts,
)
from tui.domain.error import RunError, build_error
from tui.domain.run import Attempt, AttemptHistory, AttemptStatus
from tui.domain.text import Raw
from tui.features.attempts.words import FOLDED, AttemptKey, ReadProgress, run_words, selected_attempt, stepped
from tui.text.blocks import Now, ReadStage, ShowAttempt, ToggleFold
from tui.text.styled import Token, line_width, plain

MISSING = (
    "the trace was cut at 5,000 rows and the events could not be read: GET /api/v1/runs/run_1/events: 403 Forbidden"
)


@pytest.mark.parametrize("attempts", [(), (attempt(1), attempt(3))])
def test_page_names_what_the_server_cut(attempts: tuple[Attempt, ...]) -> None:
    found = " ".join(text(of(sample("FAILED", attempt_count=3), *attempts, missing=MISSING), 100).split())
    assert (
        "The trace was cut at 5,000 rows and the events could not be read: 403 Forbidden; later attempts may be "
        "missing, and so may errors." in found
    )
    assert ("attempt 2 is not in the trace" in found) == bool(attempts)
    assert "may be missing" not in text(thrice(), 100)


# --- the table


def test_axis_of_a_live_run_stays_while_its_bar_grows() -> None:
    run = of(sample("EXECUTING", attempt_count=2), attempt(1), attempt(2, status=AttemptStatus.EXECUTING))
    first, later = (text(run, now=Now(NOW + timedelta(seconds=more))).splitlines() for more in (0, 8))
    assert first[1] == later[1]
    assert len(first[2].rstrip()) < len(later[2].rstrip())


def test_page_of_a_failed_run_fits_a_narrow_pane() -> None:
    assert [line.rstrip() for line in text(thrice()).splitlines()] == [
        "",
        "✗ 1   13:48:37.277    416ms   ╺━━╸",
        "✗ 2   13:48:39.277    416ms       ╌╌╌╌╌╌╌╌╌╌╺━━",
        "✗ 3   13:48:41.277    416ms                    ╌╌╌╌╌╌╌╌╌╌╌━━━",
        "",
        "Error Upstream returned 503 on attempt 3: service unavailable",
        "      the same in all 3 attempts, but for the numbers",
        "",
        "(anonymous)        src/trigger/charge.ts:20:29",
        "async chargeStep1  src/trigger/charge.ts:11:45",
        "⋯ 2 frames  @trigger.dev/core 1 · node 1",
        "",
        "attempt   ✗ Failed  waited 1.6s  ended 13:48:41.693",
        "          retry after 946ms  span span3",
    ]


def test_wide_pane_has_column_titles_and_waits() -> None:
    head, first, second = text(thrice(), 118).splitlines()[1:4]
    assert head.split() == ["#", "started", "took", "waited", "0s", "1s", "2s", "3s", "4s"]
    assert first.startswith("✗ 1   13:48:37.277     416ms      67ms    ")
    assert second.startswith("✗ 2   13:48:39.277     416ms      1.6s    ")
    assert head.index("took") + len("took") == first.index("416ms") + len("416ms")
    assert head.index("0s") == 42


def test_last_failed_attempt_is_selected_until_another_is_picked() -> None:
    run = of(
        sample("COMPLETED", attempt_count=3),
        attempt(1, error=failure(1, "out of luck")),
        attempt(2, error=failure(2, "no such card")),
        attempt(3, status=AttemptStatus.COMPLETED),
    )
    assert "no such card" in text(run)
    assert "out of luck" in text(run, picked=1)
    assert "✓ Completed" in text(run, picked=3)
    assert "no such card" in text(run, picked=9)


def test_stepping_stops_at_both_ends() -> None:
    history = AttemptHistory(tuple(attempt(number) for number in (1, 2, 4)))
    assert [stepped(history, history.attempts[1], step) for step in (-1, 1)] == [1, 4]
    assert [stepped(history, history.attempts[0], -1), stepped(history, history.attempts[2], 1)] == [1, 4]
    assert stepped(AttemptHistory(), None, 1) is None


def test_enter_on_an_attempt_selects_it() -> None:
    acts = {row.key: row.action for row in rows_of(thrice())}
    assert acts[AttemptKey(2)] == ShowAttempt(2)


def test_middle_of_many_attempts_folds_around_the_selected_one() -> None:
    run = of(sample("FAILED", attempt_count=60), *(attempt(number, error=failure(number)) for number in range(1, 61)))
    numbers = [row.key.number for row in rows_of(run, picked=30) if isinstance(row.key, AttemptKey)]
    assert numbers == [1, 2, 3, 30, 57, 58, 59, 60]
    assert "⋯ 26 attempts  4 to 29  ✗ 26" in text(run, picked=30)
    opened = rows_of(run, picked=30, toggled=frozenset({FOLDED}))
    assert sum(isinstance(row.key, AttemptKey) for row in opened) == 60
    assert any(row.action == ToggleFold(FOLDED) for row in opened)


def test_running_attempt_counts_on_and_stops_while_data_is_stale() -> None:
    run = of(sample("EXECUTING", attempt_count=1), attempt(1, status=AttemptStatus.EXECUTING))
    assert "◐ Executing  31s so far" in text(run)
    assert "◐ Executing  11s~ so far" in text(run, now=Now(NOW, STARTED + timedelta(seconds=11)))
    blue = [piece.text for row in rows_of(run) for piece in row.line if piece.token is Token.BLUE]
    assert any("31s" in each for each in blue)
    assert any("━" in each for each in blue)


def test_next_attempt_shows_when_it_is_due() -> None:
    run = of(sample("QUEUED", attempt_count=1), attempt(1), retry_at=NOW + timedelta(seconds=12))
    assert "next  13:49:20.500  in 12 s " in text(run)
    assert "in 22 s~" in text(run, now=Now(NOW, NOW - timedelta(seconds=10)))
    assert "due" in text(run, now=Now(NOW + timedelta(seconds=13)))


def test_wait_of_hours_leaves_room_for_the_bars() -> None:
    run = thrice()
    early = replace(run, created_at=CREATED - timedelta(hours=5))
    bar = text(early).splitlines()[1].partition("416ms")[2]
    assert bar.strip().startswith("━━")


def test_crashed_attempt_says_crashed() -> None:
    run = of(sample("CRASHED", attempt_count=2), attempt(1), attempt(2))
    lines = text(run).splitlines()
    assert lines[1].startswith("✗ 1")
    assert lines[2].startswith("▼ 2")


def test_attempts_missing_from_the_trace_are_named() -> None:
    assert "attempts 2 to 4 are not in the trace" in text(of(sample("FAILED", attempt_count=5), attempt(1), attempt(5)))


def test_error_code_is_shown_while_the_reason_is_being_read() -> None:
    blurred = build_error("trigger.dev internal error (TASK_PROCESS_SIGKILL_TIMEOUT)")
    run = replace(sample("CRASHED"), error=(STAMP, blurred))
    coming = text(run, progress=ReadProgress(ReadStage.LATE))
    assert coming.splitlines()[1:] == ["reading why…", "code      TASK_PROCESS_SIGKILL_TIMEOUT"]
    known = text(of(run, attempt(1, error=blurred)))
    assert "The server reports only a code." in known
    assert "TASK_PROCESS_SIGKILL_TIMEOUT" in known


# --- nothing to show


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("QUEUED", "Not started yet. Queued for 31s in task/charge."),
        ("DEQUEUED", "Not started yet. A worker has taken it."),
        ("PENDING_VERSION", "Not started yet. Waiting for 31s for a version that has the task."),
        ("EXPIRED", "Never started. It expired after its time to live of 10m."),
        ("CANCELED", "Never started. It was canceled before."),
        ("FAILED_TO_RUN", "Never started."),
    ],
)
def test_run_that_never_started_says_why(word: str, expected: str) -> None:
    run = sample(word, started=False, attempt_count=0)
    run = replace(run, fixed=replace(run.fixed, ttl="10m", queue=Raw("task/charge")))
    assert text(run, 100).splitlines() == ["", expected]
    assert text(of(run), 100).splitlines() == ["", expected]


def test_delayed_run_says_until_when() -> None:
    run = sample("DELAYED", started=False, attempt_count=0)
    assert run.state
    run = replace(run, state=replace(run.state, delayed_until=NOW + timedelta(minutes=3)))
    assert text(run, 100).strip() == "Not started yet. Delayed until 13:52:08.500, in 3m00s."


def test_queue_time_stops_while_data_is_stale() -> None:
    run = sample("QUEUED", started=False, attempt_count=0)
    assert "Queued for 21s~." in text(run, now=Now(NOW, NOW - timedelta(seconds=10)))


def test_attempt_without_an_end_stops_at_the_end_of_its_run() -> None:
    run = of(sample("COMPLETED"), attempt(1, status=AttemptStatus.EXECUTING))
    assert run.state
    assert run.state.finished_at
    ended_at = run.state.finished_at
    at_the_end = text(of(sample("EXECUTING"), attempt(1, status=AttemptStatus.EXECUTING)), now=Now(ended_at))
    so_far = next(line for line in at_the_end.splitlines() if "so far" in line)
    assert so_far.replace(" so far", "~ so far").strip() in text(run, now=Now(ended_at + timedelta(minutes=9)))


def test_page_is_loading_then_says_what_to_do_after_a_refusal() -> None:
    assert text(sample("FAILED"), progress=ReadProgress(ReadStage.LATE)).strip() == "loading…"
    assert not text(sample("FAILED"), progress=ReadProgress(ReadStage.DUE)).strip()
    failed = replace(sample("FAILED"), error=(STAMP, RunError(Raw("Upstream returned 503"))))
    assert "Upstream" in text(failed, progress=ReadProgress(ReadStage.LATE))
    assert not text(failed, progress=ReadProgress(ReadStage.DUE)).strip(), "its attempts will stand above the error"
    refused = text(
        sample("FAILED"), 100, progress=ReadProgress(failure="the attempts are not known: 503 from the server")
    )
    assert refused.strip() == "The attempts are not known: 503 from the server. r tries again."


def test_known_attempts_stay_when_a_later_read_fails() -> None:
    shown = text(thrice(), 100, progress=ReadProgress(failure="nobody answers"))
    assert "Nobody answers.\n" in shown
    refused = text(thrice(), 100, progress=ReadProgress(failure="GET /api/v3/runs/x: 404 Run not found"))
    assert refused.strip().startswith("The run could not be read: 404 Run not found.\n")
    halved = text(thrice(), 100, progress=ReadProgress(failure="the attempts are not known: GET /x: 500 Oh"))
    assert halved.strip().startswith("The attempts are not known: 500 Oh.\n")
    assert "Upstream returned 503" in shown
    gone = text(replace(thrice(), gone_at=NOW + timedelta(seconds=1)), 100)
    assert "The server does not know this run any more" in gone
    assert "Upstream returned 503" in gone


def test_lost_trace_is_mentioned_above_the_last_error() -> None:
    run = of(sample("FAILED", attempt_count=3), replace(attempt(3, error=failure(3)), id=None), is_trace_gone=True)
    lines = text(run, 100).splitlines()
    assert lines[1] == "The trace is gone from the server; this is the error of the last attempt."
    assert "not in the trace" not in text(run)


# --- the rule


def test_rule_shows_the_whole_id_where_there_is_room() -> None:
    run = sample("FAILED")
    assert plain(run_words(run, 80)) == f" · ✗ Failed  charge-card  {run.id}"
    assert plain(run_words(run, 50)) == " · ✗ Failed  charge-card  run_cm…6e3t"


# --- any text, any width


@given(texts, st.integers(40, 160), st.booleans(), st.booleans())
def test_no_row_is_wider_than_its_limit_for_any_text(some: str, limit: int, wraps: bool, opens: bool) -> None:
    run = full(some)
    for row in rows_of(run, limit, picked=1, is_wrapped=wraps, opens_all=opens):
        assert line_width(row.line) <= limit


def test_row_keys_are_unique() -> None:
    keys = [row.key for row in rows_of(full(HOSTILE), opens_all=True, picked=1)]
    assert None not in keys
    assert len(keys) == len(set(keys))


def test_last_attempt_is_selected_without_failures() -> None:
    history = AttemptHistory((attempt(1, status=AttemptStatus.CANCELED), attempt(2, status=AttemptStatus.COMPLETED)))
    assert selected_attempt(history, None) is history.attempts[1]
    assert selected_attempt(AttemptHistory(), None) is None


def test_canceled_attempt_says_what_the_run_says() -> None:
    run = of(sample("CANCELED"), attempt(1, status=AttemptStatus.CANCELED))
    assert "Canceled by user" not in text(run)
    assert "Canceled by user" in text(replace(run, error=(STAMP, RunError(Raw("Canceled by user")))))
