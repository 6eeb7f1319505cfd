"""Measures the store with 100,000 runs: one patch with two views, a page, memory, a new filter."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from tests.perf.figure import Figure
from tui.api.runs import shared_fixed
from tui.domain.run import Json, Precision, RunId, Stamp, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.store.changes import STATUS
from tui.store.filter import parse_filter
from tui.store.store import Store
from tui.store.view import View

RUNS = 100_000
PAGE = 100
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
READ = START + timedelta(days=1)
WORDS = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CANCELED", "EXECUTING", "QUEUED")
TASKS = [TaskId(f"sync-{number}") for number in range(40)]
ENVIRONMENT, VERSION = Raw("prod"), Raw("20261124.1")


def page_row(number: int, word: str, read: datetime, *, updates: int = 0) -> RunPatch:
    """Return a list row as `api` decodes it, with shared texts and a shared response time."""
    created = START + timedelta(milliseconds=20 * number)
    updated = created + timedelta(seconds=1 + updates)
    status = parse_status(word)
    ended = updated if status.canonical.is_final else None
    fixed = shared_fixed(TASKS[number % 40], 0, is_test=False, environment=ENVIRONMENT, version=VERSION)
    state = State(
        updated, Precision.LIST, status, created + timedelta(milliseconds=300), ended, cost_cents=0.01 * (number % 7)
    )
    metadata = Stamp(updated, Precision.LIST, read), dict[str, Json]()
    run_id = RunId(f"run_cmwur{number:020}")
    return RunPatch(run_id, read, fixed, state, metadata, created_at=created)


def _filled() -> Store:
    store = Store(max_runs=2 * RUNS)
    for first in range(0, RUNS, PAGE):
        numbers, read = range(first, first + PAGE), READ + timedelta(seconds=first)
        store.apply(RunsRead(tuple(page_row(number, WORDS[number % len(WORDS)], read) for number in numbers)))
    return store


def _best_s(work: Callable[[], object], times: int = 5) -> float:
    taken: list[float] = []
    for _ in range(times):
        began_s = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began_s)
    return min(taken)


def _one_patch_s(store: Store, views: tuple[View, ...]) -> float:
    """Return the median of patches that each change a status and the run's position in both views."""
    taken: list[float] = []
    for step in range(2_000):
        number = (step * 7_919) % RUNS
        update = RunsRead((page_row(number, ("EXECUTING", "FAILED", "COMPLETED")[step % 3], READ, updates=step + 1),))
        began_s = time.perf_counter()
        changes = store.apply(update)
        for view in views:
            view.update(changes)
        taken.append(time.perf_counter() - began_s)
    return median(taken)


def measure() -> Iterator[Figure]:
    """Yield the figures of the store."""
    gc.collect()
    tracemalloc.start()
    store = _filled()
    held_mb = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    yield Figure("store: 100,000 runs of list pages, held", held_mb, "MB", 120)

    views = (View(store, parse_filter("status:failed task:sync-* -tag:y")), View(store, order=STATUS))
    yield Figure("store: one patch into 100,000, two views", 1e6 * _one_patch_s(store, views), "µs", 50)

    later = [READ + timedelta(days=reads) for reads in range(2, 8)]
    confirmations = iter(
        [RunsRead(tuple(page_row(number, "QUEUED", read, updates=9_999) for number in range(PAGE))) for read in later]
    )
    store.apply(next(confirmations))
    yield Figure("store: page of 100 unchanged rows", 1e3 * _best_s(lambda: store.apply(next(confirmations))), "ms", 2)

    firsts = range(RUNS, RUNS + 5 * PAGE, PAGE)
    pages = iter(
        [RunsRead(tuple(page_row(first + number, "QUEUED", READ) for number in range(PAGE))) for first in firsts]
    )
    yield Figure("store: page of 100 new runs", 1e3 * _best_s(lambda: store.apply(next(pages))), "ms", 5)

    run = store.newest()
    run_filter = parse_filter("status:queued task:sync-* -tag:y")
    if run is not None:
        one_s = _best_s(lambda: [run_filter.matches(run) for _ in range(10_000)]) / 10_000
        yield Figure("filter: one run", 1e6 * one_s, "µs", 2)
    yield Figure("view: another filter over 100,000", 1e3 * _best_s(lambda: View(store, run_filter), 3), "ms")
    everything = parse_filter("")
    yield Figure("view: no filter over 100,000", 1e3 * _best_s(lambda: View(store, everything), 3), "ms")
