"""Counts the runs around the selected error group, in slices, once the cursor rests."""

import asyncio
from collections.abc import Callable
from typing import Final

from tui.domain.errors.kinds import Fingerprint
from tui.session import Session
from tui.sources.clock import Timer
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.failures import TimeSpan
from tui.ui.model.errors.facts import Surroundings, SurroundingsSearch

REST_S: Final = 0.15
EVERY_S: Final = 5.0
"""The runs around a group that changes are counted at most this often."""

SLICE_S: Final = 0.004


class SurroundingsCounter:
    """Follows one group at a time. `on_result` is called when its surroundings differ from those before."""

    def __init__(self, session: Session, on_result: Callable[[], None]) -> None:
        self._session = session
        self._on_result = on_result
        self._group: ErrorGroup | None = None
        self._span: TimeSpan | None = None
        self._result: tuple[Fingerprint, Surroundings] | None = None
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._counted_s = float("-inf")

    def of(self, group: ErrorGroup) -> Surroundings:
        """Return what is known of the runs around a group."""
        known = self._result
        return known[1] if known is not None and known[0] == group.fingerprint else Surroundings()

    def follow(self, group: ErrorGroup, span: TimeSpan) -> None:
        """Count the runs around a group soon, if it is another group or has changed."""
        before = self._group
        if group is before and span == self._span:
            return
        if before is None or before.fingerprint != group.fingerprint:
            self.stop()
            self._schedule(REST_S)
        elif self._timer is None and self._task is None:
            self._schedule(max(REST_S, self._counted_s + EVERY_S - self._session.clock.monotonic_s()))
        self._group, self._span = group, span

    def stop(self) -> None:
        """Stop counting, until a group is followed again."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._timer = self._task = self._group = None

    def _schedule(self, delay_s: float) -> None:
        self._timer = self._session.clock.call_later(delay_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._group is not None and self._span is not None:
            self._task = self._session.spawn(self._count(self._group, self._span), "count the runs around a group")

    async def _count(self, group: ErrorGroup, span: TimeSpan) -> None:
        clock, result = self._session.clock, Surroundings()
        if (search := self._search(group, span)) is not None:
            until_s = clock.monotonic_s() + SLICE_S
            for _ in search.steps():
                if clock.monotonic_s() >= until_s:
                    await asyncio.sleep(0)
                    until_s = clock.monotonic_s() + SLICE_S
            result = search.result
        self._task, self._counted_s = None, clock.monotonic_s()
        if self._result != (group.fingerprint, result):
            self._result = (group.fingerprint, result)
            self._on_result()
        if self._group is not group and self._timer is None:
            self._schedule(EVERY_S)

    def _search(self, group: ErrorGroup, span: TimeSpan) -> SurroundingsSearch | None:
        """Return the search, or None if the store lacks runs of the span: then no share of them is true."""
        store = self._session.store
        history, window = store.history, store.window
        if history is None or window is None or window.is_filtered or len(store) >= store.max_runs:
            return None
        is_all_read = history.is_complete and not history.is_cut and window.period >= span.until - span.since
        if not is_all_read and history.reached > span.since:
            return None
        return SurroundingsSearch(store, group, span.since, history.reached, self._session.now())
