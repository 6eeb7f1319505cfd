"""Sends the actions that the user confirmed, after a wait in which they can be withdrawn."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Final

from tui.actions import Action
from tui.domain.action import ActionStatus, Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.present.actions.overlays import SHOWN_FOR, countdown, overlay
from tui.present.styled import Piece
from tui.session import Session

GRACE_S: Final = 5
"""How long a batch waits before its first request."""

MAX_WORKERS: Final = 8
"""The maximum number of actions of one batch in flight."""

Check = Callable[[], str | None]
"""Returns why nothing may be sent any more, or None."""


@dataclass
class ActionBatch:
    """One confirmed action on several runs.

    * `waiting`: the runs that no worker has started yet, in order
    * `check`: is called before each request
    * `due_at`: the end of the wait
    * `worker_count`: the workers that are running
    * `outcomes`: the final status of the action on each run that a worker has finished
    * `stopped`: why `check` stopped the batch
    * `withdrawn_count`: the runs that were withdrawn
    """

    action: Action
    size: int
    waiting: deque[Run]
    check: Check
    due_at: datetime
    via: Via = Via.KEY
    worker_count: int = 0
    outcomes: list[ActionStatus] = field(default_factory=list)
    stopped: str | None = None
    withdrawn_count: int = 0


@dataclass(frozen=True, slots=True)
class _StartedRun:
    """A run whose action a worker has started, and the status of an earlier action on it."""

    batch: ActionBatch
    earlier: ActionStatus | None


class ActionQueue:
    """Sends batches. Calls `on_update` when rows may look different, and `on_done` with each finished batch."""

    def __init__(
        self, session: Session, *, on_update: Callable[[], None], on_done: Callable[[ActionBatch], None]
    ) -> None:
        self._session = session
        self._on_update = on_update
        self._on_done = on_done
        self._batches: list[ActionBatch] = []
        self._pending: dict[RunId, ActionBatch] = {}
        self._started: dict[RunId, _StartedRun] = {}

    @property
    def is_withdrawable(self) -> bool:
        """Whether a run waits to be sent."""
        return bool(self._pending)

    @property
    def is_busy(self) -> bool:
        """Whether an action was sent whose outcome is not known."""
        return any(batch.worker_count for batch in self._batches)

    @property
    def waiting_counts(self) -> Counter[str]:
        """The number of runs that wait to be sent, by title of the action."""
        return +Counter({batch.action.title: len(batch.waiting) for batch in self._batches})

    def pending(self, run_id: RunId) -> Action | None:
        """Return the action on a run that can still be withdrawn."""
        batch = self._pending.get(run_id)
        return None if batch is None else batch.action

    def in_flight(self, run_id: RunId) -> Action | None:
        """Return the action on a run that can no longer be withdrawn and has no outcome yet."""
        started = self._started.get(run_id)
        return None if started is None else started.batch.action

    def send(self, action: Action, runs: Sequence[Run], check: Check, *, grace_s: int = 0, via: Via = Via.KEY) -> None:
        """Send an action for each run after `grace_s`."""
        due_at = self._session.now() + timedelta(seconds=grace_s)
        batch = ActionBatch(action, len(runs), deque(runs), check, due_at, via)
        self._batches.append(batch)
        if grace_s:
            self._pending |= dict.fromkeys((run.id for run in runs), batch)
            self._on_update()
            self._session.spawn(self._wait(batch, grace_s), f"{action.id}: wait")
        else:
            self._start(batch)

    def withdraw(self) -> Counter[str]:
        """Withdraw everything that was not sent. Return the number of runs by id of the action."""
        counts: Counter[str] = Counter()
        for batch in tuple(self._batches):
            runs = [run for run in batch.waiting if run.id in self._pending]
            counts[batch.action.id] += len(runs)
            batch.withdrawn_count += len(runs)
            self._drop_waiting(batch)
            self._finish(batch)
        return +counts

    def abandon(self) -> list[tuple[Action, int]]:
        """Drop everything that was not sent, because the program ends. Return the number of runs of each batch."""
        sent = {status.run_id for status in self._session.actions_in_flight}
        unsent = Counter(id(started.batch) for run_id, started in self._started.items() if run_id not in sent)
        counts = [(batch.action, len(batch.waiting) + unsent[id(batch)]) for batch in self._batches]
        for batch in self._batches:
            batch.waiting.clear()
        self._pending.clear()
        return [(action, count) for action, count in counts if count]

    def overlay(self, run_id: RunId) -> Piece | None:
        """Return the piece that the row of a run shows in place of its status."""
        if (batch := self._pending.get(run_id)) is not None:
            return countdown(batch.action.id, batch.due_at - self._session.now())
        status = self._session.store.actions.get(run_id)
        if (started := self._started.get(run_id)) is not None and started.earlier is status:
            return countdown(started.batch.action.id, timedelta())  # the run is read once more before the request
        return None if status is None else overlay(status, self._session.now())

    async def _wait(self, batch: ActionBatch, grace_s: int) -> None:
        for _ in range(grace_s):
            await self._session.clock.sleep(1.0)
            if not batch.waiting:
                return
            self._on_update()
        self._start(batch)

    def _start(self, batch: ActionBatch) -> None:
        batch.worker_count = min(MAX_WORKERS, len(batch.waiting))
        for _ in range(batch.worker_count):
            self._session.spawn(self._work(batch), batch.action.id)

    async def _work(self, batch: ActionBatch) -> None:
        while batch.waiting:
            if (reason := batch.check()) is not None:
                batch.stopped = reason
                self._drop_waiting(batch)
                break
            await self._perform(batch, batch.waiting.popleft())
        batch.worker_count -= 1
        self._finish(batch)

    async def _perform(self, batch: ActionBatch, run: Run) -> None:
        self._pending.pop(run.id, None)
        self._started[run.id] = _StartedRun(batch, self._session.store.actions.get(run.id))
        self._on_update()
        known = self._session.store.get(run.id)
        # A run that has ended since the confirmation is passed as it was then, so that the outcome is "finished first".
        before = run if known is None or known.is_final > run.is_final else known
        try:
            status = await self._session.perform(batch.action, before, via=batch.via)
        finally:
            del self._started[run.id]
        batch.outcomes.append(status)
        self._session.clock.call_later(SHOWN_FOR.total_seconds(), self._on_update)

    def _drop_waiting(self, batch: ActionBatch) -> None:
        run_ids = {run.id for run in batch.waiting}
        batch.waiting.clear()
        for run_id in run_ids:
            self._pending.pop(run_id, None)
        if run_ids:
            self._on_update()

    def _finish(self, batch: ActionBatch) -> None:
        if not batch.worker_count and not batch.waiting and batch in self._batches:
            self._batches.remove(batch)
            self._on_done(batch)
