"""The details that are read of the selected queue alone: the server's metrics, and the last hour of its runs."""

from datetime import datetime, timedelta

from tui.domain.ids import TaskId
from tui.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """How a queue moved within a period, by the server's own measurements.

    `depths` are the numbers of waiting runs, oldest first.
    A server without the pipeline answers with zeros.
    """

    depths: tuple[int, ...] = ()
    peak_queued: int = 0
    started: int = 0
    throttled: int = 0
    wait_p95: timedelta | None = None

    @property
    def is_measured(self) -> bool:
        """Whether the zeros are zeros: a server that measures nothing sends zeros alone."""
        return bool(self.started or self.throttled or self.peak_queued or any(self.depths) or self.wait_p95)


@dataclass(frozen=True, slots=True)
class QueueHour:
    """The last hour of a queue by the times of its runs, a minute a cell, oldest first; the last cell is not over.

    * `queued`, `running`: how many runs waited and executed at the end of each minute. `running` is empty where runs
      also wait or retry: these hold no place in the queue, and no answer says when.
    * `p95`: the 95th percentile of the most frequent task's executions that ended in the minute, None where none did:
      tasks that share a queue may last seconds and hours
    * `failed`: the runs that failed within the hour
    * `tasks`: the tasks of most runs, the most frequent first
    * `is_cut`: the server has more rows than it sent, so that the numbers are too small
    """

    at: datetime
    queued: tuple[int, ...] = ()
    running: tuple[int, ...] = ()
    p95: tuple[timedelta | None, ...] = ()
    failed: int | None = None
    tasks: tuple[TaskId, ...] = ()
    is_cut: bool = False
