"""The groups that fail now: a line lists the runs that it counts."""

import re
from datetime import UTC, datetime, timedelta

from tests.support.error_groups import group_of
from tui.domain.facts import ErrorState, ServerErrorGroup
from tui.domain.filters import RunFilters
from tui.domain.run import ErrorGroupId, TaskId
from tui.domain.text import Raw
from tui.store.findings.board import failing_now

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def server_group(number: int = 1, *, count: int = 7, task: str = "charge-card") -> ServerErrorGroup:
    return ServerErrorGroup(
        ErrorGroupId(f"error_{number}"), TaskId(task), Raw("declined"), Raw("Error"), count=count, last_seen=NOW
    )


def test_group_that_only_the_server_knows_lists_its_runs() -> None:
    (line,) = failing_now((), (server_group(),), NOW - HOUR, NOW)
    assert (line.count, line.filter_text) == (7, "age:<1h")
    assert line.filters == RunFilters(tasks=(TaskId("charge-card"),), errors=("error_1",))


def test_group_with_unread_errors_lists_those_of_the_server() -> None:
    theirs = server_group(count=26)
    (line,) = failing_now((group_of(count=7, server_groups=(theirs,)),), (theirs,), NOW - HOUR, NOW)
    assert (line.count, line.filters.errors, line.filter_text) == (26, ("error_1",), "age:<1h")
    (line,) = failing_now((group_of(count=26, server_groups=(theirs,)),), (theirs,), NOW - HOUR, NOW)
    assert (line.count, line.filters) == (26, RunFilters())
    assert re.fullmatch("group:[0-9a-f]{8} age:<1h", line.filter_text)


def test_groups_that_share_one_of_the_server_count_their_own() -> None:
    theirs = server_group(count=33)
    ours = [
        group_of(stack=f"Error\n at f (file:///app/src/{name}.ts:1:1)", count=count, server_groups=(theirs,))
        for name, count in (("a", 7), ("b", 26))
    ]
    assert sorted(line.count for line in failing_now(ours, (theirs,), NOW - HOUR, NOW)) == [7, 26]


def test_group_of_several_of_the_server_counts_what_was_read() -> None:
    theirs = (server_group(1), server_group(2, count=19))
    (line,) = failing_now((group_of(count=9, server_groups=theirs),), theirs, NOW - HOUR, NOW)
    assert (line.count, line.filters) == (9, RunFilters()), "no list has the runs of both"


def test_group_stands_with_the_new_until_the_server_tells() -> None:
    known = [(ErrorState.NEW, 5), (ErrorState.REGRESSED, 30), (ErrorState.UNRESOLVED, 90), (None, 21)]
    groups = [group_of(f"error {state}", count=count, state=state) for state, count in known]
    assert [each.state for each in failing_now(groups, (), NOW - HOUR, NOW)] == [
        None,
        ErrorState.NEW,
        ErrorState.REGRESSED,
        ErrorState.UNRESOLVED,
    ]
