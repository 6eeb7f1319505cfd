"""What happened while nothing could be heard: the runs that an outage kept from the screen until it was over.

What lives here: finding them among the runs that are known by now. How it is worded is `present`'s. Source: DESIGN §5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tui.domain.run import Run


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two good words of the server that are too far apart."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Missed:
    """Runs that came, began, ended or changed within a gap, and how many of them failed in it."""

    run_count: int
    failed_count: int


def missed_in(gap: Gap, runs: Iterable[Run]) -> Missed:
    """Look at every run once."""

    def is_within(at: datetime | None) -> bool:
        return at is not None and gap.since < at <= gap.until

    run_count = failed_count = 0
    for run in runs:
        state = run.state
        if state is None:
            continue
        moments = (state.updated_at, state.finished_at, state.started_at, run.fixed.created_at)
        if any(map(is_within, moments)):
            run_count += 1
            failed_count += run.status.is_failed and is_within(state.finished_at or state.updated_at)
    return Missed(run_count, failed_count)
