"""What the session follows for the screen: the list of runs, under the server's filters of the moment.

What lives here: one set of sources at a time, begun anew with other filters, or when a person asks after it gave up;
and what of it is kept over restarts.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tui.domain.filters import RunFilters
from tui.session import Session
from tui.store.server_filter import ServerFilter
from tui.ui.data.remembered import Memory, Remembered


class RunSubscription:
    """The running sources, and the memory of how it was chosen. `show` hears what was remembered or chosen.

    `place` names where we are for the memory; None: the key does, by a digest that leads back to nothing.
    """

    def __init__(self, session: Session, *, place: str | None = None) -> None:
        settings = session.settings
        key = hashlib.sha256(settings.key.reveal().encode()).hexdigest()
        self._session = session
        self._sources: tuple[asyncio.Task[None], ...] = ()
        self._memory = Memory(
            settings.state_dir,
            api_url="" if place else settings.api_url,
            environment=place or f"{key[:16]} {settings.branch or ''}".rstrip(),
        )
        self._kept = Remembered()
        self.is_recalled = False
        """Whether the filters of now were chosen in an earlier session."""
        self.show: Callable[[Remembered], object] = lambda _: None
        self.tell: Callable[[str], None] = lambda _: None

    @property
    def chosen(self) -> ServerFilter:
        """The filters of now."""
        return ServerFilter(self._kept.filters, self._kept.period or self._session.settings.history)

    @property
    def is_filtered(self) -> bool:
        """Whether the filters of now are others than those of a first start."""
        return self.chosen != self._usual

    @property
    def kept_at(self) -> datetime | None:
        """When the filters of now were chosen, if that is known."""
        return self._kept.kept_at

    @property
    def _usual(self) -> ServerFilter:
        return ServerFilter(RunFilters(), self._session.settings.history)

    async def begin(self) -> None:
        """Follow what was followed last time."""
        self._kept = await self._memory.load()
        self.is_recalled = self.is_filtered
        if self._memory.trouble is not None:
            self.tell(self._memory.trouble)
        self.show(self._kept)
        self._follow()

    def choose(self, chosen: ServerFilter) -> None:
        """Follow other runs from now on."""
        now = self._session.now()
        self._kept = replace(self._kept, filters=chosen.filters, period=chosen.period, kept_at=now)
        self.is_recalled = False
        self.show(self._kept)
        self._follow()
        self._keep()

    def clear(self) -> None:
        """Take every server filter away."""
        if self.is_filtered:
            self.choose(self._usual)

    def arrange(self, order: str, *, is_wide: bool) -> None:
        """The list is sorted or laid out otherwise, next time too."""
        self._kept = replace(self._kept, order=order, is_wide=is_wide)
        self._keep()

    def refresh(self) -> None:
        """Ask now; a source that gave up begins again."""
        if any(source.done() for source in self._sources):
            self._follow()
        else:
            self._session.sources.refresh()

    def _follow(self) -> None:
        is_relayed = self._session.settings.relay_url is not None
        if is_relayed and self._sources and not self._sources[0].done():
            return  # it tells all runs, whatever is filtered here
        for source in self._sources:
            source.cancel()
        self._sources = self._session.sources.follow_runs(filters=self._kept.filters, history=self.chosen.period)

    def _keep(self) -> None:
        self._session.spawn(self._save(), "remember")

    async def _save(self) -> None:
        before = self._memory.trouble
        await self._memory.save(self._kept)
        if self._memory.trouble is not None and self._memory.trouble != before:
            self.tell(self._memory.trouble)
