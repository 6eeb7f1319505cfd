"""`Update`: everything that goes into the store: what sources read, and the progress of actions.

Every source emits updates into the session's queue, and the store applies them. An update may be late, repeated or out
of order. The store decides whether it is newer than the stored values.

A relay sends these classes as JSON, with the names of their fields: a renamed field needs a new protocol version
(`api.relay.VERSION`).
"""

from datetime import datetime, timedelta
from typing import ClassVar

from tui.domain.action import ActionStatus
from tui.domain.error import RunError
from tui.domain.facts import WallUpdate
from tui.domain.run import AttemptHistory, Body, Capability, Environment, Fixed, Json, RunId, RunStatus, Stamp, State
from tui.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class RunPatch:
    """The facets of one run that a response contained. None: the response did not contain the facet.

    `read_at` is the server's time of the response, `created_at` that of the run's creation.
    """

    lists_all_children: ClassVar[bool] = False
    """Whether the response listed every direct child of the run.

    Not a field: with one more, a patch would have the size of a `State`. Both would take turns in memory, and sorting
    100,000 runs would take 15 % longer.
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
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParentPatch(RunPatch):
    """A patch by a response that listed every direct child of the run."""

    lists_all_children: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class RunsRead:
    """A source read runs: one response, or a part of one."""

    patches: tuple[RunPatch, ...]


@dataclass(frozen=True, slots=True)
class RunGone:
    """The server answered 404 for a run."""

    id: RunId
    at: datetime


@dataclass(frozen=True, slots=True)
class CountsRead:
    """A query counted the runs that were created in the last `period_h` hours, by status."""

    counts: dict[RunStatus, int]
    at: datetime
    period_h: int


@dataclass(frozen=True, slots=True)
class EnvironmentRead:
    """The server answered which environment the API key belongs to. None: it refused to answer."""

    environment: Environment | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CapabilityLost:
    """The server refused one kind of request (401, 403). All other requests continue."""

    capability: Capability
    reason: str


@dataclass(frozen=True, slots=True)
class CapabilityRegained:
    """The server accepts a kind of request again that it had refused."""

    capability: Capability


@dataclass(frozen=True, slots=True)
class OfSource:
    """Something about a source, at the server's time."""

    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SourceConnected(OfSource):
    """A source got a response from the server, and expects the next one within `interval_s`."""

    interval_s: float


@dataclass(frozen=True, slots=True)
class SourceRetrying(OfSource):
    """A source failed temporarily, and will make attempt number `attempt` at `next_at`.

    `is_answered`: the server was reached but its response is unusable; `status` is the HTTP status of that response.
    Otherwise the server was not reached.
    """

    next_at: datetime
    attempt: int
    reason: str
    is_answered: bool = True
    status: int | None = None


@dataclass(frozen=True, slots=True)
class SourceStopped(OfSource):
    """A source stopped for good: the API key is invalid or may not list runs. `status` is the HTTP status."""

    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class CaughtUp(OfSource):
    """A source has read every change that the server had made by `at`. Counts of runs missed before `at` are final."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The feed was compared with the list: `missed_count` of `run_count` runs had changes that the feed did not report.

    The comparison also read those changes, so that the store has them.
    """

    at: datetime
    run_count: int
    missed_count: int


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """How far back a source has read the runs list.

    * `reached`: all runs created since this time were read.
    * `run_count`: the number of runs that were read.
    * `is_complete`: the source does not read any further.
    * `is_cut`: it stopped at the maximum number of runs. The period has older runs, which were not read.
    * `unreadable_at`: the latest time at which a run may have been created whose row could not be read; None if all
      rows were read.
    """

    reached: datetime
    run_count: int
    is_complete: bool
    is_cut: bool = False
    unreadable_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WindowRead:
    """The runs that the polled lists cover: those created within `period` before `at`, and live runs of any age.

    * `is_live_complete`: every live run is known.
    * `is_older_cut`: of the live runs created before the period, some were not read.
    * `is_filtered`: server filters are active, so that the lists contain only the runs that match them.
    * `older_reach`: live runs that are older than this are not read, since the server refuses to list them, or takes
      long for it; None if runs of every age are read.
    """

    at: datetime
    period: timedelta
    is_live_complete: bool = False
    is_older_cut: bool = False
    is_filtered: bool = False
    older_reach: timedelta | None = None


@dataclass(frozen=True, slots=True)
class BudgetRead:
    """The server reported the request budget: `remaining` of `limit` requests until it is refilled."""

    limit: int
    remaining: int


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
    | WallUpdate
)
