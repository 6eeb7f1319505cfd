"""A real session on a fleet behind real HTTP, in virtual time.

What lives here: `started`, which gives tests a session, and `pass_time`, which lets time pass for it. Only the clock
is not the real one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tests.fleet import FleetApi
from tui.config import Settings, read_settings
from tui.session import Session

SECRET = "tr_dev_abcdefghijklmnop"


def settings_for(api: FleetApi, tmp_path: Path, **changes: Any) -> Settings:
    """Settings that point at a fleet."""
    environ = {
        "TRIGGER_SECRET_KEY": SECRET,
        "TRIGGER_API_URL": api.url,
        "XDG_STATE_HOME": str(tmp_path),
    }
    return replace(read_settings(environ), **changes)


@asynccontextmanager
async def started(api: FleetApi, tmp_path: Path, **changes: Any) -> AsyncIterator[Session]:
    """A started session in the fleet's time."""
    session = Session(settings_for(api, tmp_path, **changes), clock=api.fleet.clock, random=Random(1))
    async with session:
        await session.start()
        yield session


async def pass_time(session: Session, api: FleetApi, seconds: float) -> None:
    """Let virtual time pass; at each step everything in flight is answered and applied first."""

    async def idle() -> None:
        # Not for time to pass: this lets the loop read its sockets while the server's thread answers.
        while session.budget.in_flight:  # noqa: ASYNC110  the budget has no event for it, and needs none
            await asyncio.sleep(0.0003)
        await session.settle()

    await api.fleet.clock.run(seconds, idle=idle)
