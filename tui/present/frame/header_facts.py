"""The input of the header, of the terminal's title, and of the connection's state."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tui.domain.environment import Environment
from tui.domain.update import BudgetRead
from tui.store.activity import Minute
from tui.store.freshness import Freshness
from tui.store.status_counts import StatusCounts


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """Everything that the line depends on.

    Updates stopped at `paused_at`: `waiting` changed runs are held back, and the screen shows the state of `frozen_at`.
    `minutes` are whole ones, the oldest first. `quiet` is the time without changes although runs are live. `is_relayed`
    means that all data comes from a relay.
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
    quiet: timedelta | None = None
    is_relayed: bool = False
    frozen_at: datetime | None = None
