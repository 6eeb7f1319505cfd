"""What a relay tells, as updates: what is missing in its snapshots, and what of its facts is news."""

from dataclasses import replace

import pytest

from tests.support.domain.patches import at, patch_of
from tui.domain.environment import Capability
from tui.domain.ids import RunId
from tui.domain.source_names import REALTIME, RELAY, REST
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
from tui.sources.relay.updates import MOST_SOURCES, RelayUpdates
from tui.store.store import Store
from tui.wire.errors import ServerFault
from tui.wire.relay.messages import Chunk, RelayFacts, Runs

WELL = SourceConnected(REST, at(50), 2.0)
TROUBLE = SourceRetrying(REST, at(50), at(60), 1, "503", is_answered=True, status=503)
NO_FEED = replace(TROUBLE, source=REALTIME)
FACTS = RelayFacts(at(51), sources=(WELL,), history=HistoryRead(at(0), 100, is_complete=True))


class Screen:
    """The store of a screen that knows two live runs, and hears a relay."""

    def __init__(self) -> None:
        self.store = Store()
        self.store.apply(RunsRead((patch_of("run_a", "QUEUED"), patch_of("run_b", "QUEUED"))))
        self.told = RelayUpdates(self.store)

    def hears(self, message: Runs | RelayFacts) -> list[Update]:
        updates = list(self.told.facts(message) if isinstance(message, RelayFacts) else self.told.runs(message))
        for update in updates:
            self.store.apply(update)
        return updates


def runs(*run_ids: str, chunk: Chunk | None = None) -> Runs:
    return Runs(at(50), tuple(patch_of(run_id, "QUEUED", read=50) for run_id in run_ids), (), chunk)


def test_live_runs_that_no_part_of_a_snapshot_has_are_missing_once_the_relay_read_its_history() -> None:
    screen = Screen()
    screen.hears(runs("run_c", chunk=Chunk(0, is_last=False)))
    screen.hears(runs("run_a", chunk=Chunk(1, is_last=True)))
    assert screen.told.next_missing() == []
    screen.hears(replace(FACTS, history=HistoryRead(at(0), 100, is_complete=False)))
    assert screen.told.next_missing() == []
    screen.hears(FACTS)
    assert screen.told.next_missing() == ["run_b"]
    assert screen.told.next_missing() == []
    screen.told.still_missing(RunId("run_b"))
    assert screen.told.next_missing() == ["run_b"]


@pytest.mark.parametrize("numbers", [(1,), (0, 2), (0, 1, 1), (0, 0, 2)])
def test_a_snapshot_without_one_of_its_parts_is_none(numbers: tuple[int, ...]) -> None:
    screen = Screen()
    *before, last = numbers
    for number in before:
        screen.hears(runs("run_a", chunk=Chunk(number, is_last=False)))
    with pytest.raises(ServerFault, match="left out a part"):
        screen.hears(runs("run_b", chunk=Chunk(last, is_last=True)))
    assert not screen.told.is_whole


def test_a_run_that_is_told_of_meanwhile_is_missing_no_more() -> None:
    screen = Screen()
    screen.hears(runs("run_a", chunk=Chunk(0, is_last=True)))
    screen.hears(FACTS)
    screen.hears(runs("run_b"))
    assert screen.told.next_missing() == []


def test_nothing_is_confirmed_before_all_runs_and_the_state_of_a_source_were_told() -> None:
    screen = Screen()
    is_confirmed = []
    for message in (
        FACTS,
        runs("run_a", chunk=Chunk(0, is_last=False)),
        runs("run_b", chunk=Chunk(1, is_last=True)),
        replace(FACTS, sources=()),
    ):
        screen.hears(message)
        is_confirmed.append(screen.told.is_confirmed)
    assert is_confirmed == [False, False, True, False]


def test_a_connection_begins_caught_up_where_who_asks_for_the_relay_is_well() -> None:
    assert CaughtUp(RELAY, at(50)) in Screen().hears(replace(FACTS, sources=(NO_FEED, WELL)))
    for sources in ((TROUBLE,), (NO_FEED,), (WELL, replace(TROUBLE, source="run")), ()):
        assert not any(isinstance(update, CaughtUp) for update in Screen().hears(replace(FACTS, sources=sources)))


def test_of_facts_only_what_is_new_is_told() -> None:
    screen = Screen()
    screen.hears(FACTS)
    assert screen.hears(replace(FACTS, at=at(60))) == []
    assert screen.hears(replace(FACTS, sources=(TROUBLE,))) == [TROUBLE]
    assert screen.hears(replace(FACTS, sources=(TROUBLE,), caught_up=CaughtUp(RELAY, at(9)))) == [
        CaughtUp(RELAY, at(9))
    ]


def test_what_the_relay_may_not_ask_is_lost_and_may_come_back() -> None:
    screen = Screen()
    lost = replace(FACTS, lost={Capability.TRACE: "403"})
    assert CapabilityLost(Capability.TRACE, "403") in screen.hears(lost)
    assert screen.hears(lost) == []
    assert screen.hears(FACTS) == [CapabilityRegained(Capability.TRACE)]


def test_sources_without_end_are_not_taken_in_by_this_connection_nor_by_the_next() -> None:
    screen = Screen()
    screen.hears(FACTS)
    with pytest.raises(ServerFault, match="without end"):
        for number in range(100):
            screen.hears(replace(FACTS, sources=(replace(WELL, source=f"source {number}"),)))
    assert len(screen.store.source_statuses) <= MOST_SOURCES
    screen.told = RelayUpdates(screen.store)
    with pytest.raises(ServerFault, match="without end"):
        screen.hears(replace(FACTS, sources=(replace(WELL, source="one more"),)))
