"""The table of statuses agrees with the README of the recordings, word for word."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import FOLDER
from tui.domain.run import (
    STATUS_TABLE,
    RunStatus,
    filter_word,
    parse_status,
)

SCHEMA = FOLDER.parents[1] / "RUN_SCHEMA.json"
NOT_A_TRIGGER_WORD = st.text().filter(lambda word: parse_status(word).specificity < 0)


def test_canonical_names_equal_the_run_schema() -> None:
    schema = json.loads(SCHEMA.read_text())

    assert list(RunStatus) == schema["properties"]["status"]["enum"]


@pytest.mark.parametrize(
    ("words", "canonical", "title"),
    [
        ("DELAYED Delayed", "DELAYED", "Delayed"),
        ("PENDING QUEUED Queued", "QUEUED", "Queued"),
        ("PENDING_VERSION WAITING_FOR_DEPLOY", "WAITING_FOR_DEPLOY", "Pending version"),
        ("DEQUEUED Dequeued", "EXECUTING", "Dequeued"),
        ("EXECUTING Executing", "EXECUTING", "Executing"),
        ("RETRYING_AFTER_FAILURE REATTEMPTING", "REATTEMPTING", "Reattempting"),
        ("WAITING_TO_RESUME PAUSED WAITING FROZEN Waiting", "WAITING_TO_RESUME", "Waiting"),
        ("COMPLETED_SUCCESSFULLY COMPLETED Completed", "COMPLETED_SUCCESSFULLY", "Completed"),
        ("COMPLETED_WITH_ERRORS FAILED Failed", "COMPLETED_WITH_ERRORS", "Failed"),
        ("CANCELED Canceled", "CANCELLED", "Canceled"),
        ("CRASHED Crashed", "CRASHED", "Crashed"),
        ("INTERRUPTED", "INTERRUPTED", "Interrupted"),
        ("SYSTEM_FAILURE", "SYSTEM_FAILURE", "System failure"),
        ("EXPIRED Expired", "EXPIRED", "Expired"),
        ("TIMED_OUT", "TIMED_OUT", "Timed out"),
    ],
)
def test_every_word_of_every_vocabulary_is_known(words: str, canonical: str, title: str) -> None:
    for word in words.split():
        status = parse_status(word)
        assert (status.word, status.canonical, status.title) == (word, canonical, title)


def test_word_has_one_meaning() -> None:
    meanings: dict[str, set[str]] = {}
    for row in STATUS_TABLE:
        for word in {row.rest, row.legacy, *row.database, *row.trql} - {""}:
            meanings.setdefault(word, set()).add(row.title)

    assert all(len(titles) == 1 for titles in meanings.values())


@given(NOT_A_TRIGGER_WORD)
def test_unknown_word_is_kept_and_final_only_with_an_end(word: str) -> None:
    live, ended = parse_status(word), parse_status(word, ended=True)

    assert (live.word, live.title, ended.word, ended.title) == (word, word, word, word)
    assert (live.canonical, ended.canonical) == (RunStatus.QUEUED, RunStatus.COMPLETED_WITH_ERRORS)


def test_statuses_with_wrong_api_flags_are_final() -> None:
    for word in ("EXPIRED", "TIMED_OUT"):
        assert parse_status(word).canonical.is_final
    assert not RunStatus.EXPIRED.is_failed
    assert not RunStatus.CANCELLED.is_failed
    assert RunStatus.TIMED_OUT.is_failed


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("timed-out", "TIMED_OUT"),
        ("Timed out", "TIMED_OUT"),
        ("pending", "QUEUED"),
        ("cancelled", "CANCELED"),
        ("frozen", "WAITING"),
        ("reattempting", "REATTEMPTING"),
        (" waiting for deploy ", "PENDING_VERSION"),
        ("nonsense", None),
        ("", None),
    ],
)
def test_typed_status_becomes_a_word_of_the_server_filter(typed: str, word: str | None) -> None:
    assert filter_word(typed) == word
