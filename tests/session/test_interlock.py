"""The interlock against the wrong environment, and the check of all guards just before a request."""

import asyncio
from itertools import permutations
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.actions import read_run
from tests.support.fleet import FleetRun, fleet_of
from tests.support.responses import server_error
from tests.support.session import live, polling, session_on
from tests.support.sure import sure
from tests.support.virtual_clock import START
from tui.api.actions import CANCEL
from tui.domain.action import ActionPhase
from tui.domain.filters import RunFilters
from tui.domain.run import Environment, Fixed, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import EnvironmentRead, RunPatch, RunsRead, SourceConnected, Update
from tui.sync.actions import Interlock
from tui.sync.reads import Priority


def whoami(slug: str, *, kind: str = "DEVELOPMENT", project: str = "shop") -> EnvironmentRead:
    return EnvironmentRead(Environment(Raw(slug), kind, Raw(project), Raw("acme")), START)


def rows(*names: str | None) -> RunsRead:
    return RunsRead(
        tuple(
            RunPatch(RunId(f"run_{number}"), START, fixed=Fixed(environment=None if name is None else Raw(name)))
            for number, name in enumerate(names)
        )
    )


UNKNOWN_ENVIRONMENT = EnvironmentRead(None, START)


def reason_after(*updates: Update, expect_env: str | None = None) -> str | None:
    interlock = Interlock(expect_env)
    for update in updates:
        interlock.observe(update)
    return interlock.reason


@pytest.mark.parametrize("updates", list(permutations([whoami("prod"), rows("dev"), UNKNOWN_ENVIRONMENT])))
def test_interlock_blocks_when_rows_contradict_whoami(updates: tuple[Update, ...]) -> None:
    assert None not in {reason_after(*updates, expect_env=expect_env) for expect_env in (None, "dev", "prod")}


@pytest.mark.parametrize("updates", list(permutations([whoami("dev"), rows("dev", None, "dev"), UNKNOWN_ENVIRONMENT])))
def test_interlock_allows_when_rows_match_whoami(updates: tuple[Update, ...]) -> None:
    assert {reason_after(*updates, expect_env=expect_env) for expect_env in (None, "dev")} == {None}


@pytest.mark.parametrize(
    "updates",
    [
        (whoami("dev"), whoami("prod")),
        (whoami("dev"), whoami("dev", project="another")),
        (whoami("dev"), whoami("dev", kind="PRODUCTION")),
        (rows("dev"), rows("prod")),
        (rows("dev", "prod"),),
        (rows(None, "dev"), rows(None), rows("prod")),
    ],
)
def test_interlock_stays_blocked_after_a_change(updates: tuple[Update, ...]) -> None:
    assert reason_after(*updates) is not None
    assert reason_after(*updates, *reversed(updates)) == reason_after(*updates)


def test_interlock_blocks_until_the_expectation_is_met() -> None:
    for update in (UNKNOWN_ENVIRONMENT, rows(None), rows("prod"), SourceConnected("rest", START, 2.0)):
        assert reason_after(update, expect_env="dev") is not None
        assert reason_after(update) is None
    assert reason_after(expect_env="dev") is not None
    for update in (rows("dev"), whoami("dev")):
        assert reason_after(UNKNOWN_ENVIRONMENT, update, expect_env="dev") is None


def test_interlock_names_clean_environments_and_their_projects() -> None:
    reason = sure(reason_after(whoami("dev"), whoami("\x1b[2J\u202eprod")))
    assert not {"\x1b", "\u202e"} & set(reason)
    words = "the key now belongs to another/dev; it belonged to shop/dev"
    assert reason_after(whoami("dev"), whoami("dev", project="another")) == words


@pytest.mark.parametrize("is_whoami_first", [True, False])
async def test_session_refuses_actions_on_runs_from_elsewhere(tmp_path: Path, is_whoami_first: bool) -> None:
    fleet = fleet_of(run := FleetRun(1, -10, -5))
    fleet.lead_to("prod", "PRODUCTION")
    fleet.fault = answer_staging if is_whoami_first else fail_whoami
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        fleet.fault = answer_staging
        await later(30)
        before = sure(session.store.get(RunId(run.id)))
        end = await asyncio.wait_for(session.perform(CANCEL, before), 5)
        assert end.phase is ActionPhase.REFUSED
        assert "staging" in end.message
        assert "prod" in end.message
        assert not fleet.requests_to(f"/api/v2/runs/{run.id}/cancel")


@pytest.mark.parametrize("filters", [RunFilters(), RunFilters(tasks=(TaskId("no-such-task"),))])
async def test_other_environment_under_a_feed_is_noticed_within_6_s(tmp_path: Path, filters: RunFilters) -> None:
    fleet = fleet_of(run := FleetRun(1, -10, -5))
    async with live(fleet, tmp_path, filters=filters) as (session, later):
        await later(43)
        assert fleet.requests_to("/realtime/v1/runs")
        blocks = [session.write_block]
        fleet.lead_to("prod", "PRODUCTION")
        await later(6)
        blocks.append(session.write_block)
        assert blocks == [None, "the key now belongs to prod; it belonged to dev"]
        before = await read_run(session, run)
        assert (await asyncio.wait_for(session.perform(CANCEL, before), 5)).phase is ActionPhase.REFUSED


async def test_block_stops_an_action_that_waits_for_a_429(tmp_path: Path) -> None:
    fleet = fleet_of(run := FleetRun(1, -10, -5))
    cancel = f"/api/v2/runs/{run.id}/cancel"
    fleet.fault = lambda path: JSONResponse({"secondsUntilReset": 30}, 429) if path == cancel else None
    async with session_on(fleet, tmp_path) as (session, later):
        await session.fetcher.fetch_environment(Priority.ACTION)
        task = asyncio.create_task(session.perform(CANCEL, await read_run(session, run)))
        while not fleet.requests_to(cancel):  # noqa: ASYNC110  the server has no event
            await asyncio.sleep(0.001)
        fleet.fault = lambda _: None
        await later(5)
        await session.emit(whoami("prod", kind="PRODUCTION"))
        await later(60)
        end = await asyncio.wait_for(task, 5)
        assert (end.phase, "prod" in end.message) == (ActionPhase.REFUSED, True)
        assert fleet.status(run) == "EXECUTING"
        assert len(fleet.requests_to(cancel)) == 1


def answer_staging(path: str) -> Response | None:
    whoami = {"slug": "staging", "type": "STAGING", "project": {"slug": "shop"}, "organization": {"slug": "acme"}}
    return JSONResponse(whoami) if path.endswith("/whoami") else None


def fail_whoami(path: str) -> Response | None:
    return server_error() if path.endswith("/whoami") else None
