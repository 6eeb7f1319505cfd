"""Where we are, and what the key in our hands may do there.

What lives here: the values. `wire` decodes them, `session` decides what follows.
Source: wire/README.md §1, DESIGN §4, §8.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from tui.domain.text import Raw


@dataclass(frozen=True, slots=True)
class Environment:
    """The four things that `whoami` tells and we keep: never the key that it echoes.

    `slug` is dev, staging, prod or preview; `type` DEVELOPMENT, STAGING, PRODUCTION or PREVIEW.
    """

    slug: Raw
    type: str
    project: Raw
    organisation: Raw

    @property
    def is_production(self) -> bool:
        """Whether writing here needs the environment's name: a type that we do not know may be production too."""
        return self.type.upper() not in {"DEVELOPMENT", "STAGING", "PREVIEW"}


class Capability(StrEnum):
    """What a key may be refused without the rest of the program losing its meaning."""

    QUERY = "query"
    TRACE = "trace"
    QUEUES = "queues"
    ERRORS = "errors"
    BULK = "bulk"
    REALTIME = "realtime"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the `x-ratelimit-*` headers said: requests that remain of `limit` until the refill in `resets_in`."""

    limit: int
    remaining: int
    resets_in: timedelta
