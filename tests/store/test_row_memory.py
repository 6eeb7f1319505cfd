"""A row of the list is small, since the store keeps 100,000 of them."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

from tests.perf.benchmarks.store import PAGE, READ, WORDS, page_row
from tui.domain.update import RunsRead
from tui.store.store import Store
from tui.store.view import View

ROOT = Path(__file__).parents[2]
RUNS = 4_000
MAX_ROW_BYTES = 900
MAX_VIEW_BYTES = 80
"""A view in order of creation has no sort keys of its own."""


def bytes_of_row_and_view() -> tuple[float, float]:
    tracemalloc.start()
    store = Store()
    for first in range(0, RUNS, PAGE):
        rows = (page_row(number, WORDS[number % len(WORDS)], READ) for number in range(first, first + PAGE))
        store.apply(RunsRead(tuple(rows)))
    store_bytes = tracemalloc.get_traced_memory()[0]
    view = View(store)
    view_bytes = tracemalloc.get_traced_memory()[0] - store_bytes
    assert len(store) == len(view) == RUNS
    return store_bytes / RUNS, view_bytes / RUNS


def test_row_takes_900_bytes_and_80_in_a_view() -> None:
    # In a process of its own: Python's table of interned texts, which other tests fill, may grow meanwhile.
    code = f"from {__name__} import bytes_of_row_and_view; print(*bytes_of_row_and_view())"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    row_bytes, view_bytes = map(float, printed.split())
    assert row_bytes <= MAX_ROW_BYTES
    assert view_bytes <= MAX_VIEW_BYTES
