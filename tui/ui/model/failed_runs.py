"""Finds the next failed run of a view."""

from typing import Final

from tui.domain.status import FAILED
from tui.store.store import Store
from tui.store.view import View

MAX_LOOKUPS: Final = 500
"""Up to this many failed runs, look up the index of each; above it, scan from the cursor."""


def next_failed(store: Store, view: View, start: int, step: int) -> int | None:
    """Return the index of the next failed run below `start` (step 1) or above it (step -1)."""
    failed = [run_id for status in FAILED for run_id in store.with_status(status)]
    if len(failed) > MAX_LOOKUPS:
        indexes = range(start + 1, len(view)) if step > 0 else range(start - 1, -1, -1)
        return next((index for index in indexes if _is_failed(store, view, index)), None)
    found = [index for run_id in failed if (index := view.index_of(run_id)) is not None]
    if step > 0:
        return min((index for index in found if index > start), default=None)
    return max((index for index in found if index < start), default=None)


def _is_failed(store: Store, view: View, index: int) -> bool:
    run = store.get(view.at(index))
    return run is not None and run.status.is_failed
