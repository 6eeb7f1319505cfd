"""What a relay tells, as the updates of a session: its runs, and how its own sources get on.

What lives here: the translation, one message after the other, and which runs the relay has not said a word about. How
messages travel is `relay`'s.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from tui.domain.environment import Capability
from tui.domain.ids import RunId
from tui.domain.source_names import FEEDS, RELAY
from tui.domain.update import (
    CapabilityLost,
    CapabilityRegained,
    CaughtUp,
    EnvironmentRead,
    RunsRead,
    SourceConnected,
    Update,
)
from tui.store.store import Store
from tui.wire.errors import ServerFault
from tui.wire.relay.messages import RelayFacts, Runs

MISSING_READS: Final = 5
"""Runs that are read with each beat: one a second, so that a wall of screens spends no more than one of them."""


MOST_SOURCES: Final = 20
"""Whose status may be told: each is kept for good, and looked at with every change. A relay has four."""


class RelayUpdates:
    """What one connection to a relay told so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._facts: RelayFacts | None = None
        self._sources = set(store.source_statuses)
        self._snapshot: set[RunId] = set()
        self._chunks = 0
        self._missing: list[RunId] = []
        self.is_whole = False

    @property
    def is_confirmed(self) -> bool:
        """Whether a snapshot is here, and what the relay's own sources say: before, nothing of it is of now."""
        return self.is_whole and self._facts is not None and bool(self._facts.sources)

    def runs(self, told: Runs) -> Iterator[Update]:
        """Runs as the relay knows them. Those that are thought to live and are in no snapshot are missing.

        Raises `ServerFault` where a part of a snapshot is: what is in it would be taken for missing.
        """
        yield RunsRead(told.patches)
        yield from told.gone
        run_ids = {patch.id for patch in told.patches} | {gone.id for gone in told.gone}
        if told.chunk is None:
            self._missing = [run_id for run_id in self._missing if run_id not in run_ids]
            return
        if told.chunk.number == 0:
            self._snapshot, self._chunks = set(), 0
        if told.chunk.number != self._chunks:
            raise ServerFault("the relay left out a part of what it tells", 200)
        self._chunks += 1
        self._snapshot |= run_ids
        if told.chunk.is_last:
            self._missing = sorted(self._store.live() - self._snapshot)
            self._snapshot = set()
            self.is_whole = True

    def facts(self, facts: RelayFacts) -> Iterator[Update]:
        """What is not as it was told before. Raises `ServerFault` for sources that nobody could look at."""
        self._sources |= {status.source for status in facts.sources}
        if len(self._sources) > MOST_SOURCES:
            raise ServerFault("the relay tells of sources without end", 200)
        before, self._facts = self._facts, facts
        yield from self._capabilities(facts)
        if facts.environment is not None and (before is None or _where(before) != _where(facts)):
            yield facts.environment
        for fact in (facts.counts, facts.history, facts.window, facts.reconciled, facts.caught_up):
            if fact is not None and (before is None or fact not in _parts(before)):
                yield fact
        for status in facts.sources:
            if before is None or status not in before.sources:
                yield status
        confirmed_at = _confirmed_at(facts)
        if before is None and confirmed_at is not None:
            yield CaughtUp(RELAY, confirmed_at)

    def next_missing(self) -> list[RunId]:
        """Runs to be read now; none while the relay still reads its history, in which they may be."""
        history = None if self._facts is None else self._facts.history
        if not self.is_whole or history is None or not history.is_complete:
            return []
        due, self._missing = self._missing[:MISSING_READS], self._missing[MISSING_READS:]
        return due

    def still_missing(self, run_id: RunId) -> None:
        """It could not be read this time."""
        self._missing.append(run_id)

    def _capabilities(self, facts: RelayFacts) -> Iterator[CapabilityLost | CapabilityRegained]:
        known = dict(self._store.lost_capabilities)
        for capability in Capability:
            reason = facts.lost.get(capability)
            if reason is not None and known.get(capability) != reason:
                yield CapabilityLost(capability, reason)
            elif reason is None and capability in known:
                yield CapabilityRegained(capability)


def _where(facts: RelayFacts) -> object:
    read: EnvironmentRead | None = facts.environment
    return None if read is None else (read.environment,)


def _parts(facts: RelayFacts) -> tuple[object, ...]:
    return facts.counts, facts.history, facts.window, facts.reconciled, facts.caught_up


def _confirmed_at(facts: RelayFacts) -> datetime | None:
    """When the API last said a good word to who asks it for the relay, if that is well; a feed is an extra."""
    asking = [status for status in facts.sources if status.source not in FEEDS]
    good = [status.at for status in asking if isinstance(status, SourceConnected)]
    return max(good) if good and len(good) == len(asking) else None
