"""When the budget admits requests, and how much of the rate limit it leaves to the running tasks."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.virtual_clock import VirtualClock
from tui.api.errors import RateLimited, TooManyQueries
from tui.domain.run import RateLimit
from tui.sync.budget import (
    MAX_IN_FLIGHT,
    MAX_TRIES,
    PUBLIC_TOKEN,
    QUERY_RETRIES_S,
    SECRET_KEY,
    Budget,
    Priority,
    Refill,
)


def rate(remaining: int, resets_in_s: float = 10.0, limit: int = 750) -> RateLimit:
    return RateLimit(limit, remaining, timedelta(seconds=resets_in_s))


class Api:
    """Counts requests, and answers at once or on `release`."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.sent: list[tuple[float, str]] = []
        self.gate: asyncio.Event | None = None

    def call(self, name: str) -> Callable[[], Awaitable[str]]:
        async def send() -> str:
            self.sent.append((self.clock.monotonic_s(), name))
            if self.gate is not None:
                await self.gate.wait()
            return name

        return send


class RateLimitedServer:
    """A token bucket of `limit` requests with rate limit headers. `least` is the lowest number that remained."""

    def __init__(self, budget: Budget, api: Api, refill: Refill, limit: int) -> None:
        self._budget = budget
        self._api = api
        self._refill = refill
        self._limit = limit
        self._refills = 0
        self._remaining = self.least = limit

    def answering(self, name: str) -> Callable[[], Awaitable[str]]:
        async def send() -> str:
            passed, into_period_s = divmod(self._api.clock.monotonic_s(), self._refill.period_s)
            if passed > self._refills:
                self._remaining = min(self._limit, self._remaining + self._refill.requests)
                self._refills += 1
            self._remaining -= 1
            self.least = min(self.least, self._remaining)
            self._budget.observe(rate(self._remaining, self._refill.period_s - into_period_s, self._limit))
            return await self._api.call(name)()

        return send


async def request_all(
    budget: Budget, api: Api, priority: Priority, count: int, prefix: str = "r"
) -> list[asyncio.Task[str]]:
    tasks = [
        asyncio.ensure_future(budget.request((prefix, number), priority, api.call(f"{prefix}{number}")))
        for number in range(count)
    ]
    await asyncio.sleep(0)
    return tasks


async def cancel_all(tasks: list[asyncio.Task[str]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("refill", [SECRET_KEY, PUBLIC_TOKEN])
async def test_budget_spends_a_fifth_of_every_refill(refill: Refill) -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, refill), Api(clock)
    tasks = await request_all(budget, api, Priority.SELECTED, 400)
    await clock.run(refill.period_s * 4 - 0.01)
    for period in range(4):
        spent = [at for at, _ in api.sent if period <= at / refill.period_s < period + 1]
        assert len(spent) == refill.requests // 5
    await cancel_all(tasks)


@pytest.mark.parametrize(("refill", "limit"), [(SECRET_KEY, 750), (PUBLIC_TOKEN, 60)])
async def test_command_spends_what_the_headers_allow(refill: Refill, limit: int) -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, refill), Api(clock)
    budget.follow_headers()
    server = RateLimitedServer(budget, api, refill, limit)
    tasks = [
        asyncio.ensure_future(budget.request(number, Priority.SELECTED, server.answering(str(number))))
        for number in range(limit + 3 * refill.requests)
    ]
    for _ in range(29):  # the clock waits for some turns of the event loop at each step
        await clock.run(refill.period_s / 10)
    assert server.least == limit // 10  # what is left to the running tasks
    assert len(api.sent) == limit * 0.9 + 2 * min(refill.requests, limit * 0.9)
    await cancel_all(tasks)


async def test_list_leaves_budget_for_the_selected_run() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    tasks = await request_all(budget, api, Priority.LIST, 200)
    history = await request_all(budget, api, Priority.HISTORY, 10, "h")
    await clock.run(1)
    assert await budget.request("detail", Priority.SELECTED, api.call("detail")) == "detail"
    assert not any(name.startswith("h") for _, name in api.sent)
    await cancel_all(tasks + history)


async def test_urgent_request_goes_first_after_a_refill() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    first = await request_all(budget, api, Priority.SELECTED, 50)
    await clock.run(1)
    late = [
        *await request_all(budget, api, Priority.HISTORY, 3, "history"),
        *await request_all(budget, api, Priority.LIST, 3, "list"),
        *await request_all(budget, api, Priority.VISIBLE, 3, "visible"),
    ]
    await clock.run(9.5)
    names = [name.rstrip("0123456789") for _, name in api.sent[50:]]
    assert names == ["visible"] * 3 + ["list"] * 3 + ["history"] * 3
    await cancel_all(first + late)


