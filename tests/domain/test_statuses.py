"""The words of statuses agree with the recordings, and what is derived from them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import run_of
from tests.support.recordings import FOLDER
from tui.domain.action import ActionPhase
from tui.domain.run import Environment, RunStatus, filter_words, parse_status, typed_words
from tui.domain.text import Raw

SCHEMA = FOLDER.parents[1] / "RUN_SCHEMA.json"
NOT_A_TRIGGER_WORD = st.text().filter(lambda word: parse_status(word).specificity < 0)


def test_canonical_names_equal_the_run_schema() -> None:
    schema = json.loads(SCHEMA.read_text())

    assert list(RunStatus) == schema["properties"]["status"]["enum"]


@given(NOT_A_TRIGGER_WORD)
def test_unknown_word_is_kept_and_final_only_with_an_end(word: str) -> None:
    live, ended = parse_status(word), parse_status(word, ended=True)

    assert (live.word, live.title, ended.word, ended.title) == (word, word, word, word)
    assert (live.canonical, ended.canonical) == (RunStatus.QUEUED, RunStatus.COMPLETED_WITH_ERRORS)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("timed-out", "TIMED_OUT"),
        ("pending", "QUEUED"),
        ("cancelled", "CANCELED"),
        ("frozen", "WAITING"),
        (" waiting for deploy ", "PENDING_VERSION"),
        ("threw", "FAILED"),
        ("failed", "FAILED INTERRUPTED CRASHED SYSTEM_FAILURE TIMED_OUT"),
        ("nonsense", ""),
    ],
)
def test_typed_status_becomes_words_of_the_server_filter(typed: str, word: str) -> None:
    assert filter_words(typed) == tuple(word.split())
    assert filter_words(" ".join(typed_words(word.split()))) == tuple(word.split())


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
    assert run_of("137", attemptCount=None).is_waiting_to_retry, "lists have no count"
    assert not run_of("137", attemptCount=None, startedAt=None).is_waiting_to_retry
    assert not run_of("125").is_waiting_to_retry
    assert not run_of("130").is_waiting_to_retry


def test_action_ends_when_its_outcome_is_known() -> None:
    assert {phase for phase in ActionPhase if not phase.is_end} == {ActionPhase.REQUESTED, ActionPhase.ACCEPTED}


def test_only_the_type_production_is_production() -> None:
    assert Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme")).is_production
    assert not Environment(Raw("prod"), "STAGING", Raw("api"), Raw("acme")).is_production
