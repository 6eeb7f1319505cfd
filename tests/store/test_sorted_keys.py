"""What has a value for each run of a store is hidden from the garbage collector."""

import gc
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.domain.patches import at, patch_of
from tests.support.error_groups import regroup
from tui.domain.error import build_error
from tui.domain.run import Precision, Stamp
from tui.domain.update import RunPatch, RunsRead
from tui.store.changes import TASK, Changes
from tui.store.error_groups import ErrorGroups, TimeSpan
from tui.store.filter import parse_filter
from tui.store.findings.counts import OwnCounts
from tui.store.store import Store
from tui.store.view import SortedKeys, View
from tui.sync.session import load_untrack

RUNS = 3_000
"""A sorted list of so many keys has several parts."""

END = at(RUNS)


def failed(number: int, updated: float = 0) -> RunPatch:
    patch = patch_of(f"run_{number}", "FAILED", created=number, updated=updated, state={"finished_at": at(number)})
    stamp = Stamp(at(updated), Precision.DETAIL, at(updated))
    return RunPatch(patch.id, patch.read_at, patch.fixed, patch.state, error=(stamp, build_error("x")))


def some_changes(store: Store) -> Changes:
    return store.apply(RunsRead(tuple(failed(number, updated=1) for number in range(0, RUNS, 2))))


def sorted_view(store: Store) -> View:
    view = View(store, order=TASK)
    view.index(lambda: False)
    return view


def filtered_view(store: Store) -> View:
    view = View(store, parse_filter("status:failed"))
    view.update(some_changes(store))
    return view


def error_groups(store: Store) -> ErrorGroups:
    groups = ErrorGroups(store)
    groups.groups(TimeSpan(at(0), END), END)
    regroup(groups, store, some_changes(store))
    return groups


def own_counts(store: Store) -> OwnCounts:
    own = OwnCounts(store)
    own.settle(END)
    return own


def visited_count(made: object, store: Store) -> int:
    """Return how many references a full collection follows within an object, the store apart."""
    seen, waiting, count = {id(store)}, [made], 0
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            count += 1
            if gc.is_tracked(each) and id(each) not in seen and not isinstance(each, type) and not callable(each):
                seen.add(id(each))
                waiting.append(each)
    return count


@pytest.mark.parametrize("is_hidden", [False, True])
@pytest.mark.parametrize(
    "make",
    [sorted_view, filtered_view, error_groups, own_counts, Store.snapshot, Store.newest_first_keys],
)
def test_values_of_all_runs_are_not_visited(make: Callable[[Store], object], *, is_hidden: bool) -> None:
    store = Store()
    if is_hidden:
        store.untrack = load_untrack()
    store.apply(RunsRead(tuple(failed(number) for number in range(RUNS))))
    made = [make(store)]
    gc.collect()
    assert (visited_count(made, store) < RUNS) is is_hidden


def test_parts_of_a_growing_list_are_hidden() -> None:
    hidden: list[Any] = []
    keys = SortedKeys(range(RUNS), hidden.append)
    assert hidden == keys._lists
    keys = SortedKeys((), hidden.append)
    assert not keys
    for number in range(RUNS):
        keys.add(number)
    assert keys
    assert len(keys._lists) > 1
    assert {id(part) for part in keys._lists} <= {id(part) for part in hidden}
    assert list(keys) == list(range(RUNS))