async def test_budget_keeps_half_of_the_remaining_requests() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    remaining = 20

    def answering(name: str) -> Callable[[], Awaitable[str]]:
        async def send() -> str:
            nonlocal remaining
            remaining -= 1
            budget.observe(rate(remaining, resets_in_s=10 - clock.monotonic_s()))
            return await api.call(name)()

        return send

    tasks = [
        asyncio.ensure_future(budget.request(number, Priority.SELECTED, answering(str(number)))) for number in range(60)
    ]
    await clock.run(9)
    assert 8 <= len(api.sent) <= 10
    remaining = 750
    await clock.run(5)
    assert len(api.sent) == 60
    await cancel_all(tasks)


async def test_identical_requests_in_flight_are_shared() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    api.gate = asyncio.Event()
    tasks = [asyncio.ensure_future(budget.request("same", Priority.LIST, api.call("same"))) for _ in range(5)]
    await clock.run(0.1)
    api.gate.set()
    assert await asyncio.gather(*tasks) == ["same"] * 5
    assert len(api.sent) == 1
    await budget.request("same", Priority.LIST, api.call("same"))
    assert len(api.sent) == 2


async def test_shared_request_has_the_most_urgent_priority() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    full = await request_all(budget, api, Priority.SELECTED, 50)
    await clock.run(0.1)
    waiting = await request_all(budget, api, Priority.HISTORY, 40, "h")
    urgent = asyncio.ensure_future(budget.request(("h", 39), Priority.ACTION, api.call("h39")))
    await clock.run(0.1)
    assert await urgent == "h39"
    assert [name for _, name in api.sent[50:]] == ["h39"]
    await cancel_all(full + waiting)


async def test_shared_request_survives_its_canceled_sender() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    api.gate = asyncio.Event()
    sender, sharer = await request_all(budget, api, Priority.LIST, 1) + await request_all(budget, api, Priority.LIST, 1)
    await clock.run(0.1)
    sender.cancel()
    await clock.run(0.1)
    api.gate.set()
    assert await sharer == "r0"
    with pytest.raises(asyncio.CancelledError):
        await sender


async def test_429_stops_all_requests_until_the_reset() -> None:
    clock = VirtualClock()
    waits: list[float] = []
    budget, api = Budget(clock, SECRET_KEY, on_wait=waits.append), Api(clock)
    answers = iter([RateLimited("429", timedelta(seconds=7))])

    async def limited() -> str:
        for error in answers:
            raise error
        return await api.call("done")()

    first = asyncio.ensure_future(budget.request("first", Priority.VISIBLE, limited))
    await asyncio.sleep(0)
    action = asyncio.ensure_future(budget.request("cancel", Priority.ACTION, api.call("cancel")))
    await clock.run(6.9)
    assert not action.done()
    assert not first.done()
    await clock.run(0.2)
    assert await first == "done"
    assert await action == "cancel"
    assert waits == [7.0]
    assert all(at >= 7.0 for at, name in api.sent if name == "done")


async def test_429_is_raised_at_once_while_polling() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)

    async def limited() -> str:
        raise RateLimited("429", timedelta(seconds=7))

    with pytest.raises(RateLimited):
        await budget.request("page", Priority.LIST, limited)
    detail = asyncio.ensure_future(budget.request("detail", Priority.SELECTED, api.call("detail")))
    await clock.run(6.9)
    assert not detail.done()
    await clock.run(0.2)
    assert await detail == "detail"


async def test_429_is_raised_after_too_many_tries() -> None:
    clock = VirtualClock()
    budget = Budget(clock, SECRET_KEY)
    tries = 0

    async def limited() -> str:
        nonlocal tries
        tries += 1
        raise RateLimited("429", timedelta(seconds=1))

    task = asyncio.ensure_future(budget.request("x", Priority.ACTION, limited))
    await clock.run(60)
    with pytest.raises(RateLimited):
        await task
    assert tries == MAX_TRIES


async def test_few_requests_are_in_flight_at_once() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    api.gate = asyncio.Event()
    tasks = await request_all(budget, api, Priority.SELECTED, 20)
    await clock.run(0.1)
    assert len(api.sent) == MAX_IN_FLIGHT
    api.gate.set()
    await clock.run(0.1)
    assert len(api.sent) == 20
    await asyncio.gather(*tasks)


