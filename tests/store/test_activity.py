"""Runs are counted by minute, in slices."""

from collections import Counter

import pytest

from tests.support.domain.patches import at, patch_of
from tui.domain.update import RunsRead
from tui.store.freshness import MINUTE_COUNT, NO_RUNS, Activity, Minute
from tui.store.store import Store


def test_activity_counts_runs_and_failures_by_creation() -> None:
    store = Store()
    activity = Activity(store)
    runs = [
        patch_of("run_a", created=-61),
        patch_of("run_b", created=-60),
        patch_of("run_c", "CRASHED", created=-0.001, state={"finished_at": at(0)}),
        patch_of("run_d", created=0),
        patch_of("run_e", created=None),
        patch_of("run_f", created=-60 * MINUTE_COUNT - 1),
    ]
    activity.on_changes(store.apply(RunsRead(tuple(runs))))
    assert activity.minutes(at(59)) == (*[NO_RUNS] * (MINUTE_COUNT - 2), Minute(1, 0), Minute(2, 1))
    assert activity.minutes(at(60))[-3:] == (Minute(1, 0), Minute(2, 1), Minute(1, 0))
    activity.on_changes(
        store.apply(RunsRead((patch_of("run_d", "CRASHED", created=0, updated=1, state={"finished_at": at(1)}),)))
    )
    assert activity.minutes(at(60))[-1] == Minute(1, 1)


def test_many_runs_are_counted_in_slices_newest_minute_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.store.freshness.MAX_RUNS_PER_CALL", 5)
    store = Store()
    activity = Activity(store)
    activity.on_changes(
        store.apply(RunsRead(tuple(patch_of(f"run_{n}", created=-60 * (n % 4) - 1) for n in range(20))))
    )
    counts = Counter[int]()
    count = activity._count

    def counting(number: int) -> Minute:
        counts[number] += 1
        return count(number)

    monkeypatch.setattr(activity, "_count", counting)
    for turn in range(1, 7):
        shown = [minute.run_count for minute in activity.minutes(at(0))]
        assert shown[-4:] == [0] * (4 - turn) + [5] * min(turn, 4)
    assert set(counts.values()) == {1}
