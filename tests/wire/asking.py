"""One question to an API, by a client that lives as long as it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from tui.wire.client import Client

T = TypeVar("T")

KEY = "tr_dev_aVerySecretKey0123456789"
NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)


def ask(url: str, question: Callable[[Client], Awaitable[T]], key: str = KEY, **settings: Any) -> T:
    """What `question(client)` gives or raises. The client's own clock stands at NOW."""

    async def run() -> T:
        async with Client(url, key, clock=lambda: NOW, **settings) as client:
            return await question(client)

    return asyncio.run(run())
