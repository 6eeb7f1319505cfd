"""Real sessions on a fleet, over real HTTP and in virtual time.

`started` starts a session, `pass_time` advances its clock. `polling` and `live` do both, without and with the feed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tests.support.fleet import DEV, SECRET, Fleet, FleetApi, serving
from tests.support.virtual_clock import START
from tui.config import Secret, Settings, read_settings
from tui.domain.filters import RunFilters
from tui.emulator.public_tokens import sign_token
from tui.session import Session
from tui.wire.connection import Timeouts

DAY_S = 86_400.0

SHORT = Timeouts(connect_s=1.0, read_s=0.3, write_s=1.0, pool_s=1.0, whole_s=5.0)
"""Timeouts for tests of a hanging server. They run in real time, while virtual time stands still.

On a busy machine they may also end a request that does not hang, so only tests that accept this use them.
"""

Later = Callable[[float], Awaitable[None]]
"""Advances the clock by seconds."""


def public_token(*scopes: str) -> Secret:
    """Return a public access token for the environment of a fleet, which is valid for a day."""
    start_s = START.timestamp()
    return Secret(sign_token(DEV, list(scopes), issued_s=start_s, expires_s=start_s + DAY_S))


def settings_for(api: FleetApi, tmp_path: Path, **changes: Any) -> Settings:
    """Return settings for a fleet, without the feed unless the test asks for it."""
    environ = {
        "TRIGGER_SECRET_KEY": SECRET,
        "TRIGGER_API_URL": api.url,
        "XDG_STATE_HOME": str(tmp_path),
    }
    return replace(read_settings(environ), **{"realtime": False, **changes})


@asynccontextmanager
async def started(
    api: FleetApi,
    tmp_path: Path,
    *,
    timeouts: Timeouts | None = None,
    feed_timeouts: Timeouts | None = None,
    **changes: Any,
) -> AsyncIterator[Session]:
    """Start a session with the clock of the fleet."""
    session = Session(
        settings_for(api, tmp_path, **changes),
        clock=api.fleet.clock,
        random=Random(1),
        timeouts=timeouts,
        feed_timeouts=feed_timeouts,
    )
    async with session:
        await session.start()
        yield session


@asynccontextmanager
async def live(
    fleet: Fleet, tmp_path: Path, *, filters: RunFilters | None = None, **changes: Any
) -> AsyncIterator[tuple[Session, Later]]:
    """Start a session that follows a fleet by feed and polling. Yield it with a function that advances the clock."""
    with serving(fleet) as api:
        async with started(api, tmp_path, **{"realtime": True, **changes}) as session:

            async def later(seconds: float) -> None:
                await pass_time(session, api, seconds)

            session.sources.follow_runs(filters=filters)
            yield session, later


@asynccontextmanager
async def polling(
    fleet: Fleet, tmp_path: Path, *, filters: RunFilters | None = None, **changes: Any
) -> AsyncIterator[tuple[Session, Later]]:
    """Start a session that polls a fleet. Yield it with a function that advances the clock."""
    with serving(fleet) as api:
        async with started(api, tmp_path, **changes) as session:

            async def later(seconds: float) -> None:
                await pass_time(session, api, seconds)

            session.sources.follow("rest", filters=filters)
            yield session, later


async def pass_time(
    session: Session, api: FleetApi, seconds: float, *, is_busy: Callable[[], bool] = lambda: False
) -> None:
    """Advance the virtual clock. Before each step, all requests in flight are answered and applied."""

    def is_answered() -> bool:
        polls_out = session.fetcher.feed_polls_in_flight if session.is_started else 0
        return not session.budget.in_flight and api.fleet.is_settled(polls_out)

    async def idle() -> None:
        # This lets the loop read its sockets while the server's thread responds.
        while not is_answered() or is_busy():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.0003 if not is_answered() else 0)
        await session.settle()

    await api.fleet.clock.run(seconds, idle=idle)
