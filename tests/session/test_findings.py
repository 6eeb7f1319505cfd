"""The loop that judges: who watches, when a verdict comes, and when nothing is known."""

from itertools import groupby
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.responses import server_error
from tests.support.session import polling, public_token
from tests.support.sure import sure
from tui.domain.facts import FactSource
from tui.domain.filters import RunFilters
from tui.domain.finding import NOT_KNOWN, OK, FindingWord, Verdict
from tui.domain.run import REALTIME, REST, TaskId
from tui.domain.update import HistoryRead, SourceConnected, Update
from tui.store.changes import Changes, Topic
from tui.sync import session as findings
from tui.sync.session import Session

READS = tuple(
    f"/api/v1/{path}" for path in ("query", "queues", "schedules", "waitpoints/tokens", "errors", "deployments")
)


def quiet_fleet(*runs: FleetRun) -> Fleet:
    return fleet_of(
        (FleetRun(number, -600.0 + 10 * number, -599.0 + 10 * number, -598.0 + 10 * number) for number in range(1, 40)),
        runs,
        may_query=True,
    )


def fact_requests(fleet: Fleet, since_s: float = 0.0) -> int:
    return sum(moment >= since_s and path in READS for moment, path, _ in fleet.requests)


def words_said(session: Session) -> list[str]:
    """Return a list that gets the word of each new verdict."""
    said = list[str]()
    session.subscribe(lambda changes: said.append(str(word(session))) if Topic.VERDICT in changes.topics else None)
    return said


def word(session: Session) -> str | None:
    return None if session.store.verdict is None else session.store.verdict.word


async def test_nothing_is_read_or_judged_until_somebody_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = quiet_fleet()

    async with polling(fleet, tmp_path) as (session, later):
        await later(12)
        # The counts of the header are a query too.
        assert {path for _, path, _ in fleet.requests if path in READS} <= {"/api/v1/query"}
        assert session.store.verdict is None
        release = session.findings.watch()
        other = session.findings.watch()
        await later(3)
        counts = session.findings.own
        assert word(session) == OK
        assert fact_requests(fleet, since_s=12) >= 7
        release()
        release()
        assert session.findings.is_watched
        other()
        await later(10)
        before = len([path for _, path, _ in fleet.requests if path in READS[1:]])
        await later(70)
        assert len([path for _, path, _ in fleet.requests if path in READS[1:]]) == before
        assert session.findings.own is None
        release = session.findings.watch()
        assert session.findings.own is counts, "the first board has its rates"
        await later(3)
        assert word(session) == OK
        assert session.findings.own is counts, "the store is not counted again"
        release()
        await later(10)
        fleet.add_all([FleetRun(100, fleet.now_s), FleetRun(101, fleet.now_s)])
        monkeypatch.setattr(findings, "MAX_PENDING", 1)
        await later(10)
        session.findings.watch()
        await later(1)
        assert session.findings.own is not counts, "too much has changed"


async def test_silence_of_the_list_makes_nothing_known(tmp_path: Path) -> None:
    fleet = quiet_fleet()

    async with polling(fleet, tmp_path) as (session, later):
        session.findings.watch()
        await later(5)
        assert word(session) == OK
        fleet.fault = lambda _: server_error(500, "down")
        heard_s = fleet.now_s
        await later(39)
        assert word(session) == OK
        await later(6)
        assert word(session) == NOT_KNOWN
        heard_at = sure(sure(session.store.verdict).heard_at)
        age_s = (session.now() - heard_at).total_seconds()
        assert abs(age_s - (fleet.now_s - heard_s)) <= 3
        fleet.fault = lambda _: None
        await later(60)
        assert word(session) == OK


@pytest.mark.parametrize("is_silent", [False, True])
async def test_old_verdict_is_stale_only_after_a_silence(tmp_path: Path, is_silent: bool) -> None:
    fleet = quiet_fleet()

    async with polling(fleet, tmp_path) as (session, later):
        release = session.findings.watch()
        await later(5)
        release()
        await later(8)
        heard_s = fleet.now_s
        if is_silent:
            fleet.fault = lambda _: server_error(500, "down")
        await later(60)
        said = list[Verdict | None]()
        session.subscribe(
            lambda changes: said.append(session.store.verdict) if Topic.VERDICT in changes.topics else None
        )
        session.findings.watch()
        await later(3)
        first = said[0]
        if is_silent:
            assert first is not None
            assert first.word == NOT_KNOWN
            assert abs((session.now() - sure(first.heard_at)).total_seconds() - (fleet.now_s - heard_s)) <= 6
        else:
            assert first is None
            assert word(session) == OK
            assert NOT_KNOWN not in {each.word for each in said if each is not None}


