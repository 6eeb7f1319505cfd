"""`PlannedRead`: one thing that is read at an interval, when it is due, and how often it failed."""

import math
from collections.abc import Awaitable, Callable
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.domain.findings.intervals import DECIDING
from tui.lazy_dataclass import dataclass
from tui.sources.findings.allowance import Rank

FIRST_RETRY_S: Final = 3.0
MAX_DECIDING_RETRY_S: Final = 60.0
MAX_RETRY_S: Final = 300.0
"""The waits after failures double up to this. Without a deciding source a verdict is not known: its first retries come
soon, since `status` has 24 s in all, and its last ones at most a minute after the server has recovered. What decides
nothing waits for its interval, or a minute, at first."""

WAKE_AFTER_S: Final = 10.0
"""A wake-up makes nothing due sooner than this after its last read."""

MAX_WOKEN_INTERVAL_S: Final = 600.0
"""What is read less often than this does not change by what woke us."""


@dataclass(slots=True, eq=False)
class PlannedRead:
    """`read` reads and emits. It raises `ApiError`.

    A failure is reported as one of `source`, unless that is None. The readings of a `lane` run one after the other: the
    budget admits two queries at once, and waits of queues do not wait for the others.
    """

    name: str
    source: FactSource | None
    rank: Rank
    interval_s: float
    read: Callable[[], Awaitable[None]]
    lane: str = ""
    due_s: float = -math.inf
    failures: int = 0
    started_s: float = -math.inf
    is_refused: bool = False

    def start(self, now_s: float) -> None:
        """Plan the next read. The time that a read takes does not delay the next one.

        It begins at a whole second, as everything else does that happens again and again: see `until_second_s`.
        """
        is_late = now_s - self.due_s > self.interval_s
        self.started_s = now_s
        self.due_s = math.floor(now_s if is_late else self.due_s) + self.interval_s

    def fail(self, now_s: float, at_least_s: float) -> None:
        """Plan the next try after a failure."""
        self.failures += 1
        is_deciding = self.source in DECIDING
        first_s = FIRST_RETRY_S if is_deciding else min(self.interval_s, 60.0)
        most_s = MAX_DECIDING_RETRY_S if is_deciding else MAX_RETRY_S
        self.due_s = now_s + max(at_least_s, min(most_s, first_s * 2.0 ** min(self.failures - 1, 8)))

    def change_interval(self, interval_s: float) -> None:
        """Use another interval, also for the next read."""
        self.due_s += interval_s - self.interval_s
        self.interval_s = interval_s

    def wake(self, now_s: float) -> None:
        """Make it due, soon after the last read at the earliest. One that waits for its first read goes on waiting."""
        if self.started_s > -math.inf and (self.failures or self.interval_s < MAX_WOKEN_INTERVAL_S):
            self.due_s = min(self.due_s, max(now_s, self.started_s + WAKE_AFTER_S))
