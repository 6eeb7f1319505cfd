"""When the budget admits requests, how much of the rate limit it leaves to the tasks, and that every list ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.virtual_clock import START, VirtualClock
from tui.api.errors import RateLimited, TooManyQueries
from tui.domain.run import Cursor, Precision, RateLimit, Run, RunId, State, parse_status
from tui.sync.budget import MAX_IN_FLIGHT, MAX_TRIES, PUBLIC_TOKEN, QUERY_RETRIES_S, SECRET_KEY, Budget, Refill
from tui.sync.fetch import SETTLED_AFTER, is_settled
from tui.sync.reads import MAX_STALE_PAGES, Paging, Priority

RESETS: dict[str, Callable[[float], float]] = {
    "a reset in the past": lambda _: -5.0,
    "a reset now": lambda _: 0.0,
    "a reset every second": lambda now_s: 1 - now_s % 1,
    "a reset that is always a moment away": lambda _: 0.01,
    "a reset in an hour": lambda _: 3600.0,
    "a reset every ten seconds": lambda now_s: 10 - now_s % 10,
}


class Bench:
    """A budget, and a server that answers at once or on `gate`. `headers`, if any, come with each answer."""

    def __init__(self, refill: Refill = SECRET_KEY, *, max_queries: int = 2) -> None:
        self.clock = VirtualClock()
        self.waits: list[float] = []
        self.budget = Budget(self.clock, refill, on_wait=self.waits.append, max_queries=max_queries)
        self.sent: list[tuple[float, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.headers: Callable[[float], RateLimit] | None = None
        self.errors: list[Exception] = []
        """Raised by the next requests that are sent, the last one first."""
        self._tasks: list[asyncio.Task[str]] = []

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.sent]

    async def send(self, name: str) -> str:
        self.sent.append((self.clock.monotonic_s(), name))
        if self.headers is not None:
            self.budget.observe(self.headers(self.clock.monotonic_s()))
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop()
        return name

    def ask(
        self,
        name: str,
        priority: Priority = Priority.SELECTED,
        *,
        key: Hashable = None,
        is_query: bool = False,
        max_wait_s: float | None = None,
    ) -> asyncio.Task[str]:
        """Begin a request. Requests with one key are identical; by default each is its own."""
        key = (len(self._tasks), name) if key is None else key
        request = self.budget.request(key, priority, lambda: self.send(name), is_query=is_query, max_wait_s=max_wait_s)
        self._tasks.append(asyncio.create_task(request))
        return self._tasks[-1]

    def ask_all(self, name: str, priority: Priority, count: int) -> None:
        for _ in range(count):
            self.ask(name, priority)

    def most_within(self, seconds: float) -> int:
        """Return the most requests within any span of `seconds`."""
        moments = [moment for moment, _ in self.sent]
        return max((sum(start <= each < start + seconds - 1e-6 for each in moments) for start in moments), default=0)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def a_bench(refill: Refill = SECRET_KEY, *, max_queries: int = 2) -> AsyncIterator[Bench]:
    bench = Bench(refill, max_queries=max_queries)
    yield bench
    await bench.close()


def rate(remaining: int, resets_in_s: float = 10.0, limit: int = 750) -> RateLimit:
    return RateLimit(limit, remaining, timedelta(seconds=resets_in_s))


# --- how much is spent


@pytest.mark.parametrize("refill", [SECRET_KEY, PUBLIC_TOKEN], ids=["a secret key", "a public token"])
@pytest.mark.parametrize("resets", [None, "a reset in the past", "a reset every second", "a reset in an hour"])
async def test_no_period_spends_more_than_a_fifth(refill: Refill, resets: str | None) -> None:
    async with a_bench(refill) as bench:
        if resets is not None:
            bench.headers = lambda now_s: rate(10_000 - len(bench.sent), RESETS[resets](now_s), 10_000)
        bench.ask_all("r", Priority.SELECTED, 300)
        await bench.clock.run(4.5 * refill.period_s)
        assert bench.most_within(refill.period_s) == refill.requests // 5
        assert len(bench.sent) >= min(300, 4 * refill.requests // 5)


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
        async with a_bench() as bench:
            bench.headers = lambda now_s: rate(10_000 - len(bench.sent), RESETS[resets](now_s), 10_000)
            for wait_s, count, priority in requests:
                bench.ask_all("r", priority, count)
                await bench.clock.run(wait_s)
            await bench.clock.run(200)
            assert bench.most_within(10) <= 50
            assert len(bench.sent) == sum(count for _, count, _ in requests)

    asyncio.run(scenario())


@pytest.mark.parametrize(("refill", "limit"), [(SECRET_KEY, 750), (PUBLIC_TOKEN, 60)])
async def test_command_spends_what_the_headers_allow(refill: Refill, limit: int) -> None:
    async with a_bench(refill) as bench:
        bench.budget.follows_headers = True
        refills, remaining, least = 0, limit, limit

        def headers(now_s: float) -> RateLimit:
            nonlocal refills, remaining, least
            passed, into_period_s = divmod(now_s, refill.period_s)
            if passed > refills:
                remaining, refills = min(limit, remaining + refill.requests), refills + 1
            remaining -= 1
            least = min(least, remaining)
            return rate(remaining, refill.period_s - into_period_s, limit)

        bench.headers = headers
        bench.ask_all("r", Priority.SELECTED, limit + 3 * refill.requests)
        for _ in range(29):  # the clock waits for some turns of the event loop at each step
            await bench.clock.run(refill.period_s / 10)
        assert least == limit // 10  # what is left to the running tasks
        assert len(bench.sent) == limit * 0.9 + 2 * min(refill.requests, limit * 0.9)


# A reset in the next second is plausible: half of the requests remaining then would be the next floor.
@pytest.mark.parametrize("resets", sorted(RESETS.keys() - {"a reset every second"}))
async def test_five_of_ten_remaining_requests_are_kept(resets: str) -> None:
    async with a_bench() as bench:
        bench.headers = lambda now_s: rate(11 - len(bench.sent), RESETS[resets](now_s), 10_000)
        bench.ask("page", Priority.LIST)
        await bench.clock.run(0.5)
        bench.ask_all("r", Priority.SELECTED, 100)
        await bench.clock.run(9)
        assert len(bench.sent) == 6


# --- the order


async def test_urgent_requests_go_first_and_lists_leave_room_for_them() -> None:
    async with a_bench() as bench:
        bench.ask_all("page", Priority.LIST, 200)
        bench.ask_all("history", Priority.HISTORY, 10)
        await bench.clock.run(1)
        assert bench.names == ["page"] * 40
        bench.ask_all("detail", Priority.SELECTED, 20)
        await bench.clock.run(1)
        assert bench.names[40:] == ["detail"] * 10
        assert await bench.ask("cancel", Priority.ACTION) == "cancel"
        bench.ask_all("visible", Priority.VISIBLE, 3)
        await bench.clock.run(9)
        assert bench.names[51:64] == ["detail"] * 10 + ["visible"] * 3
        assert "history" not in bench.names


async def test_identical_requests_are_sent_once_by_highest_priority() -> None:
    async with a_bench() as bench:
        bench.ask_all("r", Priority.SELECTED, 50)
        await bench.clock.run(0.1)
        bench.gate.clear()
        sender, other = (bench.ask("same", Priority.HISTORY, key="same") for _ in range(2))
        await bench.clock.run(0.1)
        assert len(bench.sent) == 50
        urgent = bench.ask("same", Priority.ACTION, key="same")
        await bench.clock.run(0.1)
        assert bench.names[50:] == ["same"]
        sender.cancel()
        await bench.clock.run(0.1)
        bench.gate.set()
        assert await other == await urgent == "same"
        await bench.ask("same", Priority.ACTION, key="same")
        assert bench.names[51:] == ["same"] * 2, "one for those that were left without a sender, and one afterwards"


async def test_few_requests_are_in_flight_at_once() -> None:
    async with a_bench() as bench:
        bench.gate.clear()
        bench.ask_all("r", Priority.SELECTED, 20)
        await bench.clock.run(0.1)
        assert len(bench.sent) == MAX_IN_FLIGHT
        bench.gate.set()
        await bench.clock.run(0.1)
        assert len(bench.sent) == 20


async def test_few_queries_run_at_once_and_hold_up_nothing_else() -> None:
    async with a_bench() as bench:
        bench.gate.clear()
        queries = [bench.ask(f"q{number}", Priority.FACTS, is_query=True) for number in range(4)]
        bench.ask("page", Priority.LIST)
        bench.ask("urgent", is_query=True)
        await bench.clock.run(1)
        assert bench.names == ["q0", "q1", "page"]
        queries[3].cancel()
        bench.gate.set()
        await bench.clock.run(1)
        assert bench.names[3:] == ["urgent", "q2"]


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
        async with a_bench() as bench:
            tasks = []
            for priority, is_canceled, key, is_query in requests:
                tasks.append(bench.ask(str(key), priority, key=key, is_query=is_query))
                await asyncio.sleep(0)
                if is_canceled:
                    tasks[-1].cancel()
            await bench.clock.run(100)
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            for (_, is_canceled, key, _), answer in zip(requests, answers, strict=True):
                assert answer == str(key) or (is_canceled and isinstance(answer, asyncio.CancelledError))
            budget = bench.budget
            left = budget.in_flight, budget._queries_in_flight, len(budget._shared), len(budget._waiters)
            assert left == (0, 0, 0, 0)

    asyncio.run(scenario())


# --- refusals


async def test_429_stops_all_requests_until_the_reset() -> None:
    async with a_bench() as bench:
        bench.errors = [RateLimited("429", timedelta(seconds=7))]
        first = bench.ask("first", Priority.VISIBLE)
        await asyncio.sleep(0)
        action = bench.ask("cancel", Priority.ACTION)
        await bench.clock.run(6.9)
        assert not action.done()
        assert bench.names == ["first"]
        await bench.clock.run(0.2)
        assert (await first, await action) == ("first", "cancel")
        assert bench.waits == [7.0]
        assert min(moment for moment, _ in bench.sent[1:]) >= 7.0


async def test_429_is_raised_at_once_to_lists_and_to_the_impatient() -> None:
    async with a_bench() as bench:
        for priority, max_wait_s in ((Priority.SELECTED, 5.0), (Priority.LIST, None)):
            bench.errors = [RateLimited("429", timedelta(seconds=7))]
            with pytest.raises(RateLimited):
                await bench.ask("page", priority, max_wait_s=max_wait_s)
            detail = bench.ask("detail")
            await bench.clock.run(6.9)
            assert not detail.done()
            await bench.clock.run(0.2)
            assert await detail == "detail"


async def test_429_is_raised_after_too_many_tries() -> None:
    async with a_bench() as bench:
        bench.errors = [RateLimited("429", timedelta(seconds=1)) for _ in range(99)]
        task = bench.ask("x", Priority.ACTION)
        await bench.clock.run(60)
        assert isinstance(task.exception(), RateLimited)
        assert len(bench.sent) == MAX_TRIES


@pytest.mark.parametrize("priority", [Priority.SELECTED, Priority.LIST, Priority.FACTS])
async def test_query_refused_for_others_is_sent_again_soon(priority: Priority) -> None:
    async with a_bench(max_queries=1) as bench:
        bench.errors = [TooManyQueries("429", 429)]
        task = bench.ask("query", priority, is_query=True)
        await asyncio.sleep(0)
        # Neither another query nor other requests wait for the next try.
        others = [bench.ask(name, Priority.HISTORY, is_query=name == "q") for name in "qr"]
        await bench.clock.run(0.01)
        assert all(other.done() for other in others)
        bench.errors = [TooManyQueries("429", 429)]
        await bench.clock.run(sum(QUERY_RETRIES_S[:2]))
        assert task.done()
        first_s, second_s, third_s = (at for at, name in bench.sent if name == "query")
        for wait_s, longest_s in zip((second_s - first_s, third_s - second_s), QUERY_RETRIES_S, strict=False):
            assert longest_s / 2 <= wait_s <= longest_s + 0.01


async def test_query_that_stays_refused_raises_after_some_tries() -> None:
    async with a_bench() as bench:
        bench.errors = [TooManyQueries("429", 429) for _ in range(99)]
        patient = bench.ask("query", Priority.FACTS, is_query=True)
        await bench.clock.run(sum(QUERY_RETRIES_S) + 0.1)
        assert len(bench.sent) == len(QUERY_RETRIES_S) + 1
        impatient = bench.ask("query", Priority.FACTS, max_wait_s=0.5, is_query=True)
        await bench.clock.run(sum(QUERY_RETRIES_S))
        assert len(bench.sent) == len(QUERY_RETRIES_S) + 1 + 3  # no wait of more than half a second
        assert all(isinstance(task.exception(), TooManyQueries) for task in (patient, impatient))
        assert bench.budget.in_flight == 0


async def test_request_with_too_long_a_wait_raises_at_once() -> None:
    async with a_bench(Refill(10, 60.0)) as bench:
        for _ in range(2):
            await bench.ask("first", max_wait_s=0.0)
        with pytest.raises(RateLimited, match=r"\Athe rate limit allows this request in 60 s\Z") as refused:
            await bench.ask("late", max_wait_s=5.0)
        assert refused.value.resets_in == timedelta(seconds=60)
        await bench.clock.run(56)
        # A wait within the maximum is allowed.
        waiting = bench.ask("late", max_wait_s=5.0)
        await bench.clock.run(4)
        assert await waiting == "late"
        assert bench.names == ["first", "first", "late"]
        assert not bench.budget.in_flight


PAGES = st.lists(st.tuples(st.sets(st.integers(0, 5)), st.integers(0, 9)), min_size=1, max_size=4)


@given(PAGES, st.booleans())
def test_every_circle_of_pages_ends_and_is_called_endless(circle: list[tuple[set[int], int]], is_new: bool) -> None:
    paging = Paging()
    for number in range(1_000):
        ids, cursor = circle[number % len(circle)]
        paging.add(ids, Cursor(f"{number}" if is_new else f"{cursor}"))
        if paging.is_done:
            break
    assert paging.is_endless
    assert number <= MAX_STALE_PAGES + len({each for ids, _ in circle for each in ids}) + 1


@given(st.lists(st.integers(0, MAX_STALE_PAGES - 1), min_size=1, max_size=30))
def test_a_list_with_few_empty_pages_is_read_to_its_end(empty_counts: list[int]) -> None:
    """Between two empty pages there are as many with rows."""
    paging, number = Paging(), 0
    for empty_count in empty_counts:
        for ids in [{("row", number, at)} for at in range(empty_count)] + [set[object]()] * empty_count:
            assert not paging.is_done
            number += 1
            paging.add(ids, Cursor(str(number)))
    assert not paging.is_endless
    paging.add([], None)
    assert (paging.is_done, paging.is_endless) == (True, False)


def test_a_list_of_too_many_pages_ends() -> None:
    paging = Paging(max_pages=3)
    for number in range(3):
        assert not paging.is_done
        paging.add([number], Cursor(str(number)))
    assert paging.is_endless


def test_interval_grows_with_the_decoding_and_the_budget() -> None:
    assert [SECRET_KEY.interval_s(cost_s=cost_s) for cost_s in (0.0, 0.1, 0.5)] == [1.0, 2.0, 10.0]
    # 60 requests a minute, a fifth of them ours, a fifth of those for the log.
    assert PUBLIC_TOKEN.interval_s() == pytest.approx(25.0)


@pytest.mark.parametrize("finished_at", [None, START, START + timedelta(days=1)], ids=["missing", "known", "wrong"])
def test_log_is_settled_some_time_after_the_end(finished_at: datetime | None) -> None:
    ended = State(START, Precision.DETAIL, parse_status("FAILED"), finished_at=finished_at)
    run = Run(RunId("run_1"), state=ended)
    assert not is_settled(run, START + SETTLED_AFTER - timedelta(milliseconds=1))
    assert is_settled(run, START + SETTLED_AFTER)
    assert not is_settled(Run(RunId("run_1")), START + timedelta(days=1))
