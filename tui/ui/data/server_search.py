"""Runs the search that the last line of the list starts: one at a time, in the session's task group.

A search belongs to one query in one environment. A change of either drops it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.domain.ids import RunId
from tui.domain.search import SearchProgress
from tui.session import Session
from tui.store.search_plan import plan_search
from tui.store.server_filter import known_values
from tui.ui.model.list_views import ListViews

if TYPE_CHECKING:
    from tui.sources.searching.search import Search


class ServerSearch:
    """Starts and stops the search. `visible` returns the visible runs, `on_update` receives progress."""

    def __init__(
        self, session: Session, views: ListViews, visible: Callable[[], Sequence[RunId]], on_update: Callable[[], None]
    ) -> None:
        self._session = session
        self._views = views
        self._visible = visible
        self._on_update = on_update
        self._search: Search | None = None
        self._task: asyncio.Task[None] | None = None
        self.progress = SearchProgress()

    @property
    def is_running(self) -> bool:
        """Whether a search is running."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Start a search, or continue the last one of this query."""
        if self.is_running or not self._session.is_started:
            return
        if self._search is None:
            self._search = self._new_search()
        if not self._views.parsed.is_empty and not self._views.query.is_searched:
            # The search may find runs that are older than the period of the list.
            self._views.request(replace(self._views.query, is_searched=True))
        self._task = self._session.spawn(self._search.run(), "search the server")

    def stop(self) -> bool:
        """Stop the search; return whether one was running."""
        if self._task is None or not self.is_running:
            return False
        self._task.cancel()
        return True

    def drop(self) -> None:
        """Drop the search and its progress, because the query or the environment has changed."""
        self.stop()
        self._search = self._task = None
        self._set(SearchProgress())

    def _new_search(self) -> "Search":
        from tui.sources.searching.scope import SearchScope  # noqa: PLC0415  loads httpcore: after the start
        from tui.sources.searching.search import Search  # noqa: PLC0415  loads httpcore: after the start

        session, query = self._session, self._views.query
        scope = SearchScope(
            plan_search(query.text, query.filters, known_values(session.store)),
            query.filters,
            session.now() - query.period,
            is_plain=self._views.parsed.is_empty,
            can_list=session.sources.relay is None,
        )
        search: Search

        def report(progress: SearchProgress) -> None:
            if self._search is search:
                self._set(progress)

        search = Search(
            session.fetcher,
            session.store,
            session.clock,
            scope,
            emit=session.emit,
            settle=session.settle,
            unread=self._unread,
            report=report,
        )
        return search

    def _unread(self) -> list[RunId]:
        """Return the failed runs of the list whose errors were not fetched, visible ones first."""
        unread = self._views.unread
        if unread is None:
            return []
        visible = [run_id for run_id in self._visible() if run_id in unread]
        return list(dict.fromkeys([*visible, *unread.slice(0, len(unread))]))

    def _set(self, progress: SearchProgress) -> None:
        if progress != self.progress:
            self.progress = progress
            self._on_update()
