"""The verbs: what can be done to a run, as data.

`ACTIONS` says for each verb when it is allowed, what it sends, and what a later read proves. Key, palette entry, help
line, confirmation and CLI verb follow from one `Action`. Asking, sending and logging belong to `session`. Source:
tests/wire/recordings/README.md §7.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tui.domain.action import ActionPhase, OnWritten
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import RunStatus


class ActionApi(Protocol):
    """The requests that actions send."""

    async def cancel(self, run_id: RunId, on_written: OnWritten | None = None) -> None:
        """Ask for a cancel; the answer is the same for a run that already ended (recordings 400-406)."""

    async def replay(self, run_id: RunId, on_written: OnWritten | None = None) -> RunId:
        """Start a new run with the same payload; gives its id (recordings 410, 412)."""


@dataclass(frozen=True, slots=True)
class Action:
    """One verb.

    `forbidden(run)` says in words why it makes no sense now, or None. `perform` sends it and returns the id of the run
    that shows the effect. `verdict(before, after)` is what two reads of that run prove, one right before the request
    and one after its answer: an end, or None when it is too early. `reads_first`: the verdict needs a `before` that was
    read for this request, however young the known row is. `stops_others`: runs below it stop too. `is_repeatable`:
    sending it twice is the same as sending it once.
    """

    id: str
    key: str
    title: str
    doing: str
    done: str
    description: str
    forbidden: Callable[[Run], str | None]
    perform: Callable[[ActionApi, RunId, OnWritten], Awaitable[RunId]]
    verdict: Callable[[Run, Run], ActionPhase | None]
    reads_first: bool
    stops_others: bool
    is_repeatable: bool


def _cancel_forbidden(run: Run) -> str | None:
    if run.is_gone:
        return "the run is gone"
    return f"it is already {run.title}" if run.is_final else None


async def _cancel(api: ActionApi, run_id: RunId, on_written: OnWritten) -> RunId:
    await api.cancel(run_id, on_written)
    return run_id


def _cancel_verdict(before: Run, after: Run) -> ActionPhase | None:
    """Compare the two rows; a 200 proves nothing, the server gives it for finished runs too (recording 402).

    Only times of rows are compared with times of rows: the `Date` header comes from another clock, which may be hours
    off. A row that was live right before the request and is CANCELED after it was canceled in between. Another person's
    cancel within that round trip looks the same to every client; the run is canceled, and that is what is said.
    """
    if not after.is_final or after.state is None:
        return None
    ended_at = after.state.finished_at or after.state.updated_at
    ended_since = not before.is_final and (before.state is None or ended_at >= before.state.updated_at)
    return ActionPhase.CONFIRMED if after.status is RunStatus.CANCELLED and ended_since else ActionPhase.FINISHED_FIRST


def _replay_forbidden(run: Run) -> str | None:
    return "the run is gone" if run.is_gone else None


async def _replay(api: ActionApi, run_id: RunId, on_written: OnWritten) -> RunId:
    return await api.replay(run_id, on_written)


def _replay_verdict(_before: Run, after: Run) -> ActionPhase | None:
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
    reads_first=True,
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
    reads_first=False,
    stops_others=False,
    is_repeatable=False,
)
ACTIONS: tuple[Action, ...] = (CANCEL, REPLAY)
