"""The planner reads the trees of an action by few requests, and the plan names what is missing or delayed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.actions import LONG
from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.responses import server_error
from tests.support.session import session_on
from tests.support.sure import sure
from tui.api.actions import CANCEL
from tui.api.errors import ServerFault
from tui.domain.action import ActionPlan
from tui.domain.filters import RunFilters
from tui.domain.run import Cursor, Run, RunId
from tui.store.merge import merge
from tui.sync.session import Session
from tui.sync.tree import MAX_TREE_READS, MAX_TREES, ActionPlanner

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
            task = asyncio.ensure_future(planner.read_plan(allow_partial=allow_partial))
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


def test_planner_reads_few_missed_runs_one_by_one(tmp_path: Path) -> None:
    fleet = with_children(3, below_each=1)
    fleet.fault = lambda path: JSONResponse({"format": "json", "results": []}) if path.endswith("/query") else None
    plan, request_counts = planned(fleet, tmp_path, ROOT)
    assert request_counts == {"detail": 7, "query": 1}
    assert plan.total == 7
    assert not plan.is_from_replica, "every run told its children itself"


def test_planner_bounds_single_reads_and_says_so(tmp_path: Path) -> None:
    fleet = with_children(MAX_TREE_READS + 10)
    fleet.fault = lambda path: JSONResponse({"format": "json", "results": []}) if path.endswith("/query") else None
    plan, request_counts = planned(fleet, tmp_path, ROOT)
    assert request_counts["detail"] == MAX_TREE_READS + 1
    assert plan.missing == ("the runs below 10 runs were not read",)
    assert plan.total == MAX_TREE_READS + 11


def test_planner_reads_roots_one_by_one_without_queries(tmp_path: Path) -> None:
    fleet = with_roots(3)
    fleet.fault = lambda path: JSONResponse({"error": "no"}, 403) if path.endswith("/query") else None
    plan, request_counts = planned(fleet, tmp_path, *roots_of(fleet))
    assert request_counts == {"query": 1, "detail": 9, "trace": 3}
    assert plan.total == 9


def refuse_queries(path: str) -> Response | None:
    return JSONResponse({"error": "no"}, 403) if path.endswith("/query") else None


def test_planner_raises_when_a_tree_cannot_be_read(tmp_path: Path) -> None:
    fleet = with_roots(1)
    fleet.fault = lambda path: server_error(500) if "/api/v3/runs/" in path else None
    with pytest.raises(ServerFault):
        planned(fleet, tmp_path, *roots_of(fleet))


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
