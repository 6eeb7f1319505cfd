"""Updates from a relay's messages: runs missing in a snapshot, and facts that changed."""

from dataclasses import replace

import pytest

from tests.support.domain.patches import at, patch_of
from tui.api.errors import ServerFault
from tui.api.relay import Chunk, RelayFacts, Runs
from tui.domain.run import REALTIME, RELAY, REST, Capability, RunId
from tui.domain.update import (
    CapabilityLost,
    CapabilityRegained,
    CaughtUp,
    HistoryRead,
    RunsRead,
    SourceConnected,
    SourceRetrying,
    Update,
)
from tui.store.store import Store
from tui.sync.relay import MAX_SOURCES, RelayUpdates

CONNECTED = SourceConnected(REST, at(50), 2.0)
RETRYING = SourceRetrying(REST, at(50), at(60), 1, "503", is_answered=True, status=503)
FEED_RETRYING = replace(RETRYING, source=REALTIME)
FACTS = RelayFacts(at(51), sources=(CONNECTED,), history=HistoryRead(at(0), 100, is_complete=True))


class Screen:
    """The store of a screen with two live runs."""

    def __init__(self) -> None:
        self.store = Store()
        self.store.apply(RunsRead((patch_of("run_a", "QUEUED"), patch_of("run_b", "QUEUED"))))
        self.updates = RelayUpdates(self.store)

    def receive(self, message: Runs | RelayFacts) -> list[Update]:
        updates = list(
            self.updates.from_facts(message) if isinstance(message, RelayFacts) else self.updates.from_runs(message)
        )
        for update in updates:
            self.store.apply(update)
        return updates


def runs(*run_ids: str, chunk: Chunk | None = None) -> Runs:
    return Runs(at(50), tuple(patch_of(run_id, "QUEUED", read=50) for run_id in run_ids), (), chunk)


def test_live_runs_outside_the_snapshot_are_missing() -> None:
    screen = Screen()
    screen.receive(runs("run_c", chunk=Chunk(0, is_last=False)))
    screen.receive(runs("run_a", chunk=Chunk(1, is_last=True)))
    assert screen.updates.next_missing() == []
    screen.receive(replace(FACTS, history=HistoryRead(at(0), 100, is_complete=False)))
    assert screen.updates.next_missing() == []
    screen.receive(FACTS)
    assert screen.updates.next_missing() == ["run_b"]
    assert screen.updates.next_missing() == []
    screen.updates.retry_missing(RunId("run_b"))
    assert screen.updates.next_missing() == ["run_b"]


@pytest.mark.parametrize("numbers", [(1,), (0, 2), (0, 1, 1), (0, 0, 2)])
def test_snapshot_without_a_chunk_is_refused(numbers: tuple[int, ...]) -> None:
    screen = Screen()
    *before, last = numbers
    for number in before:
        screen.receive(runs("run_a", chunk=Chunk(number, is_last=False)))
    with pytest.raises(ServerFault, match="snapshot is missing"):
        screen.receive(runs("run_b", chunk=Chunk(last, is_last=True)))
    assert not screen.updates.has_snapshot


def test_missing_run_in_a_later_message_is_not_requested() -> None:
    screen = Screen()
    screen.receive(runs("run_a", chunk=Chunk(0, is_last=True)))
    screen.receive(FACTS)
    screen.receive(runs("run_b"))
    assert screen.updates.next_missing() == []


def test_confirmed_needs_the_snapshot_and_a_source_status() -> None:
    screen = Screen()
    is_confirmed = []
    for message in (
        FACTS,
        runs("run_a", chunk=Chunk(0, is_last=False)),
        runs("run_b", chunk=Chunk(1, is_last=True)),
        replace(FACTS, sources=()),
    ):
        screen.receive(message)
        is_confirmed.append(screen.updates.is_confirmed)
    assert is_confirmed == [False, False, True, False]


def test_first_facts_are_caught_up_if_all_pollers_succeed() -> None:
    assert CaughtUp(RELAY, at(50)) in Screen().receive(replace(FACTS, sources=(FEED_RETRYING, CONNECTED)))
    for sources in ((RETRYING,), (FEED_RETRYING,), (CONNECTED, replace(RETRYING, source="run")), ()):
        assert not any(isinstance(update, CaughtUp) for update in Screen().receive(replace(FACTS, sources=sources)))


def test_only_changed_facts_become_updates() -> None:
    screen = Screen()
    screen.receive(FACTS)
    assert screen.receive(replace(FACTS, at=at(60))) == []
    assert screen.receive(replace(FACTS, sources=(RETRYING,))) == [RETRYING]
    assert screen.receive(replace(FACTS, sources=(RETRYING,), caught_up=CaughtUp(RELAY, at(9)))) == [
        CaughtUp(RELAY, at(9))
    ]


def test_capability_is_lost_and_regained() -> None:
    screen = Screen()
    lost = replace(FACTS, lost={Capability.TRACE: "403"})
    assert CapabilityLost(Capability.TRACE, "403") in screen.receive(lost)
    assert screen.receive(lost) == []
    assert screen.receive(FACTS) == [CapabilityRegained(Capability.TRACE)]


def test_too_many_sources_are_refused_on_every_connection() -> None:
    screen = Screen()
    screen.receive(FACTS)
    with pytest.raises(ServerFault, match="more than 20"):
        for number in range(100):
            screen.receive(replace(FACTS, sources=(replace(CONNECTED, source=f"source {number}"),)))
    assert len(screen.store.source_statuses) <= MAX_SOURCES
    screen.updates = RelayUpdates(screen.store)
    with pytest.raises(ServerFault, match="more than 20"):
        screen.receive(replace(FACTS, sources=(replace(CONNECTED, source="one more"),)))
