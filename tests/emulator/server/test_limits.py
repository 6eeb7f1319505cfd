"""Rate limits: their buckets, their headers and their 429, as recorded."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulator.small_world import START_MS
from tests.support.recordings import recording
from tui.emulator import access
from tui.emulator.access import PUBLIC_TOKEN, SECRET_KEY, Limit, Limiter

LIMITS = st.builds(Limit, st.integers(0, 8), st.integers(0, 8), st.integers(1, 20_000), st.booleans())
STEPS_MS = st.lists(st.one_of(st.just(0), st.integers(0, 1000), st.integers(0, 60_000)), max_size=80)


@dataclass(frozen=True)
class At:
    """When a request came, and whether it was allowed."""

    ms: int
    is_allowed: bool


def spend_all(limit: Limit, steps_ms: list[int]) -> list[At]:
    limiter, now_ms, state = Limiter(), START_MS, []
    for step_ms in steps_ms:
        now_ms += step_ms
        state.append(At(now_ms, limiter.count_request("token", limit, now_ms).is_allowed))
    return state


@given(LIMITS, STEPS_MS)
def test_no_period_allows_more_than_bucket_and_refills(limit: Limit, steps_ms: list[int]) -> None:
    state = spend_all(limit, steps_ms)
    for first, begin in enumerate(state):
        for last in range(first, len(state)):
            allowed = sum(at.is_allowed for at in state[first : last + 1])
            refills = (state[last].ms - begin.ms) // limit.period_ms + 1
            assert allowed <= limit.most + refills * limit.refill


@given(LIMITS, STEPS_MS)
def test_headers_predict_the_next_requests(limit: Limit, steps_ms: list[int]) -> None:
    limiter, now_ms = Limiter(), START_MS
    for step_ms in steps_ms:
        now_ms += step_ms
        state = limiter.count_request("token", limit, now_ms)
        assert 0 <= state.remaining <= limit.most
        assert now_ms < state.reset_ms <= now_ms + limit.period_ms
        # Exactly `remaining` more requests are allowed at this moment.
        again = [limiter.count_request("token", limit, now_ms).is_allowed for _ in range(state.remaining + 1)]
        assert again == [True] * state.remaining + [False]
        assert state.is_allowed or state.remaining == 0
        at_reset = limiter.count_request("token", limit, state.reset_ms)
        assert at_reset.is_allowed == (min(limit.most, limit.refill) > 0)
        now_ms = state.reset_ms


@given(LIMITS.filter(lambda limit: limit.most > 0), STEPS_MS)
def test_tokens_have_separate_buckets(limit: Limit, steps_ms: list[int]) -> None:
    limiter, now_ms = Limiter(), START_MS
    for step_ms in steps_ms:
        now_ms += step_ms
        limiter.count_request("one", limit, now_ms)
    assert limiter.count_request("other", limit, now_ms).remaining == limit.most - 1


def test_clock_going_back_refills_nothing() -> None:
    limiter = Limiter()
    limit = Limit(2, 2, 1000)
    assert [limiter.count_request("token", limit, ms).is_allowed for ms in (5000, 4000, 3000, 5999, 6000)] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_secret_key_has_the_recorded_limit() -> None:
    limiter = Limiter()
    state = limiter.count_request("key", SECRET_KEY, START_MS)
    recorded = recording("900")["response"]["headers"]
    assert state.headers().keys() == {name for name in recorded if name.startswith("x-ratelimit")}
    assert (state.limit, state.remaining) == (
        int(recorded["x-ratelimit-limit"]),
        int(recorded["x-ratelimit-remaining"]),
    )
    assert state.reset_ms == START_MS + 10_000
    for _ in range(749):
        assert limiter.count_request("key", SECRET_KEY, START_MS).is_allowed
    assert not limiter.count_request("key", SECRET_KEY, START_MS + 9_999).is_allowed
    back = limiter.count_request("key", SECRET_KEY, START_MS + 10_000)
    assert (back.is_allowed, back.remaining, back.reset_ms) == (True, 249, START_MS + 20_000)
    # The list of 010 was one of many requests, so its bucket was not full.
    assert recording("010")["response"]["headers"]["x-ratelimit-limit"] == str(SECRET_KEY.most)


def test_public_token_is_limited_by_clock_minutes() -> None:
    recorded = recording("910")["response"]["headers"]
    reset_ms = int(recorded["x-ratelimit-reset"])
    state = Limiter().count_request("token", PUBLIC_TOKEN, reset_ms - 35_971)
    assert (state.limit, state.remaining, state.reset_ms) == (
        int(recorded["x-ratelimit-limit"]),
        int(recorded["x-ratelimit-remaining"]),
        reset_ms,
    )


def test_429_is_worded_as_recorded() -> None:
    recorded = recording("930")["response"]
    reset_ms = recorded["body"]["reset"]
    limiter, limit = Limiter(), Limit(5, 5, 10_000)
    for _ in range(5):
        limiter.count_request("key", limit, reset_ms - 10_000)
    refused = limiter.count_request("key", limit, reset_ms - 9778)
    assert not refused.is_allowed
    assert refused.refusal() == recorded["body"]
    assert dict(refused.headers()) == {
        name: value for name, value in recorded["headers"].items() if name.startswith("x-ratelimit")
    }


def test_unknown_tokens_do_not_fill_the_memory() -> None:
    limiter, limit = Limiter(), Limit(1, 0, 1000)
    for number in range(access.MAX_TOKENS - 1):
        limiter.count_request(f"stranger {number}", limit, START_MS)
    assert limiter.count_request("ours", limit, START_MS).is_allowed
    for number in range(5000):
        limiter.count_request(f"other {number}", limit, START_MS)
        # An active token is not forgotten.
        assert not limiter.count_request("ours", limit, START_MS).is_allowed
    assert len(limiter._buckets) == access.MAX_TOKENS


def test_reset_fills_the_buckets() -> None:
    limiter, limit = Limiter(), Limit(1, 1, 1000)
    assert [limiter.count_request("key", limit, START_MS).is_allowed for _ in range(2)] == [True, False]
    limiter.forget()
    assert limiter.count_request("key", limit, START_MS).is_allowed
