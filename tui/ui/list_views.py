"""The views behind the list: what the server's filters leave, and of it what the filter that was typed leaves.

What lives here: making views anew in slices, so that a key is painted in between, and the end of the period. Which run
stands on which line is `run_rows`'.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tui.domain.filters import RunFilters
from tui.session import Session
from tui.store.changes import Changes
from tui.store.filter import parse_filter
from tui.store.orders import CREATED, Order
from tui.store.server_filter import within
from tui.store.view import View

SLICE_S: Final = 0.006
"""Filtering 100,000 runs takes a while: no longer than this at a time."""

FORGET_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is to show: the filter as it was typed, the server's, how far back, and in which order."""

    period: timedelta
    text: str = ""
    filters: RunFilters = field(default_factory=RunFilters)
    order: Order = CREATED


class ListViews:
    """`base` is what the server's filters leave, `shown` what is to be seen; `adopt` hears of new ones."""

    def __init__(self, session: Session, adopt: Callable[[], None]) -> None:
        self._session = session
        self._adopt = adopt
        self._growth: asyncio.Task[None] | None = None
        self._growing: list[View] = []
        self._forgot_at = session.now()
        self.wanted = Wanted(session.settings.history)
        self.base = self.shown = View(session.store, since=self._since())

    def want(self, wanted: Wanted) -> None:
        """Show something else. What is seen changes when the new views are whole."""
        self.wanted = wanted
        if self._growth is not None:
            self._growth.cancel()
            self._growth = None
        base = self._view("", self._since())
        views = [base, self._view(self.wanted.text, base.since)] if self.wanted.text else [base]
        self._growing = views
        if self._grow_some(views):
            self._take(views)
        else:
            self._growth = self._session.spawn(self._grow(views), "filter")

    def see(self, changes: Changes) -> None:
        """Take in changes, for all views but the one that is seen, whose lines somebody else brings up to date."""
        for view in self._growing:
            view.update(changes)
        if self.shown is not self.base:
            self.base.update(changes)

    def due(self, now: datetime) -> datetime | None:
        """Once a minute the new beginning of the period; `base` knows it already where it is not seen itself."""
        # A clock that was wrong is set back, too, and what it took for old comes again.
        if abs(now - self._forgot_at) < FORGET_EVERY:
            return None
        self._forgot_at = now
        since = self._since()
        if self.shown is not self.base:
            self.base.forget_before(since)
        return since

    def _since(self) -> datetime:
        return self._session.now() - self.wanted.period

    def _view(self, text: str, since: datetime | None) -> View:
        runs_filter = within(self.wanted.filters, parse_filter(text))
        return View(self._session.store, runs_filter, self.wanted.order, since=since, growing=True)

    def _grow_some(self, views: list[View]) -> bool:
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        return all(view.grow(lambda: monotonic_s() >= until_s) for view in views)

    async def _grow(self, views: list[View]) -> None:
        while not self._grow_some(views):  # noqa: ASYNC110  it works between its sleeps, and waits for nothing
            await asyncio.sleep(0)
        self._take(views)

    def _take(self, views: list[View]) -> None:
        self._growing, self.base, self.shown = [], views[0], views[-1]
        self._adopt()
