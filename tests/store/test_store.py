"""The store keeps, finds and reports runs and facts."""

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, gone, moments, patch_of, patches, reads, run_ids, stamp
from tests.support.sure import sure
from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.run import AttemptHistory, Body, Environment, Precision, RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunGone, RunPatch, RunsRead
from tui.store.changes import newest_first
from tui.store.merge import is_same_row
from tui.store.store import Store

A, B, C = RunId("run_a"), RunId("run_b"), RunId("run_c")


def read(*patches_read: RunPatch) -> RunsRead:
    return RunsRead(patches_read)


def assert_indexes_are_true(store: Store) -> None:
    runs = list(store.runs())
    stated = [run for run in runs if run.state is not None]
    here = [run for run in stated if not run.is_gone]
    for status in RunStatus:
        assert store.with_status(status) == {run.id for run in here if run.status is status}
    assert store.live() == {run.id for run in here if not run.is_final}
    for task in {run.fixed.task for run in runs} - {None}:
        assert store.task_count(task or TaskId("")) == sum(run.fixed.task == task for run in runs)
    assert store.task_count(TaskId("unknown")) == 0
    for parent in {run.fixed.parent_id for run in runs} - {None}:
        children = {run.id for run in runs if run.fixed.parent_id == parent}
        assert {run.id for run in store.children_of(parent or A)} == children
    ordered = sorted(stated, key=newest_first)
    assert [store.created_rank(run.id) for run in ordered] == list(range(len(ordered)))
    assert store.newest() is (ordered[0] if ordered else None)


updates = reads | gone


@given(
    st.lists(patches | gone, max_size=8).flatmap(
        lambda patches_read: st.tuples(st.just(patches_read), st.permutations(patches_read))
    )
)
def test_updates_give_the_same_store_in_any_order(
    both: tuple[list[RunPatch | RunGone], list[RunPatch | RunGone]],
) -> None:
    one_by_one, shuffled = Store(), Store()
    for patches_read in both[0]:
        one_by_one.apply(read(patches_read) if isinstance(patches_read, RunPatch) else patches_read)
    for patches_read in both[1]:
        if isinstance(patches_read, RunGone):
            shuffled.apply(patches_read)
    shuffled.apply(read(*(patches_read for patches_read in both[1] if isinstance(patches_read, RunPatch))))
    shuffled.apply(read(*(patches_read for patches_read in both[0] if isinstance(patches_read, RunPatch))))
    assert {run.id: run for run in one_by_one.runs()} == {run.id: run for run in shuffled.runs()}
    assert_indexes_are_true(one_by_one)
    assert_indexes_are_true(shuffled)


@given(st.lists(updates, max_size=12), st.integers(0, 4), st.integers(0, 2), st.data())
def test_bounded_store_keeps_live_and_pinned_runs(
    patches_read: list[RunsRead | RunGone], max_runs: int, max_bodies: int, data: st.DataObject
) -> None:
    store = Store(max_runs=max_runs, max_bodies=max_bodies)
    pinned: Counter[RunId] = Counter()
    for update in patches_read:
        run_id = data.draw(run_ids)
        if data.draw(st.booleans()):
            store.pin([run_id])
            pinned[run_id] += 1
        else:
            store.unpin([run_id])
            pinned -= Counter([run_id])
        before = {run.id: run for run in store.runs()}
        changes = store.apply(update)
        after = {run.id: run for run in store.runs()}
        assert changes.added == after.keys() - before.keys()
        assert changes.removed == before.keys() - after.keys()
        differ = {run_id for run_id in before.keys() & after.keys() if not is_same_row(before[run_id], after[run_id])}
        assert differ <= changes.changed <= before.keys() & after.keys()
        assert changes.is_empty == (not (changes.added or changes.changed or changes.removed))
        assert not changes.removed & pinned.keys()
        must_stay = {
            run.id
            for run in after.values()
            if run.id in pinned or not (run.state is None or run.is_final or run.is_gone)
        }
        assert len(after) <= max(max_runs, len(must_stay))
        heavy = [run for run in after.values() if run.body or run.attempts]
        assert len([run for run in heavy if run.id not in pinned]) <= max_bodies
        assert_indexes_are_true(store)


def test_unchanged_rows_change_nothing() -> None:
    store = Store()
    page = [patch_of(f"run_{number}", metadata=(stamp(0, Precision.LIST), {"a": 1})) for number in range(100)]
    assert len(store.apply(read(*page)).added) == 100
    again = [
        patch_of(f"run_{number}", read=102, metadata=(stamp(0, Precision.LIST, 102), {"a": 1})) for number in range(100)
    ]
    changes = store.apply(read(*again))
    assert changes.is_empty
    assert all(run.read_at == at(102) for run in store.runs())


