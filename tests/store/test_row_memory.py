"""A row of the list is small, since the store keeps 100,000 of them."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tui.api.runs import decode_page
from tui.domain.update import CountsRead, RunsRead
from tui.store.freshness import Activity
from tui.store.store import Store
from tui.store.view import View

ROOT = Path(__file__).parents[2]
PAGE = 100
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
READ = START + timedelta(days=1)
WORDS = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CANCELED", "EXECUTING", "QUEUED")
RUNS = 2_000
MAX_ROW_BYTES = 700
MAX_VIEW_BYTES = 80
"""A view in order of creation has no sort keys of its own."""

KEPT_RUNS = 200
SEEN_RUNS = 800
MAX_EVICTED_BYTES = 10
"""A set or a list of all runs that ever existed would take some 60 for each."""


def page_of(first: int, *words: str, updates: int = 0) -> RunsRead:
    """Return a page of the list, as it is decoded. The words alternate."""
    rows = []
    for number in range(first, first + PAGE):
        word, created = words[number % len(words)], START + timedelta(milliseconds=20 * number)
        updated = (created + timedelta(seconds=1 + updates)).isoformat()
        fixed = {"taskIdentifier": f"sync-{number % 40}", "env": {"name": "prod"}, "version": "20261124.1"}
        ends = {} if word in {"EXECUTING", "QUEUED"} else {"finishedAt": updated}
        times = {"createdAt": created.isoformat(), "updatedAt": updated, "startedAt": updated, **ends}
        rows.append(
            {"id": f"run_cmwur{number:020}", "status": word, "costInCents": 0.01 * (number % 7), **fixed, **times}
        )
    return RunsRead(decode_page(json.dumps({"data": rows}).encode(), READ).patches)


def bytes_of_row_and_view() -> tuple[float, float]:
    Store().apply(page_of(0, *WORDS))  # what it compiles first may enlarge that table, too
    tracemalloc.start()
    store = Store()
    for first in range(0, RUNS, PAGE):
        store.apply(page_of(first, *WORDS))
    store_bytes = tracemalloc.get_traced_memory()[0]
    view = View(store)
    view_bytes = tracemalloc.get_traced_memory()[0] - store_bytes
    assert len(store) == len(view) == RUNS
    return store_bytes / RUNS, view_bytes / RUNS


def bytes_of_evicted_run() -> tuple[float]:
    tracemalloc.start()
    store = Store(max_runs=KEPT_RUNS)
    view, activity = View(store), Activity(store)
    held_bytes = 0
    for first in range(0, SEEN_RUNS, PAGE):
        for updates, word in enumerate(("QUEUED", "EXECUTING", "COMPLETED")):
            changes = store.apply(page_of(first, word, updates=updates))
            view.update(changes)
            activity.on_changes(changes)
        store.apply(CountsRead({}, READ, 24))
        activity.minutes(READ)
        if first + PAGE == SEEN_RUNS // 2:
            held_bytes = tracemalloc.get_traced_memory()[0]
    assert len(store) == len(view) == KEPT_RUNS
    return ((tracemalloc.get_traced_memory()[0] - held_bytes) / (SEEN_RUNS / 2),)


def measured(function: Callable[[], tuple[float, ...]]) -> list[float]:
    """Call a function of this module in a process of its own.

    Python's table of interned texts, which other tests fill, may grow meanwhile.
    """
    code = f"from {__name__} import {function.__name__} as measure; print(*measure())"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [float(word) for word in printed.split()]


def test_row_takes_700_bytes_and_80_in_a_view() -> None:
    row_bytes, view_bytes = measured(bytes_of_row_and_view)
    assert row_bytes <= MAX_ROW_BYTES
    assert view_bytes <= MAX_VIEW_BYTES


def test_evicted_runs_leave_nothing() -> None:
    assert measured(bytes_of_evicted_run)[0] <= MAX_EVICTED_BYTES
