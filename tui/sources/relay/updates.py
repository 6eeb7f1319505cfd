"""Translates the messages of a relay into updates of the session, and finds live runs missing in its snapshot."""

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
from tui.sources.base import KnownFacts
from tui.wire.errors import ServerFault
from tui.wire.relay.messages import RelayFacts, Runs

MAX_MISSING_READS: Final = 5
"""Runs requested with each beat: one a second, so that many screens together spend little of the relay's budget."""

MAX_SOURCES: Final = 20
"""A relay reports four. The bound matters because the status of every source is kept, and read at every change."""


class RelayUpdates:
    """The messages of one connection so far."""

    def __init__(self, store: KnownFacts) -> None:
        self._store = store
        self._facts: RelayFacts | None = None
        self._sources = set(store.source_statuses)
        self._snapshot: set[RunId] = set()
        self._chunk_count = 0
        self._missing: list[RunId] = []
        self.has_snapshot = False

    @property
    def is_confirmed(self) -> bool:
        """Whether the snapshot and the status of the relay's sources are known. Before that, no run is current."""
        return self.has_snapshot and self._facts is not None and bool(self._facts.sources)

    def from_runs(self, message: Runs) -> Iterator[Update]:
        """Yield the runs of a message. Live runs of the store that are in no chunk of the snapshot become missing.

        Raises `ServerFault` if a chunk is missing, since its runs would become missing too.
        """
        yield RunsRead(message.patches)
        yield from message.gone
        run_ids = {patch.id for patch in message.patches} | {gone.id for gone in message.gone}
        if message.chunk is None:
            self._missing = [run_id for run_id in self._missing if run_id not in run_ids]
            return
        if message.chunk.number == 0:
            self._snapshot, self._chunk_count = set(), 0
        if message.chunk.number != self._chunk_count:
            raise ServerFault("a part of the relay's snapshot is missing", 200)
        self._chunk_count += 1
        self._snapshot |= run_ids
        if message.chunk.is_last:
            self._missing = sorted(self._store.live() - self._snapshot)
            self._snapshot = set()
            self.has_snapshot = True

    def from_facts(self, facts: RelayFacts) -> Iterator[Update]:
        """Yield the facts that changed since the last message. Raises `ServerFault` for too many sources."""
        self._sources |= {status.source for status in facts.sources}
        if len(self._sources) > MAX_SOURCES:
            raise ServerFault(f"the relay reports more than {MAX_SOURCES} sources", 200)
        before, self._facts = self._facts, facts
        yield from self._capabilities(facts)
        if facts.environment is not None and (before is None or _environment(before) != _environment(facts)):
            yield facts.environment
        for fact in (facts.counts, facts.history, facts.window, facts.reconciled, facts.caught_up):
            if fact is not None and (before is None or fact not in _single_facts(before)):
                yield fact
        for status in facts.sources:
            if before is None or status not in before.sources:
                yield status
        confirmed_at = _confirmed_at(facts)
        if before is None and confirmed_at is not None:
            yield CaughtUp(RELAY, confirmed_at)

    def next_missing(self) -> list[RunId]:
        """Remove and return runs to request now. None while the relay reads its history, which may have them."""
        history = None if self._facts is None else self._facts.history
        if not self.has_snapshot or history is None or not history.is_complete:
            return []
        due, self._missing = self._missing[:MAX_MISSING_READS], self._missing[MAX_MISSING_READS:]
        return due

    def retry_missing(self, run_id: RunId) -> None:
        """Request the run again later."""
        self._missing.append(run_id)

    def _capabilities(self, facts: RelayFacts) -> Iterator[CapabilityLost | CapabilityRegained]:
        lost = dict(self._store.lost_capabilities)
        for capability in Capability:
            reason = facts.lost.get(capability)
            if reason is not None and lost.get(capability) != reason:
                yield CapabilityLost(capability, reason)
            elif reason is None and capability in lost:
                yield CapabilityRegained(capability)


def _environment(facts: RelayFacts) -> object:
    # Without the time at which the relay read it.
    read: EnvironmentRead | None = facts.environment
    environment = None if read is None else read.environment
    return None if read is None else (environment, environment is not None and environment.is_paused)


def _single_facts(facts: RelayFacts) -> tuple[object, ...]:
    return facts.counts, facts.history, facts.window, facts.reconciled, facts.caught_up


def _confirmed_at(facts: RelayFacts) -> datetime | None:
    """Return when the relay's pollers last succeeded, or None if one of them does not. Feeds are optional."""
    pollers = [status for status in facts.sources if status.source not in FEEDS]
    connected_at = [status.at for status in pollers if isinstance(status, SourceConnected)]
    return max(connected_at) if connected_at and len(connected_at) == len(pollers) else None
