"""The groups that fail now: the filter of a line lists its runs since they began to fail."""

from datetime import UTC, datetime, timedelta

import pytest

from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import ErrorGroupId, TaskId
from tui.domain.text import Raw
from tui.store.findings.failing import failing_now

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("began", "filter_text"),
    [
        (timedelta(minutes=5), "status:failures task:charge age:<2h"),
        (3 * HOUR, "status:failures task:charge age:<5h"),
        (22 * HOUR, "status:failures task:charge"),
        (timedelta(days=9), "status:failures task:charge"),
        (None, "status:failures task:charge"),
    ],
)
def test_filter_leaves_out_runs_from_before_the_failures(began: timedelta | None, filter_text: str) -> None:
    group = ServerErrorGroup(
        ErrorGroupId("error_1"),
        TaskId("charge"),
        Raw("Error"),
        Raw("declined"),
        count=3,
        first_seen=None if began is None else NOW - began,
        last_seen=NOW,
    )
    (line,) = failing_now((), (group,), NOW - HOUR, NOW)
    assert line.filter_text == filter_text
