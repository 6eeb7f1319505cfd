"""The environment of the API key, and what the key may do there.

Source: tests/wire/recordings/README.md §1, §10.
"""

from datetime import timedelta
from enum import StrEnum

from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment as `whoami` describes it. The API key in that response is never stored.

    `slug` is dev, staging, prod or preview; `type` is DEVELOPMENT, STAGING, PRODUCTION or PREVIEW.
    """

    slug: Raw
    type: str
    project: Raw
    organisation: Raw

    @property
    def is_production(self) -> bool:
        """Whether the environment is, or may be, production. An unknown type counts as production."""
        return self.type.upper() not in {"DEVELOPMENT", "STAGING", "PREVIEW"}


class Capability(StrEnum):
    """A kind of request that the server may refuse an API key while the rest of the program still works."""

    QUERY = "query"
    TRACE = "trace"
    QUEUES = "queues"
    ERRORS = "errors"
    BULK = "bulk"
    REALTIME = "realtime"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The `x-ratelimit-*` headers: `remaining` of `limit` requests are left until the refill in `resets_in`."""

    limit: int
    remaining: int
    resets_in: timedelta
