"""Runs a real session on a fleet behind real HTTP, in virtual time.

`started` starts a session, `pass_time` lets time pass for it. `session_on`, `polling` and `live` do both.
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
from tui.api.connection import Timeouts
from tui.domain.filters import RunFilters
from tui.emulator.access import sign_token
from tui.settings.schema import Link, ReadOnly
from tui.settings.secret import Secret
from tui.settings.settings import Settings, read_settings
from tui.sync.session import Session

DAY_S = 86_400.0

SHORT = Timeouts(connect_s=1.0, read_s=0.3, write_s=1.0, pool_s=1.0, whole_s=5.0)
"""For tests of a server that hangs. Timeouts are real time, so on a busy machine other requests may time out too."""

PAUSE_S = 0.0003
"""Until the next look at what the server's thread does."""

Later = Callable[[float], Awaitable[None]]
"""Lets seconds pass."""


def public_token(*scopes: str) -> Secret:
    """A public access token for a fleet's environment that is valid for a day."""
    start_s = START.timestamp()
    return Secret(sign_token(DEV, list(scopes), issued_s=start_s, expires_s=start_s + DAY_S))


def settings_for(api: FleetApi, tmp_path: Path, **changes: Any) -> Settings:
    """Settings for a session on a fleet. By default without the realtime feed.

    Of settings that flags decide, `changes` has the values of the flags: `interval_s`, `read_only` and `slow_link`.
    """
    if "interval_s" in changes:
        changes["interval"] = changes.pop("interval_s")
    if "read_only" in changes:
        changes["read_only"] = ReadOnly(everywhere=changes["read_only"])
    if "slow_link" in changes:
        links = {None: Link(), True: Link("always"), False: Link("never")}
        changes["link"] = links[changes.pop("slow_link")]
    environ = {"TRIGGER_SECRET_KEY": SECRET, "TRIGGER_API_URL": api.url, "XDG_STATE_HOME": str(tmp_path)}
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
async def session_on(fleet: Fleet, tmp_path: Path, **changes: Any) -> AsyncIterator[tuple[Session, Later]]:
    """A session on a fleet that follows nothing yet, and a function that lets time pass."""
    with serving(fleet) as api:
        async with started(api, tmp_path, **changes) as session:

            async def later(seconds: float) -> None:
                await pass_time(session, api, seconds)

            yield session, later


@asynccontextmanager
async def live(
    fleet: Fleet, tmp_path: Path, *, filters: RunFilters | None = None, **changes: Any
) -> AsyncIterator[tuple[Session, Later]]:
    """A session that follows a fleet by the feed and by polling."""
    async with session_on(fleet, tmp_path, **{"realtime": True, **changes}) as (session, later):
        session.sources.follow_runs(filters=filters)
        yield session, later


@asynccontextmanager
async def polling(
    fleet: Fleet, tmp_path: Path, *, filters: RunFilters | None = None, **changes: Any
) -> AsyncIterator[tuple[Session, Later]]:
    """A session that polls a fleet."""
    async with session_on(fleet, tmp_path, **changes) as (session, later):
        session.sources.follow("rest", filters=filters)
        yield session, later


async def pass_time(
    session: Session,
    api: FleetApi,
    seconds: float,
    *,
    is_busy: Callable[[], bool] = lambda: False,
    has_threads: Callable[[], bool] = lambda: False,
) -> None:
    """Let virtual time pass. At each step, wait until all requests are answered and applied, and `is_busy` is false.

    `has_threads` tells whether `is_busy` waits for threads, which run while the event loop sleeps.
    """

    settled: tuple[float, int, int] | None = None

    def is_settled() -> bool:
        """Ask the server's thread, which is dear, once for each moment, request and held poll."""
        nonlocal settled
        polls_out = session.fetcher.feed_polls_in_flight if session.is_started else 0
        seen = api.fleet.now_s, len(api.fleet.requests), polls_out
        if seen != settled and api.fleet.is_settled(polls_out):
            settled = seen
        return seen == settled

    def pause_s() -> float | None:
        """How long the event loop sleeps while others work, None once all is done. The dearest question comes last."""
        if session.budget.in_flight:
            return PAUSE_S
        if is_busy():
            return PAUSE_S if has_threads() else 0.0
        return None if is_settled() else PAUSE_S

    async def idle() -> None:
        while (seconds := pause_s()) is not None:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(seconds)
        await session.settle()

    await api.fleet.clock.run(seconds, idle=idle)
