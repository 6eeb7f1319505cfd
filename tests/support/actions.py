"""Performs actions on runs of a fleet, in virtual time."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.fleet import Fleet, FleetApi, FleetRun, serving
from tests.support.session import pass_time, started
from tui.api.actions import Action
from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.run import Run, RunId
from tui.store.merge import merge
from tui.sync.reads import Priority
from tui.sync.session import Session

LONG = 10_000.0


async def read_run(session: Session, run: FleetRun) -> Run:
    answer = await session.fetcher.fetch_run(RunId(run.id), Priority.SELECTED)
    return merge(None, answer.patch)


def perform(
    fleet: Fleet,
    tmp_path: Path,
    action: Action,
    run: FleetRun,
    *,
    meanwhile: Callable[[Fleet], None] = lambda _: None,
    waited_s: float = 0,
    timeout_s: float = 20,
    **changes: Any,
) -> tuple[ActionStatus, list[ActionPhase]]:
    """Read a run, call `meanwhile`, wait for `waited_s`, then perform the action. Return its outcome and all phases."""

    async def scenario() -> tuple[ActionStatus, list[ActionPhase]]:
        with serving(fleet) as api:
            async with started(api, tmp_path, **changes) as session:
                before = await read_run(session, run)
                await session.fetcher.fetch_environment(Priority.ACTION)
                phases: list[ActionPhase] = []
                session.subscribe(lambda _: phases.extend(s.phase for s in session.store.actions.values()))
                meanwhile(fleet)
                await pass_time(session, api, waited_s)
                task = asyncio.create_task(session.perform(action, before))
                await pass_time_until_done(session, api, task, timeout_s)
                return await task, phases

    return asyncio.run(scenario())


async def pass_time_until_done(
    session: Session, api: FleetApi, task: "asyncio.Future[ActionStatus]", timeout_s: float = 20
) -> None:
    for _ in range(round(timeout_s * 10)):
        await pass_time(session, api, 0.1)
        if task.done():
            await pass_time(session, api, 0.2)
            return


def log_lines(tmp_path: Path) -> list[dict[str, str]]:
    path = tmp_path / "trigger-tui" / "actions.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]
