"""Tests of needs, without a server."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tui.domain.facts import Queue
from tui.domain.finding import QueueState, Standstill, StandstillReason
from tui.domain.run import Precision, Run, RunId, State, parse_status
from tui.domain.text import Raw
from tui.kit.selection import QUEUE
from tui.sync.facts import QueueFetcher

NOW = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
RUN_ID = RunId("run_1")
STATE = QueueState(
    NOW,
    Queue("queue_1", Raw("send-email"), is_task=True, is_paused=True),
    standstill=Standstill(StandstillReason.QUEUE_PAUSED),
)


def run_in(word: str) -> Run:
    return Run(RUN_ID, state=State(NOW, Precision.LIST, parse_status(word)))


def fetched(session: Any) -> QueueState | None:
    async def fetch() -> QueueState | None:
        return (await QUEUE.fetch(session, RUN_ID, None)).value

    return asyncio.run(fetch())


class FakeSession:
    """Knows a run, or reads it."""

    def __init__(self, known: Run | None, read: Run) -> None:
        self.known = known
        self.store = SimpleNamespace(get=lambda _: self.known, wall_facts=None, environment=None)
        self.findings, self.now = SimpleNamespace(own=None), lambda: NOW
        self.fetcher = self.emit = None
        self._read = read

    async def fetch_run_with_attempts(self, _: RunId) -> tuple[Run, None]:
        self.known = self._read
        return self._read, None


@pytest.mark.parametrize("known", [None, Run(RUN_ID), run_in("QUEUED")])
def test_queue_is_read_of_a_run_that_no_list_has(known: Run | None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_state(*_: object) -> QueueState:
        return STATE

    monkeypatch.setattr(QueueFetcher, "read_state", read_state)
    session: Any = FakeSession(known, run_in("QUEUED"))
    assert QUEUE.find(session, RUN_ID) is None
    assert fetched(session) == STATE


def test_run_that_executes_needs_no_queue() -> None:
    session: Any = FakeSession(None, run_in("EXECUTING"))
    assert fetched(session) is None
    found = QUEUE.find(session, RUN_ID)
    assert found is not None
    assert found.value is None
