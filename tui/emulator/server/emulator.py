"""The state of the emulated server: a world for each environment, the clock, the rate limits, the faults.

A world is built when its key is first used, so an unused environment costs nothing. All worlds start at the same
moment.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import anyio.lowlevel

from tui.emulator.access import Access, Limit, Limiter, RateLimitState
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.query.database import Queries, QueryGate
from tui.emulator.server.faults import Faults, Sockets
from tui.emulator.server.feeds import Feeds
from tui.emulator.simulation.arrivals import NO_STORY, Story
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.runs import OldRun
from tui.emulator.world import LIST_LAG_MS, DemoTasks, World


class WorldClock:
    """A clock that shows `start_ms` at its creation and then runs `scale` times as fast as the machine's.

    It returns epoch milliseconds. With a scale of 0 it stands still. Tests pass a function of their own instead.
    """

    def __init__(self, start_ms: int | None = None, scale: float = 1.0) -> None:
        self.start_ms = time.time_ns() // 1_000_000 if start_ms is None else start_ms
        self._scale = scale
        self._since_s = time.monotonic()

    def __call__(self) -> int:
        return self.start_ms + int((time.monotonic() - self._since_s) * 1000 * self._scale)


LOG = logging.getLogger(__name__)
TICK_S = 0.2
"""Worlds advance at least this often, even without requests, so that no request has to catch up on much."""

UPDATE_PERIOD_S = 2.0
"""The tables for queries are updated this often, so that no query has to catch up on much."""

TURN_S = 0.01
"""While a world catches up on a lot, other tasks run this often."""

SLICE_RUNS = 20
"""After this many runs, one or two milliseconds of work, check whether other tasks must run."""

DEFAULT_LATE_S = 10.0
"""The age of counts under the fault `late-counts`, unless the fault names one."""

DEFAULT_SLOW_S = 2.0
"""How much longer a query runs under the fault `slow-queries`, unless the fault names it."""

MAX_SLICE_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Options:
    """Options of all worlds: `rate_per_s` runs a second, and `history` finished runs at the start.

    `old_runs` are older than the history. For a seed and a start in epoch milliseconds, `story` returns the company of
    a world, instead of the emulator's, and what happens there.

    """

    seed: int = 0
    rate_per_s: float = 5.0
    history: int = 500
    lag_ms: tuple[int, int] = LIST_LAG_MS
    environments: Sequence[Environment] = (DEVELOPMENT, PRODUCTION)
    old_runs: Sequence[OldRun] = ()
    story: Callable[[int, int], tuple[DemoTasks, Story]] | None = None


@dataclass(slots=True)
class _Slot:
    """An environment, and its world once it is built."""

    environment: Environment
    world: World | None = None
    queries: Queries | None = None


class Emulator:
    """The server's state. `clock` returns epoch milliseconds; the worlds start at its time now."""

    def __init__(self, company: DemoTasks, options: Options, clock: Callable[[], int]) -> None:
        self.options = options
        self.clock = clock
        self.limiter = Limiter()
        self.gate = QueryGate()
        """Queries of all environments, which are of one project."""
        self._random = Random(options.seed)
        self.faults = Faults(
            self._random, [environment.slug for environment in options.environments], self._follow_faults
        )
        self.feeds = Feeds(
            clock, self.faults, Random(digest(options.seed, "feeds")), advance=lambda world: world.advance(self._now_ms)
        )
        self.sockets = Sockets()
        self.sockets.is_refusing = lambda: self.faults.server_fault("refuse") is not None
        self.company = company
        self._start_ms = clock()
        self._slots = {each.slug: _Slot(each) for each in options.environments}
        self._limiting: object = None
        self._halted_ms: int | None = None
        self._is_caught_up = False
        """Whether the fault `halt` has already brought the lists up to date."""

    @property
    def environments(self) -> list[Environment]:
        return [slot.environment for slot in self._slots.values()]

    @property
    def shown_ms(self) -> int:
        """The time in the `Date` header."""
        skew = self.faults.server_fault("clock-skew")
        return self.clock() + (int(skew.number("seconds") * 1000) if skew else 0)

    def count_request(self, access: Access, own_limit: Limit | None) -> RateLimitState:
        """Count a request against the limit of its key, or against a route's own limit."""
        key = access.token if own_limit is None else f"{own_limit.most} {access.token}"
        return self.limiter.count_request(key, self.limit(own_limit or access.limit), self.clock())

    def limit(self, limit: Limit) -> Limit:
        """The limit in force: this one, or that of the fault `rate-limit`."""
        fault = self.faults.server_fault("rate-limit")
        if fault is None:
            return limit
        most = int(fault.number("most"))
        return Limit(most, int(fault.number("refill", most)), limit.period_ms, limit.is_aligned)

    def chance(self) -> float:
        """A random number between 0 and 1, for the faults."""
        return self._random.random()

    def is_known(self, slug: str) -> bool:
        """Whether this environment exists."""
        return slug in self._slots

    def put(self, world: World) -> None:
        """Use this world for its environment instead of building one."""
        self._set_world(self._slots[world.environment.slug], world)

    def make(self, slug: str) -> World:
        """Build the world of an environment, which may take seconds. Raises KeyError as `world` does."""
        world = self._make(self._slots[slug].environment)
        self.put(world)
        return world

    async def world(self, slug: str) -> World:
        """Return the world of an environment, advanced to now, and build it first if it is not used yet.

        Raises KeyError for an unknown environment.
        """
        world = self._slots[slug].world or self.make(slug)
        await self._advance(world)
        return world

    async def queries(self, slug: str) -> Queries:
        """Return the queries of a world, after advancing it to now."""
        await self.world(slug)
        queries = self._slots[slug].queries
        assert queries is not None
        late = self.faults.server_fault("late-counts")
        queries.late_ms = int(late.number("seconds", DEFAULT_LATE_S) * 1000) if late else 0
        slow = self.faults.server_fault("slow-queries")
        queries.slow_s = slow.number("seconds", DEFAULT_SLOW_S) if slow else 0.0
        return queries

    async def tick(self) -> None:
        """Advance all worlds forever, update their tables and answer the polls that are due."""
        update_s = anyio.current_time() + UPDATE_PERIOD_S
        while True:
            await self.feeds.pause(TICK_S)
            is_updating = anyio.current_time() >= update_s
            if is_updating:
                update_s += UPDATE_PERIOD_S
            for slot in self._slots.values():
                try:
                    await self._tick(slot, is_updating=is_updating)
                except Exception:
                    # A bug of the emulator: log it to stderr and keep serving.
                    LOG.exception("the world of %s could not move on", slot.environment.slug)
            self.feeds.answer_due()

    def close(self) -> None:
        """Free the tables of all worlds."""
        for slot in self._slots.values():
            if slot.queries is not None:
                slot.queries.close()
                slot.queries = None

    def _set_world(self, slot: _Slot, world: World) -> None:
        if slot.queries is not None:
            slot.queries.close()
        self.feeds.sets.forget(slot.environment.slug)
        slot.world, slot.queries = world, Queries(world, gate=self.gate)
        self._set_queues(world)

    async def _tick(self, slot: _Slot, *, is_updating: bool) -> None:
        if slot.world is not None:
            await self._advance(slot.world)
        if slot.queries is not None and is_updating:
            await slot.queries.update()

    async def _advance(self, world: World) -> None:
        """Advance a world to now, in slices."""
        to_ms = self._now_ms
        rate_per_s = self.options.rate_per_s
        slice_ms = max(1, int(SLICE_RUNS * 1000 / rate_per_s)) if rate_per_s else MAX_SLICE_MS
        turn_ends_s = anyio.current_time() + TURN_S
        while world.now_ms + slice_ms < to_ms:
            world.advance(world.now_ms + slice_ms)
            if anyio.current_time() > turn_ends_s:
                await anyio.lowlevel.checkpoint()
                turn_ends_s = anyio.current_time() + TURN_S
        world.advance(to_ms)

    @property
    def _now_ms(self) -> int:
        """The time of the worlds, which the faults `stale` and `halt` stop."""
        return self.clock() if self._halted_ms is None else self._halted_ms

    def _follow_faults(self) -> None:
        """Reset the rate limits, stop or restart the worlds' time, and reset connections, as the new faults demand."""
        limiting = self.faults.server_fault("rate-limit")
        if limiting != self._limiting:
            self._limiting = limiting
            self.limiter.forget()
        if not self.faults.is_halted:
            self._halted_ms = None
        elif self._halted_ms is None:
            self._halted_ms = self.clock()
        was_caught_up, self._is_caught_up = self._is_caught_up, self.faults.server_fault("halt") is not None
        for world in filter(None, (slot.world for slot in self._slots.values())):
            if self._is_caught_up and not was_caught_up:
                world.advance(self._now_ms)
                world.copy_changes()
            self._set_queues(world)
        if self.faults.server_fault("drop") is not None:
            self.sockets.reset()
        self.feeds.follow_faults()

    def _set_queues(self, world: World) -> None:
        """Let workers go, pause the environment, and show queues of either version, as the faults demand."""
        world.lifecycle.dispatch.set_worker(has_worker=self.faults.server_fault("no-worker") is None)
        world.lifecycle.dispatch.set_paused(is_paused=self.faults.server_fault("paused") is not None)
        world.queues.is_v2 = self.faults.server_fault("v2-queues") is not None

    def _make(self, environment: Environment) -> World:
        options = self.options
        company, story = self.company, NO_STORY
        if options.story is not None:
            company, story = options.story(digest(options.seed, environment.slug), self._start_ms)
        return World(
            company,
            start_ms=self._start_ms,
            environment=environment,
            seed=options.seed,
            rate_per_s=options.rate_per_s,
            history=options.history,
            lag_ms=options.lag_ms,
            old_runs=options.old_runs,
            story=story,
        )
