"""The actions on a run, as data: keys, menus, help, confirmations and commands are derived from `ACTIONS`.

`sync.actions` sends actions, verifies their outcome and logs them. Source: tests/wire/recordings/README.md §7.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tui.domain.action import ActionPhase, OnWritten
from tui.domain.run import Run, RunId, RunStatus
from tui.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from tui.api.client import Client


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `key` starts it, `title` names it, `done_word` says that it succeeded.

    `forbidden(run)` returns why the action makes no sense for a run, or None.
    `perform` sends the request, and returns the id of the run that will show the effect.
    `verdict(before, after)` compares two reads of that run, before the request and after the response. It returns the
    outcome, or None if it is too early for one.
    `reads_first`: the run is always read again just before the request, even if the store has just received it.
    `stops_descendants`: the runs below stop too.
    `is_idempotent`: sending the request twice has the effect of sending it once.
    """

    id: str
    key: str
    title: str
    done_word: str
    description: str
    forbidden: Callable[[Run], str | None]
    perform: Callable[["Client", RunId, OnWritten], Awaitable[RunId]]
    verdict: Callable[[Run, Run], ActionPhase | None]
    reads_first: bool
    stops_descendants: bool
    is_idempotent: bool


def _cancel_forbidden(run: Run) -> str | None:
    if run.is_gone:
        return "the run is gone"
    return f"it is already {run.status_title}" if run.is_final else None


async def _cancel(api: "Client", run_id: RunId, on_written: OnWritten) -> RunId:
    await api.cancel(run_id, on_written)
    return run_id


def _cancel_verdict(before: Run, after: Run) -> ActionPhase | None:
    """Return CONFIRMED if the run was canceled between the two reads, and FINISHED_FIRST if it ended otherwise.

    A 200 proves nothing: the server sends it for finished runs too (recording 402). Only times of the run are compared,
    since the `Date` header comes from another clock, which may be hours off. Another user's cancel within the same
    round trip counts as this one: no client can distinguish them, and the run is canceled.
    """
    if not after.is_final or after.state is None:
        return None
    ended_at = after.state.finished_at or after.state.updated_at
    ended_since = not before.is_final and (before.state is None or ended_at >= before.state.updated_at)
    return ActionPhase.CONFIRMED if after.status is RunStatus.CANCELLED and ended_since else ActionPhase.FINISHED_FIRST


CANCEL = Action(
    id="cancel",
    key="C",
    title="Cancel",
    done_word="canceled",
    description="Cancel the run and every run below it that has not ended",
    forbidden=_cancel_forbidden,
    perform=_cancel,
    verdict=_cancel_verdict,
    reads_first=True,
    stops_descendants=True,
    is_idempotent=True,
)
REPLAY = Action(
    id="replay",
    key="R",
    title="Replay",
    done_word="replayed",
    description="Start a new run of the task with the same payload",
    forbidden=lambda run: "the run is gone" if run.is_gone else None,
    perform=lambda api, run_id, on_written: api.replay(run_id, on_written),
    verdict=lambda _, after: None if after.state is None else ActionPhase.CONFIRMED,  # the new run can be read
    reads_first=False,
    stops_descendants=False,
    is_idempotent=False,
)
ACTIONS: tuple[Action, ...] = (CANCEL, REPLAY)
