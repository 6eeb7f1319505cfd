"""The views behind the list: what the server's filters leave, and of it what the filter that was typed leaves.

Views are re-created in slices, so that a key is painted in between. Which run stands on which line is `run_rows`'.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.filters import MAX_PERIOD, RunFilters
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import FAILED
from tui.store.changes import Changes
from tui.store.filter import Filter, parse_filter
from tui.store.orders import CREATED, Order
from tui.store.server_filter import with_server_filters
from tui.store.view import View
from tui.ui.data.live_model import LiveModel

SLICE_S: Final = 0.006
"""Filtering 100,000 runs takes a while: no longer than this at a time."""

FORGET_EVERY: Final = timedelta(minutes=1)

RECHECK_SHARE: Final = 0.1
"""Of the time may go into looking again at runs whose age or duration a filter asks for."""

_LOOK_AT_THE_TIME_EVERY: Final = 64  # runs


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is to show: the filter as it was typed, the server's, how far back, and in which order.

    `is_typing`: the last word of the text may be half typed. `is_searched`: the server was searched for this text, and
    runs of any age are shown.
    """

    period: timedelta
    text: str = ""
    filters: RunFilters = field(default_factory=RunFilters)
    order: Order = CREATED
    is_typing: bool = False
    is_searched: bool = False

    @property
    def shown_period(self) -> timedelta:
        """How far back runs are shown."""
        return MAX_PERIOD if self.is_searched else self.period


class ListViews:
    """`base` is what the server's filters leave, `shown` what is to be seen.

    `failed` are the failed runs of `base`, and `unread` those of them whose error was never read; both are None while
    the filter does not look at errors. `adopt` is called when there are new views, `recheck` with runs that may match
    otherwise because time passed. In a pause all views are of the runs as they were.
    """

    def __init__(self, live: LiveModel, adopt: Callable[[], None], recheck: Callable[[Changes], None]) -> None:
        self._live = live
        self._session = session = live.session
        self._adopt = adopt
        self._recheck = recheck
        self._growth: asyncio.Task[None] | None = None
        self._growing: list[View] = []
        self._rechecking: asyncio.Task[None] | None = None
        self._recheck_due_s = 0.0
        self._forgot_at = session.now()
        self.wanted = Wanted(session.settings.history)
        self.parsed = parse_filter("")
        self.base = self.shown = View(session.store, since=self._since(), get=live.get)
        self._base_key: tuple[RunFilters, timedelta, Order] | None = None
        """What `base` was made from."""
        self.failed: View | None = None
        self.unread: View | None = None

    def want(self, wanted: Wanted) -> None:
        """Show something else. What is seen changes when the new views are whole."""
        self.wanted = wanted
        for task in (self._growth, self._rechecking):
            if task is not None:
                task.cancel()
        self._growth = self._rechecking = None
        now = self._live.now
        self.parsed = parse_filter(wanted.text, now=now.frozen_at or now.at, is_typing=wanted.is_typing)
        base_key = (wanted.filters, wanted.shown_period, wanted.order)
        base = self.base if base_key == self._base_key else self._view(parse_filter(""), self._since())
        views = [base, self._view(self.parsed, base.since)] if wanted.text else [base]
        if self.parsed.reads_errors:
            failed = [run_id for status in FAILED for run_id in self._session.store.with_status(status)]
            views += [self._view(Filter(terms=(term,)), base.since, failed) for term in (_is_failed, _is_unread)]
        # The base of before is whole, and is told of changes already.
        self._growing = [view for view in views if view is not self.base]
        if self._grow_some(views):
            self._take(views)
        else:
            self._growth = self._session.spawn(self._grow(views), "filter")

    def end_typing(self) -> None:
        """The last word of the text is whole now: views are re-created where that makes a difference."""
        wanted = replace(self.wanted, is_typing=False)
        if parse_filter(wanted.text).complaints != self.parsed.complaints:
            self.want(wanted)
        else:
            self.wanted = wanted

    def on_changes(self, changes: Changes) -> None:
        """Take in changes, for all views but the one that is seen, whose lines somebody else brings up to date."""
        for view in (*self._growing, *self._unseen):
            view.update(changes)

    def pass_time(self, now: datetime) -> None:
        """Have runs looked at again that may match otherwise now; nothing is done where the filter asks for no time."""
        clock, is_busy = self._session.clock, self._rechecking is not None and not self._rechecking.done()
        if is_busy or not self.shown.filter.depends_on_time or clock.monotonic_s() < self._recheck_due_s:
            return
        waiting = deque(self.shown.advance_to(now))
        self._recheck_some(waiting)
        if waiting:
            self._rechecking = self._session.spawn(self._recheck_rest(waiting), "recheck the filter")

    def due(self, now: datetime) -> datetime | None:
        """Once a minute the new beginning of the period; `base` knows it already where it is not seen itself."""
        # A clock that was wrong is set back, too, and what it took for old comes again.
        if abs(now - self._forgot_at) < FORGET_EVERY:
            return None
        self._forgot_at = now
        since = self._since()
        for view in self._unseen:
            view.set_since(since)
        return since

    @property
    def _unseen(self) -> list[View]:
        """The whole views other than the one that is seen."""
        views = (self.base, self.failed, self.unread)
        return [view for view in views if view is not None and view is not self.shown]

    def _since(self) -> datetime:
        return self._session.now() - self.wanted.shown_period

    def _view(self, runs_filter: Filter, since: datetime | None, among: list[RunId] | None = None) -> View:
        wanted = self.wanted
        runs_filter = with_server_filters(wanted.filters, runs_filter)
        store, get = self._session.store, self._live.get
        return View(store, runs_filter, wanted.order, since=since, starts_empty=True, candidates=among, get=get)

    def _recheck_some(self, waiting: deque[RunId]) -> None:
        """Look at some of the runs, for one slice of time."""
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        while waiting and monotonic_s() < until_s:
            some = {waiting.popleft() for _ in range(min(_LOOK_AT_THE_TIME_EVERY, len(waiting)))}
            self._recheck(Changes(changed=some))

    async def _recheck_rest(self, waiting: deque[RunId]) -> None:
        slices = 1
        while waiting:
            await asyncio.sleep(0)
            self._recheck_some(waiting)
            slices += 1
        self._recheck_due_s = self._session.clock.monotonic_s() + slices * SLICE_S / RECHECK_SHARE

    def _grow_some(self, views: list[View]) -> bool:
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        return all(view.fill(lambda: monotonic_s() >= until_s) for view in views)

    async def _grow(self, views: list[View]) -> None:
        while not self._grow_some(views):  # noqa: ASYNC110  it works between its sleeps, and waits for nothing
            await asyncio.sleep(0)
        self._take(views)

    def _take(self, views: list[View]) -> None:
        self._base_key = (self.wanted.filters, self.wanted.shown_period, self.wanted.order)
        self._growing, self.base, self.shown = [], views[0], views[1 if self.wanted.text else 0]
        self.failed, self.unread = views[-2:] if self.parsed.reads_errors else (None, None)
        self._adopt()


def _is_failed(run: Run) -> bool:
    return run.status.is_failed and not run.is_gone


def _is_unread(run: Run) -> bool:
    return run.error is None and _is_failed(run)
