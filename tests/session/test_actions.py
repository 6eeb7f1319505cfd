"""Actions: no request is sent twice, every outcome is proven by rows or unknown, and plans name what is missing."""

import asyncio
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.support.actions import LONG, log_lines, pass_time_until_done, perform, read_run
from tests.support.fleet import NO_QUERIES, SECRET, Fleet, FleetRun, fleet_of, serving
from tests.support.responses import TruncatedResponse, server_error
from tests.support.session import pass_time, session_on, started
from tests.support.sure import sure
from tui.api.actions import ACTIONS, CANCEL, REPLAY, Action
from tui.domain.action import ActionPhase, ActionPlan
from tui.domain.filters import RunFilters
from tui.domain.run import Cursor, Run, RunId
from tui.emulator.routes.table import NAMES
from tui.store.merge import merge
from tui.sync.session import Session
from tui.sync.tree import MAX_TREES, ActionPlanner

RUN = FleetRun(1, -10, -5, LONG)
SKEWS_S = [-7200, 3, 7200]
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


LOST = "no response arrived (POST "
REDIRECTS = "the server redirected the request; the outcome is not known"
OUTCOMES: list[tuple[Action, int, bool, ActionPhase, str]] = [
    *((CANCEL, status, False, ActionPhase.REFUSED, "not you") for status in (400, 401, 403, 404, 409)),
    (CANCEL, 200, False, ActionPhase.UNKNOWN, "accepted, but the run is still Executing"),
    *((CANCEL, status, True, ActionPhase.CONFIRMED, "") for status in (0, 308, 408, 499, 502, 504)),
    *((CANCEL, status, False, ActionPhase.UNKNOWN, "still Executing") for status in (408, 499, 502, 504)),
    (CANCEL, 0, False, ActionPhase.UNKNOWN, LOST),
    (CANCEL, 502, False, ActionPhase.UNKNOWN, "the server failed"),
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
@pytest.mark.parametrize("waited_s", [1, 600])
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
            task = asyncio.create_task(session.perform(CANCEL, before))
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


ROOT = FleetRun(1, -100, -90, LONG)


def kind_of(path: str) -> str:
    return "detail" if path.startswith("/api/v3/runs/") else path.rsplit("/", 1)[-1]


async def listed(session: Session, runs: Sequence[FleetRun]) -> list[Run]:
    """Read the runs from the list, past the budget, which would not allow a hundred runs at once."""
    lists = sure(session.fetcher.lists)
    found: dict[RunId, Run] = {}
    after: Cursor | None = None
    while len(found) < len(runs):
        page = await lists.list_runs(RunFilters(), after=after)
        wanted = {run.id for run in runs}
        found |= {patch.id: merge(None, patch) for patch in page.patches if patch.id in wanted}
        after = page.next
    return [found[RunId(run.id)] for run in runs]


def planned(
    fleet: Fleet, tmp_path: Path, *runs: FleetRun, allow_partial: bool = False
) -> tuple[ActionPlan, Counter[str]]:
    """Return the plan of a cancel, and the count of its requests by kind."""

    async def scenario() -> tuple[ActionPlan, Counter[str]]:
        async with session_on(fleet, tmp_path) as (session, later):
            planner = ActionPlanner(session.fetcher, session.clock, CANCEL, await listed(session, runs))
            before = len(fleet.requests)
            task = asyncio.create_task(planner.read_plan(allow_partial=allow_partial))
            while not task.done():
                await later(0.1)
            return await task, Counter(kind_of(path) for _, path, _ in fleet.requests[before:])

    return asyncio.run(scenario())


def with_children(count: int, *, below_each: int = 0) -> Fleet:
    fleet = fleet_of(ROOT, *(FleetRun(100 + n, -80, -70, LONG, parent=1) for n in range(count)))
    for child in range(count):
        fleet.add_all(FleetRun(1_000 + 10 * child + n, -60, -50, LONG, parent=100 + child) for n in range(below_each))
    fleet.allow_queries()
    return fleet


def with_roots(count: int, *, age_s: float = 80.0) -> Fleet:
    roots = [FleetRun(1_000 + 10 * n, -age_s, -age_s + 1, LONG) for n in range(count)]
    below = [FleetRun(root.number + child, -20, -10, LONG, parent=root.number) for root in roots for child in (1, 2)]
    fleet = fleet_of(*roots, *below)
    fleet.allow_queries()
    return fleet


def roots_of(fleet: Fleet) -> list[FleetRun]:
    return [run for run in fleet.runs if run.parent is None]


PLANS: list[tuple[Callable[[], Fleet], Callable[[Fleet], Sequence[FleetRun]], dict[str, int], int]] = [
    (lambda: with_children(60), lambda _: [ROOT], {"detail": 1, "query": 1}, 61),
    (lambda: with_children(60, below_each=2), lambda _: [ROOT], {"detail": 1, "query": 1}, 181),
    (lambda: with_children(60, below_each=2), lambda _: [FleetRun(100, 0)], {"detail": 2, "query": 1}, 3),
    (lambda: with_children(0), lambda _: [ROOT], {"detail": 1, "query": 1}, 1),
    (lambda: with_children(20), lambda fleet: fleet.runs, {"detail": 1, "query": 1}, 21),
    (lambda: with_roots(2), roots_of, {"query": 1}, 6),
    (lambda: with_roots(100), roots_of, {"query": 1}, 300),
    (lambda: with_roots(130), roots_of, {"query": 2}, 390),
    (lambda: with_roots(3), lambda fleet: [*roots_of(fleet)[:2], fleet.runs[-1]], {"query": 2, "detail": 2}, 7),
]
"""A fleet, the runs of the action, the requests that the plan costs, and how many runs it has."""


@pytest.mark.parametrize(("make", "ask", "requests", "total"), PLANS)
def test_planner_reads_whole_trees_by_few_requests(
    tmp_path: Path,
    make: Callable[[], Fleet],
    ask: Callable[[Fleet], Sequence[FleetRun]],
    requests: dict[str, int],
    total: int,
) -> None:
    fleet = make()
    plan, request_counts = planned(fleet, tmp_path, *ask(fleet))
    assert (request_counts, plan.total, plan.missing) == (requests, total, ())
    # What the runs started within the last second may be missing in the replica, unless there is nothing below them.
    assert plan.is_from_replica is (total > 1)


def test_planner_repeats_a_query_that_missed_many_runs(tmp_path: Path) -> None:
    """The replica that answers queries has none of the sixty children yet."""
    fleet = with_children(60)
    empty = [JSONResponse({"format": "json", "results": []})]

    def late_once(path: str) -> Response | None:
        return empty.pop() if empty and path.endswith("/query") else None

    fleet.fault = late_once
    plan, request_counts = planned(fleet, tmp_path, ROOT)
    assert request_counts == {"detail": 1, "query": 2}
    assert plan.total == 61


def test_planner_bounds_single_reads_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.tree.MAX_TREE_READS", 12)
    fleet = with_children(12 + 10)
    fleet.fault = lambda path: JSONResponse({"format": "json", "results": []}) if path.endswith("/query") else None
    plan, request_counts = planned(fleet, tmp_path, ROOT)
    assert request_counts["detail"] == 12 + 1
    assert plan.missing == ("the runs below 10 runs were not read",)
    assert plan.total == 12 + 11


def test_planner_reads_roots_one_by_one_without_queries(tmp_path: Path) -> None:
    fleet = with_roots(3)
    fleet.fault = lambda path: JSONResponse({"error": "no"}, 403) if path.endswith("/query") else None
    plan, request_counts = planned(fleet, tmp_path, *roots_of(fleet))
    assert request_counts == {"query": 1, "detail": 9, "trace": 3}
    assert plan.total == 9


def refuse_queries(path: str) -> Response | None:
    return JSONResponse({"error": "no"}, 403) if path.endswith("/query") else None


def test_partial_plan_names_a_tree_that_cannot_be_read(tmp_path: Path) -> None:
    fleet = with_roots(2)
    broken, whole = roots_of(fleet)
    fleet.fault = lambda path: server_error(500) if path.endswith(broken.id) else refuse_queries(path)
    plan, _ = planned(fleet, tmp_path, broken, whole, allow_partial=True)
    (missing,) = plan.missing
    assert missing.startswith(f"the runs below {broken.id} could not be read: ")
    assert plan.total == 2 + 2, "what is below the other run is known"


@pytest.mark.parametrize(
    ("more", "missing"),
    [(0, ()), (1, ("the runs below 1 run were not read",)), (3, ("the runs below 3 runs were not read",))],
)
def test_partial_plan_bounds_the_trees_it_reads(tmp_path: Path, more: int, missing: tuple[str, ...]) -> None:
    fleet = fleet_of(*(FleetRun(1_000 + n, -80, -70, LONG) for n in range(MAX_TREES + more)))
    fleet.fault = refuse_queries
    plan, request_counts = planned(fleet, tmp_path, *fleet.runs, allow_partial=True)
    assert request_counts["detail"] == MAX_TREES
    assert plan.missing == missing
