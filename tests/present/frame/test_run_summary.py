"""The two lines about the selected run."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import CREATED, HOSTILE, NOW, RUN_ID, STAMP, failure, full, sample
from tui.domain.run import STATUS_TABLE, Run, RunId, StatusRow
from tui.domain.text import Raw
from tui.features.runs.words import summary_lines
from tui.text.blocks import Now
from tui.text.styled import Piece, Token, line_width, plain

AT = Now(NOW)
WORDS = sorted({row.rest or row.legacy for row in STATUS_TABLE if row.rest or row.legacy} | {"FROBNICATING"})


def texts(run: Run | None, width: int = 80, children: tuple[Run, ...] = (), now: Now = AT) -> list[str]:
    return [plain(line) for line in summary_lines(run, children, now, width)]


def test_summary_of_a_failed_run_reads_as_expected() -> None:
    run = replace(sample("FAILED", attempt_count=3), error=(STAMP, failure(3)))
    assert texts(run) == [
        "  ✗ Failed  charge-card  run_cmwuqwphl00009f7de45f6e3t  attempt 3 of 3",
        "    Error Upstream returned 503 on attempt 3: service unavailable",
    ]


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (sample("COMPLETED"), "took 6.3s, 24s ago"),
        (sample("EXECUTING"), "executing for 31s"),
        (sample("EXECUTING", started=False), "a worker took it and has not started it yet"),
        (sample("QUEUED", started=False, attempt_count=None), "queued for 31s"),
        (sample("QUEUED", started=False, attempt_count=2), "waiting to retry after 2 attempts"),
        (sample("PENDING_VERSION", started=False), "waiting for a version with its task for 31s"),
        (sample("WAITING"), "31s since it started, now it waits"),
        (sample("CANCELED", started=False), "canceled before it started, 24s ago"),
        (sample("CANCELED"), "took 6.3s, 24s ago"),
        (sample("EXPIRED", started=False), "its ttl ran out before it started"),
        (sample("FAILED"), "took 6.3s, 24s ago"),
        (replace(sample("COMPLETED"), gone_at=NOW + timedelta(seconds=1)), "the server does not know it any more"),
        (Run(RunId("run_1")), "only its id is known"),
    ],
)
def test_summary_without_an_error_says_how_long(run: Run, why: str) -> None:
    assert texts(run)[1].strip() == why


def test_delayed_run_says_when_it_starts() -> None:
    run = sample("DELAYED", started=False)
    assert run.state
    run = replace(run, state=replace(run.state, delayed_until=NOW + timedelta(seconds=95)))
    assert texts(run)[1].strip() == "starts in 1m35s"


def test_queued_run_from_the_future_says_when_it_is_due() -> None:
    early = replace(sample("QUEUED", started=False, attempt_count=None), created_at=NOW + timedelta(seconds=40))
    assert texts(early)[1].strip() == "due in 40s"


def test_queued_run_names_its_queue() -> None:
    run = sample("QUEUED", started=False, attempt_count=None)
    run = replace(run, fixed=replace(run.fixed, queue=Raw("task/charge-card")))
    assert texts(run)[1].strip() == "queued for 31s in task/charge-card"


def test_stale_durations_stop() -> None:
    frozen = Now(NOW, CREATED + timedelta(seconds=5))
    assert texts(sample("EXECUTING"), now=frozen)[1].strip() == "executing for 4.9s~"
    assert texts(sample("QUEUED", started=False, attempt_count=None), now=frozen)[1].strip() == "queued for 5.0s~"
    assert texts(sample("COMPLETED"), now=frozen)[1].strip() == "took 6.3s, 24s ago"


def rolled_up(*words: str) -> str:
    children = tuple(sample(word, run_id=f"run_{number}") for number, word in enumerate(words))
    return texts(sample("WAITING"), children=children)[1]


def test_summary_counts_children_by_family_without_zeros() -> None:
    found = rolled_up("COMPLETED", "COMPLETED", "CRASHED", "EXECUTING", "EXECUTING", "QUEUED")
    assert found.endswith("  ✗1  E2  Q1  ✓2 below it")


def test_summary_counts_delayed_and_pending_children_apart() -> None:
    found = rolled_up("QUEUED", "DELAYED", "DELAYED", "PENDING_VERSION", "PENDING_VERSION", "PENDING_VERSION")
    assert found.endswith("  Q1  D2  P3 below it")


def test_summary_ticks_only_completed_children() -> None:
    found = rolled_up("COMPLETED", "CANCELED", "CANCELED", "EXPIRED")
    assert found.endswith("  ✓1  ⊘2  ◇1 below it")
    assert "✓" not in rolled_up("CANCELED", "EXPIRED")


def test_summary_counts_children_of_unknown_status_apart() -> None:
    unread, odd = Run(RunId("run_2")), sample("ODD_WORD")
    _, line = summary_lines(sample("WAITING"), (unread, odd, sample("QUEUED")), AT, 80)
    assert plain(line).endswith("  Q1  ?2 below it")


@pytest.mark.parametrize("row", STATUS_TABLE, ids=lambda row: row.title)
def test_summary_counts_a_child_of_every_status_once(row: StatusRow) -> None:
    word = row.rest or row.legacy or row.database[0]
    counts = rolled_up(word).split("waits")[1].removesuffix(" below it").split()
    assert len(counts) == 1
    assert counts[0].endswith("1")


def test_earlier_error_is_hidden_after_a_success_or_a_retry() -> None:
    assert "Upstream" not in texts(replace(sample("COMPLETED"), error=(STAMP, failure(1))))[1]
    assert "Upstream" not in texts(replace(sample("EXECUTING", attempt_count=2), error=(STAMP, failure(1))))[1]


def test_canceled_run_of_a_lost_worker_says_so() -> None:
    lost = replace(failure(1, "no heartbeat"), code="TASK_RUN_STALLED_EXECUTING")
    assert "no heartbeat" in texts(replace(sample("CANCELED"), error=(STAMP, lost)))[1]
    user = replace(failure(1, "Canceled by user"), name=None)
    assert texts(replace(sample("CANCELED"), error=(STAMP, user)))[1].strip() == "took 6.3s, 24s ago"


def test_narrow_summary_cuts_the_task_and_keeps_the_id() -> None:
    run = sample("FAILED", task="a-task-with-a-long-name", attempt_count=3)
    assert texts(run, 60)[0] == f"  ✗ Failed  a-task-with-a-l…  {RUN_ID}"
    assert "attempt 3 of 3" in texts(run, 84)[0]


def test_pending_action_replaces_the_status() -> None:
    line, _ = summary_lines(sample("EXECUTING"), (), AT, 80, overlay=Piece("cancel sent", Token.AMBER))
    assert plain(line).startswith("  ◐ cancel sent  charge-card")


def test_summary_without_a_run_says_how_to_select_one() -> None:
    assert texts(None) == ["  The list follows new runs. j or ↓ selects a run.", ""]


@given(st.sampled_from(WORDS), st.integers(60, 200), st.booleans(), st.sampled_from([None, 0, 1, 3]))
@settings(max_examples=80)
def test_no_line_is_wider_than_its_limit(word: str, width: int, started: bool, attempts: int | None) -> None:
    for run in (sample(word, started=started, attempt_count=attempts), full(HOSTILE), full()):
        for line in summary_lines(run, (run, run), AT, width):
            assert line_width(line) < width
