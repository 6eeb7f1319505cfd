"""The budget keeps its bounds, whatever resets the server announces and whenever requests come."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.virtual_clock import VirtualClock
from tui.domain.run import RateLimit
from tui.sync.budget import PUBLIC_TOKEN, SECRET_KEY, Budget, Priority, Refill

RESETS: dict[str, Callable[[float], float]] = {
    "a reset in the past": lambda _: -5.0,
    "a reset now": lambda _: 0.0,
    "a reset every second": lambda now_s: 1 - now_s % 1,
    "a reset that is always a moment away": lambda _: 0.01,
    "a reset in an hour": lambda _: 3600.0,
    "a reset every ten seconds": lambda now_s: 10 - now_s % 10,
}


def most_within(moments: list[float], seconds: float) -> int:
    """Return the most moments within any span of `seconds`."""
    return max((sum(start <= moment < start + seconds - 1e-6 for moment in moments) for start in moments), default=0)


class Server:
    """Answers at once, with rate limit headers."""

    def __init__(self, clock: VirtualClock, refill: Refill, resets_in_s: Callable[[float], float]) -> None:
        self.clock = clock
        self.budget = Budget(clock, refill)
        self.sent_s: list[float] = []
        self.remaining = 10_000
        self._resets_in_s = resets_in_s
        self._tasks: list[asyncio.Task[None]] = []

    async def answer(self) -> None:
        now_s = self.clock.monotonic_s()
        self.sent_s.append(now_s)
        self.remaining -= 1
        self.budget.observe(RateLimit(10_000, self.remaining, timedelta(seconds=self._resets_in_s(now_s))))

    def request(self, count: int, priority: Priority) -> None:
        for _ in range(count):
            key = len(self._tasks)
            self._tasks.append(asyncio.ensure_future(self.budget.request(key, priority, self.answer)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.mark.parametrize("refill", [SECRET_KEY, PUBLIC_TOKEN], ids=["a secret key", "a public token"])
@pytest.mark.parametrize("resets_in_s", RESETS.values(), ids=RESETS.keys())
async def test_no_period_spends_more_than_a_fifth(refill: Refill, resets_in_s: Callable[[float], float]) -> None:
    server = Server(VirtualClock(), refill, resets_in_s)
    server.request(300, Priority.SELECTED)
    await server.clock.run(4.5 * refill.period_s)
    assert most_within(server.sent_s, refill.period_s) == refill.requests // 5
    assert len(server.sent_s) >= min(300, 4 * refill.requests // 5)
    await server.close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 25),
            st.integers(1, 40),
            st.sampled_from([each for each in Priority if each is not Priority.ACTION]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(sorted(RESETS)),
)
def test_fifth_holds_for_any_sequence_of_requests(requests: list[tuple[float, int, Priority]], resets: str) -> None:
    async def scenario() -> None:
        server = Server(VirtualClock(), SECRET_KEY, RESETS[resets])
        for wait_s, count, priority in requests:
            server.request(count, priority)
            await server.clock.run(wait_s)
        await server.clock.run(200)
        assert most_within(server.sent_s, 10) <= 50
        assert len(server.sent_s) == sum(count for _, count, _ in requests)
        await server.close()

    asyncio.run(scenario())


async def test_requests_late_in_a_period_count_for_the_next() -> None:
    server = Server(VirtualClock(), SECRET_KEY, RESETS["a reset every ten seconds"])
    await server.clock.run(9)
    server.request(200, Priority.SELECTED)
    await server.clock.run(9.9)
    assert len(server.sent_s) == 50
    await server.close()


# A reset in the next second is plausible: half of the requests remaining then would be the next floor.
@pytest.mark.parametrize("resets", sorted(RESETS.keys() - {"a reset every second"}))
async def test_five_of_ten_remaining_requests_are_kept(resets: str) -> None:
    server = Server(VirtualClock(), SECRET_KEY, RESETS[resets])
    server.remaining = 11
    server.request(1, Priority.LIST)
    await server.clock.run(0.5)
    assert server.remaining == 10
    server.request(100, Priority.SELECTED)
    await server.clock.run(9)
    assert server.remaining == 5
    await server.close()
