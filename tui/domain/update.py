"""What sources tell the store: the one union that flows through the session's queue.

What lives here: the values. A patch carries whole facets; whether they are newer is the store's to decide.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tui.domain.action import ActionStatus
from tui.domain.attempt import AttemptHistory
from tui.domain.environment import Capability, Environment
from tui.domain.error import RunError
from tui.domain.ids import RunId
from tui.domain.run import Body, Fixed, Json, Stamp, State
from tui.domain.status import RunStatus


@dataclass(frozen=True, slots=True)
class RunPatch:
    """Facets of one run, as one answer told them; None: that answer says nothing about the facet.

    `read_at` is the server's time of the answer. `lists_all_children` says that the answer listed all direct children.
    """

    id: RunId
    read_at: datetime
    fixed: Fixed | None = None
    state: State | None = None
    metadata: tuple[Stamp, dict[str, Json]] | None = None
    body: tuple[Stamp, Body] | None = None
    error: tuple[Stamp, RunError | None] | None = None
    attempts: tuple[Stamp, AttemptHistory] | None = None
    attempt_count: int | None = None
    lists_all_children: bool = False


@dataclass(frozen=True, slots=True)
class RunsRead:
    """Runs as the server told them in one answer."""

    patches: tuple[RunPatch, ...]


@dataclass(frozen=True, slots=True)
class RunGone:
    """The server answered 404 for a run."""

    id: RunId
    at: datetime


@dataclass(frozen=True, slots=True)
class CountsRead:
    """How many runs there are by status, by the server's own count (TRQL), of the last `period_h` hours."""

    counts: dict[RunStatus, int]
    at: datetime
    period_h: int


@dataclass(frozen=True, slots=True)
class EnvironmentRead:
    """Where the key leads; None: the server would not say."""

    environment: Environment | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CapabilityLost:
    """The server refused one kind of request (401, 403): the rest goes on."""

    capability: Capability
    reason: str


@dataclass(frozen=True, slots=True)
class CapabilityRegained:
    """What the server had refused works again."""

    capability: Capability


@dataclass(frozen=True, slots=True)
class SourceConnected:
    """A source heard from the server; the next word is expected within `interval_s`."""

    source: str
    at: datetime
    interval_s: float


@dataclass(frozen=True, slots=True)
class SourceRetrying:
    """A source failed in a way that passes; it tries again at `next_at` (try number `attempt`).

    `is_answered`: the server answered, but not what was asked; otherwise nobody was reached. `status` is the HTTP
    status of that answer.
    """

    source: str
    at: datetime
    next_at: datetime
    attempt: int
    reason: str
    is_answered: bool = True
    status: int | None = None


@dataclass(frozen=True, slots=True)
class SourceStopped:
    """A source ended for good: the key is wrong or may not list runs. `status` is the HTTP status that said so."""

    source: str
    at: datetime
    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Every change that the server knew of at `at` was read: what an outage before kept from us is made up for."""

    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The feed was held against the list: of `run_count` runs `missed_count` had changed without a word of the feed.

    What was missed was read with it, so that it is repaired already.
    """

    at: datetime
    run_count: int
    missed_count: int


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """How far back the list was read: `reached` is the oldest creation time so far, `is_complete` at the bound.

    `is_cut`: the bound was the number of runs, so that the period holds older runs that were not read.
    """

    reached: datetime
    run_count: int
    is_complete: bool
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class WindowRead:
    """What the lists cover at `at`: the runs created within the `period` before it, and live runs of any age.

    `is_live_complete`: every live run is known. `is_older_cut`: more live runs are older than the period than were
    read. `is_filtered`: server filters are active, and all of this is about the runs that match them.
    """

    at: datetime
    period: timedelta
    is_live_complete: bool = False
    is_older_cut: bool = False
    is_filtered: bool = False


@dataclass(frozen=True, slots=True)
class BudgetRead:
    """How many requests remain of how many, until the refill."""

    limit: int
    remaining: int
    resets_at: datetime


Update = (
    RunsRead
    | RunGone
    | CountsRead
    | EnvironmentRead
    | CapabilityLost
    | CapabilityRegained
    | SourceConnected
    | SourceRetrying
    | SourceStopped
    | CaughtUp
    | Reconciled
    | HistoryRead
    | WindowRead
    | BudgetRead
    | ActionStatus
)
