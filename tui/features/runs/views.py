"""The views behind the list: the runs that pass the server's filters, and those that also pass the typed filter.

The list's pane owns them and shows `shown` through `RunListModel`. Views are filled in time slices, so that filtering
100,000 runs does not delay a key press.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.filters import MAX_PERIOD, RunFilters
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import FAILED
from tui.domain.text import Raw
from tui.kit.heap import no_collections
from tui.kit.live_model import LiveModel
from tui.lazy_dataclass import dataclass
from tui.store.changes import CREATED, Changes, Key, Order
from tui.store.filter import Filter, parse_filter
from tui.store.server_filter import with_server_filters
from tui.store.view import View

SLICE_S: Final = 0.006
"""The longest time for which one slice blocks the event loop."""

PAINT_DELAY_S: Final = 0.1
"""How long new views have the processor for themselves."""

ADVANCE_EVERY: Final = timedelta(minutes=1)

RECHECK_SHARE: Final = 0.1
"""The maximum share of time for rechecks: a filter by age or duration matches other runs as time passes."""

_RUNS_PER_TIME_CHECK: Final = 64


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filters and the order of the list.

    * `period`: how far back the server is asked for runs
    * `text`: the typed filter
    * `text_name`: what the typed filter stands for, where it does not say so itself
    * `filters`: the server's filters
    * `is_typing`: the last word of the text may be incomplete
    * `is_searched`: the server was searched for this text, so runs of any age are shown
    """

    period: timedelta
    text: str = ""
    filters: RunFilters = field(default_factory=RunFilters)
    order: Order = CREATED
    is_typing: bool = False
    is_searched: bool = False
    text_name: Raw = Raw("")

    @property
    def shown_period(self) -> timedelta:
        """How far back runs are shown, searched ones included."""
        return MAX_PERIOD if self.is_searched else self.period


