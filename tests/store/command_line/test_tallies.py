"""Loaded runs are counted in steps, and the numbers are those of the list."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import NOON, patch_of
from tui.domain.filters import RunFilters
from tui.domain.run import RunId, TaskId
from tui.domain.update import RunsRead
from tui.store.command_line import MAX_FOUND_IDS, IdSearch, MatchTally, ValueTally
from tui.store.filter import EVERYTHING, parse_filter
from tui.store.server_filter import with_server_filters
from tui.store.store import Store
from tui.store.view import View

WORDS = st.sampled_from(["EXECUTING", "COMPLETED", "FAILED", "CRASHED", "QUEUED"])
TASKS = st.sampled_from(["sync", "charge-card", None])
RUNS = st.lists(st.tuples(WORDS, TASKS, st.integers(-300, 0)), max_size=150)
FILTERS = st.sampled_from(
    ["", "status:failed", "task:charge-*", "-task:sync", "status:failures took:>1s", "sync", "tsk:x"]
)


def store_of(runs: list[tuple[str, str | None, int]]) -> Store:
    store = Store()
    patches = (patch_of(f"run_{n:04}", word, task=task, created=at) for n, (word, task, at) in enumerate(runs))
    store.apply(RunsRead(tuple(patches)))
    return store


@given(
    RUNS,
    FILTERS,
    st.sampled_from([None, -100.0, 10.0]),
    st.sampled_from([RunFilters(), RunFilters(tasks=(TaskId("sync"),))]),
)
def test_matches_are_those_of_the_list(
    runs: list[tuple[str, str | None, int]], text: str, since_s: float | None, server: RunFilters
) -> None:
    store = store_of(runs)
    since = None if since_s is None else NOON + timedelta(seconds=since_s)
    parsed = parse_filter(text, now=NOON)
    tally = MatchTally(
        store.get,
        store.newest_first_keys(),
        base=with_server_filters(server, EVERYTHING).matches,
        matches=parsed.matches,
        since=since,
    )
    while not tally.count_some(lambda: False):
        pass
    assert tally.matched == len(View(store, with_server_filters(server, parsed), since=since))
    assert tally.total == len(View(store, with_server_filters(server, EVERYTHING), since=since))


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
        is_asked = [False, True]
        tally.count_some(lambda: is_asked.pop(0))  # noqa: B023  called at once
        counted.append(tally.counts["task"].total())
        steps += 1
    assert max(after - before for before, after in pairwise(counted)) <= 64
    assert counted[-1] == 1_000


def test_span_leaves_out_older_live_runs() -> None:
    store = store_of([("EXECUTING", "sync", -200), ("EXECUTING", "sync", -10)])
    for is_span, count in ((False, 2), (True, 1)):
        tally = MatchTally(
            store.get,
            store.newest_first_keys(),
            base=lambda _: True,
            matches=lambda _: True,
            since=NOON - timedelta(seconds=100),
            is_span=is_span,
        )
        tally.count_some(lambda: False)
        assert tally.matched == count


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
