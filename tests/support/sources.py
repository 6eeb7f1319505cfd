"""Runs one source on a fleet, without a session."""

import asyncio
from typing import Protocol

import pytest

from tests.support.fleet import Fleet
from tui.api.client import Client
from tui.domain.update import Update
from tui.store.store import Store
from tui.sync.budget import Budget, Emit
from tui.sync.clock import WakeableClock
from tui.sync.fetch import RunFetcher
from tui.sync.relay import RelayConnection


class Runs(Protocol):
    async def run(self, emit: Emit) -> None: ...


class FollowedSource:
    """A source on a fleet, and what it emitted."""

    source: Runs

    def __init__(self, fleet: Fleet, api: Client | RelayConnection, budget: Budget) -> None:
        self.fleet = fleet
        self.budget = budget
        self.clock = WakeableClock(fleet.clock)
        self.store = Store()
        self.updates: list[Update] = []
        lists = api if isinstance(api, Client) else None
        self.fetcher = RunFetcher(api, budget, self.emit, fleet.clock.now, self.store.get, self.settle, lists=lists)

    async def emit(self, update: Update) -> None:
        self.updates.append(update)
        self.store.apply(update)

    async def settle(self) -> None:
        """Return at once: `emit` applies each update."""

    async def idle(self) -> None:
        """Wait until all requests are answered."""
        # There is no event to wait for.
        while self.budget.in_flight or not self.fleet.is_settled(self.fetcher.feed_polls_in_flight):  # noqa: ASYNC110
            await asyncio.sleep(0.0003)

    async def later(self, seconds: float) -> None:
        await self.fleet.clock.run(seconds, idle=self.idle)

    async def follow(self, seconds: float) -> None:
        """Run the source for some seconds, then cancel it."""
        task = asyncio.create_task(self.source.run(self.emit))
        await self.later(seconds)
        assert not task.done(), task.exception()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
