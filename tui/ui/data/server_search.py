"""The search of the server that the last line of the list begins: one at a time, until it ends or is stopped.

A search belongs to one filter under one set of server filters in one environment: with any other it is dropped. How a
search asks is `sources.search`'s.
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
    """Starts and stops the search. `seen` gives the runs in sight, `on_update` is called when the progress changed."""

    def __init__(
        self, session: Session, views: ListViews, seen: Callable[[], Sequence[RunId]], on_update: Callable[[], None]
    ) -> None:
        self._session = session
        self._views = views
        self._seen = seen
        self._on_update = on_update
        self._search: Search | None = None
        self._task: asyncio.Task[None] | None = None
        self.progress = SearchProgress()

    @property
    def is_running(self) -> bool:
        """Whether a search is under way."""
        return self._task is not None and not self._task.done()

    def begin(self) -> None:
        """Search, or go on where the last search of this filter ended."""
        if self.is_running or not self._session.is_started:
            return
        if self._search is None:
            self._search = self._new_search()
        if not self._views.parsed.is_empty and not self._views.query.is_searched:
            # What is found may be older than the list, and has to be seen.
            self._views.request(replace(self._views.query, is_searched=True))
        self._task = self._session.spawn(self._search.run(), "search the server")

    def stop(self) -> bool:
        """Stop the search where it is; whether there was one."""
        if self._task is None or not self.is_running:
            return False
        self._task.cancel()
        return True

    def forget(self) -> None:
        """Drop the search and what it told: it is about another list."""
        self.stop()
        self._search = self._task = None
        self._set(SearchProgress())

    def _new_search(self) -> "Search":
        from tui.sources.searching.search import Search, SearchScope  # noqa: PLC0415  loads pydantic: after the start

        session, wanted = self._session, self._views.query
        scope = SearchScope(
            plan_search(wanted.text, wanted.filters, known_values(session.store)),
            wanted.filters,
            session.now() - wanted.period,
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
        """The failed runs of the list whose errors were not read, those in sight first."""
        unread = self._views.unread
        if unread is None:
            return []
        seen = [run_id for run_id in self._seen() if run_id in unread]
        return list(dict.fromkeys([*seen, *unread.slice(0, len(unread))]))

    def _set(self, progress: SearchProgress) -> None:
        if progress != self.progress:
            self.progress = progress
            self._on_update()
