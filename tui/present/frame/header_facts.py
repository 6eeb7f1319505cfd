"""The values from which the header, the terminal's title and the connection's state are made."""

from dataclasses import field
from datetime import datetime, timedelta

from tui.domain.environment import Environment
from tui.domain.update import BudgetRead
from tui.lazy_dataclass import dataclass
from tui.store.activity import Minute
from tui.store.freshness import Freshness
from tui.store.status_counts import StatusCounts


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """Everything that the header depends on.

    * `paused_at`: when the user stopped the updates; the screen shows the state of `frozen_at`
    * `waiting`: the number of changed runs that the pause holds back
    * `minutes`: whole minutes, the oldest first
    * `unchanged_for`: the time without a change while runs are live
    * `is_relayed`: all data comes from a relay
    * `reading`: the request that the program waits for longest, and after which time it fails at the latest
    * `is_slow_link`: the monitor saves bytes for the terminal
    """

    at: datetime
    freshness: Freshness
    api_url: str = ""
    environment: Environment | None = None
    branch: str | None = None
    is_read_only: bool = False
    counts: StatusCounts = field(default_factory=StatusCounts)
    budget: BudgetRead | None = None
    paused_at: datetime | None = None
    waiting: int = 0
    minutes: tuple[Minute, ...] = ()
    unchanged_for: timedelta | None = None
    is_relayed: bool = False
    is_slow_link: bool = False
    reading: tuple[str, timedelta] | None = None
    frozen_at: datetime | None = None
