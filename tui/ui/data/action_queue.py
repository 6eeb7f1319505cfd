"""Sends the actions a person agreed to: the wait in which they can be withdrawn, the requests, the outcomes.

Asking before belongs to `acting`, carrying one action out and proving it to the session.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tui.actions import Action
from tui.domain.action import ActionStatus, Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.actions.overlays import SHOWN_FOR, countdown, overlay
from tui.present.styled import Piece
from tui.session import Session

GRACE_S: Final = 5
"""How long a batch waits before anything of it is sent."""

AT_ONCE: Final = 8
"""Actions of one batch under way at the same time."""

Check = Callable[[], str | None]
"""Why nothing may be sent any more, or None."""


@dataclass
class ActionBatch:
    """Runs on which one action was agreed to.

    `waiting` are those that no worker took yet, in order.
    """

    action: Action
    size: int
    waiting: deque[Run]
    check: Check
    due_at: datetime
    via: Via = Via.KEY
    busy: int = 0
    ends: list[ActionStatus] = field(default_factory=list)
    stopped: str | None = None
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class _Taken:
    """A run that a worker took, and the last word about an earlier action on it."""

    batch: ActionBatch
    earlier: ActionStatus | None


class ActionQueue:
    """Sends batches. Calls `changed` when rows may look different, and `ended` with each batch that is done."""

    def __init__(self, session: Session, *, changed: Callable[[], None], ended: Callable[[ActionBatch], None]) -> None:
        self._session = session
        self._changed = changed
        self._ended = ended
        self._batches: list[ActionBatch] = []
        self._pending: dict[RunId, ActionBatch] = {}
        self._taken: dict[RunId, _Taken] = {}

    @property
    def is_withdrawable(self) -> bool:
        """Whether something waits that was not sent."""
        return bool(self._pending)

    @property
    def is_busy(self) -> bool:
        """Whether something was sent whose end is not known."""
        return any(batch.busy for batch in self._batches)

    @property
    def waiting(self) -> Counter[str]:
        """How many runs still wait to be sent, by title of the action."""
        return +Counter({batch.action.title: len(batch.waiting) for batch in self._batches})

    def pending(self, run_id: RunId) -> Action | None:
        """The action that waits to be sent for a run and can be withdrawn."""
        batch = self._pending.get(run_id)
        return None if batch is None else batch.action

    def under_way(self, run_id: RunId) -> Action | None:
        """The action on a run that can no longer be withdrawn and has no end yet."""
        taken = self._taken.get(run_id)
        return None if taken is None else taken.batch.action

    def send(self, action: Action, runs: Sequence[Run], check: Check, *, grace_s: int = 0, via: Via = Via.KEY) -> None:
        """Carry an action out on runs, after `grace_s` in which it can be withdrawn."""
        due_at = self._session.now() + timedelta(seconds=grace_s)
        batch = ActionBatch(action, len(runs), deque(runs), check, due_at, via)
        self._batches.append(batch)
        if grace_s:
            self._pending |= dict.fromkeys((run.id for run in runs), batch)
            self._changed()
            self._session.spawn(self._wait(batch, grace_s), f"{action.id}: wait")
        else:
            self._begin(batch)

    def withdraw(self) -> Counter[str]:
        """Take back everything that was not sent; how many, by action."""
        taken: Counter[str] = Counter()
        for batch in tuple(self._batches):
            runs = [run for run in batch.waiting if run.id in self._pending]
            taken[batch.action.id] += len(runs)
            batch.withdrawn += len(runs)
            self._drop(batch)
        return +taken

    def abandon(self) -> list[tuple[Action, int]]:
        """Drop everything that was not sent, since the program ends. Return how many runs that is, by batch."""
        sent = {status.run_id for status in self._session.actions_in_flight}
        held = Counter(id(taken.batch) for run_id, taken in self._taken.items() if run_id not in sent)
        counts = [(batch.action, len(batch.waiting) + held[id(batch)]) for batch in self._batches]
        for batch in self._batches:
            batch.waiting.clear()
        self._pending.clear()
        return [(action, count) for action, count in counts if count]

    def overlay(self, run_id: RunId) -> Piece | None:
        """What stands in a run's row in place of its status."""
        now = self._session.now()
        if (batch := self._pending.get(run_id)) is not None:
            return countdown(batch.action.id, batch.due_at - now)
        status = self._session.store.actions.get(run_id)
        if (taken := self._taken.get(run_id)) is not None and taken.earlier is status:
            return countdown(taken.batch.action.id, timedelta())  # read once more before the request goes out
        return None if status is None else overlay(status, now)

    async def _wait(self, batch: ActionBatch, grace_s: int) -> None:
        for _ in range(grace_s):
            await self._session.clock.sleep(1.0)
            if not batch.waiting:
                return
            self._changed()
        self._begin(batch)

    def _begin(self, batch: ActionBatch) -> None:
        workers = min(AT_ONCE, len(batch.waiting))
        batch.busy = workers
        for _ in range(workers):
            self._session.spawn(self._work(batch), batch.action.id)

    async def _work(self, batch: ActionBatch) -> None:
        while batch.waiting:
            if (reason := batch.check()) is not None:
                batch.stopped = reason
                self._drop(batch, is_working=True)
                break
            run = batch.waiting.popleft()
            self._pending.pop(run.id, None)
            self._taken[run.id] = _Taken(batch, self._session.store.actions.get(run.id))
            self._changed()
            known = self._session.store.get(run.id)
            # One that ended since it was agreed to is handed on as it was then: that is no refusal, it finished first.
            before = run if known is None or known.is_final > run.is_final else known
            try:
                status = await self._session.perform(batch.action, before, via=batch.via)
            finally:
                del self._taken[run.id]
            batch.ends.append(status)
            self._session.clock.call_later(SHOWN_FOR.total_seconds(), self._changed)
        batch.busy -= 1
        self._end(batch)

    def _drop(self, batch: ActionBatch, *, is_working: bool = False) -> None:
        """Drop what was not sent."""
        gone = {run.id for run in batch.waiting}
        batch.waiting.clear()
        for run_id in gone:
            self._pending.pop(run_id, None)
        if gone:
            self._changed()
        if not is_working:
            self._end(batch)

    def _end(self, batch: ActionBatch) -> None:
        if not batch.busy and not batch.waiting and batch in self._batches:
            self._batches.remove(batch)
            self._ended(batch)
