"""`Board`: everything that the wall and the overview show, worst first, as values without words or widths.

`make_board.make_board` makes it from the facts, the store's own counts and the verdict. A number that is not known
is None: the screen shows `·`, never 0. A cell of a series that is not known is None: the screen shows `░`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from tui.domain.findings.facts import Deployment, FactSource, PlaceHolder
from tui.domain.findings.finding import Standstill, Verdict
from tui.domain.ids import RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

Cells = Sequence[int | None]
"""One number a cell of time, oldest first, None where it is not known."""


@dataclass(frozen=True, slots=True)
class BoardSpan:
    """The cells of the shown time: `count` cells of `cell`, of which the last contains `end` and is not over."""

    cell: timedelta
    count: int
    end: datetime

    @property
    def start(self) -> datetime:
        """The beginning of the first cell."""
        seconds = self.cell.total_seconds()
        last = datetime.fromtimestamp(self.end.timestamp() // seconds * seconds, self.end.tzinfo)
        return last - (self.count - 1) * self.cell


@dataclass(frozen=True, slots=True)
class Line:
    """One of the four series, and its figures.

    `now` is how many runs were done and failed in the last 60 s, and how many are queued and running. `in_span`,
    `normal`, `last_day` are totals for done and failed, maxima for queued and running; `normal` is that of the span.
    `is_abnormal` says for each cell whether it is above normal.
    """

    cells: Cells
    now: float | None = None
    in_span: int | None = None
    normal: float | None = None
    last_day: int | None = None
    is_abnormal: Sequence[bool] = ()


@dataclass(frozen=True, slots=True)
class FourLines:
    """The four series on one axis. `deployments` are those within the span."""

    span: BoardSpan
    done: Line
    failed: Line
    queued: Line
    running: Line
    deployments: tuple[Deployment, ...] = ()


class TaskHealth(StrEnum):
    """The word at the end of a task's row, worst first."""

    FAILING = "failing"
    SLOW = "slow"
    AT_LIMIT = "at its limit"
    LATE = "late"
    MISSING = "missing"
    STUCK = "stuck"
    PAUSED = "paused"
    ACKNOWLEDGED = "acknowledged"
    HEALTHY = ""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task. `done` and `failed` are cells of the board's span. `oldest` is how long its oldest queued run waits."""

    task: TaskId
    done: Cells
    failed: Cells
    runs_per_hour: int | None = None
    failed_count: int | None = None
    p95: timedelta | None = None
    normal_p95: timedelta | None = None
    running: int | None = None
    queued: int | None = None
    oldest: timedelta | None = None
    health: TaskHealth = TaskHealth.HEALTHY
    is_p95_abnormal: bool = False

    @property
    def has_failures(self) -> bool | None:
        """Whether a run failed in the last hour or in the shown cells; None if that is not known."""
        if self.failed_count or any(self.failed):
            return True
        return None if self.failed_count is None or None in self.failed else False


class QueueHealth(StrEnum):
    """The word at the end of a queue's row, worst first."""

    AT_LIMIT = "at its limit"
    STUCK = "stuck"
    PAUSED = "paused"
    LATE = "late"
    BUSY = "busy"
    FINE = ""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue. `stored_name` is `task/ok` for the queue of task `ok`, `name` is `ok`.

    * `queued`: how many runs wait. The list of queues does not count runs that were handed to a worker, so its number
      is a least one (`is_least`), and its zero is unknown, until the waits are read
    * `is_reading`: the waits are being read for the first time, or again after a long pause
    * `started_per_min`, `arrived_per_min`: those of the last minute before the waits were read
    * `holders`: the tasks whose runs hold the places of the queue
    * `standstill`: why none of its runs starts, whatever its limit says
    * `is_v2`: it has no limit of its own, but its runs may hold named ones
    """

    stored_name: str
    name: Raw
    is_task: bool
    running: int | None = None
    limit: int | None = None
    queued: int | None = None
    oldest_at: datetime | None = None
    oldest_run: RunId | None = None
    started_per_min: float | None = None
    arrived_per_min: float | None = None
    is_paused: bool = False
    health: QueueHealth = QueueHealth.FINE
    since: datetime | None = None
    is_least: bool = False
    is_reading: bool = False
    are_waits_read: bool = False
    newest_start: datetime | None = None
    newest_arrival: datetime | None = None
    holders: tuple[PlaceHolder, ...] = ()
    standstill: Standstill | None = None
    is_v2: bool = False

    @property
    def has_waiting(self) -> bool:
        """Whether a run is known to wait in the queue."""
        return bool(self.queued) or self.oldest_at is not None


@dataclass(frozen=True, slots=True)
class DueRow:
    """A schedule: when it is due next, or when it was due, if no run came. `cron` as the server writes it."""

    schedule_id: str
    task: TaskId
    due_at: datetime
    cron: Raw
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class LongestRow:
    """A live run that executes, and its task's 95th percentile. `is_stuck`: a finding says so."""

    run_id: RunId
    task: TaskId
    started_at: datetime
    p95: timedelta | None = None
    is_stuck: bool = False


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A waitpoint token that a person has to complete."""

    token_id: str
    created_at: datetime
    tags: tuple[Raw, ...] = ()
    task: TaskId | None = None
    run_id: RunId | None = None
    is_stuck: bool = False


@dataclass(frozen=True, slots=True)
class SourceAge:
    """When a source last answered. `refusal`: why it is not asked again. `failure`: why its last read failed.

    `interval` is how often it is read. The totals of the last 24 hours have an age of their own, without a `source`.
    """

    source: FactSource | None
    read_at: datetime | None = None
    refusal: Raw | None = None
    failure: Raw | None = None
    interval: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class JustEnded:
    """A run that ended just now."""

    run_id: RunId
    task: TaskId | None
    ended_at: datetime
    is_failed: bool
    took: timedelta | None = None
    error_type: Raw | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The wall at `at`. Rows are complete; the screen cuts them."""

    at: datetime
    verdict: Verdict | None
    lines: FourLines
    tasks: tuple[TaskRow, ...] = ()
    queues: tuple[QueueRow, ...] = ()
    due: tuple[DueRow, ...] = ()
    longest: tuple[LongestRow, ...] = ()
    waiting: tuple[WaitingRow, ...] = ()
    just_now: tuple[JustEnded, ...] = ()
    ages: tuple[SourceAge, ...] = ()
    deployed: Deployment | None = None
    deployed_before: Deployment | None = None
    own_since: datetime | None = None
    is_listed: bool = False
    """The numbers are own counts that lack runs: server filters are active, or a public token reads slowly."""
