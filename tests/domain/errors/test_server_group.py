"""The state of a server's group of errors comes from its dates, since its status does not change by itself."""

from typing import Any

import pytest

from tests.support.domain.patches import at
from tui.domain.facts import ServerErrorGroup, ServerGroupStatus
from tui.domain.run import ErrorGroupId, TaskId
from tui.domain.text import Raw

UNRESOLVED, RESOLVED, IGNORED = ServerGroupStatus


def group(status: ServerGroupStatus | None, **fields: Any) -> ServerErrorGroup:
    return ServerErrorGroup(ErrorGroupId("error_1"), TaskId("sync"), Raw("boom"), status=status, **fields)


@pytest.mark.parametrize(
    ("found", "is_regressed", "is_acknowledged"),
    [
        (group(UNRESOLVED, last_seen=at(5)), False, False),
        (group(RESOLVED, last_seen=at(5), resolved_at=at(9)), False, True),
        (group(RESOLVED, last_seen=at(9), resolved_at=at(9)), False, True),
        (group(RESOLVED, last_seen=at(9.001), resolved_at=at(9)), True, False),
        (group(RESOLVED, last_seen=at(5)), False, True),
        (group(RESOLVED, resolved_at=at(5)), False, True),
        (group(UNRESOLVED, last_seen=at(9), resolved_at=at(5)), False, False),
        (group(IGNORED, last_seen=at(5)), False, True),
        (group(IGNORED, last_seen=at(5), ignored_until=at(10.001)), False, True),
        (group(IGNORED, last_seen=at(5), ignored_until=at(10)), False, False),
        (group(None, last_seen=at(9), resolved_at=at(5)), False, False),
    ],
)
def test_state_follows_the_dates(found: ServerErrorGroup, *, is_regressed: bool, is_acknowledged: bool) -> None:
    assert (found.is_regressed, found.is_acknowledged(at(10))) == (is_regressed, is_acknowledged)


def test_group_is_new_from_its_first_failure_on() -> None:
    assert group(UNRESOLVED, first_seen=at(5)).is_new(at(5))
    assert not group(UNRESOLVED, first_seen=at(5)).is_new(at(5.001))
    assert not group(UNRESOLVED).is_new(at(0))