async def test_reset_that_keeps_moving_starves_no_request() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)

    async def answer() -> str:
        budget.observe(rate(700, resets_in_s=3600))
        return await api.call("x")()

    for number in range(120):
        task = asyncio.ensure_future(budget.request(number, Priority.SELECTED, answer))
        await clock.run(0.5)
        if task.done():
            continue
        task.cancel()
    assert len(api.sent) > 110


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(Priority)), st.booleans(), st.integers(0, 3), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_budget_is_empty_after_requests_and_cancellations(requests: list[tuple[Priority, bool, int, bool]]) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        budget, api = Budget(clock, SECRET_KEY), Api(clock)
        tasks = []
        for priority, is_canceled, key, is_query in requests:
            task = asyncio.ensure_future(budget.request(key, priority, api.call(str(key)), is_query=is_query))
            tasks.append(task)
            await asyncio.sleep(0)
            if is_canceled:
                task.cancel()
        await clock.run(100)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        for (_, is_canceled, key, _), answer in zip(requests, answers, strict=True):
            assert answer == str(key) or (is_canceled and isinstance(answer, asyncio.CancelledError))
        assert budget.in_flight == 0
        assert not budget._shared
        assert not budget._waiters
        assert budget._queries_in_flight == 0

    asyncio.run(scenario())


async def test_few_queries_run_at_once_and_hold_up_nothing_else() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)
    api.gate = asyncio.Event()

    def ask(priority: Priority, name: str, *, is_query: bool = True) -> asyncio.Task[str]:
        return asyncio.ensure_future(budget.request(name, priority, api.call(name), is_query=is_query))

    tasks = [ask(Priority.FACTS, f"q{number}") for number in range(4)]
    tasks += [ask(Priority.LIST, "page", is_query=False), ask(Priority.SELECTED, "urgent")]
    await clock.run(1)
    assert [name for _, name in api.sent] == ["q0", "q1", "page"]
    tasks[3].cancel()
    api.gate.set()
    await clock.run(1)
    assert [name for _, name in api.sent[3:]] == ["urgent", "q2"]
    await cancel_all(tasks)


@pytest.mark.parametrize("priority", [Priority.SELECTED, Priority.LIST, Priority.FACTS])
async def test_query_refused_for_others_is_sent_again_soon(priority: Priority) -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY, max_queries=1), Api(clock)
    refusals = iter([True, True, False])

    async def query() -> str:
        name = await api.call("query")()
        if next(refusals):
            raise TooManyQueries("429")
        return name

    task = asyncio.ensure_future(budget.request("query", priority, query, is_query=True))
    await asyncio.sleep(0)
    # Neither another query nor other requests wait for the next try.
    others = [asyncio.ensure_future(budget.request(n, Priority.HISTORY, api.call(n), is_query=n == "q")) for n in "qr"]
    await clock.run(0.01)
    assert all(other.done() for other in others)
    await clock.run(sum(QUERY_RETRIES_S[:2]))
    assert task.done()
    assert await task == "query"
    first_s, second_s, third_s = (at for at, name in api.sent if name == "query")
    for wait_s, longest_s in zip((second_s - first_s, third_s - second_s), QUERY_RETRIES_S, strict=False):
        assert longest_s / 2 <= wait_s <= longest_s + 0.01


async def test_query_that_stays_refused_raises_after_some_tries() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, SECRET_KEY), Api(clock)

    async def query() -> str:
        await api.call("query")()
        raise TooManyQueries("429")

    def ask(max_wait_s: float | None) -> asyncio.Task[str]:
        return asyncio.ensure_future(
            budget.request(max_wait_s, Priority.FACTS, query, max_wait_s=max_wait_s, is_query=True)
        )

    tasks = [ask(None)]
    await clock.run(sum(QUERY_RETRIES_S) + 0.1)
    assert len(api.sent) == len(QUERY_RETRIES_S) + 1
    tasks.append(ask(0.5))
    await clock.run(sum(QUERY_RETRIES_S))
    assert len(api.sent) == len(QUERY_RETRIES_S) + 1 + 3  # no wait of more than half a second
    assert all(isinstance(task.exception(), TooManyQueries) for task in tasks)
    assert budget.in_flight == 0


async def test_request_with_too_long_a_wait_raises_at_once() -> None:
    clock = VirtualClock()
    budget, api = Budget(clock, Refill(10, 60.0)), Api(clock)
    for number in range(2):
        await budget.request(number, Priority.SELECTED, api.call("first"), max_wait_s=0.0)
    with pytest.raises(RateLimited) as refused:
        await budget.request("late", Priority.SELECTED, api.call("late"), max_wait_s=5.0)
    assert refused.value.resets_in == timedelta(seconds=60)
    assert str(refused.value) == "the request budget is spent for 60 s"
    await clock.run(56)
    # A wait within the maximum is allowed.
    waiting = asyncio.ensure_future(budget.request("late", Priority.SELECTED, api.call("late"), max_wait_s=5.0))
    await clock.run(4)
    assert await waiting == "late"
    assert [name for _, name in api.sent] == ["first", "first", "late"]
    assert not budget.in_flight
