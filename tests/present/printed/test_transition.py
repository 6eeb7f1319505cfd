from dataclasses import replace

import pytest

from tests.support.present.samples import HOSTILE, NOW, RUN_ID, STAMP, failure, full, sample, text_of
from tui.domain.run import Run
from tui.features.runs.printed import transition_line


def line_text(before: Run | None, after: Run) -> str:
    return text_of([transition_line(before, after, NOW)])


def test_line_of_a_failure_has_time_id_status_duration_and_error() -> None:
    run = replace(sample("FAILED"), error=(STAMP, failure(3, "first\nsecond")))
    assert line_text(None, run) == f"13:48:43.604  {RUN_ID}  ✗ Failed           charge-card  6.3s  Error first"


def test_line_of_a_start_has_the_time_of_the_change() -> None:
    assert line_text(sample("QUEUED", started=False), sample("EXECUTING")) == (
        f"13:48:43.604  {RUN_ID}  ◐ Executing        charge-card"
    )


@pytest.mark.parametrize(("before", "is_named"), [(None, True), (1, True), (2, False)])
def test_new_attempt_is_named(before: int | None, is_named: bool) -> None:
    earlier = None if before is None else sample("EXECUTING", attempt_count=before)
    assert ("attempt 2" in line_text(earlier, sample("EXECUTING", attempt_count=2))) is is_named


def test_backoff_of_a_queued_run_is_mentioned() -> None:
    assert line_text(sample("EXECUTING"), sample("QUEUED")).endswith("charge-card  waiting to retry")


def test_error_of_a_run_that_did_not_fail_is_left_out() -> None:
    run = replace(sample("CANCELED"), error=(STAMP, failure(1, "Canceled by user")))
    assert "Canceled by user" not in line_text(None, run)


def test_unread_run_has_the_current_time() -> None:
    assert line_text(None, Run(RUN_ID)) == f"13:49:08.500  {RUN_ID}  ? ·                ·"


def test_hostile_text_stays_on_one_line() -> None:
    shown = line_text(None, full(HOSTILE))
    assert "charge-card␛[31m" in shown
    assert not any(ord(character) < 0x20 for character in shown)
