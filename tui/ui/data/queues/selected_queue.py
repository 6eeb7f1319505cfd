"""Reads the metrics and the last hour of the queue under the cursor, once it rests, and again every minute."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeVar

from tui.domain.findings.facts import Queue
from tui.domain.findings.queue_detail import QueueHour, QueueMetrics
from tui.present.read_stage import SHOW_READING_AFTER, ReadStage
from tui.session import Session
from tui.sources.clock import Timer
from tui.wire.errors import ApiError

T = TypeVar("T")

REST_S: Final = 0.5
"""How long the cursor rests before anything is read: three requests."""

EVERY_S: Final = 60.0
"""The last hour changes by a minute."""

TIMEOUT_S: Final = 30.0
MAX_KEPT: Final = 50
"""Queues whose detail is kept. All are forgotten when there are more."""


class QueueDetail(NamedTuple):
    """The details of a queue, and why the rest was not read; both reasons are empty if all was.

    `lacks_count`: the number of running runs was not known, without which their series is not trusted.
    """

    metrics: QueueMetrics | None = None
    hour: QueueHour | None = None
    metrics_failure: str = ""
    failure: str = ""
    read_s: float = float("-inf")
    lacks_count: bool = False


_UNREAD: Final = QueueDetail()


class SelectedQueueReader:
    """Follows one queue at a time. `on_result` is called when something was read."""

    def __init__(self, session: Session, on_result: Callable[[], None]) -> None:
        self._session = session
        self._on_result = on_result
        self._kept: dict[str, QueueDetail] = {}
        self._wanted: Queue | None = None
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._began_s = 0.0

    def of(self, name: str) -> QueueDetail:
        """Return the details of a queue, by its stored name."""
        return self._kept.get(name, _UNREAD)

    @property
    def stage(self) -> ReadStage:
        """How far the read of the queue under the cursor has got."""
        if self._task is None:
            return ReadStage.DONE if self._timer is None else ReadStage.DUE
        is_late = self._session.clock.monotonic_s() - self._began_s >= SHOW_READING_AFTER.total_seconds()
        return ReadStage.LATE if is_late else ReadStage.DUE

    def follow(self, queue: Queue | None) -> None:
        """Read a queue soon, if it was not read within the last minute. The same queue only gets its new numbers."""
        before, self._wanted = self._wanted, queue
        if queue is None or before is None or before.stored_name != queue.stored_name:
            self.stop()
            self._wanted = queue
        if queue is not None and queue.running is not None and self.of(queue.stored_name).lacks_count:
            self._expire(queue.stored_name)
        if queue is None or self._task is not None or self._timer is not None:
            return
        due_s = self._kept[queue.stored_name].read_s + EVERY_S if queue.stored_name in self._kept else 0.0
        self._timer = self._session.clock.call_later(
            max(REST_S, due_s - self._session.clock.monotonic_s()), self._begin
        )

    def _expire(self, name: str) -> None:
        """Let a queue be read again soon: its number of running runs has become known."""
        self._kept[name] = self._kept[name]._replace(read_s=float("-inf"), lacks_count=False)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def keep(self, name: str, detail: QueueDetail) -> None:
        """Keep the details of a queue, by its stored name."""
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[name] = detail

    def refresh(self) -> None:
        """Read the queue under the cursor again now."""
        wanted = self._wanted
        self.stop()
        self._wanted = wanted
        if wanted is not None:
            self._begin()

    def stop(self) -> None:
        """Read nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._wanted = self._timer = self._task = None

    def _begin(self) -> None:
        self._timer = None
        if self._wanted is not None and self._session.is_started:
            self._began_s = self._session.clock.monotonic_s()
            self._task = self._session.spawn(self._read(self._wanted), "read the selected queue")

    async def _read(self, queue: Queue) -> None:
        from tui.sources.queue_fetcher import QueueFetcher  # noqa: PLC0415  loaded when first used

        fetcher = QueueFetcher(self._session.fetcher, self._session.emit)
        before = self.of(queue.stored_name)
        (metrics, metrics_failure), (hour, failure) = await asyncio.gather(
            _result_of(fetcher.read_metrics(queue)), _result_of(fetcher.read_hour(queue))
        )
        read_s, lacks_count = self._session.clock.monotonic_s(), queue.running is None
        detail = QueueDetail(metrics, hour or before.hour, metrics_failure, failure, read_s, lacks_count)
        self.keep(queue.stored_name, detail)
        self._task = None
        self._on_result()


async def _result_of(read: Awaitable[T]) -> tuple[T | None, str]:
    """Return the result, or why there is none."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await read, ""
    except TimeoutError:
        return None, f"no answer for {TIMEOUT_S:.0f} s"
    except ApiError as error:
        return None, str(error)
