"""Actions: no request is sent twice, and every outcome is proven by rows or said to be unknown."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.support.actions import LONG, log_lines, pass_time_until_done, perform, read_run
from tests.support.fleet import NO_QUERIES, SECRET, Fleet, FleetRun, fleet_of, serving
from tests.support.responses import TruncatedResponse, server_error
from tests.support.session import pass_time, session_on, started
from tui.api.actions import ACTIONS, CANCEL, REPLAY, Action
from tui.domain.action import ActionPhase
from tui.emulator.routes.table import NAMES
from tui.sync.budget import Priority

RUN = FleetRun(1, -10, -5, LONG)
SKEWS_S = [-7200, -3, 3, 7200]
"""Differences between the `Date` header and the times of the rows."""


def is_action(path: str) -> bool:
    return path.endswith(("/cancel", "/replay"))


def actions_sent(fleet: Fleet) -> list[float]:
    """Return when actions were sent."""
    return [moment for moment, path, _ in fleet.requests if is_action(path)]


def phases_of(tmp_path: Path) -> list[str]:
    return [line["phase"] for line in log_lines(tmp_path)]


def skew(fleet: Fleet, seconds: float) -> None:
    fleet.emulator.faults.set([NO_QUERIES, {"kind": "clock-skew", "seconds": seconds}], NAMES)


def test_cancel_is_confirmed_and_logged_without_the_key(tmp_path: Path) -> None:
    end, phases = perform(fleet_of(RUN), tmp_path, CANCEL, RUN)
    assert end.phase is phases[-1] is ActionPhase.CONFIRMED
    assert phases == sorted(phases, key=list(ActionPhase).index)
    assert phases_of(tmp_path) == ["requested", "accepted", "confirmed"]
    path = tmp_path / "trigger-tui" / "actions.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SECRET not in path.read_text()
    first = log_lines(tmp_path)[0]
    user, _, host = first.pop("by").partition("@")
    assert "" not in {user, host, first.pop("at"), first.pop("api")}
    assert first == {"via": "key", "env": "dev", "action": "cancel", "subject": RUN.id, "phase": "requested"}


def test_replay_returns_the_new_run(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, REPLAY, run)
    assert end.phase is ActionPhase.CONFIRMED
    assert end.new_run_id == fleet.newest.id != run.id
    assert log_lines(tmp_path)[-1]["newRun"] == end.new_run_id


LOST = "the answer was lost (POST "
REDIRECTS = "the server redirects actions, nothing was confirmed"
OUTCOMES: list[tuple[Action, int, bool, ActionPhase, str]] = [
    *((CANCEL, status, False, ActionPhase.REFUSED, "not you") for status in (400, 401, 403, 404, 409)),
    (CANCEL, 200, False, ActionPhase.UNKNOWN, "accepted, but the run is still Executing"),
    *((CANCEL, status, True, ActionPhase.CONFIRMED, "") for status in (0, 308, 408, 499, 502, 504)),
    *((CANCEL, status, False, ActionPhase.UNKNOWN, "still Executing") for status in (408, 499, 502, 504)),
    (CANCEL, 0, False, ActionPhase.UNKNOWN, LOST),
    (CANCEL, 502, False, ActionPhase.UNKNOWN, "the server is in trouble"),
    (CANCEL, 308, False, ActionPhase.UNKNOWN, REDIRECTS),
    (REPLAY, 308, True, ActionPhase.UNKNOWN, REDIRECTS),
    (REPLAY, 0, False, ActionPhase.UNKNOWN, LOST),
    *((REPLAY, status, False, ActionPhase.UNKNOWN, "look for a new run") for status in (0, 408, 499, 502)),
]
"""An action, the status of its answer (0 if the connection closes), whether it had its effect, and its outcome."""


@pytest.mark.parametrize(("action", "status", "has_effect", "phase", "words"), OUTCOMES)
def test_action_is_sent_once_and_proven_by_rows(
    tmp_path: Path, action: Action, status: int, has_effect: bool, phase: ActionPhase, words: str
) -> None:
    def answer(path: str) -> Response | None:
        if f"/{action.id}" not in path:
            return None
        if has_effect:
            fleet.cancel(RUN)
        if status == 0:
            return TruncatedResponse()
        if status == 308:
            return RedirectResponse(f"{path}/elsewhere", 308)
        return JSONResponse({"id": RUN.id} if status == 200 else {"error": "not you"}, status)

    fleet = fleet_of(RUN)
    end, _ = perform(fleet, tmp_path, action, RUN, meanwhile=lambda fleet: setattr(fleet, "fault", answer))
    assert (end.phase, words in end.message) == (phase, True)
    assert sum(f"/{action.id}" in path for _, path, _ in fleet.requests) == 1
    assert phases_of(tmp_path)[-1] == phase.value
    assert fleet.status(RUN) == ("CANCELED" if has_effect else "EXECUTING")


def test_action_is_sent_again_after_a_429(tmp_path: Path) -> None:
    fleet, answers = fleet_of(RUN), [JSONResponse({"error": "slow down", "secondsUntilReset": 4.0}, 429)]
    fleet.fault = lambda path: answers.pop() if answers and is_action(path) else None
    end, _ = perform(fleet, tmp_path, CANCEL, RUN)
    assert end.phase is ActionPhase.CONFIRMED
    first, second = actions_sent(fleet)
    assert second - first == pytest.approx(4)


@pytest.mark.parametrize("ended_s", [-1, 1], ids=["before it was read", "since"])
def test_cancel_is_not_sent_for_a_final_run(tmp_path: Path, ended_s: float) -> None:
    run = FleetRun(1, -10, -5, ended_s)
    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, CANCEL, run, waited_s=4)
    known = (ActionPhase.REFUSED, "it is already Completed")
    assert (end.phase, end.message) == (known if ended_s < 0 else (ActionPhase.FINISHED_FIRST, "Completed"))
    assert not actions_sent(fleet)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
@pytest.mark.parametrize(
    ("changes", "words"),
    [({"read_only": True}, "read-only"), ({"expect_env": "prod"}, "not the expected prod")],
    ids=["read-only", "another environment than expected"],
)
def test_blocked_session_sends_nothing(tmp_path: Path, action: Action, changes: dict[str, Any], words: str) -> None:
    fleet = fleet_of(RUN)
    end, _ = perform(fleet, tmp_path, action, RUN, **changes)
    assert end.phase is ActionPhase.REFUSED
    assert words in end.message
    assert not actions_sent(fleet)


async def test_unknown_environment_counts_as_production(tmp_path: Path) -> None:
    fleet = fleet_of()
    fleet.fault = lambda path: server_error(401) if path == "/api/v1/whoami" else None
    async with session_on(fleet, tmp_path, expect_env="dev") as (session, _):
        assert await session.fetcher.fetch_environment(Priority.ACTION)
        assert session.interlock.is_production
        assert session.write_block is not None


# --- what rows prove


@pytest.mark.parametrize("skew_s", SKEWS_S)
@pytest.mark.parametrize("is_late", [True, False], ids=["later", "always"])
def test_cancel_is_confirmed_whatever_the_date(tmp_path: Path, skew_s: float, is_late: bool) -> None:
    fleet = fleet_of(RUN)
    if not is_late:
        skew(fleet, skew_s)
    meanwhile = (lambda fleet: skew(fleet, skew_s)) if is_late else (lambda _: None)
    end, _ = perform(fleet, tmp_path, CANCEL, RUN, meanwhile=meanwhile, waited_s=0 if is_late else 600)
    assert end.phase is ActionPhase.CONFIRMED


@pytest.mark.parametrize("skew_s", SKEWS_S)
@pytest.mark.parametrize("waited_s", [1, 4, 600])
def test_cancel_by_another_client_is_not_confirmed(tmp_path: Path, skew_s: float, waited_s: float) -> None:
    fleet = fleet_of(RUN)
    skew(fleet, skew_s)
    end, _ = perform(fleet, tmp_path, CANCEL, RUN, meanwhile=lambda fleet: fleet.cancel(RUN, 0.5), waited_s=waited_s)
    assert (end.phase, end.message) == (ActionPhase.FINISHED_FIRST, "Canceled")
    assert not actions_sent(fleet)


def test_run_that_ended_meanwhile_is_not_confirmed(tmp_path: Path) -> None:
    """A 429 delays the cancel for half a minute. Another client cancels the run meanwhile."""
    fleet, answers = fleet_of(RUN), [JSONResponse({"secondsUntilReset": 30}, 429)]

    def limit(fleet: Fleet) -> None:
        fleet.cancel(RUN, 5)
        fleet.fault = lambda path: answers.pop() if answers and is_action(path) else None

    end, _ = perform(fleet, tmp_path, CANCEL, RUN, meanwhile=limit, timeout_s=40)
    assert end.phase is ActionPhase.FINISHED_FIRST
    assert len(actions_sent(fleet)) == 1


@pytest.mark.parametrize("is_end_known", [True, False])
async def test_last_known_state_counts_when_reads_fail(tmp_path: Path, is_end_known: bool) -> None:
    fleet = fleet_of(RUN)
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            before = await read_run(session, RUN)
            if is_end_known:
                fleet.cancel(RUN)
                await pass_time(session, api, 1)
                await read_run(session, RUN)
            else:
                await pass_time(session, api, 60)
            fleet.fault = lambda path: (
                server_error()
                if path.startswith("/api/v3/") and (is_end_known or fleet.status(RUN) == "EXECUTING")
                else None
            )
            task = asyncio.ensure_future(session.perform(CANCEL, before))
            await pass_time_until_done(session, api, task)
            assert (await task).phase is (ActionPhase.FINISHED_FIRST if is_end_known else ActionPhase.CONFIRMED)


@pytest.mark.parametrize("action", [CANCEL, REPLAY], ids=lambda action: action.id)
@pytest.mark.parametrize("is_session_ending", [True, False])
async def test_log_has_unknown_for_an_action_cut_off(tmp_path: Path, action: Action, is_session_ending: bool) -> None:
    fleet = fleet_of(RUN)
    fleet.fault = lambda path: JSONResponse({"secondsUntilReset": 30}, 429) if is_action(path) else None
    async with session_on(fleet, tmp_path) as (session, _):
        before = await read_run(session, RUN)

        async def act() -> None:
            await session.perform(action, before)

        task = session.spawn(act(), "an action")
        while not actions_sent(fleet):  # noqa: ASYNC110  the server's thread has no event for this loop
            await asyncio.sleep(0.001)
        if not is_session_ending:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert phases_of(tmp_path) == ["requested", "unknown"]
    assert "before the outcome was known" in log_lines(tmp_path)[-1]["message"]
