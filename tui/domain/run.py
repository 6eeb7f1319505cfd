"""A run, kept as facets that are known, and become old, independently of each other.

What lives here: the values. Which of two facets wins is decided in `store.merge`; how they come is `wire`'s.
Source: DESIGN §3, wire/README.md §3, §4.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import Any, Final, NamedTuple

from tui.domain.attempt import AttemptHistory
from tui.domain.error import RunError
from tui.domain.ids import BatchId, RunId, TaskId
from tui.domain.status import RunStatus, Status, title_of
from tui.domain.text import Raw
from tui.domain.wait import Wait

Json = Any
"""A decoded JSON value, exactly as the server sent it. Never changed by anybody."""


class Absent(Enum):
    """A key that the server did not send, where null means something else."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

MAX_SUSPEND_DELAY: Final = timedelta(seconds=30)
"""A run that is suspended later than this after the begin of a wait began another one meanwhile."""


class Precision(IntEnum):
    """How much a kind of answer knows, of two that speak of the same moment: the greater wins."""

    DERIVED = 0
    LIST = 1
    DETAIL = 2
    TRACE = 3
    FEED = 4


class Stamp(NamedTuple):
    """When a facet was true by the run's own `updated_at`, and how precise its source is; then when it was read."""

    updated_at: datetime
    precision: Precision
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Fixed:
    """What never changes once it is set. None: not known yet, or the run has none.

    `depth` counts from 0 at the root, `ttl` is the server's text (`10m`), `trigger_function` one of trigger,
    triggerAndWait, batchTrigger, batchTriggerAndWait; `queue` and `machine` only TRQL tells.
    """

    task: TaskId | None = None
    created_at: datetime | None = None
    depth: int | None = None
    is_test: bool | None = None
    environment: Raw | None = None
    version: Raw | None = None
    parent_id: RunId | None = None
    root_id: RunId | None = None
    batch_id: BatchId | None = None
    trigger_function: str | None = None
    ttl: str | None = None
    idempotency_key: Raw | None = None
    region: Raw | None = None
    task_kind: str | None = None
    schedule: Json = None
    queue: Raw | None = None
    machine: Raw | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What changes while a run lives; complete in the list, the detail and the feed alike.

    `status` is the server's word and its meaning, without what the number of attempts adds (see `Run.status`);
    `compute` is the summed time of ended attempts; costs are in US cents.
    """

    updated_at: datetime
    precision: Precision
    status: Status
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expired_at: datetime | None = None
    delayed_until: datetime | None = None
    compute: timedelta = timedelta()
    cost_cents: float = 0.0
    base_cost_cents: float = 0.0
    tags: tuple[Raw, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """Payload and output: decoded JSON, `ABSENT` where the server sent no key (null is a value).

    Large ones are a presigned URL instead (valid for 300 s, fetched without our key, only when asked).
    """

    payload: Json | Absent = ABSENT
    output: Json | Absent = ABSENT
    payload_url: str | None = None
    output_url: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """All that is known of one run. A facet that was not read yet is None (`metadata`: of a run without any, `{}`).

    `attempt_count` is the greatest number ever told; `children_read_at` the last time that the list of its direct
    children was complete; `read_at` when the server last confirmed the state; `gone_at` when it last denied the run.
    All times are the server's.
    """

    id: RunId
    fixed: Fixed = Fixed()
    state: State | None = None
    read_at: datetime | None = None
    gone_at: datetime | None = None
    attempt_count: int | None = None
    metadata: tuple[Stamp, dict[str, Json]] | None = None
    body: tuple[Stamp, Body] | None = None
    error: tuple[Stamp, RunError | None] | None = None
    attempts: tuple[Stamp, AttemptHistory] | None = None
    children_read_at: datetime | None = None

    @property
    def status(self) -> RunStatus:
        """The canonical status: EXECUTING with more than one attempt is REATTEMPTING."""
        if self.state is None:
            return RunStatus.QUEUED
        status = self.state.status.canonical
        if self.state.status.word == "EXECUTING" and (self.attempt_count or 0) > 1:
            return RunStatus.REATTEMPTING
        return status

    @property
    def title(self) -> str:
        """The finest word there is for the status, in the dashboard's spelling; an unknown word as it came."""
        if self.state is None:
            return title_of(RunStatus.QUEUED)
        status = self.status
        return title_of(status) if status is RunStatus.REATTEMPTING else self.state.status.title

    @property
    def is_final(self) -> bool:
        """Whether it will never change again; decided from the status, never from the API's flags."""
        return self.status.is_final

    @property
    def is_gone(self) -> bool:
        """Whether the server's last word about it was 404."""
        return self.gone_at is not None and (self.read_at is None or self.gone_at >= self.read_at)

    @property
    def wait(self) -> Wait | None:
        """What its code waits for, as far as its trace tells and nothing has changed since that was read."""
        if self.attempts is None or self.state is None or self.is_final or self.is_waiting_to_retry:
            return None
        stamp, history = self.attempts
        wait, changed_at = history.wait, self.state.updated_at
        if wait is None or changed_at <= stamp.updated_at:
            return wait
        # A deployed run is suspended soon after it began to wait, which changes it once more: that wait goes on.
        is_suspended = self.status is RunStatus.WAITING_TO_RESUME and changed_at - wait.since <= MAX_SUSPEND_DELAY
        return wait if is_suspended else None

    @property
    def is_waiting_to_retry(self) -> bool:
        """Whether it is queued again after a failed attempt (a backoff of 30 s or more, recordings 137, 138)."""
        return self.status is RunStatus.QUEUED and (self.attempt_count or 0) > 0

    def took(self, now: datetime) -> timedelta | None:
        """Return the time from start to finish, or to `now` while the run lives; None before the start, or when the
        end is not known.
        """
        state = self.state
        if state is None or state.started_at is None:
            return None
        if self.is_final:
            return None if state.finished_at is None else state.finished_at - state.started_at
        return now - state.started_at
