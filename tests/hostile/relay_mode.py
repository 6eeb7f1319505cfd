"""Poison that reaches a screen through a relay.

Relay, screen and emulator share one virtual clock, and communicate over real HTTP and WebSockets.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.hostile.cases import Case, Result
from tests.hostile.dosing import draw
from tests.hostile.hostile_relay import CHANGES, HostileRelay
from tests.hostile.monitor import SIZES, Walker, hostile_monitor_server, pane_titles
from tests.hostile.packing import chosen_shots
from tests.hostile.poison_panes import Stage, common_surfaces, died, monitor_end, run_on
from tests.hostile.proxy import Proxy
from tests.hostile.world import HostileFleet
from tests.support.fleet import FleetApi
from tests.support.relay import TOKEN, TOKENS, RelaySetup
from tests.support.ui.idle import IdleCheck
from tests.support.ui.monitor import Monitored
from tui.program.app import TriggerApp
from tui.relay.server import RelayOptions
from tui.settings.settings import read_relay_settings
from tui.sync.session import Session

KINDS = frozenset(
    {"GET /api/v1/runs", "GET /api/v3/runs/{}", "GET /api/v1/runs/{}/trace", "GET /api/v1/whoami", "POST /api/v1/query"}
)
"""The kinds of responses that a relay requests."""

SIZE = SIZES[1]
INTERVAL_S = 2.0
FIRST_S = 6.0
SHORT_SHOTS = {"texts": 1, "structures": 0}
LONG_SHOTS = {"texts": 2, "structures": 2}
SHORT_CHANGES = 2
LONG_CHANGES = 24
HOSTILE = f"hostile relay {SIZE[0]}x{SIZE[1]}"
"""The surface of a screen behind `HostileRelay`."""

WORDS = f"{SIZE[0]}x{SIZE[1]}"


class Relays:
    """Screens of a relay with a hostile API, and screens behind a hostile relay."""

    name = "relay"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return some shots of poison on every pane of the screen, and changes of messages."""
        drawn = draw(self.name, "", KINDS, random, texts=2, others=int(not is_short))
        random.shuffle(drawn)
        names = [*(f"relay screen {title} {WORDS}" for title in pane_titles()), *common_surfaces(SIZE)]
        changes = random.sample(list(CHANGES), SHORT_CHANGES if is_short else LONG_CHANGES)
        hostile = [Case(self.name, HOSTILE, change) for change in changes]
        whats = [case.what for case in drawn]
        chosen = chosen_shots(whats, self.name, KINDS, **(SHORT_SHOTS if is_short else LONG_SHOTS))
        return [*hostile, *(Case(self.name, name, what) for group in chosen for what in group for name in names)]

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one relay and one screen for each shot, or for each change of messages."""
        for case in cases:
            if case.surface == HOSTILE:
                yield _between(case)
        cases = [case for case in cases if case.surface != HOSTILE]
        plain = [Case(case.mode, case.surface.removeprefix("relay screen "), case.what) for case in cases]
        names = dict(zip(plain, cases, strict=True))
        for result in run_on(Stage(self.name, _walking, KINDS, {}), plain):
            yield Result(names[result.case], result.trouble, result.is_reached)


@dataclass
class _RelayMonitored(Monitored):
    """A monitor that advances the time of its relay too."""

    setup: RelaySetup
    between: HostileRelay | None

    async def _pass(self, seconds: float) -> None:
        await self.setup.fleet.clock.run(seconds, idle=self._idle)

    async def _idle(self) -> None:
        await self.setup.wait_until_idle()
        if self.between is not None:
            await self.between.idle()
        while self.idle.is_busy():  # noqa: ASYNC110  there is no event
            await asyncio.sleep(0)


def _between(case: Case) -> Result:
    """Check that a screen with changed messages stays responsive, shows clean lines, and ends by its key."""
    changed = 0
    with hostile_monitor_server() as (fleet, proxy, state):

        async def session() -> str:
            nonlocal changed
            async with _walking(SIZE, proxy, fleet, state, between=case) as walker:
                trouble = await monitor_end(walker)
                assert isinstance(walker.monitor, _RelayMonitored)
                changed = 0 if walker.monitor.between is None else walker.monitor.between.changed
                return trouble

        return Result(case, died(session), changed > 0)


@asynccontextmanager
async def _walking(
    size: tuple[int, int], proxy: Proxy, fleet: HostileFleet, state: Path, between: Case | None = None
) -> AsyncIterator[Walker]:
    """Start a screen of a relay, with a `HostileRelay` before it if `between`, and let its first seconds pass."""
    api = FleetApi(fleet, proxy.url)
    setup = RelaySetup(api, state, TOKENS, RelayOptions(), INTERVAL_S, realtime=False)
    async with AsyncExitStack() as running:
        running.push_async_callback(setup.stop)
        await setup.start()
        hostile: HostileRelay | None = None
        if between is not None:
            hostile = HostileRelay(setup.url, between.what, between.marker, between.number)
            await running.enter_async_context(hostile.serving())
        environ = {"TRIGGER_TUI_RELAY_TOKEN": TOKEN, "XDG_STATE_HOME": str(state)}
        settings = read_relay_settings(environ, relay_url=setup.url if hostile is None else hostile.url)
        session = await running.enter_async_context(Session(settings, clock=fleet.clock, random=Random(1)))
        app = TriggerApp(session, environ={}, environment_name="relay")
        quiet = IdleCheck(app)
        pilot = await running.enter_async_context(app.run_test(size=size))
        setup.screens.append(session)
        monitor = _RelayMonitored(app, pilot, session, api, quiet, setup, hostile)
        walker = Walker(monitor, fleet, proxy)
        assert app._driver is not None
        app._driver.write = walker.writes.append  # type: ignore[assignment, method-assign]
        await monitor.later(FIRST_S)
        yield walker
        setup.screens.remove(session)
