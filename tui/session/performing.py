"""How an action is carried out and proven: requested, accepted, then whatever the run itself shows.

What lives here: one action on one run, from the guards to the verdict. A 200 is not a cancelled run, and a lost
answer is not a refusal: the run is read again until it tells, or the truth is "unknown". Source: DESIGN §3, §8;
wire/README.md §7.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui.actions import Action, ActionApi
from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.store.merge import merge
from tui.wire.errors import ApiError, NotFound, RateLimited, Refused, Unreachable

if TYPE_CHECKING:
    from tui.sources.reads import Reads

PROVE_WAITS_S = (0.0, 0.3, 0.7, 1.0, 2.0, 3.0, 5.0)
"""Between reads after an action: a cancel shows at once, its children within 0.3 s (430-433); 12 s is long enough."""

FRESH = timedelta(seconds=5)
"""A run that was seen longer ago is read again before anything is sent: it may have ended since."""

Tell = Callable[[ActionStatus], Awaitable[None]]


class _Blocked(Exception):
    """Nothing may be sent any more; the text says why."""


class Performer:
    """Carries actions out, one call each; `tell` hears every phase in order, `note` what was cut short."""

    def __init__(
        self,
        api: ActionApi,
        reads: "Reads",
        clock: Clock,
        *,
        now: Callable[[], datetime],
        tell: Tell,
        note: Callable[[ActionStatus], None],
    ) -> None:
        self._api = api
        self._reads = reads
        self._clock = clock
        self._now = now
        self._tell = tell
        self._note = note

    async def perform(self, action: Action, before: Run, number: int, block: Callable[[], str | None]) -> ActionStatus:
        """Do it and find out what became of it; `block()` is why nothing must be sent, or None. Never raises ApiError.

        The guards are looked at again at the last moment: a request may have waited for minutes behind a 429.
        """
        status = ActionStatus(before.id, action.id, number, ActionPhase.REQUESTED, self._now())
        if (reason := block() or action.forbidden(before)) is not None:
            return await self._phase(status, ActionPhase.REFUSED, reason)
        await self._tell(status)
        try:
            return await self._carry_out(action, before, status, block)
        except asyncio.CancelledError:
            cut_short = "the program ended before the outcome was known"
            self._note(replace(status, phase=ActionPhase.UNKNOWN, at=self._now(), message=cut_short))
            raise

    async def _carry_out(
        self, action: Action, before: Run, status: ActionStatus, block: Callable[[], str | None]
    ) -> ActionStatus:
        asked_at = self._now()

        async def send() -> RunId:
            nonlocal asked_at
            if (reason := block()) is not None:
                raise _Blocked(reason)
            asked_at = self._now()
            return await action.perform(self._api, before.id)

        try:
            before = await self._fresh(before)
            if (forbidden := action.forbidden(before)) is not None:
                phase = ActionPhase.FINISHED_FIRST if before.is_final else ActionPhase.REFUSED
                return await self._phase(status, phase, before.title if before.is_final else forbidden)
            target = await self._reads.budget.ask((action.id, before.id, status.number), Priority.ACTION, send)
        except _Blocked as error:
            return await self._phase(status, ActionPhase.REFUSED, str(error))
        except ApiError as error:
            if not _may_have_arrived(error):
                said = f"not sent: {error}" if isinstance(error, Unreachable) else str(error)
                return await self._phase(status, ActionPhase.REFUSED, said)
            return await self._after_a_lost_answer(action, before, status, asked_at, error)
        new_run_id = target if target != before.id else None
        status = await self._phase(replace(status, new_run_id=new_run_id), ActionPhase.ACCEPTED)
        return await self._prove(action, before, target, status, asked_at, "accepted")

    async def _fresh(self, before: Run) -> Run:
        """The run as it is now, if it was seen too long ago. What cannot be read is taken as it was."""
        if before.read_at is not None and self._now() - before.read_at <= FRESH:
            return before
        try:
            answer = await self._reads.run(before.id, Priority.ACTION)
        except ApiError:
            return before
        return merge(before, answer.patch)

    async def _after_a_lost_answer(
        self, action: Action, before: Run, status: ActionStatus, asked_at: datetime, error: ApiError
    ) -> ActionStatus:
        """The request may have taken effect. Only a run that the verb acts on itself can tell."""
        is_lost = isinstance(error, Unreachable)
        since = f"the answer was lost ({error})" if is_lost else f"the server is in trouble ({error})"
        if not action.is_repeatable:
            return await self._phase(status, ActionPhase.UNKNOWN, f"{since}: look for a new run before trying again")
        return await self._prove(action, before, before.id, status, asked_at, since)

    async def _prove(
        self, action: Action, before: Run, target: RunId, status: ActionStatus, asked_at: datetime, since: str
    ) -> ActionStatus:
        seen = "the run could not be read since"
        for wait_s in PROVE_WAITS_S:
            await self._clock.sleep(wait_s)
            try:
                answer = await self._reads.run(target, Priority.ACTION)
            except NotFound:
                seen = "the server does not know the run"
                continue
            except ApiError as error:
                seen = f"the run could not be read since: {error}"
                continue
            after = merge(None, answer.patch)
            phase = action.verdict(before, after, asked_at)
            if phase is not None:
                return await self._phase(status, phase, after.title if phase is ActionPhase.FINISHED_FIRST else "")
            seen = f"the run is still {after.title}"
        return await self._phase(status, ActionPhase.UNKNOWN, f"{since}, but {seen}")

    async def _phase(self, status: ActionStatus, phase: ActionPhase, message: str = "") -> ActionStatus:
        status = replace(status, phase=phase, at=self._now(), message=message)
        await self._tell(status)
        return status


def _may_have_arrived(error: ApiError) -> bool:
    """Whether the server may have acted although no good answer came."""
    match error:
        case RateLimited():
            return False
        case Refused() | Unreachable():
            return error.may_have_arrived
        case _:
            return True
