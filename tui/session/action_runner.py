"""Carries out one action on one run and proves it: requested, accepted, then whatever the run itself shows.

A 200 is not a canceled run, and a lost answer is not a refusal: the run is read again until it tells, or the outcome is
"unknown". Source: tests/wire/recordings/README.md §7.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui.actions import Action, ActionApi
from tui.domain.action import ActionPhase, ActionStatus, Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.store.merge import merge
from tui.wire.errors import ApiError, NotFound, RateLimited, Refused, Unreachable

if TYPE_CHECKING:
    from tui.sources.run_fetcher import RunFetcher

PROVE_WAITS_S = (0.0, 0.3, 0.7, 1.0, 2.0, 3.0, 5.0)
"""Between reads after an action: a cancel shows at once, its children within 0.3 s (430-433); 12 s is long enough."""

FRESH = timedelta(seconds=5)
"""A run that was read longer ago is read again before anything is sent: it may have ended since."""

MAX_READS_BEFORE = 5
"""Reads before one request; a request held up longer each time goes out with what was read last."""

Publish = Callable[[ActionStatus], Awaitable[None]]
Block = Callable[[], str | None]
"""Why nothing may be sent, or None."""


class _Blocked(Exception):
    """Nothing may be sent any more; the text says why."""


class _Outdated(Exception):
    """The request was held up, and the run was read too long ago to prove anything by it."""


@dataclass(slots=True)
class _Request:
    """One action under way. `before` is the run as it was last read, at `read_s` of the monotonic clock."""

    action: Action
    before: Run
    status: ActionStatus
    block: Block
    read_s: float = math.inf
    is_sent: bool = False


class ActionRunner:
    """Carries actions out, one call each. `publish` gets every phase in order, `record` what was cut short.

    `known` looks a run up in the store.
    """

    def __init__(
        self,
        api: ActionApi,
        reads: "RunFetcher",
        clock: Clock,
        *,
        now: Callable[[], datetime],
        publish: Publish,
        record: Callable[[ActionStatus], None],
        known: Callable[[RunId], Run | None],
    ) -> None:
        self._api = api
        self._fetcher = reads
        self._clock = clock
        self._now = now
        self._publish = publish
        self._record = record
        self._known = known

    async def perform(self, action: Action, before: Run, number: int, block: Block, via: Via) -> ActionStatus:
        """Do it and find out what became of it; `block()` is why nothing must be sent, or None. Never raises ApiError.

        The guards are looked at again at the last moment: a request may have waited for minutes behind a 429.
        """
        status = ActionStatus(before.id, action.id, number, ActionPhase.REQUESTED, self._now(), via=via)
        if (reason := block() or action.forbidden(before)) is not None:
            return await self._phase(status, ActionPhase.REFUSED, reason)
        request = _Request(action, before, status, block)
        try:
            return await self._carry_out(request)
        except asyncio.CancelledError:
            if request.is_sent:
                phase, why = ActionPhase.UNKNOWN, "the program ended before the outcome was known"
            else:
                phase, why = ActionPhase.REFUSED, "not sent: the program ended before"
            self._record(replace(status, phase=phase, at=self._now(), message=why))
            raise

    async def _carry_out(self, request: _Request) -> ActionStatus:
        action, status, run_id = request.action, request.status, request.before.id
        key = (action.id, run_id, status.number)
        for tries_left in reversed(range(MAX_READS_BEFORE)):
            await self._read_before(request)
            before = request.before
            if before.is_final and action.forbidden(before) is not None:
                return await self._phase(status, ActionPhase.FINISHED_FIRST, before.title)
            if (forbidden := action.forbidden(before)) is not None:
                return await self._phase(status, ActionPhase.REFUSED, forbidden)
            if not tries_left:
                request.read_s = math.inf
            try:
                target = await self._fetcher.budget.request(key, Priority.ACTION, lambda: self._send(request))
                break
            except _Outdated:
                continue
            except _Blocked as error:
                return await self._phase(status, ActionPhase.REFUSED, str(error))
            except ApiError as error:
                if not _may_have_arrived(error):
                    said = f"not sent: {error}" if isinstance(error, Unreachable) else str(error)
                    return await self._phase(status, ActionPhase.REFUSED, said)
                return await self._after_a_lost_answer(request, error)
        new_run_id = target if target != run_id else None
        request.status = await self._phase(replace(status, new_run_id=new_run_id), ActionPhase.ACCEPTED)
        return await self._prove(request, target, "accepted")

    async def _send(self, request: _Request) -> RunId:
        """Look at the guards once more and send it. Raises `_Blocked`, `_Outdated` and what the API raises."""
        if (reason := request.block()) is not None:
            raise _Blocked(reason)
        if self._clock.monotonic_s() - request.read_s > FRESH.total_seconds():
            raise _Outdated

        async def on_written() -> None:
            if not request.is_sent:  # it is sent again after a 429
                request.is_sent = True
                await self._publish(replace(request.status, at=self._now()))

        return await request.action.perform(self._api, request.before.id, on_written)

    async def _read_before(self, request: _Request) -> None:
        """Read the run as it is now, unless it is young enough. What cannot be read is taken as it is known."""
        before = request.before
        is_fresh = before.read_at is not None and self._now() - before.read_at <= FRESH
        if is_fresh and not request.action.reads_first:
            return
        try:
            answer = await self._fetcher.fetch_run(before.id, Priority.ACTION)
        except ApiError:
            request.before = self._known(before.id) or before
            request.read_s = math.inf
        else:
            request.before = merge(before, answer.patch)
            request.read_s = self._clock.monotonic_s()

    async def _after_a_lost_answer(self, request: _Request, error: ApiError) -> ActionStatus:
        """The request may have taken effect. Only a run that the verb acts on itself can tell."""
        is_lost = isinstance(error, Unreachable)
        since = f"the answer was lost ({error})" if is_lost else f"the server is in trouble ({error})"
        if not request.action.is_repeatable:
            said = f"{since}: look for a new run before trying again"
            return await self._phase(request.status, ActionPhase.UNKNOWN, said)
        return await self._prove(request, request.before.id, since)

    async def _prove(self, request: _Request, target: RunId, since: str) -> ActionStatus:
        seen = "the run could not be read since"
        for wait_s in PROVE_WAITS_S:
            await self._clock.sleep(wait_s)
            try:
                answer = await self._fetcher.fetch_run(target, Priority.ACTION)
            except NotFound:
                seen = "the server does not know the run"
                continue
            except ApiError as error:
                seen = f"the run could not be read since: {error}"
                continue
            after = merge(None, answer.patch)
            phase = request.action.verdict(request.before, after)
            if phase is not None:
                said = after.title if phase is ActionPhase.FINISHED_FIRST else ""
                return await self._phase(request.status, phase, said)
            seen = f"the run is still {after.title}"
        return await self._phase(request.status, ActionPhase.UNKNOWN, f"{since}, but {seen}")

    async def _phase(self, status: ActionStatus, phase: ActionPhase, message: str = "") -> ActionStatus:
        status = replace(status, phase=phase, at=self._now(), message=message)
        await self._publish(status)
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
