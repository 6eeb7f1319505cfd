"""Failed runs are grouped by the kind of their error, each in one group."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of, rows
from tests.support.error_groups import regroup
from tui.domain.error import RunError, build_error
from tui.domain.error_kinds import Fingerprint
from tui.domain.facts import ErrorState, ServerErrorGroup, ServerGroupStatus
from tui.domain.run import ErrorGroupId, Fixed, Precision, Stamp, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch, RunsRead
from tui.store.error_groups import ErrorGroup, ErrorGroups, TimeSpan, rank
from tui.store.store import Store

SPAN = TimeSpan(at(-3600), at(0), cells=4)


def failed(name: str, error: RunError | None, *, age_s: float = 60, updated: float = 0, **more: Any) -> RunPatch:
    stamp = Stamp(at(updated), Precision.DETAIL, at(updated))
    patch = patch_of(name, "COMPLETED_WITH_ERRORS", created=-age_s, updated=updated, **more)
    return patch if error is None else replace(patch, error=(stamp, error))


def grouped(*patches: RunPatch) -> tuple[Store, ErrorGroups]:
    store = Store()
    groups = ErrorGroups(store)
    regroup(groups, store, store.apply(RunsRead(patches)))
    return store, groups


def test_failures_that_differ_in_data_form_one_group() -> None:
    _, groups = grouped(
        failed("run_a", build_error("order 1 failed", name="Error")),
        failed("run_b", build_error("order 2 failed", name="Error"), age_s=3600),
        failed("run_c", build_error("order 3 is late", name="Error")),
        failed("run_d", None),
    )
    first, second = groups.groups(SPAN, at(0))
    assert (first.count, first.run_ids, first.counts_in(SPAN)) == (2, ("run_a", "run_b"), (1, 0, 0, 1))
    assert (first.first_seen, first.last_seen) == (at(-3600), at(-60))
    assert second.run_ids == ("run_c",)
    assert groups.reading(SPAN) == (4, 3)
    assert groups.unread(SPAN, 10) == ["run_d"]


def test_failure_without_an_error_is_a_group() -> None:
    stamps = {name: Stamp(at(updated), Precision.FEED, at(0)) for name, updated in (("run_a", 1), ("run_b", -5))}
    patches = [replace(failed(name, None, updated=1), error=(stamp, None)) for name, stamp in stamps.items()]
    _, groups = grouped(*patches)
    assert [group.run_ids for group in groups.groups(SPAN, at(0))] == [("run_a",)]
    assert groups.unread(SPAN, 10) == ["run_b"]


def test_tags_are_shared_by_most_runs() -> None:
    tags = [("eu", "cron", f"order:{number}") for number in range(5)]
    runs = [failed(f"run_{i}", build_error("m"), state={"tags": each}) for i, each in enumerate(tags)]
    _, groups = grouped(*runs[:4], failed("run_x", build_error("m"), state={"tags": ("eu",)}))
    (group,) = groups.groups(SPAN, at(0))
    assert group.shared_tags == (("eu", 5), ("cron", 4))


def test_rare_tags_are_forgotten_and_shared_ones_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.store.error_groups.MAX_COUNTED_TAGS", 10)
    tags = [("late", f"order:{number}") if number > 20 else (f"order:{number}",) for number in range(400)]
    runs = [failed(f"run_{i}", build_error("m"), state={"tags": each}) for i, each in enumerate(tags)]
    _, groups = grouped(*runs)
    (group,) = groups.groups(SPAN, at(0))
    assert group.shared_tags == (("late", 379),)
    counts = groups._counts[group.fingerprint]
    assert counts is not None
    assert len(counts.tags) <= 10


def test_group_is_new_only_if_earlier_runs_were_read() -> None:
    store, groups = grouped(failed("run_a", build_error("m")))

    def states() -> dict[str, ErrorState | None]:
        return {group.kind.message: group.state for group in groups.groups(SPAN, at(0))}

    assert states() == {"m": None}
    regroup(groups, store, store.apply(RunsRead((failed("run_b", build_error("old"), age_s=7000),))))
    store.apply(HistoryRead(at(-3000), 2, is_complete=False))
    assert states() == {"m": None}
    store.apply(HistoryRead(at(-7200), 2, is_complete=False))
    regroup(groups, store, store.apply(RunsRead((failed("run_c", build_error("old")),))))
    assert states() == {"m": ErrorState.NEW, "old": None}
    regroup(groups, store, store.apply(RunsRead((failed("run_d", None, age_s=7000),))))
    assert states() == {"m": None, "old": None}


def test_state_joins_the_groups_of_the_server() -> None:
    _, groups = grouped(failed("run_a", build_error("order 1 failed", name="Error")))
    theirs = ServerErrorGroup(
        ErrorGroupId("error_1"),
        TaskId("sync"),
        Raw("order 7 failed"),
        Raw("Error"),
        status=ServerGroupStatus.RESOLVED,
        first_seen=at(-9000),
        last_seen=at(-8000),
        resolved_at=at(-7000),
    )
    failed_again = replace(theirs, last_seen=at(-60))
    new = replace(theirs, first_seen=at(-60))
    open_one = replace(theirs, status=ServerGroupStatus.UNRESOLVED)
    other_task = replace(new, task=TaskId("mail"))
    for server_groups, state in (
        ([theirs], ErrorState.ACKNOWLEDGED),
        ([theirs, open_one], ErrorState.UNRESOLVED),
        ([theirs, failed_again], ErrorState.REGRESSED),
        ([failed_again, replace(new, status=ServerGroupStatus.UNRESOLVED)], ErrorState.NEW),
        ([replace(new, last_seen=at(0))], ErrorState.REGRESSED),
        ([new], ErrorState.ACKNOWLEDGED),
        ([theirs, other_task], ErrorState.ACKNOWLEDGED),
        ([replace(theirs, type=Raw("TypeError"))], None),
        (None, None),
    ):
        groups.on_server_groups(server_groups)
        (group,) = groups.groups(SPAN, at(0))
        assert group.state is state


def test_server_group_is_joined_by_what_it_shows_of_the_error() -> None:
    long = "cannot read " + "the response, " * 60
    theirs = ServerErrorGroup(ErrorGroupId("error_1"), TaskId("sync"), Raw(long[:500]), Raw("Error"))
    crash = replace(theirs, type=Raw("TASK_PROCESS_OOM_KILLED"), message=Raw("Process ran out of memory"))
    for error, group in (
        (build_error(long, name="Error"), theirs),
        (build_error("trigger.dev internal error (TASK_PROCESS_OOM_KILLED)"), crash),
    ):
        _, groups = grouped(failed("run_a", error))
        groups.on_server_groups([theirs, crash])
        assert [each.server_groups for each in groups.groups(SPAN, at(0))] == [(group,)]


errors = st.none() | st.sampled_from(["order 1 failed", "order 2 failed", "m"]).map(build_error)
failures = st.builds(
    failed,
    st.sampled_from([f"run_{letter}" for letter in "abcdefgh"]),
    errors,
    age_s=st.integers(0, 20),
    updated=st.integers(0, 3),
    # What is known of a run that never changes may come later.
    fixed=st.sampled_from([Fixed(), Fixed(task=TaskId("a")), Fixed(task=TaskId("b"), version=Raw("1"))]),
    state=st.fixed_dictionaries({"tags": st.sampled_from([(), ("x",), ("x", "y", "x")])}),
)


spans = st.builds(
    lambda since, length: TimeSpan(at(since), at(since + length), cells=4), st.integers(-30, 5), st.integers(0, 15)
)
changes = st.lists(failures | rows, max_size=3)


@given(st.lists(st.tuples(changes, spans, st.integers(0, 9), changes), max_size=8), spans)
def test_groups_in_slices_equal_a_fresh_count(
    story: list[tuple[list[RunPatch], TimeSpan, int, list[RunPatch]]], last: TimeSpan
) -> None:
    """Runs change between the steps, and steps are abandoned for those of another span."""
    store, shown = Store(max_runs=6), dict[Fingerprint, ErrorGroup]()
    groups = ErrorGroups(store, starts_empty=True)
    for before, span, count, between in story:
        regroup(groups, store, store.apply(RunsRead(tuple(before))))
        steps = groups.steps(span, at(0))
        for _ in islice(steps, count):
            regroup(groups, store, store.apply(RunsRead(tuple(between))))
        if next(steps, "ended") == "ended":
            assert_is_true(groups, shown, store, span)
    for _ in groups.steps(last, at(0)):
        pass
    assert_is_true(groups, shown, store, last)
    assert groups.reading(last) == ErrorGroups(store).reading(last)


def assert_is_true(groups: ErrorGroups, shown: dict[Fingerprint, ErrorGroup], store: Store, span: TimeSpan) -> None:
    take_over(groups, shown)
    found = tuple(sorted(shown.values(), key=rank))
    assert found == ErrorGroups(store).groups(span, at(0))
    members = Counter(run_id for group in found for run_id in groups.run_ids(group.fingerprint, span))
    assert set(members.values()) <= {1}, "a run is in one group"
    assert members.total() == sum(group.count for group in found) == sum(sum(each.counts_in(span)) for each in found)
    assert groups._kinds.keys() == groups._members.keys()


def take_over(groups: ErrorGroups, shown: dict[Fingerprint, ErrorGroup]) -> None:
    for fingerprint, group in groups.changed.items():
        if group is None:
            shown.pop(fingerprint, None)
        else:
            shown[fingerprint] = group
    groups.changed = {}
