"""The running sources of the list of runs, and the server's filters that they use.

There is one set of sources at a time. Changed filters replace it. Filters that the user chose are saved for the next
start; those of a view that was opened by its address are not.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tui.domain.filters import RunFilters
from tui.session import Session
from tui.store.server_filter import ServerFilter
from tui.ui.data.remembered import FilterFile, Remembered


class RunSubscription:
    """Follows the runs that pass the server's filters.

    * `environment_name`: the name under which the filters are saved; None: a digest of the key
    * `is_recalled`: whether the current filters were chosen in an earlier session
    * `on_filters`: is called when filters were loaded or chosen; `shown` has them
    * `on_failure`: is called with a sentence when the filters could not be loaded or saved
    """

    def __init__(self, session: Session, *, environment_name: str | None = None) -> None:
        settings = session.settings
        digest = hashlib.sha256(settings.key.reveal().encode()).hexdigest()
        self._session = session
        self._sources: tuple[asyncio.Task[None], ...] = ()
        self._file = FilterFile(
            settings.state_dir,
            api_url="" if environment_name else settings.api_url,
            environment=environment_name or f"{digest[:16]} {settings.branch or ''}".rstrip(),
            holds_key=lambda text: session.secrets.finds(text),  # noqa: PLW0108  they are made when first needed
        )
        self._remembered = Remembered()
        """What is saved."""
        self._shown = Remembered()
        """What is shown: the same, or the view of an address."""
        self._is_visiting = False
        self.is_recalled = False
        self.on_filters: Callable[[], object] = lambda: None
        self.on_failure: Callable[[str], None] = lambda _: None

    @property
    def chosen(self) -> ServerFilter:
        """The current filters."""
        return ServerFilter(self._shown.filters, self._shown.period or self._session.settings.history)

    @property
    def state_key(self) -> str:
        """A name of the environment that is the same at every start, for other files of the state directory."""
        return self._file.path.stem

    @property
    def shown(self) -> Remembered:
        """The current filters and arrangement of the list."""
        return self._shown

    @property
    def is_filtered(self) -> bool:
        """Whether the current filters differ from the defaults."""
        return self.chosen != self._default

    @property
    def chosen_at(self) -> datetime | None:
        """When the current filters were chosen, if that is known."""
        return self._shown.chosen_at

    @property
    def _default(self) -> ServerFilter:
        return ServerFilter(RunFilters(), self._session.settings.history)

    async def start(self) -> None:
        """Load the filters of the last session, and follow the runs that pass them. An address that was opened wins."""
        self._remembered = await self._file.load()
        if self._is_visiting:
            self._shown = replace(self._shown, is_wide=self._remembered.is_wide)
        else:
            self._shown = self._remembered
            self.is_recalled = self.is_filtered
        if self._file.failure is not None:
            self.on_failure(self._file.failure)
        self.on_filters()
        self._follow()

    def visit(self, chosen: ServerFilter, order: str) -> None:
        """Follow the runs of a view that was opened by its address. Nothing of it is saved."""
        before = self.chosen
        self._shown = replace(
            self._shown, filters=chosen.filters, period=chosen.period, order=order, chosen_at=self._session.now()
        )
        self.is_recalled, self._is_visiting = False, True
        if self._sources and self.chosen != before:
            self._follow()

    def choose(self, chosen: ServerFilter) -> None:
        """Follow the runs that pass other filters."""
        now = self._session.now()
        self._remembered = replace(self._remembered, filters=chosen.filters, period=chosen.period, chosen_at=now)
        self._shown = replace(self._shown, filters=chosen.filters, period=chosen.period, chosen_at=now)
        self.is_recalled = False
        self.on_filters()
        self._follow()
        self._save()

    def clear(self) -> None:
        """Remove every server filter."""
        if self.is_filtered:
            self.choose(self._default)

    def save_order(self, order: str) -> None:
        """Save the order of the list for the next start."""
        self._remembered = replace(self._remembered, order=order)
        self._shown = replace(self._shown, order=order)
        self._save()

    def save_width(self, *, is_wide: bool) -> None:
        """Save whether the list shows whole run ids and times for the next start."""
        self._remembered = replace(self._remembered, is_wide=is_wide)
        self._shown = replace(self._shown, is_wide=is_wide)
        self._save()

    def refresh(self) -> None:
        """Poll now. If a source has stopped, start all of them again."""
        self._session.refresh()
        if any(source.done() for source in self._sources):
            self._follow()

    def _follow(self) -> None:
        is_relayed = self._session.settings.relay_url is not None
        if is_relayed and self._sources and not self._sources[0].done():
            return  # a relay sends all runs, whatever the filters are
        for source in self._sources:
            source.cancel()
        self._sources = self._session.sources.follow_runs(filters=self._shown.filters, history=self.chosen.period)

    def _save(self) -> None:
        self._session.spawn(self._write(), "save the filters")

    async def _write(self) -> None:
        before = self._file.failure
        await self._file.save(self._remembered)
        if self._file.failure is not None and self._file.failure != before:
            self.on_failure(self._file.failure)
