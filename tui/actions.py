"""The verbs: what can be done to a run, as data.

What lives here: `ACTIONS`, and for each verb when it is allowed, what it sends, and what a later read proves about
it. Key, palette entry, help line, confirmation, greying-out and CLI verb all follow from one `Action`. Who asks,
waits and logs is `session`. Source: wire/README.md §7; DESIGN §3, §8.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tui.domain.action import ActionPhase
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import RunStatus


class ActionApi(Protocol):
    """The requests that actions send."""

    async def cancel(self, run_id: RunId) -> None:
        """Ask for a cancel; the answer is the same for a run that already ended (recordings 400-406)."""

    async def replay(self, run_id: RunId) -> RunId:
        """Start a new run with the same payload; gives its id (recordings 410, 412)."""


CLOCKS_AGREE_WITHIN = timedelta(seconds=2)
"""Our word for when a request was sent, and the server's for when a run ended, may differ by so much."""


@dataclass(frozen=True, slots=True)
class Action:
    """One verb.

    `forbidden(run)` says in words why it makes no sense now, or None. `perform` gives the id of the run to look at
    afterwards. `verdict(before, after, asked_at)` is what a read of that run proves: an end, or None when it is too
    early; `asked_at` is when it was asked for.
    `stops_others`: runs below it stop too. `is_repeatable`: sending it twice is the same as once.
    """

    id: str
    key: str
    title: str
    doing: str
    done: str
    description: str
    forbidden: Callable[[Run], str | None]
    perform: Callable[[ActionApi, RunId], Awaitable[RunId]]
    verdict: Callable[[Run, Run, datetime], ActionPhase | None]
    stops_others: bool
    is_repeatable: bool


def _cancel_forbidden(run: Run) -> str | None:
    if run.is_gone:
        return "the run is gone"
    return f"it is already {run.title}" if run.is_final else None


async def _cancel(api: ActionApi, run_id: RunId) -> RunId:
    await api.cancel(run_id)
    return run_id


def _cancel_verdict(before: Run, after: Run, asked_at: datetime) -> ActionPhase | None:
    """A 200 is not a cancelled run: only a later status is, and only one that came after we asked."""
    if not after.is_final or after.state is None:
        return None
    ended_at = after.state.finished_at or after.state.updated_at
    is_ours = not before.is_final and ended_at >= asked_at - CLOCKS_AGREE_WITHIN
    if after.status is RunStatus.CANCELLED and is_ours:
        return ActionPhase.CONFIRMED
    return ActionPhase.FINISHED_FIRST


def _replay_forbidden(run: Run) -> str | None:
    return "the run is gone" if run.is_gone else None


async def _replay(api: ActionApi, run_id: RunId) -> RunId:
    return await api.replay(run_id)


def _replay_verdict(_before: Run, after: Run, _asked_at: datetime) -> ActionPhase | None:
    """The new run can be read: that is all a replay promises."""
    return None if after.state is None else ActionPhase.CONFIRMED


CANCEL = Action(
    id="cancel",
    key="C",
    title="Cancel",
    doing="cancelling",
    done="canceled",
    description="Stop the run and every run below it that has not ended",
    forbidden=_cancel_forbidden,
    perform=_cancel,
    verdict=_cancel_verdict,
    stops_others=True,
    is_repeatable=True,
)
REPLAY = Action(
    id="replay",
    key="R",
    title="Replay",
    doing="replaying",
    done="replayed",
    description="Start a new run of the task with the same payload",
    forbidden=_replay_forbidden,
    perform=_replay,
    verdict=_replay_verdict,
    stops_others=False,
    is_repeatable=False,
)
ACTIONS: tuple[Action, ...] = (CANCEL, REPLAY)
