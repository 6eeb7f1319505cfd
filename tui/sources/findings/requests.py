"""Sends the requests for facts, within their allowance, the request budget and a time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Final, TypeVar

from tui.domain.environment import Capability
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.findings.allowance import Allowance, Rank
from tui.sources.findings.queries import Rows
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import Refused, ServerFault, Unreachable
from tui.wire.queries import NamedQuery
from tui.wire.queries.text import TrqlQuery

T = TypeVar("T")

READ_TIMEOUT_S: Final = 10.0

NOT_SERVED: Final = 404


class FactRequests:
    """One instance serves a session: the allowance is that of all facts together."""

    def __init__(self, fetcher: RunFetcher, clock: Clock) -> None:
        self.fetcher = fetcher
        self.allowance = Allowance(clock)
        self._answered: set[Hashable] = set()
        """The routes that have answered. A 404 of one comes from a proxy whose server is away, and is no refusal."""

    def now(self) -> datetime:
        """Return the server's time."""
        return self.fetcher.now()

    async def send(self, key: Hashable, rank: Rank, call: Callable[[], Awaitable[T]]) -> T:
        """Send one request when it may be sent. `key` identifies it. Raises `ApiError`."""
        await self.allowance.acquire(rank)

        async def limited() -> T:
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    return await call()
            except TimeoutError:
                raise Unreachable(f"no answer within {READ_TIMEOUT_S:.0f} s", may_have_arrived=True) from None

        is_query = isinstance(key, TrqlQuery)
        route = key[0] if isinstance(key, tuple) else key
        try:
            answer = await self.fetcher.budget.request(("fact", key), Priority.FACTS, limited, is_query=is_query)
        except Refused as error:
            if error.status == NOT_SERVED and (self.fetcher.has_queried if is_query else route in self._answered):
                raise ServerFault(str(error), NOT_SERVED) from None
            raise
        if is_query:
            self.fetcher.has_queried = True
        else:
            self._answered.add(route)
        return answer

    async def query(self, query: NamedQuery, rank: Rank) -> Rows:
        """Return the rows of a query. A refusal of one holds for all. Raises `ApiError`."""
        if not self.fetcher.is_allowed(Capability.QUERY):
            raise Refused("the key may not query", 403)
        try:
            return await self.send(query, rank, lambda: self.fetcher.api.query(query))
        except Refused as error:
            if is_final(error):
                await self.fetcher.record_lost(Capability.QUERY, str(error))
            raise


def is_final(error: Refused) -> bool:
    """Whether the key may never read it (401, 403), or the server does not have it (404)."""
    return error.is_about_the_key or error.status == NOT_SERVED
