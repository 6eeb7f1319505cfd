"""What the pane of a group shows of the runs around it."""

from dataclasses import replace
from typing import Any

from tests.support.domain.patches import at, patch_of
from tests.support.error_groups import group_of
from tui.domain.run import Fixed, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunsRead
from tui.features.errors.model import first_start, search_around
from tui.store.store import Store

VERSION = Raw("2")


def patch(name: str, created: float, started: float, version: str) -> Any:
    found = patch_of(name, "FAILED", created=created, updated=started + 1, state={"started_at": at(started)})
    return replace(found, fixed=Fixed(TaskId("a"), version=Raw(version)))


def test_version_begins_with_the_start_of_its_first_run() -> None:
    """A run that was created before the deploy may start after it, and a scheduled one before its creation."""
    store = Store()
    waited, first, early = patch("run_a", 10, 95, "2"), patch("run_b", 70, 71, "2"), patch("run_c", 300, 120, "2")
    store.apply(RunsRead((waited, first, early, patch("run_d", 60, 61, "1"))))
    *_, found = search_around(store, group_of(versions=((VERSION, 3),)), at(0), at(0), at(200))
    start = found.version_start
    assert start is not None
    assert start.at == at(71)
    assert first_start(store, [RunId("run_c"), RunId("run_a")]) == at(95)


def test_start_of_a_version_needs_a_run_of_another_before() -> None:
    store = Store()
    store.apply(RunsRead((patch("run_a", 10, 95, "1"), patch("run_b", 70, 71, "2"))))
    *_, found = search_around(store, group_of(versions=((VERSION, 1),)), at(0), at(0), at(200))
    assert found.version_start is None
