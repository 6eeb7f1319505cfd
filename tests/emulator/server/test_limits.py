"""Buckets: never more than they hold and get back, and told as recorded."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulator.small_world import START_MS
from tests.support.recordings import recording
from tui.emulator import limits
from tui.emulator.limits import PUBLIC_TOKEN, SECRET_KEY, Limit, Limiter

LIMITS = st.builds(Limit, st.integers(0, 8), st.integers(0, 8), st.integers(1, 20_000), st.booleans())
STEPS_MS = st.lists(st.one_of(st.just(0), st.integers(0, 1000), st.integers(0, 60_000)), max_size=80)


@dataclass(frozen=True)
class At:
    """When a request came, and whether it was let through."""

    ms: int
    is_allowed: bool


def spend_all(limit: Limit, steps_ms: list[int]) -> list[At]:
    limiter, now_ms, spent = Limiter(), START_MS, []
    for step_ms in steps_ms:
        now_ms += step_ms
        spent.append(At(now_ms, limiter.count_request("token", limit, now_ms).is_allowed))
    return spent


@given(LIMITS, STEPS_MS)
def test_no_stretch_of_time_gives_more_than_a_bucket_and_its_refills(limit: Limit, steps_ms: list[int]) -> None:
    spent = spend_all(limit, steps_ms)
    for first, begin in enumerate(spent):
        for last in range(first, len(spent)):
            allowed = sum(at.is_allowed for at in spent[first : last + 1])
            refills = (spent[last].ms - begin.ms) // limit.period_ms + 1
            assert allowed <= limit.most + refills * limit.refill


@given(LIMITS, STEPS_MS)
def test_what_is_told_is_what_happens(limit: Limit, steps_ms: list[int]) -> None:
    limiter, now_ms = Limiter(), START_MS
    for step_ms in steps_ms:
        now_ms += step_ms
        spent = limiter.count_request("token", limit, now_ms)
        assert 0 <= spent.remaining <= limit.most
        assert now_ms < spent.reset_ms <= now_ms + limit.period_ms
        # `remaining` more are let through in this moment, and then none.
        again = [limiter.count_request("token", limit, now_ms).is_allowed for _ in range(spent.remaining + 1)]
        assert again == [True] * spent.remaining + [False]
        assert spent.is_allowed or spent.remaining == 0
        at_reset = limiter.count_request("token", limit, spent.reset_ms)
        assert at_reset.is_allowed == (min(limit.most, limit.refill) > 0)
        now_ms = spent.reset_ms


@given(LIMITS.filter(lambda limit: limit.most > 0), STEPS_MS)
def test_another_token_has_a_bucket_of_its_own(limit: Limit, steps_ms: list[int]) -> None:
    limiter, now_ms = Limiter(), START_MS
    for step_ms in steps_ms:
        now_ms += step_ms
        limiter.count_request("one", limit, now_ms)
    assert limiter.count_request("other", limit, now_ms).remaining == limit.most - 1


def test_a_clock_that_goes_back_gives_nothing() -> None:
    limiter = Limiter()
    limit = Limit(2, 2, 1000)
    assert [limiter.count_request("token", limit, ms).is_allowed for ms in (5000, 4000, 3000, 5999, 6000)] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_a_secret_key_has_the_recorded_limit() -> None:
    limiter = Limiter()
    spent = limiter.count_request("key", SECRET_KEY, START_MS)
    recorded = recording("900")["response"]["headers"]
    assert spent.headers().keys() == {name for name in recorded if name.startswith("x-ratelimit")}
    assert (spent.limit, spent.remaining) == (
        int(recorded["x-ratelimit-limit"]),
        int(recorded["x-ratelimit-remaining"]),
    )
    assert spent.reset_ms == START_MS + 10_000
    for _ in range(749):
        assert limiter.count_request("key", SECRET_KEY, START_MS).is_allowed
    assert not limiter.count_request("key", SECRET_KEY, START_MS + 9_999).is_allowed
    back = limiter.count_request("key", SECRET_KEY, START_MS + 10_000)
    assert (back.is_allowed, back.remaining, back.reset_ms) == (True, 249, START_MS + 20_000)
    # The list of 010 was one of many: its bucket was no longer full.
    assert recording("010")["response"]["headers"]["x-ratelimit-limit"] == str(SECRET_KEY.most)


def test_a_public_token_is_counted_by_the_minutes_of_the_clock() -> None:
    recorded = recording("910")["response"]["headers"]
    reset_ms = int(recorded["x-ratelimit-reset"])
    spent = Limiter().count_request("token", PUBLIC_TOKEN, reset_ms - 35_971)
    assert (spent.limit, spent.remaining, spent.reset_ms) == (
        int(recorded["x-ratelimit-limit"]),
        int(recorded["x-ratelimit-remaining"]),
        reset_ms,
    )


def test_a_refusal_is_worded_as_recorded() -> None:
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


def test_strangers_do_not_fill_the_memory() -> None:
    limiter, limit = Limiter(), Limit(1, 0, 1000)
    for number in range(limits.MAX_TOKENS - 1):
        limiter.count_request(f"stranger {number}", limit, START_MS)
    assert limiter.count_request("ours", limit, START_MS).is_allowed
    for number in range(5000):
        limiter.count_request(f"other {number}", limit, START_MS)
        # Who asks is not forgotten.
        assert not limiter.count_request("ours", limit, START_MS).is_allowed
    assert len(limiter._buckets) == limits.MAX_TOKENS


def test_forgetting_fills_the_buckets() -> None:
    limiter, limit = Limiter(), Limit(1, 1, 1000)
    assert [limiter.count_request("key", limit, START_MS).is_allowed for _ in range(2)] == [True, False]
    limiter.forget()
    assert limiter.count_request("key", limit, START_MS).is_allowed
