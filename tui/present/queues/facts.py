"""`QueueFacts`: everything that the page of the selected queue is made from."""

from datetime import datetime, timedelta
from typing import NamedTuple

from tui.domain.errors.kinds import ErrorKind
from tui.domain.findings.facts import ConcurrencyLimit
from tui.domain.findings.queue_detail import QueueHour, QueueMetrics
from tui.domain.ids import TaskId
from tui.lazy_dataclass import dataclass
from tui.present.read_stage import ReadStage
from tui.store.findings.board import QueueRow


class HolderSpeed(NamedTuple):
    """How long the runs of a task take now, and usually."""

    task: TaskId | None
    p95: timedelta | None
    normal_p95: timedelta | None


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The selected queue and its surroundings. An unknown value is None.

    * `waits_at`: when the waits were read, before which the minute of the rates is
    * `full_limits`: the limits of a newer server that may hold its runs
    * `p95`, `normal_p95`: how long the queue's runs take now, and usually
    * `holder`: of a full queue, the task that holds most of its places
    * `error`: the kind of its newest failure
    * `failure`, `metrics_failure`: why the last hour, or the metrics, could not be read; empty if they were
    * `stage`: how far their read has got
    """

    row: QueueRow
    hour: QueueHour | None = None
    metrics: QueueMetrics | None = None
    p95: timedelta | None = None
    normal_p95: timedelta | None = None
    error: ErrorKind | None = None
    failure: str = ""
    metrics_failure: str = ""
    stage: ReadStage = ReadStage.DONE
    waits_at: datetime | None = None
    full_limits: tuple[ConcurrencyLimit, ...] = ()
    holder: HolderSpeed | None = None

    @property
    def is_unread(self) -> bool:
        """Whether the last hour is being read for the first time."""
        return self.stage is not ReadStage.DONE and self.hour is None and not self.failure