class ListViews:
    """The views of the current query.

    * `base`: the runs that pass the server's filters
    * `shown`: those of them that pass the typed filter; `base` itself if there is none
    * `failed`: the failed runs of `base`; None while the filter does not look at errors
    * `unread`: those of `failed` whose error was never fetched

    `on_views` is called when new views have replaced the old ones. `on_recheck` receives the runs that may match
    differently because time passed. During a pause all views show the runs as they were.
    """

    def __init__(self, live: LiveModel, on_views: Callable[[], None], on_recheck: Callable[[Changes], None]) -> None:
        self._live = live
        self._session = session = live.session
        self._on_views = on_views
        self._on_recheck = on_recheck
        self._fill_task: asyncio.Task[None] | None = None
        self._filling: list[View] = []
        self._recheck_task: asyncio.Task[None] | None = None
        self._recheck_due_s = 0.0
        self._advanced_at = session.now()
        self.query = ListQuery(session.settings.history)
        self.parsed = parse_filter("")
        self.base = self.shown = View(session.store, since=self._since(), source=live)
        self._base_key: tuple[RunFilters, timedelta, Order] | None = None
        """The part of the query that `base` was made for."""
        self.failed: View | None = None
        self.unread: View | None = None

    def request(self, query: ListQuery) -> None:
        """Create the views of a new query. The old ones stay until the new ones are complete."""
        self.query = query
        for task in (self._fill_task, self._recheck_task):
            if task is not None:
                task.cancel()
        self._fill_task = self._recheck_task = None
        for view in self._filling:
            view.stop()
        now = self._live.now
        self.parsed = parse_filter(query.text, now=now.frozen_at or now.at, is_typing=query.is_typing)
        base_key = (query.filters, query.shown_period, query.order)
        base = self.base if base_key == self._base_key else self._view(parse_filter(""), self._since())
        views = [base, self._view(self.parsed, base.since)] if query.text else [base]
        if self.parsed.depends_on_errors:
            store = self._session.store
            failed = {run_id for status in FAILED for run_id in store.with_status(status)}
            keys = [key for key in self._live.newest_first_keys() if key[1] in failed]
            store.hide(keys)
            views += [self._view(Filter(terms=(term,)), base.since, keys) for term in (_is_failed, _is_unread)]
        # A reused base is already complete and receives changes.
        self._filling = [view for view in views if view is not self.base]
        if self._do_some(view.fill for view in views):
            self._replace_views(views)
        else:
            self._fill_task = self._session.spawn(self._fill(views), "filter")

    def end_typing(self) -> None:
        """Treat the last word of the text as complete. Re-create the views if that changes which words are invalid."""
        query = replace(self.query, is_typing=False)
        if parse_filter(query.text).invalid_words != self.parsed.invalid_words:
            self.request(query)
        else:
            self.query = query

    def on_changes(self, changes: Changes) -> None:
        """Update all views except `shown`, which `RunListModel` updates itself to know which lines change."""
        for view in (*self._filling, *self._other_views):
            view.update(changes)

    def recheck(self, now: datetime) -> None:
        """Pass runs to `on_recheck` that may match differently now. Only a filter that compares times has any."""
        clock, is_busy = self._session.clock, self._recheck_task is not None and not self._recheck_task.done()
        if is_busy or not self.shown.filter.depends_on_time or clock.monotonic_s() < self._recheck_due_s:
            return
        waiting = deque(self.shown.advance_to(now))
        self._recheck_some(waiting)
        if waiting:
            self._recheck_task = self._session.spawn(self._recheck_rest(waiting), "recheck the filter")

    def advance(self, now: datetime) -> datetime | None:
        """Move the start of the period, once a minute, in all views except `shown`. Return it if it moved."""
        # A clock that was wrong may be set back. The runs that were too old by it have to appear again.
        if abs(now - self._advanced_at) < ADVANCE_EVERY:
            return None
        self._advanced_at = now
        since = self._since()
        for view in self._other_views:
            view.set_since(since)
        return since

    @property
    def _other_views(self) -> list[View]:
        """The complete views except `shown`."""
        return [view for view in (self.base, self.failed, self.unread) if view is not None and view is not self.shown]

    def _since(self) -> datetime:
        begin = self.query.filters.created_from
        return self._session.now() - self.query.shown_period if begin is None else begin

    def _view(self, runs_filter: Filter, since: datetime | None, candidates: Sequence[Key] | None = None) -> View:
        query = self.query
        runs_filter = with_server_filters(query.filters, runs_filter)
        store, source = self._session.store, self._live
        return View(
            store, runs_filter, query.order, since=since, starts_empty=True, candidates=candidates, source=source
        )

    def _recheck_some(self, waiting: deque[RunId]) -> None:
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        while waiting and monotonic_s() < until_s:
            some = {waiting.popleft() for _ in range(min(_RUNS_PER_TIME_CHECK, len(waiting)))}
            self._on_recheck(Changes(changed=some))

    async def _recheck_rest(self, waiting: deque[RunId]) -> None:
        slices = 1
        while waiting:
            await asyncio.sleep(0)
            self._recheck_some(waiting)
            slices += 1
        self._recheck_due_s = self._session.clock.monotonic_s() + slices * SLICE_S / RECHECK_SHARE

    def _do_some(self, works: Iterable[Callable[[Callable[[], bool]], bool]]) -> bool:
        """Work for one slice of time; return whether all is done."""
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        # The keys that are being added are not hidden from the collector yet. No pause goes on while others run: of two
        # that overlap, the first to end would end both, and the first collection after a long one takes up to 33 ms.
        with no_collections():
            return all(work(lambda: monotonic_s() >= until_s) for work in works)

    async def _fill(self, views: list[View]) -> None:
        while not self._do_some(view.fill for view in views):  # noqa: ASYNC110  each pass does work
            await asyncio.sleep(0)
        replaced = (self.base, self.shown)
        self._replace_views(views)
        # Of 100,000 runs, freeing the old keys takes 10 ms. The new rows are painted before.
        await self._session.clock.sleep(PAINT_DELAY_S)
        del replaced
        while not self._do_some(view.index for view in views):  # noqa: ASYNC110  each pass does work
            await asyncio.sleep(0)

    def _replace_views(self, views: list[View]) -> None:
        self._base_key = (self.query.filters, self.query.shown_period, self.query.order)
        self._filling, self.base, self.shown = [], views[0], views[1 if self.query.text else 0]
        self.failed, self.unread = views[-2:] if self.parsed.depends_on_errors else (None, None)
        self._on_views()


def _is_failed(run: Run) -> bool:
    return run.status.is_failed and not run.is_gone


def _is_unread(run: Run) -> bool:
    return run.error is None and _is_failed(run)
