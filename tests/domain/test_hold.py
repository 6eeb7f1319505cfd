"""Tests of why a run has not started: what is said, and that nothing unknown is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tui.domain.facts import ConcurrencyLimit, PlaceHolder, Queue
from tui.domain.finding import KNOWN_FOR, QueueState, Standstill, StandstillReason, hold_of
from tui.domain.run import AttemptHistory, Precision, Run, RunId, Stamp, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.features.detail.words import fact_lines, hold_words
from tui.features.runs.printed import run_object
from tui.text.blocks import Now
from tui.text.styled import plain

NOW = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
MAIL = Queue("queue_1", Raw("send-email"), is_task=True, running=20, queued=301, limit=20)


def run_in(word: str, *, attempts: int = 0, until: datetime | None = None, retry_at: datetime | None = None) -> Run:
    state = State(NOW, Precision.DETAIL, parse_status(word), delayed_until=until)
    stamp = Stamp(NOW, Precision.TRACE, NOW)
    return Run(RunId("run_1"), state=state, attempt_count=attempts, attempts=(stamp, AttemptHistory(retry_at=retry_at)))


def queue(**changes: object) -> QueueState:
    holders = (PlaceHolder(TaskId("send-campaign"), 20, NOW - timedelta(minutes=2)),)
    return QueueState(NOW, replace(MAIL, **changes), holders=holders)  # type: ignore[arg-type]


LATER = NOW + timedelta(minutes=3)
QUEUED = run_in("QUEUED")
CASES = {
    "its queue is paused": (QUEUED, queue(is_paused=True), "its queue is paused: send-email"),
    "its queue is full": (QUEUED, queue(), "20 of 20 slots of its queue: 20 send-campaign, longest 2m"),
    "nothing blocks it": (QUEUED, queue(running=19), None),
    "a limit is unknown": (QUEUED, queue(limit=None), None),
    "its queue was not read": (QUEUED, None, None),
    "its queue was read long ago": (QUEUED, replace(queue(), at=NOW - KNOWN_FOR * 2), None),
    "its environment is paused": (
        QUEUED,
        replace(queue(), standstill=Standstill(StandstillReason.ENVIRONMENT_PAUSED)),
        "the environment is paused",
    ),
    "its limit is paused": (QUEUED, queue(is_v2=True, is_limit_paused=True), "its limit is paused"),
    "a named limit is full": (
        QUEUED,
        replace(queue(is_v2=True, limit=None), full_limits=(ConcurrencyLimit(Raw("payments"), 5, 3, 5),)),
        "perhaps for the limit payments, 5 of 5",
    ),
    "there is no worker": (
        QUEUED,
        replace(queue(running=3), standstill=Standstill(StandstillReason.NO_WORKER, NOW - timedelta(minutes=4))),
        "no worker seen for 4m",
    ),
    "it may be pinned to a deployment": (
        replace(run_in("PENDING_VERSION"), created_at=NOW - timedelta(minutes=32)),
        None,
        "for a version with its task; if pinned, it expires at 15:00",
    ),
    "it is delayed": (run_in("DELAYED", until=LATER), None, "delayed until 14:35:00.000"),
    "no version has its task": (run_in("PENDING_VERSION"), queue(), "for a version that has its task"),
    "it retries": (run_in("QUEUED", attempts=1, retry_at=LATER), queue(), "to retry at 14:35:00.000"),
    "its retry is due": (
        run_in("QUEUED", attempts=1, retry_at=NOW),
        queue(),
        "20 of 20 slots of its queue: 20 send-campaign, longest 2m",
    ),
    "it has ended": (run_in("COMPLETED"), queue(is_paused=True), None),
    "its status was not read": (Run(RunId("run_1")), queue(), None),
    "the server lost it": (replace(QUEUED, gone_at=NOW), queue(), None),
}


@pytest.mark.parametrize(("run", "state", "words"), CASES.values(), ids=CASES)
def test_hold_is_the_reason_that_the_api_tells(run: Run, state: QueueState | None, words: str | None) -> None:
    assert hold_words(run, state, Now(NOW)) == words
    shown = [plain(line) for line in fact_lines(run, 80, words) if plain(line).startswith("waits")]
    assert shown == ([] if words is None else [f"waits     {words}"])
    assert ("waitsFor" in run_object(run, hold=hold_of(run, state, NOW))) is (words is not None)
