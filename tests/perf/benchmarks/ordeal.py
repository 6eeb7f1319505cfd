"""Runs the chaos test for long, in scaled real time: `python -m tests.perf.benchmarks.ordeal MINUTES [SEED] [SCALE]`.

Faults of all kinds in random order strike an emulator with simulated load. A session follows it by feed and polling
over real HTTP. After each fault, the benchmark measures the seconds until the store equals the world, and checks the
counts of the gap. Each round has its own emulator, session and seed. Errors go to stderr and make the exit code 1.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.perf.figure import Figure
from tests.perf.scaled_clock import ScaledClock
from tests.support.chaos import ALLOWED_S, FAULT_S, KINDS, ChaosSession, Outcome
from tui.api.client import DEFAULT_TIMEOUTS, FEED_TIMEOUTS
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.settings.settings import read_settings
from tui.sync.session import Session

MINUTES = 3.0
SCALE = 10.0
"""Ten seconds in one. A request of 10 ms then takes 100 ms of the program's time, as with a distant server."""

SEED = 1
FAULTS = 2 * len(KINDS)
"""The faults of a round: each kind twice, the second time in a session that went through all others."""

BLIP_S, OUTAGE_S = FAULT_S, 75.0
"""The two random durations of a fault. A hanging feed is detected only after 30 s, so that only the longer duration
makes all data stale with every fault.
"""

RATE_PER_S = 3.0
HISTORY = 300
SETTLING_S = 20.0


def outcomes(minutes: float, seed: int, scale: float) -> Iterator[tuple[int, Outcome]]:
    """Yield the outcome of each fault with the seed of its round, until the time is up."""
    ends_s = time.monotonic() + minutes * 60
    while time.monotonic() < ends_s:
        for outcome in asyncio.run(_round(seed, scale, ends_s)):
            yield seed, outcome
        seed += 1


async def _round(seed: int, scale: float, ends_s: float) -> list[Outcome]:
    clock = ScaledClock(scale)
    options = Options(seed=seed, environments=(DEVELOPMENT,), rate_per_s=RATE_PER_S, history=HISTORY)
    emulator = Emulator(COMPANY, options, clock.epoch_ms)
    world = emulator.make(DEVELOPMENT.slug)
    suffered: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder, serve_in_thread(application(emulator), emulator) as url:
        environ = {"TRIGGER_SECRET_KEY": DEVELOPMENT.key, "TRIGGER_API_URL": url, "XDG_STATE_HOME": str(Path(folder))}
        session = Session(
            read_settings(environ),
            clock=clock,
            random=Random(seed),
            timeouts=clock.scaled(DEFAULT_TIMEOUTS),
            feed_timeouts=clock.scaled(FEED_TIMEOUTS),
        )
        async with session:
            await session.start()
            chaos = ChaosSession(session, emulator, world, clock.sleep, Random(seed))
            session.sources.follow_runs()
            await clock.sleep(SETTLING_S)
            for kind in chaos.kinds(FAULTS):
                fault_s = chaos.random.choice((BLIP_S, OUTAGE_S))
                outcome = await chaos.inject(kind, fault_s, must_be_stale=fault_s == OUTAGE_S)
                suffered.append(outcome)
                if not outcome.is_right:
                    print(
                        f"seed {seed}, fault {len(suffered)} of {fault_s:g} s: {outcome}", file=sys.stderr, flush=True
                    )
                if time.monotonic() >= ends_s:
                    break
    return suffered


def measure(minutes: float = MINUTES, seed: int = SEED, scale: float = SCALE) -> Iterator[Figure]:
    """Yield the figures of the chaos test."""
    seen = [outcome for _, outcome in outcomes(minutes, seed, scale)]
    waits_s = sorted(ALLOWED_S if each.recovered_s is None else each.recovered_s for each in seen)
    yield Figure(f"faults in {minutes:g} minutes, {scale:g} times as fast", len(seen), "faults")
    yield Figure("after a fault, until all is known, p95", waits_s[int(len(waits_s) * 0.95)], "s")
    yield Figure("the longest", waits_s[-1], "s", ALLOWED_S)
    yield Figure("with a gap, its runs counted", sum(each.counted is not None for each in seen), "faults")
    yield Figure("after which something was wrong", sum(not each.is_right for each in seen), "faults", 0)


def main() -> int:
    """Print the figures. Return 1 if one is above its limit."""
    given = dict(enumerate(sys.argv[1:]))
    minutes, seed, scale = float(given.get(0, MINUTES)), int(given.get(1, SEED)), float(given.get(2, SCALE))
    figures = list(measure(minutes, seed, scale))
    for figure in figures:
        print(f"{figure.name:55} {figure.value:8.2f} {figure.unit}")
    return int(any(figure.limit is not None and figure.value > figure.limit for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
