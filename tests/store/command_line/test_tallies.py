"""Loaded runs are counted in steps, and the numbers are those of the list."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import patch_of
from tui.domain.run import RunId, TaskId
from tui.domain.update import RunsRead
from tui.store.command_line import MAX_FOUND_IDS, IdSearch, ValueTally
from tui.store.store import Store

WORDS = st.sampled_from(["EXECUTING", "COMPLETED", "FAILED", "CRASHED", "QUEUED"])
TASKS = st.sampled_from(["sync", "charge-card", None])
RUNS = st.lists(st.tuples(WORDS, TASKS, st.integers(-300, 0)), max_size=150)


def store_of(runs: list[tuple[str, str | None, int]]) -> Store:
    store = Store()
    patches = (patch_of(f"run_{n:04}", word, task=task, created=at) for n, (word, task, at) in enumerate(runs))
    store.apply(RunsRead(tuple(patches)))
    return store


@given(RUNS)
def test_values_are_counted_once_for_each_run(runs: list[tuple[str, str | None, int]]) -> None:
    store = store_of(runs)
    tally = ValueTally(store.get, store.newest_first_keys())
    assert tally.count_some(lambda: False)
    assert tally.counts["status"].total() == len(runs)
    assert list(tally.counts["task"].values()) == sorted(tally.counts["task"].values(), reverse=True)
    assert tally.counts["task"] == {task: store.task_count(TaskId(task)) for _, task, _ in runs if task is not None}


def test_counting_stops_after_a_few_runs_when_the_time_is_up() -> None:
    store = store_of([("COMPLETED", "sync", -n) for n in range(1_000)])
    tally = ValueTally(store.get, store.newest_first_keys())
    steps, counted = 0, [0]
    while not tally.is_complete:
        tally.count_some(lambda: True)
        counted.append(tally.counts["task"].total())
        steps += 1
    assert max(after - before for before, after in pairwise(counted)) <= 64
    assert counted[-1] == 1_000


def test_ids_are_found_by_their_end_first() -> None:
    keys = [(0.0, RunId(text)) for text in ("run_6e3tx", "run_a6E3T", "run_b", "run_c6e3t")]
    search = IdSearch(keys, "6e3t")
    assert search.count_some(lambda: False)
    assert list(search.found) == ["run_a6E3T", "run_c6e3t", "run_6e3tx"]
    for part in ("run_a…6e3t", "RUN_A..6e3t", "run_a…"):
        shown = IdSearch(keys, part)
        assert shown.count_some(lambda: False)
        assert list(shown.found) == ["run_a6E3T"], part
    many = IdSearch([(0.0, RunId(f"run_{n}")) for n in range(10_000)], "")
    assert many.count_some(lambda: False)
    assert len(many.found) == MAX_FOUND_IDS
