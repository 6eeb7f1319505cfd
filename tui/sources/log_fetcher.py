"""Fetches the log of a run, the attributes of its lines, and decides how often a log is fetched again.

There is no incremental read: each answer has the whole log, up to 8 MB of it.
Source: tests/wire/recordings/README.md §5, §9.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui.domain.ids import RunId, SpanId
from tui.domain.run import Run
from tui.domain.traces.log_line import RunLog
from tui.domain.traces.span import SpanDetail
from tui.lazy_dataclass import dataclass
from tui.sources.budget import Priority
from tui.sources.clock import Clock

if TYPE_CHECKING:
    from tui.sources.run_fetcher import RunFetcher

MIN_INTERVAL_S: Final = 2.0
"""Between the end of a read of a live log and the next one."""

DECODE_SHARE: Final = 20
"""The interval is at least so many times the time that the decoding took."""

MAX_BUDGET_SHARE: Final = 0.2
"""The share of the request budget that a followed log may use."""

SETTLED_AFTER: Final = timedelta(seconds=2)
"""After the end of a run, its last lines take up to 1.2 s until they can be read."""

MAX_CACHED_SPANS: Final = 64
"""Spans whose attributes are kept. The oldest are dropped."""


@dataclass(frozen=True, slots=True)
class LogRead:
    """One read of a log.

    * `is_new`: whether the log differs from the one that was known
    * `next_s`: the minimum time until the next read
    """

    log: RunLog
    is_new: bool
    next_s: float


class LogFetcher:
    """Fetches logs and the spans of their lines. It keeps no log."""

    def __init__(self, fetcher: "RunFetcher", clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._spans: OrderedDict[tuple[RunId, SpanId], SpanDetail] = OrderedDict()

    async def read(self, run_id: RunId, known: RunLog | None, priority: Priority) -> LogRead:
        """Read the log of a run. Raises `ApiError`."""
        fetcher, now_s = self._fetcher, self._clock.monotonic_s
        log, decode_s = await fetcher.budget.request(
            ("log", run_id), priority, lambda: fetcher.api.read_log(run_id, known, now_s)
        )
        return LogRead(log, log is not known, self.interval_s(decode_s))

    def interval_s(self, decode_s: float) -> float:
        """Return the time until the next read, after one whose decoding took `decode_s`."""
        refill = self._fetcher.budget.refill
        return max(MIN_INTERVAL_S, DECODE_SHARE * decode_s, refill.period_s / (refill.share * MAX_BUDGET_SHARE))

    def known_span(self, run_id: RunId, span_id: SpanId) -> SpanDetail | None:
        """Return the span of a line if it was read before."""
        return self._spans.get((run_id, span_id))

    async def read_span(self, run_id: RunId, span_id: SpanId, priority: Priority) -> SpanDetail:
        """Read the span of a line with its attributes, once. Raises `ApiError`."""
        known = self.known_span(run_id, span_id)
        if known is not None:
            return known
        detail = await self._fetcher.fetch_span(run_id, span_id, priority)
        self._spans[run_id, span_id] = detail
        while len(self._spans) > MAX_CACHED_SPANS:
            self._spans.popitem(last=False)
        return detail


def is_settled(run: Run, now_at_request: datetime, final_for_s: float) -> bool:
    """Return whether a log that was requested at that time has all lines of a run that has ended.

    `final_for_s` is how long the run had been known to be final then. It decides where the time of the end is missing,
    or later than the server's clock.
    """
    if not run.is_final:
        return False
    if final_for_s >= SETTLED_AFTER.total_seconds():
        return True
    ended_at = None if run.state is None else run.state.finished_at or run.state.expired_at
    return ended_at is not None and now_at_request - ended_at >= SETTLED_AFTER
