"""The groups that fail now: the filter of a line lists its runs since they began to fail."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.error_groups import group_of
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import ErrorGroupId, TaskId
from tui.domain.text import Raw
from tui.store.errors.states import ErrorState
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


def test_group_stands_with_the_new_until_the_server_tells() -> None:
    known = [(ErrorState.NEW, 5), (ErrorState.REGRESSED, 30), (ErrorState.UNRESOLVED, 90), (None, 21)]
    groups = [group_of(f"error {state}", count=count, state=state) for state, count in known]
    assert [each.state for each in failing_now(groups, (), NOW - HOUR, NOW)] == [
        None,
        ErrorState.NEW,
        ErrorState.REGRESSED,
        ErrorState.UNRESOLVED,
    ]
