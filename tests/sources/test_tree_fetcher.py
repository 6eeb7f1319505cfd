"""Trees of runs over real HTTP: which requests they need, and which parts they report as missing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

from tests.support.fleet import DEV, EARLIEST_S, Fleet, FleetApi, in_ms, serving
from tests.support.session import pass_time, public_token, started
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.run import RunId
from tui.domain.tree import RunTree
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Call, Child, Failure, FailureKind, Script, Start, Task, Work
from tui.emulator.world import DemoTasks, World
from tui.features.runs.command import tree_lines
from tui.features.runs.printed import tree_objects
from tui.settings.secret import Secret
from tui.sync.budget import PUBLIC_TOKEN
from tui.sync.tree import MAX_TREE_WAIT_S
from tui.text.styled import plain

ERROR = Failure(FailureKind.ERROR, "Upstream returned 503", "Error", "    at run (file:///app/src/a.ts:1:2)")


def _root(_: Call) -> Script:
    return Script((Start((Child("middle"),) * 4, is_awaited=True, is_batch=True),))


def _middle(_: Call) -> Script:
    leaves = (Child("leaf"), Child("leaf"), Child("broken"))
    return Script((Start(leaves, is_awaited=True, is_batch=True),))


def _forgetful(_: Call) -> Script:
    return Script((Start((Child("leaf"),) * 30, is_batch=True),))


TASKS = (
    Task("root", _root, "a.ts"),
    Task("middle", _middle, "a.ts"),
    Task("leaf", lambda _: Script((Work(700),)), "a.ts"),
    Task("broken", lambda _: Script((Work(300),), throws=ERROR), "a.ts", max_attempts=1),
    Task("forgetful", _forgetful, "a.ts"),
)


@contextmanager
def served(task: str, age_s: float = 60.0) -> Iterator[tuple[FleetApi, str]]:
    """Serve a fleet with one run of a task, triggered `age_s` ago. Yields it with the id of the run."""
    fleet = Fleet(VirtualClock())
    fleet.world = World(DemoTasks(TASKS), start_ms=in_ms(min(EARLIEST_S, -age_s)), environment=DEV, lag_ms=(0, 0))
    fleet.world.advance(in_ms(-age_s))
    run, _ = fleet.world.trigger(NewRun(task_id=task))
    fleet.world.advance(in_ms(0))
    fleet.emulator.put(fleet.world)
    fleet.allow_queries()
    with serving(fleet) as api:
        yield api, run.id


async def tree_of(api: FleetApi, tmp_path: Path, run_id: str, key: Secret | None = None) -> RunTree:
    """Read a tree, and let no more time pass than a tree may wait."""
    found: list[RunTree] = []
    changes: dict[str, Any] = {} if key is None else {"key": key}
    async with started(api, tmp_path, **changes) as session:

        async def read() -> None:
            found.append(await session.fetch_tree(RunId(run_id)))

        task = session.spawn(read(), "tree")
        await pass_time(session, api, MAX_TREE_WAIT_S + 1.0)
        assert task.done(), "the tree waits for the budget"
    return found[0]


def requests(api: FleetApi) -> list[str]:
    """Return the kinds of all requests, in order. `run` is a single read."""
    last = [path.rpartition("/")[2] for _, path, _ in api.fleet.requests]
    return ["run" if part.startswith("run_") else part for part in last]


def shown(api: FleetApi, tree: RunTree) -> list[str]:
    return [plain(line) for line in tree_lines(tree, now=api.fleet.clock.now(), width=120)]


def test_query_has_durations_at_every_depth(tmp_path: Path) -> None:
    with served("root") as (api, run_id):
        tree = asyncio.run(tree_of(api, tmp_path, run_id))
        assert requests(api) == ["run", "query"]
        lines = shown(api, tree)
        assert (len(lines), [line for line in lines if "·" in line]) == (17, [])
        deep = [node for node in tree.root.walk() if node.depth == 2]
        truth = {run.id: run for run in api.fleet.world.ledger}
        for node in deep:
            run = truth[node.id]
            assert node.run is None
            took = timedelta(milliseconds=sure(run.finished_ms) - sure(run.started_ms))
            assert sure(node.times).took(api.fleet.clock.now(), is_final=True) == took
        objects = [each for each in tree_objects(tree) if each["depth"] == 2]
        assert [each["durationMs"] for each in objects] == [truth[RunId(each["id"])].usage_ms for each in objects]
        assert all({"createdAt", "startedAt", "finishedAt"} <= set(each) for each in objects)


def test_public_token_reads_an_awaited_tree_by_its_trace(tmp_path: Path) -> None:
    with served("root") as (api, run_id):
        tree = asyncio.run(tree_of(api, tmp_path, run_id, public_token("read:runs")))
        # The trace lacks the statuses of failed leaves. The details of their parents have them.
        assert requests(api) == ["run", "query", "trace", *["run"] * 4]
        assert (len(list(tree.root.walk())), tree.missing) == (17, ())
        assert [line for line in shown(api, tree) if "·" in line] == []
        statuses = sorted(node.status.title for node in tree.root.walk() if node.depth == 2 and node.status)
        assert statuses == ["Completed"] * 8 + ["Failed"] * 4


def test_public_token_gets_a_tree_before_the_next_refill(tmp_path: Path) -> None:
    with served("forgetful") as (api, run_id):
        tree = asyncio.run(tree_of(api, tmp_path, run_id, public_token("read:runs")))
        assert len(requests(api)) == PUBLIC_TOKEN.share
        assert len(list(tree.root.walk())) == 31
        budget, below = tree.missing
        assert budget.startswith("the request budget is spent for ")
        left = 30 - (len(requests(api)) - 3)
        assert below == f"the runs below {left} runs were not read"
        assert f"Not fully loaded: {budget}; {below}." in " ".join(shown(api, tree))


def test_tree_is_read_by_its_trace_after_a_429_of_queries(tmp_path: Path) -> None:
    with served("root") as (api, run_id):
        headers = {"x-ratelimit-limit": "750", "x-ratelimit-remaining": "719"}
        headers["x-ratelimit-reset"] = str(in_ms(9.0))
        crowded = JSONResponse({"error": "You've exceeded your query concurrency of 3"}, 429, headers)
        api.fleet.fault = lambda path: crowded if path == "/api/v1/query" else None
        tree = asyncio.run(tree_of(api, tmp_path, run_id))
        assert requests(api)[:7] == ["run", *["query"] * 5, "trace"]
        assert (len(list(tree.root.walk())), tree.missing) == (17, ())


def test_tree_of_an_old_root_is_complete(tmp_path: Path) -> None:
    with served("root", 35 * 86_400.0) as (api, run_id):
        tree = asyncio.run(tree_of(api, tmp_path, run_id))
        assert api.fleet.requests_to("/api/v1/query") == []
    assert len(list(tree_objects(tree))) == 1 + 4 + 12
    assert not tree.missing
