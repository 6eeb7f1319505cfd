"""Derived properties of the domain's values."""

from datetime import timedelta

import pytest

from tests.support.domain.recorded import START, run_of, span
from tui.domain.action import ActionPhase
from tui.domain.run import Attempt, AttemptStatus, Environment, Run, RunId, RunStatus
from tui.domain.text import Raw


def test_span_walk_yields_parents_first_in_the_servers_order() -> None:
    root = span("a", 0, 1, span("b", 0, 1, span("c")), span("d"))

    assert [each.message for each in root.walk()] == ["a", "b", "c", "d"]


def test_span_walk_handles_any_depth() -> None:
    deepest = span("0")
    for number in range(1, 20_000):
        deepest = span(str(number), 0, 1, deepest)

    assert sum(1 for _ in deepest.walk()) == 20_000


def test_only_closed_spans_have_an_end() -> None:
    assert span("a", 1, 2).ended_at == START + timedelta(seconds=3)
    assert span("a", 1, None).ended_at is None


def test_attempt_duration_needs_both_times() -> None:
    end = START + timedelta(seconds=2)

    assert Attempt(1, AttemptStatus.FAILED, started_at=START, completed_at=end).duration == timedelta(seconds=2)
    assert Attempt(1, AttemptStatus.EXECUTING, started_at=START).duration is None
    assert Attempt(1, AttemptStatus.FAILED, completed_at=end).duration is None


@pytest.mark.parametrize(
    ("count", "word", "status", "title"),
    [
        (1, "EXECUTING", RunStatus.EXECUTING, "Executing"),
        (2, "EXECUTING", RunStatus.REATTEMPTING, "Reattempting"),
        (2, "DEQUEUED", RunStatus.EXECUTING, "Dequeued"),
        (2, "FAILED", RunStatus.COMPLETED_WITH_ERRORS, "Failed"),
        (0, "PENDING_VERSION", RunStatus.WAITING_FOR_DEPLOY, "Pending version"),
        (0, "SOMETHING_NEW", RunStatus.QUEUED, "SOMETHING_NEW"),
    ],
)
def test_run_status_depends_on_the_word_and_the_attempts(count: int, word: str, status: RunStatus, title: str) -> None:
    run = run_of("120", status=word, attemptCount=count)

    assert (run.status, run.status_title, run.is_final) == (status, title, status.is_final)


def test_run_queued_after_an_attempt_waits_to_retry() -> None:
    assert run_of("137").is_waiting_to_retry
    assert not run_of("125").is_waiting_to_retry
    assert not run_of("130").is_waiting_to_retry


def test_run_without_state_counts_as_queued() -> None:
    run = Run(RunId("run_a"))

    assert (run.status, run.status_title, run.is_final, run.is_gone) == (RunStatus.QUEUED, "Queued", False, False)


def test_run_is_gone_until_the_server_returns_it_again() -> None:
    later = START + timedelta(seconds=1)

    assert Run(RunId("run_a"), gone_at=START).is_gone
    assert Run(RunId("run_a"), read_at=START, gone_at=later).is_gone
    assert not Run(RunId("run_a"), read_at=later, gone_at=START).is_gone


def test_action_ends_when_its_outcome_is_known() -> None:
    assert {phase for phase in ActionPhase if not phase.is_end} == {ActionPhase.REQUESTED, ActionPhase.ACCEPTED}


def test_only_the_type_production_is_production() -> None:
    assert Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme")).is_production
    assert not Environment(Raw("prod"), "STAGING", Raw("api"), Raw("acme")).is_production
