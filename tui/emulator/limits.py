"""Rate limits by bearer token, with their headers and the 429.

A secret key has a bucket of 750 requests, refilled by 250 every 10 s from its first request on. A public token has 60
requests a minute. Source: tests/wire/recordings/README.md §10, recordings 010, 910-918, 930, 931.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from tui.emulator.simulation.script import Json

MAX_TOKENS = 1000
"""Tokens that are remembered. Random keys must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket of `most` requests, refilled by `refill` every `period_ms`; with `is_aligned` at the clock's minutes."""

    most: int
    refill: int
    period_ms: int
    is_aligned: bool = False


SECRET_KEY = Limit(750, 250, 10_000)
DEPLOYMENTS = Limit(1_500, 250, 10_000)
"""Of the routes of deployments, for every key (recordings 820, 1080). The refill is not recorded."""

PUBLIC_TOKEN = Limit(60, 60, 60_000, is_aligned=True)


@dataclass(slots=True)
class _Bucket:
    remaining: int
    refilled_ms: int


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """The state of a bucket after a request. `reset_ms` is the next refill in epoch milliseconds."""

    limit: int
    remaining: int
    reset_ms: int
    now_ms: int
    is_allowed: bool

    def headers(self) -> Mapping[str, str]:
        """The three headers of every response that counts."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset_ms),
        }

    def refusal(self) -> Json:
        """The body of a 429 (recording 930)."""
        seconds = (self.reset_ms - self.now_ms) / 1000
        text = f"Rate limit exceeded 0/{self.limit} requests remaining. Retry in {seconds:g} seconds."
        return {
            "title": "Rate Limit Exceeded",
            "status": 429,
            "type": "https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/429",
            "detail": text,
            "reset": self.reset_ms,
            "limit": self.limit,
            "remaining": -1,
            "secondsUntilReset": seconds,
            "error": text,
        }


class Limiter:
    """Counts the requests of each token."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def count_request(self, token: str, limit: Limit, now_ms: int) -> RateLimitState:
        bucket = self._buckets.get(token)
        if bucket is None:
            first_ms = now_ms - now_ms % limit.period_ms if limit.is_aligned else now_ms
            bucket = self._buckets[token] = _Bucket(limit.most, first_ms)
            if len(self._buckets) > MAX_TOKENS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(token)
        periods = max(0, now_ms - bucket.refilled_ms) // limit.period_ms
        bucket.refilled_ms += periods * limit.period_ms
        bucket.remaining = min(limit.most, bucket.remaining + periods * limit.refill)
        is_allowed = bucket.remaining > 0
        if is_allowed:
            bucket.remaining -= 1
        return RateLimitState(limit.most, bucket.remaining, bucket.refilled_ms + limit.period_ms, now_ms, is_allowed)

    def forget(self) -> None:
        """Refill all buckets, because the limits have changed."""
        self._buckets.clear()
