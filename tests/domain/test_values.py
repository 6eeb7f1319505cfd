"""Derived properties of the domain's values."""

import pytest

from tests.support.domain.recorded import run_of, span
from tui.domain.action import ActionPhase
from tui.domain.run import Environment, RunStatus
from tui.domain.text import Raw


def test_span_walk_yields_parents_first_in_the_servers_order() -> None:
    root = span("a", 0, 1, span("b", 0, 1, span("c")), span("d"))

    assert [each.message for each in root.walk()] == ["a", "b", "c", "d"]


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


def test_action_ends_when_its_outcome_is_known() -> None:
    assert {phase for phase in ActionPhase if not phase.is_end} == {ActionPhase.REQUESTED, ActionPhase.ACCEPTED}


def test_only_the_type_production_is_production() -> None:
    assert Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme")).is_production
    assert not Environment(Raw("prod"), "STAGING", Raw("api"), Raw("acme")).is_production
