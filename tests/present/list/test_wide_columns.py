"""The columns that `w` shows: clock times beside ages."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.present.run_rows import columns_for, head, row
from tests.support.present.samples import HOSTILE, NOW, RUN_ID, STAMP, failure, full, sample, text_of
from tui.domain.run import Run, RunId
from tui.text.blocks import Now
from tui.text.styled import line_width


@pytest.mark.parametrize(
    ("width", "only_failures", "columns"),
    [
        (60, False, "status:15 task:18 age:5 created:11"),
        (60, True, "status:15 task:18 age:5 created:11"),
        (80, False, "status:15 task:16 run:11 took:7 age:5 created:11"),
        (80, True, "status:15 task:14 age:5 created:11 error:22"),
        (100, False, "status:15 task:16 run:11 took:7 age:5 created:11 error:18"),
        (100, True, "status:15 task:18 run:11 age:5 created:11 error:25"),
        (111, False, "status:15 task:20 run:11 took:7 age:5 created:11 error:25"),
        (111, True, "status:15 task:18 run:11 age:5 created:11 error:36"),
        (120, False, "status:15 task:17 run:29 took:7 age:5 created:11 error-tags:19"),
        (120, True, "status:15 task:18 run:29 age:5 created:11 error:27"),
        (160, True, "status:15 task:24 run:29 took:7 age:5 created:11 version:11 error-tags:39"),
        (200, False, "status:15 task:26 run:29 took:7 age:5 created:11 version:11 tags:22 error:43 cost:8"),
    ],
)
def test_wide_list_has_clock_times_beside_ages(width: int, only_failures: bool, columns: str) -> None:
    slots = columns_for(width, is_wide=True, only_failures=only_failures)
    assert " ".join(f"{slot.column.id}:{slot.width}" for slot in slots) == columns


def test_wide_row_fills_every_pane_and_names_age_and_clock() -> None:
    runs = (sample("PENDING_VERSION"), full(HOSTILE), Run(RunId("run_1")))
    for width in range(44, 260):
        for only_failures in (False, True):
            slots = columns_for(width, is_wide=True, only_failures=only_failures)
            lines = [head(slots), *(row(run, slots, Now(NOW)) for run in runs)]
            assert [line_width(line) for line in lines] == [width - 3] * 4, width
            assert text_of([lines[0]]).split().count("created") == 1
            assert "age" in text_of([lines[0]]).split() or width < 52


def test_error_keeps_its_room_beside_clock_times() -> None:
    for width in range(72, 260):
        narrowest = 16 if width < 80 else 22
        failures = {slot.column.title: slot.width for slot in columns_for(width, is_wide=True, only_failures=True)}
        assert failures.get("error", failures.get("error, tags", 0)) >= narrowest, width
        for shown in (columns_for(width, is_wide=True), columns_for(width)):
            every = {slot.column.title: slot.width for slot in shown}
            assert width < 100 or every.get("error", every.get("error, tags", 0)) >= 18, width


def test_wide_rows_read_as_expected() -> None:
    failed = replace(sample("FAILED"), error=(STAMP, failure(3, "Card was declined\nfor good")))
    narrow = columns_for(80, is_wide=True, only_failures=True)
    assert text_of([row(failed, narrow, Now(NOW))]).rstrip() == (
        "✗ Failed           charge-card       31s     13:48:37  Card was declined"
    )
    assert text_of([row(sample(), columns_for(80, is_wide=True), Now(NOW + timedelta(days=1)))]).rstrip() == (
        "✓ Completed        charge-card       run_cm…6e3t     6.3s     1d  11-24 13:48"
    )
    assert RUN_ID in text_of([row(failed, columns_for(120, is_wide=True), Now(NOW))])
