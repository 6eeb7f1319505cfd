"""Plans the comparisons of a live feed with the list. The steps of a comparison are in `run_lister`."""

from dataclasses import replace
from typing import Final, Self

from tui.lazy_dataclass import dataclass

RECONCILE_EVERY_S: Final = 30.0
"""Between two comparisons. In a quiet environment, one costs two or three requests."""

SETTLING_S: Final = 3.0
"""A feed that starts is compared at once, and again after this time: the list lags by 0.3 to 1.0 s."""

MAX_MISMATCHES: Final = 2
"""Comparisons of counts in a row that may fail before the lists are compared. In a busy environment, counts of
different moments seldom agree.
"""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """When the next comparisons are due, and whether one is in progress. Times are seconds of the monotonic clock.

    A comparison reads page one and scans all live runs. It may take several poll cycles.
    """

    feed_start_count: int = 0
    """Starts of the feed that this plan includes."""

    due_s: tuple[float, ...] = ()
    """When comparisons are due, the earliest first."""

    is_running: bool = False
    """A comparison has started and not finished."""

    is_requested: bool = False
    """The user refreshed, or the machine woke up."""

    mismatch_count: int = 0
    """How often in a row the server's count of live runs differed from the store's."""

    def request(self) -> Self:
        """Compare at the next cycle, and drop the comparison in progress."""
        return replace(self, is_requested=True)

    def restart(self) -> Self:
        """After a failed cycle, plan all comparisons again."""
        return replace(self, feed_start_count=0, is_running=False)

    def without_feed(self) -> Self:
        """While no feed is live, there is nothing to compare: each poll reads everything."""
        return replace(self, due_s=(), is_running=False, is_requested=False)

    def with_feed(self, start_count: int, now_s: float) -> Self:
        """Plan for a live feed that has started `start_count` times."""
        if self.is_requested or start_count != self.feed_start_count:
            due_s = (now_s, now_s + SETTLING_S)
            return replace(self, feed_start_count=start_count, due_s=due_s, is_running=False, is_requested=False)
        return self if self.due_s else replace(self, due_s=(now_s + RECONCILE_EVERY_S,))

    def is_due(self, now_s: float) -> bool:
        """Whether a comparison should start or continue."""
        return bool(self.due_s) and now_s >= self.due_s[0]

    def starts(self, now_s: float) -> bool:
        """Whether a comparison should start."""
        return self.is_due(now_s) and not self.is_running

    def started(self) -> Self:
        """Record that the comparison is in progress."""
        return replace(self, is_running=True)

    def finished(self) -> Self:
        """Record that the comparison that was due is done."""
        return replace(self, is_running=False, due_s=self.due_s[1:])

    def with_counts(self, *, is_equal: bool, now_s: float) -> Self:
        """Record a comparison of counts. Too many mismatches in a row make a comparison of the lists due."""
        if is_equal:
            return replace(self, mismatch_count=0)
        if self.mismatch_count + 1 < MAX_MISMATCHES:
            return replace(self, mismatch_count=self.mismatch_count + 1)
        is_due = self.is_due(now_s)
        return replace(self, mismatch_count=0, due_s=self.due_s if is_due else (now_s, *self.due_s))
