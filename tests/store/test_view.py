"""A view always equals filtering and sorting all runs."""

import gc
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.patches import at, gone, moments, patch_of, reads, run_ids
from tui.domain.run import Run, RunId
from tui.domain.update import RunGone, RunsRead
from tui.store.changes import COST, CREATED, ORDERS, STATUS, TASK, TOOK, UPDATED, Changes, Order
from tui.store.filter import parse_filter
from tui.store.store import Store
from tui.store.view import View

A, B, C = RunId("run_a"), RunId("run_b"), RunId("run_c")
filters = st.sampled_from(["", "status:failed", "-tag:x", "task:sync status:live", "b"]).map(parse_filter)


def ids_of(view: View) -> list[RunId]:
    return view.slice(0, len(view))


def is_older(view: View, run: Run) -> bool:
    return view.since is not None and run.created_at is not None and run.created_at < view.since


def filtered_and_sorted(store: Store, view: View) -> list[RunId]:
    runs = [run for run in store.runs() if run.state is not None and view.filter.matches(run)]
    shown = [run for run in runs if not is_older(view, run) or run.id in store.live()]
    return [run.id for run in sorted(shown, key=view.order.key)]


def assert_is_true(store: Store, view: View) -> None:
    expected = filtered_and_sorted(store, view)
    assert ids_of(view) == expected
    assert len(view) == len(expected)
    assert [view.index_of(run_id) for run_id in expected] == list(range(len(expected)))
    assert [view.at(index) for index in range(len(expected))] == expected
    for run in store.runs():
        assert (run.id in view) == (run.id in expected)
    assert view.older_count == sum(is_older(view, run) for run in store.runs() if run.id in expected)


sinces = st.none() | st.integers(0, 3).map(at)


@given(st.lists(st.lists(reads | gone, min_size=1, max_size=3), min_size=2, max_size=6), st.data())
def test_view_equals_filtering_and_sorting_all_runs(
    rounds: list[list[RunsRead | RunGone]], data: st.DataObject
) -> None:
    store = Store(max_runs=3, max_bodies=1)
    view = View(store, data.draw(filters), data.draw(st.sampled_from(ORDERS)), since=data.draw(sinces))
    for updates in rounds:
        before = ids_of(view)
        pending = Changes()
        for update in updates:
            pending.merge(store.apply(update))
            if data.draw(st.booleans()):
                store.pin([data.draw(run_ids)])
            else:
                store.unpin([data.draw(run_ids)])
        if data.draw(st.booleans()):
            # Created while changes are pending, so that it receives them a second time.
            view = View(store, view.filter, data.draw(st.sampled_from(ORDERS)), since=view.since)
            before = ids_of(view)
        delta = view.update(pending)
        assert_is_true(store, view)
        assert delta.entered == set(ids_of(view)) - set(before)
        assert delta.left == set(before) - set(ids_of(view))
        assert delta.changed <= set(ids_of(view)) & set(before)
        assert view.update(pending).entered == frozenset()
        if data.draw(st.booleans()):
            view.set_since(data.draw(moments))
            assert_is_true(store, view)


@given(st.lists(reads | gone, max_size=3), st.lists(reads | gone, max_size=6), st.data())
def test_view_that_changes_while_it_is_filled_is_true(
    first: list[RunsRead | RunGone], later: list[RunsRead | RunGone], data: st.DataObject
) -> None:
    store = Store(max_runs=3, max_bodies=1)
    for update in first:
        store.apply(update)
    order = data.draw(st.sampled_from(ORDERS))
    view = View(store, data.draw(filters), order, since=data.draw(sinces), starts_empty=True)
    for update in later:
        if data.draw(st.booleans()):
            view.fill(lambda: True)  # one step
        view.update(store.apply(update))
    while not view.fill(lambda: True):
        pass
    while data.draw(st.booleans()) and not view.index(lambda: True):
        pass
    assert_is_true(store, view)
    assert view.fill(lambda: True)


@pytest.mark.parametrize("ends", [lambda view: view.fill(lambda: False), View.stop])
def test_old_view_is_freed_with_its_last_reference(ends: Callable[[View], object]) -> None:
    store = Store()
    store.apply(RunsRead((patch_of("run_a"),)))
    view = View(store, order=TASK, starts_empty=True)
    view.fill(lambda: True)
    ends(view)
    freed = weakref.ref(view)
    gc.disable()
    del view
    gc.enable()
    assert freed() is None


def small_store() -> Store:
    store = Store()
    mail = patch_of("run_a", "COMPLETED", created=1, updated=9, state={"cost_cents": 2.0}, task="mail")
    live = patch_of("run_b", "EXECUTING", created=2, updated=5, state={"started_at": at(3)}, task="Sync")
    failed = patch_of("run_c", "FAILED", created=3, updated=7, state={"base_cost_cents": 1.0}, task="sync")
    store.apply(RunsRead((mail, live, failed)))
    return store


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (CREATED, [C, B, A]),
        (STATUS, [C, B, A]),
        (TASK, [A, B, C]),
        (UPDATED, [A, C, B]),
        (COST, [A, C, B]),
        (TOOK, [B, C, A]),
    ],
)
def test_runs_are_sorted(order: Order, expected: list[RunId]) -> None:
    view = View(small_store(), order=order)
    assert ids_of(view) == expected


def test_slice_ignores_indexes_out_of_range() -> None:
    view = View(small_store())
    assert view.slice(-5, 2) == [C, B]
    assert view.slice(2, 99) == [A]
    assert view.slice(7, 9) == []
    assert view.slice(2, 1) == []
    with pytest.raises(IndexError):
        view.at(3)
    assert view.index_of(RunId("run_none")) is None


timed = st.sampled_from(["age:<5s", "age:>=3s", "-age:2s..4s", "took:>2s", "-took:<3s", "took:1s..3s age:<9s"])


@settings(max_examples=40)
@given(timed, st.lists(st.tuples(st.lists(reads, max_size=2), st.integers(-2, 12)), min_size=1, max_size=6))
def test_view_follows_the_time(text: str, rounds: list[tuple[list[RunsRead], int]]) -> None:
    store = Store()
    view = View(store, parse_filter(text, now=at(0)))
    for updates, now_s in rounds:
        for update in updates:
            view.update(store.apply(update))
        view.update(Changes(changed=view.advance_to(at(now_s))))
        assert view.filter.now == at(now_s)
        assert_is_true(store, view)
