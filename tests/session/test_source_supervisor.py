"""The supervisor restarts sources: backoff, recovery, and refresh."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.update import SourceConnected, SourceRetrying, Update
from tui.sync.budget import FIRST_WAIT_S, MAX_ROUND_S, Emit, Source, Transient, wait_s
from tui.sync.session import Session, SourceSupervisor


class Scripted:
    """A source that fails again and again. The plan has its connected seconds before each failure; None: never."""

    def __init__(
        self,
        clock: VirtualClock,
        name: str,
        plan: Iterable[float | None],
        retry_after_s: float | None = None,
        status: int | None = 429,
    ) -> None:
        self.name = name
        self.began_s: list[float] = []
        self._clock = clock
        self._plan = iter(plan)
        self._status = status
        self._retry_after = None if retry_after_s is None else timedelta(seconds=retry_after_s)

    async def run(self, emit: Emit) -> None:
        self.began_s.append(self._clock.elapsed_s())
        connected_s = next(self._plan, None)
        if connected_s is not None:
            end_s = self._clock.elapsed_s() + connected_s
            while self._clock.elapsed_s() <= end_s:
                await emit(SourceConnected(self.name, self._clock.now(), 20.0))
                await self._clock.sleep(1.0)
        raise Transient("lost", self._retry_after, status=self._status)


class Unreachable:
    """A source whose tries fail after `took_s`, until the server is back at `back_s`."""

    name = "rest"

    def __init__(self, clock: VirtualClock, took_s: float, back_s: float) -> None:
        self.noticed_s: float | None = None
        self._clock = clock
        self._took_s = took_s
        self._back_s = back_s

    async def run(self, emit: Emit) -> None:
        if self._clock.elapsed_s() < self._back_s:
            await self._clock.sleep(self._took_s)
            raise Transient("no connection in 5 s", is_answered=False)
        self.noticed_s = self.noticed_s or self._clock.elapsed_s()
        await emit(SourceConnected(self.name, self._clock.now(), 2.0))
        await self._clock.sleep(1_000_000)


class Bench:
    """A supervisor without a session. It records the updates."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.updates: list[Update] = []
        session = SimpleNamespace(clock=self.clock, emit=self._emit, now=self.clock.now, is_started=False)
        self.sources = SourceSupervisor(cast("Session", session), Random(1))

    async def _emit(self, update: Update) -> None:
        self.updates.append(update)

    def tries(self, name: str) -> list[int]:
        return [each.attempt for each in self.updates if isinstance(each, SourceRetrying) and each.source == name]


async def during(bench: Bench, seconds: float, *sources: Source) -> None:
    tasks = [asyncio.create_task(bench.sources.supervise(source)) for source in sources]
    await bench.clock.run(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("took_s", [0.0, 0.3, 5.0, 9.0])
async def test_recovery_is_noticed_within_ten_seconds(took_s: float) -> None:
    bench = Bench()
    for back_s in (1.0, 7.0, 61.5, 300.2, 3600.7):
        began_s = bench.clock.elapsed_s()
        source = Unreachable(bench.clock, took_s, began_s + back_s)
        await during(bench, back_s + 11.0, source)
        assert sure(source.noticed_s) - began_s - back_s <= MAX_ROUND_S


@given(st.integers(1, 10_000), st.floats(0, 1e6), st.integers())
def test_wait_has_a_maximum_and_jitter(failures: int, took_s: float, seed: int) -> None:
    pause_s = wait_s(Random(seed), failures, took_s)
    assert FIRST_WAIT_S / 2 <= pause_s <= MAX_ROUND_S
    assert took_s + pause_s <= max(MAX_ROUND_S, took_s + FIRST_WAIT_S)


async def test_backoff_grows_and_restarts_after_a_stable_time() -> None:
    bench = Bench()
    source = Scripted(bench.clock, "realtime", [None, 1.0, None, 15.0, *[1.0] * 1000])
    await during(bench, 600, source)
    assert bench.tries("realtime")[:8] == [1, 2, 3, 1, 2, 3, 4, 5]
    assert len(source.began_s) < 80


async def test_recovery_ends_the_waits_of_others_but_none_for_a_429() -> None:
    bench = Bench()
    rest = Scripted(bench.clock, "rest", [None, None, None, None, None, 1000.0])
    lost = Scripted(bench.clock, "lost", [None] * 9)
    refused = Scripted(bench.clock, "realtime", [None] * 9, retry_after_s=300.0, status=404)
    crowded = Scripted(bench.clock, "crowded", [None] * 9, retry_after_s=300.0)
    await during(bench, 100, rest, lost, refused, crowded)
    back_s = rest.began_s[-1]
    assert 10 < back_s < 60
    for each in (lost, refused):
        assert any(0 <= began_s - back_s < 0.1 for began_s in each.began_s)
    assert (len(refused.began_s), crowded.began_s) == (2, [0.0])


async def test_refresh_ends_all_waits_once() -> None:
    bench = Bench()
    crowded = Scripted(bench.clock, "crowded", [None] * 99, retry_after_s=300.0)
    task = asyncio.create_task(bench.sources.supervise(crowded))
    await bench.clock.run(10)
    for _ in range(10):
        bench.sources.refresh()
        await bench.clock.run(0.04)
    assert crowded.began_s == [0.0, 10.0]
    await bench.clock.run(1)
    bench.sources.refresh()
    await bench.clock.run(0.1)
    assert len(crowded.began_s) == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
