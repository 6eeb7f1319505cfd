"""The detail of a group on the server: who acknowledged it, and why."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.domain.patches import at, patch_of
from tui.domain.error import build_error
from tui.domain.facts import ServerErrorGroup, ServerGroupDetail, ServerGroupStatus
from tui.domain.run import ErrorGroupId, Precision, Stamp, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunsRead
from tui.features.errors.data import LiveErrorGroups
from tui.store.error_groups import ErrorGroups, TimeSpan
from tui.store.store import Store

IGNORED = ServerErrorGroup(
    ErrorGroupId("error_1"), TaskId("sync"), Raw("m"), status=ServerGroupStatus.IGNORED, first_seen=at(-9000)
)


@pytest.mark.parametrize("task", ["sync", "mail"])
def test_detail_of_a_shared_id_is_that_of_its_own_task(task: str) -> None:
    store = Store()
    error = (Stamp(at(0), Precision.DETAIL, at(0)), build_error("m"))
    patch = replace(patch_of("run_a", "COMPLETED_WITH_ERRORS", created=-60, updated=0), error=error)
    store.apply(RunsRead((patch,)))
    groups = ErrorGroups(store)
    groups.on_server_groups([IGNORED])
    (group,) = groups.groups(TimeSpan(at(-3600), at(0)), at(0))
    told = ServerGroupDetail(IGNORED.id, TaskId(task), IGNORED.message, ignored_reason=Raw("the bank is down"))

    async def read(_: ErrorGroupId) -> ServerErrorGroup:
        return told

    live: Any = SimpleNamespace(reading=SimpleNamespace(groups=SimpleNamespace(read_detail=read)))
    found = asyncio.run(LiveErrorGroups._read_detail(live, group, None))
    assert found == (told if task == "sync" else None)
