"""A row of the list is small, since the store keeps 100,000 of them."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.perf.benchmarks.store import PAGE, READ, WORDS, page_row
from tui.domain.update import RunsRead
from tui.store.store import Store
from tui.store.view import View

RUNS = 4_000
MAX_ROW_BYTES = 900
MAX_VIEW_BYTES = 80
"""A view in order of creation has no sort keys of its own."""


@pytest.fixture
def _traced() -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("_traced")
def test_row_takes_900_bytes_and_80_in_a_view() -> None:
    store = Store()
    for first in range(0, RUNS, PAGE):
        rows = (page_row(number, WORDS[number % len(WORDS)], READ) for number in range(first, first + PAGE))
        store.apply(RunsRead(tuple(rows)))
    assert len(store) == RUNS
    held_bytes = tracemalloc.get_traced_memory()[0]
    assert held_bytes / RUNS <= MAX_ROW_BYTES
    view = View(store)
    assert len(view) == RUNS
    assert (tracemalloc.get_traced_memory()[0] - held_bytes) / RUNS <= MAX_VIEW_BYTES