@pytest.mark.parametrize("path", READS[:2])
async def test_verdict_follows_each_source_that_fails(tmp_path: Path, path: str) -> None:
    fleet = quiet_fleet()

    async with polling(fleet, tmp_path) as (session, later):
        session.findings.watch()
        said = words_said(session)
        fails = [True]
        fleet.fault = lambda asked: server_error(429, "three queries at once") if asked == path and fails[0] else None
        await later(10)
        assert (word(session), OK in said) == (NOT_KNOWN, False), "nothing flashes at the start"
        what = "query" if path == READS[0] else "request"
        assert f"the {what} was refused (429)" in {each.reason for each in sure(session.store.verdict).unread}
        fails[0] = False
        await later(20)
        assert word(session) == OK
        if path != READS[0]:
            return
        fails[0], before = True, len(said)
        await later(25)
        assert said[before:] == [], "a failed read or two change nothing"
        await later(50)
        assert word(session) == NOT_KNOWN
        fails[0] = False
        await later(60)
        assert [each for each, _ in groupby(said[before:])] == [NOT_KNOWN, OK]


@pytest.mark.parametrize("is_read_before", [False, True])
async def test_feed_alone_proves_nothing_about_the_list(tmp_path: Path, is_read_before: bool) -> None:
    fleet = quiet_fleet()

    def answer(path: str) -> Response | None:
        return server_error(500, "down") if path == "/api/v1/runs" else None

    if not is_read_before:
        fleet.fault = answer
    async with polling(fleet, tmp_path, realtime=True) as (session, later):
        session.sources.follow(REALTIME)
        session.findings.watch()
        said = words_said(session)
        if is_read_before:
            await later(10)
            assert said[-1] == OK
            fleet.fault = answer
        await later(60)
        assert isinstance(session.store.source_statuses[REALTIME], SourceConnected)
        assert said[-1] == NOT_KNOWN
        (unread,) = sure(session.store.verdict).unread
        assert unread.source is FactSource.RUNS
        assert "500" in str(unread.reason)
        fleet.fault = lambda _: None
        await later(20)
        assert word(session) == OK
        assert said[-3:] == [OK, NOT_KNOWN, OK] if is_read_before else OK not in said[:-1]


async def test_public_token_reads_no_facts_and_says_so(tmp_path: Path) -> None:
    fleet = quiet_fleet()

    async with polling(fleet, tmp_path, key=public_token("read:runs")) as (session, later):
        session.findings.watch()
        await later(30)
        assert word(session) == OK
        assert session.store.verdict is not None
        assert len(session.store.verdict.refused) == 8
        assert fact_requests(fleet) <= 3  # the counts
        assert session.store.verdict.is_of_listed, "runs that end between two reads are counted late"


async def test_finding_comes_within_a_second_of_its_runs(tmp_path: Path) -> None:
    failing = [
        FleetRun(100 + number, 10.0, 11.0, 20.0 + number / 10, end="FAILED", task="charge") for number in range(30)
    ]
    fleet = quiet_fleet(*failing)

    async with polling(fleet, tmp_path) as (session, later):
        session.findings.watch()
        await later(18)
        assert word(session) == OK
        await later(8)
        (finding,) = sure(session.store.verdict).findings
        assert (finding.word, finding.task) == (FindingWord.FAILING, "charge")


async def test_own_counts_of_filtered_lists_are_never_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with polling(quiet_fleet(), tmp_path) as (session, later):
        session.findings.watch()
        await later(8)
        own = sure(session.findings.own)
        assert own.counted_since is not None
        said = list[tuple[bool, bool]]()

        apply = session.store.apply

        def applied(update: Update) -> Changes:
            changes = apply(update)
            if isinstance(update, HistoryRead):
                said.append((own.is_filtered, own.counted_since is None))
            return changes

        monkeypatch.setattr(session.store, "apply", applied)
        session.sources.follow(REST, filters=RunFilters(tasks=(TaskId("no-such-task"),)))
        await later(8)
        assert said
        assert set(said) == {(True, True)}, "not even while the first page is read"
        said.clear()
        session.sources.follow(REST)
        await later(8)
        assert said
        assert {is_filtered for is_filtered, _ in said} == {False}
        assert own.counted_since is not None
