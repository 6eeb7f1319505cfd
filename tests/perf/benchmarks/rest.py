"""Counts the requests that polling needs, in virtual time."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.perf.figure import Figure
from tests.support.fleet import at, serving, steady_fleet
from tests.support.session import pass_time, started
from tests.support.virtual_clock import VirtualClock
from tui.domain.run import RunStatus

SECONDS = 180


async def _poll(folder: Path, queued: int, starts_per_s: int) -> list[Figure]:
    clock = VirtualClock()
    fleet = steady_fleet(clock, queued=queued, starts_per_s=starts_per_s, running_s=4, until_s=SECONDS + 10)
    with serving(fleet) as api:
        async with started(api, folder) as session:
            session.sources.follow("rest")
            await pass_time(session, api, SECONDS)
            windows = [
                sum(period <= moment / 10 < period + 1 for moment, _, _ in fleet.requests) for period in range(18)
            ]
            ages: dict[bool, list[float]] = {True: [0.0], False: [0.0]}
            for run in session.store.runs():
                if not run.is_final and run.read_at is not None:
                    age_s = fleet.now_s - (run.read_at - at(0)).total_seconds()
                    ages[run.status is RunStatus.EXECUTING].append(age_s)
    name = f"{queued:,} queued, {starts_per_s} starts/s"
    return [
        Figure(f"{name}: requests in the busiest 10 s", max(windows), "requests", 50),
        Figure(f"{name}: oldest knowledge of a running run", max(ages[True]), "s"),
        Figure(f"{name}: oldest knowledge of a queued run", max(ages[False]), "s"),
    ]


def measure() -> Iterator[Figure]:
    """Yield the figures of polling."""
    for queued, starts_per_s in ((50, 5), (10_000, 50)):
        with tempfile.TemporaryDirectory() as folder:
            yield from asyncio.run(_poll(Path(folder), queued, starts_per_s))
