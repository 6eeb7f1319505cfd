"""How fresh what we know is: when the server last confirmed it, and what that means now.

What lives here: one pure observer of what sources tell. It counts in seconds of a clock that never jumps, so that
nobody's wall clock makes data old or young. How it is worded is the screen's. Source: DESIGN §5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from tui.domain.source_names import FEEDS, RELAY, RUN, RUN_FEED
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.store.facts import SourceStatus
from tui.store.missed_runs import Gap

LATE_AFTER: Final = 2
STALE_AFTER: Final = 5
"""Times the expected interval without a word."""

SLOW_AFTER = timedelta(seconds=5)
"""Without a first word."""

Trouble = SourceRetrying | SourceStopped


class Level(StrEnum):
    """CONNECTING until the first word; then by the age of the last one."""

    CONNECTING = "connecting"
    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Freshness:
    """One moment's answer. `confirmed_at` is the last word, `interval` when the next one was expected after it,
    `trouble` what the leading source said since, `trouble_since` its first failure, or the last word of another after
    that. `waited` is how long the first word has been waited for. `lead` is the source that tells what is shown,
    `other_trouble` the trouble of another one, which has to be known although it makes nothing old.
    """

    level: Level
    confirmed_at: datetime | None = None
    interval: timedelta = timedelta()
    trouble: Trouble | None = None
    trouble_since: datetime | None = None
    waited: timedelta = timedelta()
    leader: str | None = None
    other_trouble: Trouble | None = None

    @property
    def is_slow(self) -> bool:
        """Whether the first word takes so long that somebody would ask."""
        return self.confirmed_at is None and self.trouble is None and self.waited >= SLOW_AFTER

    @property
    def is_stale(self) -> bool:
        """Whether values must look dead."""
        return self.level is Level.STALE

    @property
    def is_live(self) -> bool:
        """Whether changes are told by the server, instead of being asked for."""
        return self.leader in FEEDS


@dataclass(slots=True)
class _SourceHealth:
    """What one source said last: a good word, and when it was heard; and its trouble since, and when that began."""

    heard_s: float | None = None
    interval_s: float = 0.0
    trouble: Trouble | None = None
    trouble_since: datetime | None = None
    trouble_s: float = 0.0

    def is_well(self, elapsed_s: float) -> bool:
        """Whether it hears what it should, when it should."""
        return self.heard_s is not None and self.trouble is None and elapsed_s < self.late_s

    @property
    def late_s(self) -> float:
        """When a word is overdue."""
        return (self.heard_s or 0.0) + LATE_AFTER * self.interval_s

    @property
    def lost_s(self) -> float:
        """When it ceased to be of use, of one that is not well."""
        return self.trouble_s if self.trouble is not None else self.late_s


class FreshnessTracker:
    """Remembers the last good word of each source and its trouble since, and the last time without any for too long.

    A feed leads while it hears something; else who polls, whose next word is then expected within `interval_s` of the
    feed's loss. A relay comes before both: without it nothing of what it tells is of now. `elapsed_s` are seconds of
    one clock that never jumps.
    """

    def __init__(self, interval_s: float = 2.0) -> None:
        self.gap: Gap | None = None
        self._interval_s = interval_s
        self._ears: dict[str, _SourceHealth] = {}
        self._dark_s: float | None = None
        self._least_s = 0.0

    def record(self, status: SourceStatus, elapsed_s: float, now: datetime) -> None:
        """Take in the newest word of a source; the same one again does no harm. `now` is the server's time.

        The feed of one run says nothing of the others, where those are followed too.
        """
        if status.source == RUN_FEED and RUN not in self._ears:
            return
        ear = self._ears.setdefault(status.source, _SourceHealth())
        match status:
            case SourceConnected():
                heard_s = elapsed_s - max(0.0, (now - status.at).total_seconds())
                if ear.trouble is None and ear.heard_s is not None and heard_s <= ear.heard_s:
                    return
                self._note_dark(elapsed_s, now)
                ear.heard_s, ear.interval_s = heard_s, status.interval_s
                ear.trouble = ear.trouble_since = None
                self._note_gap(elapsed_s, now)
            case SourceRetrying() | SourceStopped():
                if ear.trouble is None:
                    ear.trouble_since, ear.trouble_s = status.at, elapsed_s
                ear.trouble = status
            case _:
                assert_never(status)

    def _note_dark(self, elapsed_s: float, now: datetime) -> None:
        """Before a good word: all is stale since the last one, which a gap is not shorter than."""
        before, confirmed_s = self.at(elapsed_s, now), self._confirmed_s()
        if self._dark_s is None and before.is_stale and confirmed_s is not None:
            silence_s = STALE_AFTER * before.interval.total_seconds()
            self._dark_s = confirmed_s
            self._least_s = 0.0 if isinstance(before.trouble, SourceStopped) else silence_s

    def _note_gap(self, elapsed_s: float, now: datetime) -> None:
        """The first word that confirms something after all was stale ends a gap; one that only comes late does not."""
        confirmed_s = self._confirmed_s()
        if self._dark_s is None or confirmed_s is None or confirmed_s <= self._dark_s + self._least_s:
            return
        if not self.at(elapsed_s, now).is_stale:
            since, until = (now - timedelta(seconds=elapsed_s - each) for each in (self._dark_s, confirmed_s))
            self.gap, self._dark_s = Gap(since, until), None

    def at(self, elapsed_s: float, now: datetime, waited: timedelta = timedelta()) -> Freshness:
        """How fresh things are now, `waited` after the start. A source that stopped is stale at once: no word will
        come.
        """
        lead = self._lead(elapsed_s)
        if lead is None:
            return Freshness(Level.CONNECTING, waited=waited)
        ear, other_trouble = self._ears[lead], self._aside(lead)
        confirmed_s = self._confirmed_s()
        if confirmed_s is None:
            level = Level.STALE if isinstance(ear.trouble, SourceStopped) else Level.CONNECTING
            return Freshness(
                level,
                trouble=ear.trouble,
                trouble_since=ear.trouble_since,
                waited=waited,
                leader=lead,
                other_trouble=other_trouble,
            )
        basis_s, interval_s, latest_s = self._expected(lead, confirmed_s)
        if isinstance(ear.trouble, SourceStopped) or elapsed_s >= min(basis_s + STALE_AFTER * interval_s, latest_s):
            level = Level.STALE
        else:
            level = Level.LATE if elapsed_s >= basis_s + LATE_AFTER * interval_s else Level.FRESH
        confirmed_at = now - timedelta(seconds=elapsed_s - confirmed_s)
        # What failed for hours while another told everything is no outage of hours.
        since = ear.trouble_since and max(ear.trouble_since, confirmed_at)
        return Freshness(
            level,
            confirmed_at,
            timedelta(seconds=interval_s),
            ear.trouble,
            since,
            leader=lead,
            other_trouble=other_trouble,
        )

    def _lead(self, elapsed_s: float) -> str | None:
        """Who tells what is shown."""
        link = self._ears.get(RELAY)
        if link is not None and not link.is_well(elapsed_s):
            return RELAY
        feeds = [name for name in self._ears if name in FEEDS]
        well = next((name for name in feeds if self._ears[name].is_well(elapsed_s)), None)
        asker = next((name for name in self._ears if name not in FEEDS and name != RELAY), None)
        # A feed that was never heard says nothing of who polls, whose first word may take long.
        heard = next((name for name in feeds if self._ears[name].heard_s is not None), None)
        return well or asker or heard or (RELAY if link is not None else None)

    def _aside(self, lead: str) -> Trouble | None:
        others = (ear.trouble for name, ear in self._ears.items() if name not in {lead, RELAY})
        return None if lead == RELAY else next((trouble for trouble in others if trouble is not None), None)

    def _confirmed_s(self) -> float | None:
        """When the server last confirmed anything; through a relay not later than the relay's own last word."""
        heard = [ear.heard_s for name, ear in self._ears.items() if name != RELAY and ear.heard_s is not None]
        link = self._ears.get(RELAY)
        if link is None or not heard:
            return max(heard, default=None)
        return None if link.heard_s is None else min(max(heard), link.heard_s)

    def _expected(self, lead: str, confirmed_s: float) -> tuple[float, float, float]:
        """From when on a word is waited for, how long that takes, and when it is too late whatever took over."""
        ear = self._ears[lead]
        never_s = float("inf")
        lost = [other for name, other in self._ears.items() if name in FEEDS and other.heard_s is not None]
        if lead == RELAY or lead in FEEDS or not lost:
            return confirmed_s, ear.interval_s or self._interval_s, never_s
        feed = max(lost, key=lambda other: other.lost_s)
        if ear.heard_s is not None and ear.heard_s >= feed.lost_s:
            return confirmed_s, ear.interval_s, never_s
        latest_s = confirmed_s + STALE_AFTER * max(feed.interval_s, self._interval_s)
        return max(confirmed_s, feed.lost_s), self._interval_s, latest_s
