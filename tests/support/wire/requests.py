"""Sends one request with a client of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from tui.api.client import Client
from tui.api.connection import Timeouts
from tui.api.errors import ApiError
from tui.domain.filters import RunFilters

T = TypeVar("T")

KEY = "tr_dev_aVerySecretKey0123456789"
NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
SHORT = Timeouts(connect_s=0.2, read_s=0.2, write_s=0.2, pool_s=0.2, whole_s=5.0)


def ask(url: str, question: Callable[[Client], Awaitable[T]], key: str = KEY, **settings: Any) -> T:
    """Run `question(client)`, with the client's clock at NOW."""

    async def run() -> T:
        async with aclosing(Client(url, key, clock=lambda: NOW, **settings)) as client:
            return await question(client)

    return asyncio.run(run())


def runs(client: Client) -> Any:
    return client.list_runs(RunFilters())


def failure_of(url: str, question: Callable[[Client], Any] = runs, **settings: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        ask(url, question, **settings)
    return caught.value
