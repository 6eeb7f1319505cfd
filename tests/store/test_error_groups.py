"""Failed runs are grouped by the kind of their error, each in one group."""

from datetime import timedelta
from typing import Any

from tests.support.domain.patches import at, patch_of
from tui.domain.errors.error import RunError, build_error
from tui.domain.run import Precision, Stamp
from tui.domain.update import RunPatch, RunsRead
from tui.store.error_groups import ErrorGroups
from tui.store.errors.failures import TimeSpan
from tui.store.store import Store

SPAN = TimeSpan(at(-3600), at(0), cells=4)


def failed(name: str, error: RunError | None, *, age_s: float = 60, updated: float = 0, **more: Any) -> RunPatch:
    stamp = Stamp(at(updated), Precision.DETAIL, at(updated))
    patch = patch_of(name, "COMPLETED_WITH_ERRORS", created=-age_s, updated=updated, **more)
    return patch if error is None else RunPatch(patch.id, patch.read_at, patch.fixed, patch.state, error=(stamp, error))


def grouped(*patches: RunPatch) -> tuple[Store, ErrorGroups]:
    store = Store()
    groups = ErrorGroups(store)
    groups.on_changes(store.apply(RunsRead(patches)))
    return store, groups


def test_failures_that_differ_in_data_form_one_group() -> None:
    _, groups = grouped(
        failed("run_a", build_error("order 1 failed", name="Error")),
        failed("run_b", build_error("order 2 failed", name="Error"), age_s=3600),
        failed("run_c", build_error("order 3 is late", name="Error")),
        failed("run_d", None),
    )
    first, second = groups.groups(SPAN, at(0))
    assert (first.count, first.run_ids, first.cells) == (2, ("run_a", "run_b"), (1, 0, 0, 1))
    assert (first.first_seen, first.last_seen) == (at(-3600), at(-60))
    assert second.run_ids == ("run_c",)
    assert groups.reading(SPAN) == (4, 3)
    assert groups.unread(SPAN, 10) == ["run_d"]


def test_run_changes_its_group_when_its_error_is_read() -> None:
    store, groups = grouped(failed("run_a", build_error("trigger.dev internal error (TASK_PROCESS_OOM_KILLED)")))
    (poor,) = groups.groups(SPAN, at(0))
    rich = build_error("TASK_PROCESS_OOM_KILLED: out of memory", name="Internal error")
    changed = groups.on_changes(store.apply(RunsRead((failed("run_a", rich, updated=1),))))
    (group,) = groups.groups(SPAN, at(0))
    assert (poor.kind.type, group.kind.type, group.kind.message) == (
        "TASK_PROCESS_OOM_KILLED",
        "TASK_PROCESS_OOM_KILLED",
        "out of memory",
    )
    assert changed == {poor.fingerprint, group.fingerprint}


def test_span_moves_failures_out_of_their_group() -> None:
    _, groups = grouped(failed("run_a", build_error("m"), age_s=60), failed("run_b", build_error("m"), age_s=120))
    assert [group.count for group in groups.groups(SPAN, at(0))] == [2]
    assert [group.count for group in groups.groups(TimeSpan(at(-90), at(0)), at(0))] == [1]
    later = timedelta(hours=2)
    assert groups.groups(TimeSpan(at(-3600) + later, at(0) + later), at(0) + later) == ()
