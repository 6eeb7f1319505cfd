"""The need of how many lines each attempt logged: one request, repeated seldom while the run is live."""

from collections import Counter
from typing import Final

from tui.domain.ids import RunId
from tui.domain.traces.log_line import LogLevel, RunLog
from tui.present.compared.logs import LogCount, LogCounts
from tui.present.frame.failure import without_request
from tui.session import Session
from tui.sources.budget import Priority
from tui.ui.model.selection import Fetched, FetchState, Need

LOGS_CUT: Final = "The server sends the first 25,000 rows; later lines are not counted."


async def _fetch(session: Session, run_id: RunId) -> Fetched[LogCounts]:
    fetcher, now_s = session.fetcher, session.clock.monotonic_s
    log, _ = await fetcher.budget.request(
        ("log", run_id), Priority.SELECTED, lambda: fetcher.api.read_log(run_id, None, now_s)
    )
    return Fetched(counts_of(log))


def counts_of(log: RunLog) -> LogCounts:
    """Return the number of lines by attempt and level."""
    counts = Counter(zip(log.attempts, log.levels(), strict=True))
    by_attempt: dict[int, LogCount] = {}
    for (attempt, level), lines in counts.items():
        known = by_attempt.get(attempt, LogCount())
        by_attempt[attempt] = LogCount(
            known.lines + lines,
            known.warns + lines * (level == LogLevel.WARN),
            known.errors + lines * (level == LogLevel.ERROR),
        )
    return LogCounts(by_attempt, LOGS_CUT if log.is_cut else "")


def _may_change(session: Session, run_id: RunId, _: LogCounts | None) -> bool:
    run = session.store.get(run_id)
    return run is not None and not run.is_final


LOG_COUNTS: Final[Need[LogCounts]] = Need(name="the logs", fetch=_fetch, may_change=_may_change)


def log_counts(state: FetchState[LogCounts]) -> LogCounts:
    """Return what is known of the logs. A note says why they are not known."""
    if state.value is not None:
        return state.value
    if state.failure is not None:
        return LogCounts(note=f"The logs could not be read: {without_request(state.failure)}")
    return LogCounts(note="reading the logs…")
