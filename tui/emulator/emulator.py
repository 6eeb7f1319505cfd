"""The emulated server without its HTTP: the worlds by environment, the time, the limits, the faults.

What lives here: what the routes share. A world is made when its key is first used, so that an environment that nobody
asks for costs nothing; both begin at the same moment, whenever they are made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import anyio
import anyio.to_thread

from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.faults import Faults
from tui.emulator.limits import PUBLIC_TOKEN, SECRET_KEY, Limit, Limiter
from tui.emulator.query import Queries
from tui.emulator.sockets import Sockets
from tui.emulator.world import LIST_LAG_MS, Company, World

TICK_S = 0.2
"""Worlds move on at least so often, asked or not, so that no request has to make up for much."""


FOLLOW_TICKS = 10
"""Every so many of them the copies for queries follow, so that no query has to make up for much either."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the worlds are: `rate_per_s` runs a second, `history` finished runs at the start, both for each of them."""

    seed: int = 0
    rate_per_s: float = 5.0
    history: int = 500
    lag_ms: tuple[int, int] = LIST_LAG_MS
    environments: Sequence[Environment] = (DEVELOPMENT, PRODUCTION)
    secret_key_limit: Limit = SECRET_KEY
    public_token_limit: Limit = PUBLIC_TOKEN


@dataclass(slots=True)
class _Place:
    """An environment, and its world once it is made."""

    environment: Environment
    world: World | None = None
    queries: Queries | None = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Emulator:
    """The server's state. `clock` gives epoch milliseconds; the worlds begin at what it shows now."""

    def __init__(self, company: Company, options: Options, clock: Callable[[], int]) -> None:
        self.options = options
        self.clock = clock
        self.limiter = Limiter()
        self._random = Random(options.seed)
        self.faults = Faults(self._random)
        self.sockets = Sockets()
        self.sockets.is_refusing = lambda: self.faults.whole("refuse") is not None
        self._company = company
        self._start_ms = clock()
        self._places = {each.slug: _Place(each) for each in options.environments}
        self._overridden: tuple[object, ...] = ()

    @property
    def environments(self) -> list[Environment]:
        """Those that there are."""
        return [place.environment for place in self._places.values()]

    @property
    def shown_ms(self) -> int:
        """The time that the `Date` header tells."""
        skew = self.faults.whole("clock-skew")
        return self.clock() + (int(skew.number("seconds") * 1000) if skew else 0)

    def limit(self, limit: Limit) -> Limit:
        """The limit that counts in its place now."""
        fault = self.faults.whole("rate-limit")
        now = (fault.number("most", 0), fault.number("refill", -1)) if fault else ()
        if now != self._overridden:
            self._overridden = now
            self.limiter.forget()
        ours = self.options.public_token_limit if limit is PUBLIC_TOKEN else self.options.secret_key_limit
        if fault is None:
            return ours
        most = int(fault.number("most", 0))
        return Limit(most, int(fault.number("refill", most)), ours.period_ms, ours.is_aligned)

    def chance(self) -> float:
        """Between 0 and 1, for what faults leave to it."""
        return self._random.random()

    def is_known(self, slug: str) -> bool:
        """Whether there is such an environment."""
        return slug in self._places

    def put(self, world: World) -> None:
        """Take this world for its environment, instead of making one."""
        self._settle(self._places[world.environment.slug], world)

    async def world(self, slug: str) -> World:
        """The world of an environment, as it is now. Making it may take seconds, in a thread of its own.

        Raises KeyError for an environment that there is not.
        """
        place = self._places[slug]
        world = place.world
        if world is None:
            async with place.lock:
                world = place.world
                if world is None:
                    world = await anyio.to_thread.run_sync(self._make, place.environment)
                    self._settle(place, world)
        self._advance(world)
        return world

    async def queries(self, slug: str) -> Queries:
        """What answers the queries about that world."""
        await self.world(slug)
        queries = self._places[slug].queries
        assert queries is not None
        return queries

    async def tick(self) -> None:
        """Move all worlds on, for ever, and what follows them."""
        ticks = 0
        while True:
            ticks += 1
            for place in self._places.values():
                if place.world is not None:
                    self._advance(place.world)
                if place.queries is not None and ticks % FOLLOW_TICKS == 0:
                    await place.queries.follow()
            await anyio.sleep(TICK_S)

    def close(self) -> None:
        """Give back what the worlds hold."""
        for place in self._places.values():
            if place.queries is not None:
                place.queries.close()
                place.queries = None

    def _settle(self, place: _Place, world: World) -> None:
        if place.queries is not None:
            place.queries.close()
        place.world, place.queries = world, Queries(world)

    def _advance(self, world: World) -> None:
        if self.faults.whole("stale") is None:
            world.advance(self.clock())

    def _make(self, environment: Environment) -> World:
        options = self.options
        return World(
            self._company,
            start_ms=self._start_ms,
            environment=environment,
            seed=options.seed,
            rate_per_s=options.rate_per_s,
            history=options.history,
            lag_ms=options.lag_ms,
        )
