"""Tracks how far the polls of a feed have come, and stops a feed that makes no progress."""

from dataclasses import field
from datetime import timedelta
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.sources.base import Transient
from tui.sources.realtime.coverage import ReportedRuns
from tui.wire.errors import ServerFault
from tui.wire.feed import MAX_SNAPSHOT_ROWS, FeedPosition

RETRY_REFUSED_AFTER: Final = timedelta(minutes=5)
"""Between tries while the key, the plan or the server does not allow a feed, or while the feed does not work."""

MAX_SNAPSHOT_PARTS: Final = 200
"""Parts of one snapshot. A real one has a few."""

MAX_REPEATS: Final = 5
"""Responses in a row that come at once and stay at the same position, or go back to the start."""

MIN_HOLD_S: Final = 1.0
MAX_INSTANT_RESPONSES: Final = 20
"""Responses in a row without a change, each within `MIN_HOLD_S`: the server does not hold the polls."""

OK: Final = 200


@dataclass(slots=True)
class FeedProgress:
    """The position of the next poll, and counts of responses without progress.

    The feed is live once its snapshot is complete. `was_live` stays true after a restart.
    """

    position: FeedPosition | None = None
    is_live: bool = False
    was_live: bool = False
    connected_s: float = 0.0
    """When the source last emitted that it is connected."""
    reported: ReportedRuns = field(default_factory=lambda: ReportedRuns(MAX_SNAPSHOT_ROWS))
    repeat_count: int = 0
    instant_count: int = 0
    part_count: int = 0

    def restart(self) -> None:
        """Start over: the next response is the first part of a snapshot."""
        self.position, self.is_live, self.part_count = None, False, 0
        self.reported = ReportedRuns(MAX_SNAPSHOT_ROWS)

    def add_part(self) -> None:
        """Count a part of the snapshot. Raises `Transient` after too many."""
        self.part_count += 1
        if self.part_count >= MAX_SNAPSHOT_PARTS:
            raise Transient("the snapshot of the realtime feed does not end", RETRY_REFUSED_AFTER)

    def add_repeat(self, reason: str) -> None:
        """Count a response without progress. Raises `ServerFault` with `reason` after too many in a row."""
        self.repeat_count += 1
        if self.repeat_count >= MAX_REPEATS:
            raise ServerFault(reason, OK)

    def add_instant_response(self) -> None:
        """Count a response that came at once and without a change. Raises `ServerFault` after too many in a row."""
        self.instant_count += 1
        if self.instant_count >= MAX_INSTANT_RESPONSES:
            raise ServerFault("the server does not hold the polls of the realtime feed", OK)

    def advance(self) -> None:
        """Reset the counts after a response that was held, or that had a change."""
        self.repeat_count = self.instant_count = 0
