"""The last outage as the list tells it: when there was no data, and what was caught up since.

What lives here: when it is counted, and for how long it is told. Finding the runs is `store.missed`'s.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tui.present.outage import gap_words, missed_words
from tui.present.styled import Line, Piece, Token
from tui.store.missed import Gap, Missed, missed_in
from tui.store.store import Store

COUNTED_AFTER: Final = (timedelta(seconds=4), timedelta(seconds=15))
"""Catching up takes some polls: it is counted once for an answer soon, and once more when all is read."""

TOLD_FOR: Final = timedelta(minutes=2)

WIDE: Final = 100
"""From here on all of it fits beside the filters."""


class Outage:
    """What was missed. `tell` hears the final sentence."""

    def __init__(self, store: Store, tell: Callable[[str], None]) -> None:
        self._store = store
        self._tell = tell
        self._gap: Gap | None = None
        self._counts_left: list[timedelta] = []
        self._missed: Missed | None = None

    def look(self, gap: Gap | None, now: datetime) -> None:
        """Take in the last gap, and count where it is time to."""
        if gap is not None and gap != self._gap:
            self._gap, self._missed, self._counts_left = gap, None, list(COUNTED_AFTER)
        if self._gap is None or not self._counts_left or now - self._gap.until < self._counts_left[0]:
            return
        self._counts_left.pop(0)
        self._missed = missed_in(self._gap, self._store.runs())
        if not self._counts_left:
            self._tell(f"There was {gap_words(self._gap, now)}: {', '.join(missed_words(self._missed))}.")

    def line(self, now: datetime, width: int) -> Line:
        """What the rule of a list so wide says of it for a while."""
        gap = self._gap
        if gap is None or now - gap.until > TOLD_FOR:
            return ()
        missed = missed_words(self._missed, is_short=width < WIDE) if self._missed is not None else ()
        return (Piece(gap_words(gap, now), Token.AMBER), *(Piece(f" · {said}", Token.MUTED) for said in missed))
