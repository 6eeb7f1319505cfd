"""Tests of the reads of the queue under the cursor."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.queues import mail_hour, mail_metrics
from tests.support.virtual_clock import VirtualClock
from tui.domain.facts import Queue, QueueHour, QueueMetrics
from tui.domain.text import Raw
from tui.features.queues.model import EVERY_S, REST_S, SelectedQueueReader
from tui.sync.facts import QueueFetcher

NOW = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)


class FakeSession:
    """Has a clock, and runs tasks."""

    fetcher = emit = None
    is_started = True

    def __init__(self) -> None:
        self.clock = VirtualClock()

    def spawn(self, work: Coroutine[Any, Any, None], _: str) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)


def test_queue_is_read_again_once_its_count_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int | None] = []

    async def read_hour(_: object, queue: Queue) -> QueueHour:
        counts.append(queue.running)
        return mail_hour(NOW)

    async def read_metrics(*_: object) -> QueueMetrics:
        return mail_metrics(NOW)

    monkeypatch.setattr(QueueFetcher, "read_hour", read_hour)
    monkeypatch.setattr(QueueFetcher, "read_metrics", read_metrics)

    async def scenario() -> None:
        session: Any = FakeSession()
        reader = SelectedQueueReader(session, lambda: None)
        for running in (None, None, 20, 20, 20):
            reader.follow(Queue("queue_1", Raw("email"), is_task=False, running=running))
            await session.clock.run(2 * REST_S)
        assert counts == [None, 20]
        await session.clock.run(EVERY_S)
        assert counts == [None, 20, 20]
        reader.stop()

    asyncio.run(scenario())
