"""Findings on screens: the relay reads and judges once for all of them, and only while one shows them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.support.domain.patches import at
from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.relay import RelaySetup, relay_setup, screen_on
from tests.support.responses import server_error
from tests.support.sure import sure
from tests.wire.relay.samples import FACTS_OF_WALL, VERDICT
from tui.api.relay import RelayFindings, decode_relay_message
from tui.domain.facts import WaitsRead
from tui.domain.finding import NOT_KNOWN, OK, FindingsRead, FindingWord
from tui.relay.server import StoreEncoder
from tui.store.store import Store
from tui.sync.session import Session

READS = ("/api/v1/queues", "/api/v1/schedules", "/api/v1/waitpoints/tokens", "/api/v1/errors", "/api/v1/deployments")


def fleet_with(*runs: FleetRun) -> Fleet:
    fleet = fleet_of(*(FleetRun(number, -90.0, -80.0, -70.0) for number in range(1, 40)))
    fleet.add_all(runs)
    fleet.allow_queries()
    return fleet


def reads(fleet: Fleet, since_s: float = 0.0) -> list[str]:
    return [path for moment, path, _ in fleet.requests if path in READS and moment >= since_s]


def word(session: Session) -> str | None:
    return None if session.store.verdict is None else session.store.verdict.word


def is_watched(setup: RelaySetup) -> bool:
    return setup.session.findings.is_watched


@asynccontextmanager
async def watched_relay(tmp_path: Path, fleet: Fleet) -> AsyncIterator[RelaySetup]:
    async with relay_setup(fleet, tmp_path, interval_s=5.0) as setup:
        await setup.run_for(10)
        yield setup


async def test_relay_reads_only_while_a_screen_watches(tmp_path: Path) -> None:
    fleet = fleet_with()

    async with watched_relay(tmp_path, fleet) as setup, screen_on(setup) as first, screen_on(setup) as second:
        await setup.run_for(20)
        assert reads(fleet) == []
        assert first.store.verdict is None
        release, other = first.findings.watch(), second.findings.watch()
        await setup.run_until(lambda: word(first) == word(second) == OK)
        relay = setup.session.store

        def has_all(screen: Session) -> bool:
            sent = sure(relay.wall_facts)
            minutes = sent.minutes and replace(sent.minutes, ends_since=None)  # screens judge nothing
            return screen.store.wall_facts == replace(sent, minutes=minutes)

        await setup.run_until(lambda: has_all(first) and has_all(second))
        assert sure(first.store.wall_facts).minutes is not None
        begin_s = fleet.now_s
        await setup.run_for(60)
        assert len(reads(fleet, begin_s)) <= 4 + 3 + 2
        release()
        await setup.run_for(10)
        assert is_watched(setup)
        other()
        await setup.run_for(15)
        assert not is_watched(setup)
        begin_s = fleet.now_s
        await setup.run_for(60)
        assert reads(fleet, begin_s) == []
        assert first.findings.own is None


async def test_finding_reaches_a_screen_that_judges_nothing(tmp_path: Path) -> None:
    runs = [FleetRun(100 + number, 40.0, 41.0, 50.0, end="FAILED", task="charge") for number in range(30)]
    fleet = fleet_with(*runs)

    async with watched_relay(tmp_path, fleet) as setup, screen_on(setup) as screen:
        screen.findings.watch()
        await setup.run_until(lambda: word(screen) == FindingWord.FAILING)

        def is_same() -> bool:
            """The relay may have counted more runs since."""
            shown, judged = screen.store.verdict, setup.session.store.verdict
            return shown is not None and judged is not None and shown.findings == judged.findings

        await setup.run_until(is_same)
        assert screen.fetcher.lists is None


async def test_screen_knows_nothing_while_its_relay_is_silent(tmp_path: Path) -> None:
    fleet = fleet_with()

    async with watched_relay(tmp_path, fleet) as setup:
        async with screen_on(setup) as screen:
            screen.findings.watch()
            await setup.run_until(lambda: word(screen) == OK)
            await setup.stop()
            await fleet.clock.run(33)  # of 41, but the last message may be some seconds old
            assert word(screen) == OK
            await fleet.clock.run(12)
            await screen.settle()
            assert word(screen) == NOT_KNOWN
            await setup.start()
            await setup.run_until(lambda: word(screen) == OK)
            assert is_watched(setup)
            fleet.fault = lambda path: server_error(500, "down") if path.startswith("/api") else None
            await setup.run_for(55)
            assert word(screen) == NOT_KNOWN, "the relay is there, but its API is silent"
        await setup.wait_until_disconnected()
        assert not is_watched(setup), "a screen that leaves ends its watch"


def test_only_what_changed_is_sent_and_no_old_verdict() -> None:
    store, sent, judged = Store(), dict[object, object](), [False]
    for fact in FACTS_OF_WALL:
        store.apply(fact)
    store.apply(FindingsRead(VERDICT))
    encoder = StoreEncoder(store, lambda: at(0), lambda: judged[0])
    first = [decode_relay_message(text) for text in encoder.findings(sent)]
    assert len(first) == len(FACTS_OF_WALL)
    assert not any(isinstance(each, RelayFindings) and each.verdict is not None for each in first)
    judged[0] = True
    (verdict,) = map(decode_relay_message, encoder.findings(sent))
    assert isinstance(verdict, RelayFindings)
    assert verdict.verdict == VERDICT
    assert list(encoder.findings(sent)) == []
    store.apply(WaitsRead(at(9), ()))
    (waits,) = map(decode_relay_message, encoder.findings(sent))
    assert isinstance(waits, RelayFindings)
    assert list(waits.updates()) == [WaitsRead(at(9), ())]
    assert len(list(encoder.findings({}))) == len(FACTS_OF_WALL) + 1
