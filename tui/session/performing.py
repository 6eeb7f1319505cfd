"""How an action is carried out and proven: requested, accepted, then whatever the run itself shows.

What lives here: one action on one run, from the guards to the verdict. A 200 is not a cancelled run, and a lost
answer is not a refusal: the run is read again until it tells, or the truth is "unknown". Source: DESIGN §3, §8;
wire/README.md §7.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
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

Tell = Callable[[ActionStatus], Awaitable[None]]


class Performer:
    """Carries actions out, one call each; `tell` hears every phase in order."""

    def __init__(self, api: ActionApi, reads: "Reads", clock: Clock, now: Callable[[], datetime], tell: Tell) -> None:
        self._api = api
        self._reads = reads
        self._clock = clock
        self._now = now
        self._tell = tell

    async def perform(self, action: Action, before: Run, number: int, blocked: str | None) -> ActionStatus:
        """Do it and find out what became of it; `blocked` is why it must not be sent at all. Never raises ApiError."""
        status = ActionStatus(before.id, action.id, number, ActionPhase.REQUESTED, self._now())
        if blocked is not None:
            return await self._phase(status, ActionPhase.REFUSED, blocked)
        await self._tell(status)
        try:
            target = await self._reads.budget.ask(
                (action.id, before.id, number), Priority.ACTION, lambda: action.perform(self._api, before.id)
            )
        except RateLimited as error:
            return await self._phase(status, ActionPhase.REFUSED, str(error))
        except Refused as error:
            return await self._phase(status, ActionPhase.REFUSED, str(error))
        except Unreachable as error:
            if not error.may_have_arrived:
                return await self._phase(status, ActionPhase.REFUSED, f"not sent: {error}")
            return await self._after_a_lost_answer(action, before, status, str(error))
        except ApiError as error:
            return await self._after_a_lost_answer(action, before, status, str(error))
        new_run_id = target if target != before.id else None
        status = await self._phase(replace(status, new_run_id=new_run_id), ActionPhase.ACCEPTED)
        return await self._prove(action, before, target, status, "accepted")

    async def _after_a_lost_answer(
        self, action: Action, before: Run, status: ActionStatus, reason: str
    ) -> ActionStatus:
        """The request may have taken effect. Only a run that the verb acts on itself can tell."""
        if not action.is_repeatable:
            return await self._phase(
                status, ActionPhase.UNKNOWN, f"the answer was lost ({reason}): look for a new run before trying again"
            )
        return await self._prove(action, before, before.id, status, f"the answer was lost ({reason})")

    async def _prove(
        self, action: Action, before: Run, target: RunId, status: ActionStatus, since: str
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
            phase = action.verdict(before, after)
            if phase is not None:
                return await self._phase(status, phase, after.title if phase is ActionPhase.FINISHED_FIRST else "")
            seen = f"the run is still {after.title}"
        return await self._phase(status, ActionPhase.UNKNOWN, f"{since}, but {seen}")

    async def _phase(self, status: ActionStatus, phase: ActionPhase, message: str = "") -> ActionStatus:
        status = replace(status, phase=phase, at=self._now(), message=message)
        await self._tell(status)
        return status
