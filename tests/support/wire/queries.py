"""A sample of every query that the program can send."""

from datetime import UTC, datetime, timedelta

from tui.api.queries import (
    DayTotals,
    EndedRuns,
    NamedQuery,
    QueueHolders,
    QueueOfRun,
    QueueSpeeds,
    QueueStayMinutes,
    QueueWaitCounts,
    RunCounts,
    RunErrors,
    RunsOfQueue,
    RunsWithErrorTexts,
    TaskMinutes,
    TaskNormals,
    TreeRuns,
)
from tui.domain.run import RunId

AT = datetime(2026, 11, 26, 14, 32, 40, tzinfo=UTC)
RUN, OTHER = RunId("run_cmwuqwphl00009f7de45f6e3t"), RunId("run_cmwuqwphl00009f7de45f6e3u")
MINUTE = timedelta(minutes=1)
QUERIES: tuple[NamedQuery, ...] = (
    RunCounts("24h"),
    RunCounts(None, AT),
    RunErrors((RUN, OTHER), "7d"),
    RunsWithErrorTexts(("it's", "timeout", "OR"), is_exact=False, period=None),
    RunsWithErrorTexts(("timeout",), is_exact=True, period=None),
    TreeRuns((RUN,), has_times=True, period="2d"),
    TreeRuns((RUN, OTHER), has_times=False, period=None),
    QueueOfRun(RUN),
    RunsOfQueue("send-email"),
    QueueStayMinutes("task/send-email"),
    QueueSpeeds("send-email"),
    TaskMinutes(AT - 60 * MINUTE, None, MINUTE, AT - 60 * MINUTE),
    TaskMinutes(AT - 60 * MINUTE, AT, 5 * MINUTE),
    QueueWaitCounts(AT),
    QueueHolders("send-email"),
    TaskNormals(AT),
    DayTotals(AT),
    EndedRuns(AT - MINUTE, AT),
)