def test_oldest_final_run_is_dropped_first() -> None:
    store = Store(max_runs=3)
    store.apply(read(*(patch_of(f"run_{number}", "COMPLETED", created=number) for number in (1, 2, 3))))
    changes = store.apply(read(patch_of("run_4", "COMPLETED", created=4)))
    assert (changes.added, changes.removed) == ({RunId("run_4")}, {RunId("run_1")})
    assert RunId("run_1") not in store
    assert len(store) == 3


def test_bodies_of_the_runs_read_last_are_kept() -> None:
    store = Store(max_bodies=2)
    body = (stamp(), Body(payload=1))
    store.pin([A])
    for letter in "abc":
        store.apply(read(patch_of(f"run_{letter}", body=body, attempts=(stamp(), AttemptHistory()))))
    store.apply(read(patch_of("run_b", body=body)))
    changes = store.apply(read(patch_of("run_d", body=body)))
    assert changes.changed == {C}
    kept = {run.id for run in store.runs() if run.body is not None}
    assert kept == {A, B, RunId("run_d")}
    run = sure(store.get(C))
    assert run.attempts is None


def test_large_bodies_are_kept_for_few_runs() -> None:
    store = Store(max_body_bytes=1_000_000)
    rows = {"rows": [{"row": number, "text": "x" * 50} for number in range(1_000)]}
    store.pin([A])
    for letter in "abc":
        store.apply(read(patch_of(f"run_{letter}", body=(stamp(), Body(payload=rows)))))
    for letter in "de":
        store.apply(read(patch_of(f"run_{letter}", body=(stamp(), Body(payload="x" * 300_000)))))
    kept = {run.id for run in store.runs() if run.body is not None}
    assert kept == {A, C, RunId("run_d"), RunId("run_e")}, "what was read last, besides the pinned one"
    store.apply(read(patch_of("run_b", body=(stamp(), Body(output="x" * 2_000_000)))))
    kept = {run.id for run in store.runs() if run.body is not None}
    assert kept == {A, B}, "one that is larger than all together stays"
    store.is_found = lambda run: run.id == B
    store.apply(read(patch_of("run_c", body=(stamp(), Body(output="y")))))
    assert sure(store.get(B)).body is not None, "what a search has found stays"


def test_runs_are_found_by_creation_time() -> None:
    store = Store()
    store.apply(read(*(patch_of(f"run_{number}", created=number) for number in range(6))))
    store.apply(read(patch_of("run_reference", None, created=3)))
    assert store.created_between(at(2), at(4)) == ["run_4", "run_3", "run_2"]
    assert store.created_between(at(2.5), at(2.9)) == []
    assert store.created_between(at(4), at(2)) == []


DEV = Environment(Raw("dev"), "DEVELOPMENT", Raw("shop"), Raw("acme"))


def test_action_is_dropped_with_its_run() -> None:
    store = Store(max_runs=0)
    store.pin([A])
    store.apply(RunsRead((patch_of("run_a", "COMPLETED"),)))
    store.apply(ActionStatus(A, "replay", 1, ActionPhase.REQUESTED, at(0)))
    store.unpin([A])
    store.apply(RunsRead(()))
    assert A not in store.actions


actions = st.builds(
    ActionStatus, st.just(A), st.just("cancel"), st.integers(1, 2), st.sampled_from(ActionPhase), moments
)


@given(
    st.lists(actions, min_size=1, max_size=6).flatmap(
        lambda updates: st.tuples(st.just(updates), st.permutations(updates))
    )
)
def test_actions_never_go_back_in_any_order(both: tuple[list[ActionStatus], list[ActionStatus]]) -> None:
    updates, shuffled = both
    ends: list[ActionStatus] = []
    for order in (updates, shuffled):
        store = Store()
        seen = [store.actions[A] for action in order if store.apply(action).topics]
        numbers = [action.number for action in seen]
        assert numbers == sorted(numbers)
        for first, second in itertools.pairwise(seen):
            assert first.number < second.number or not (first.phase.is_end and not second.phase.is_end)
        ends.append(store.actions[A])
    assert ends[0] == ends[1]


def test_unknown_action_may_still_be_confirmed() -> None:
    store = Store()
    store.apply(ActionStatus(A, "cancel", 1, ActionPhase.UNKNOWN, at(5)))
    store.apply(ActionStatus(A, "cancel", 1, ActionPhase.ACCEPTED, at(6)))
    assert store.actions[A].phase is ActionPhase.UNKNOWN
    store.apply(ActionStatus(A, "cancel", 1, ActionPhase.CONFIRMED, at(7)))
    assert store.actions[A].phase is ActionPhase.CONFIRMED
