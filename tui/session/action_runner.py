"""Sends one action for one run, and verifies its effect by reading the run again.

A response of 200 does not prove that a run was canceled, and a lost response does not prove that it was not. The runner
reads the run several times, until it shows the outcome. If it never does, the outcome is unknown.
Source: tests/wire/recordings/README.md §7.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui.actions import Action
from tui.domain.action import ActionPhase, ActionStatus, Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.store.merge import merge
from tui.wire.errors import ApiError, NotFound, RateLimited, Refused, ServerFault, Unreachable

if TYPE_CHECKING:
    from tui.sources.run_fetcher import RunFetcher
    from tui.wire.client import Client

VERIFY_WAITS_S = (0.0, 0.3, 0.7, 1.0, 2.0, 3.0, 5.0)
"""Waits before the reads that follow an action.

The run shows a cancel at once, its children within 0.3 s (recordings 430-433).
"""

REDIRECTED = 3
"""The first digit of a status that redirects. Such an action is not sent again (`wire.connection`)."""

MAX_READ_AGE = timedelta(seconds=5)
"""A run that was read longer ago is read again before the request: it may have ended since."""

MAX_READS_BEFORE = 5
"""Reads before one request. After that many the request is sent even if the budget delayed it again."""

Publish = Callable[[ActionStatus], Awaitable[None]]
GetBlock = Callable[[], str | None]
"""Returns why nothing may be sent, or None."""


class _Blocked(Exception):
    """The request must not be sent; the text is the reason."""


class _Stale(Exception):
    """The budget delayed the request, and the run was read too long ago to compare it with later reads."""


@dataclass(slots=True)
class _Request:
    """One action in flight. `before` is the run as it was last read, at `read_s` of the monotonic clock.

    With an infinite `read_s` the age of `before` is not checked.
    """

    action: Action
    before: Run
    status: ActionStatus
    get_block: GetBlock
    read_s: float = math.inf
    is_sent: bool = False


class ActionRunner:
    """Sends actions. `publish` receives every phase in order.

    A task that is canceled cannot publish any more: `record` receives its outcome. `get_run` returns a run from the
    store. `on_refused` receives what the server refused. `api` is None on a relay, which takes no actions.
    """

    def __init__(
        self,
        api: "Client | None",
        fetcher: "RunFetcher",
        clock: Clock,
        *,
        now: Callable[[], datetime],
        publish: Publish,
        record: Callable[[ActionStatus], None],
        get_run: Callable[[RunId], Run | None],
        on_refused: Callable[[Action, Refused], None],
    ) -> None:
        self._api = api
        self._fetcher = fetcher
        self._clock = clock
        self._now = now
        self._publish = publish
        self._record = record
        self._get_run = get_run
        self._on_refused = on_refused

    async def perform(self, action: Action, before: Run, number: int, get_block: GetBlock, via: Via) -> ActionStatus:
        """Send the action, and return its outcome. Never raises `ApiError`.

        `get_block` is called first, and again just before the request, which may have waited for minutes after a 429.
        """
        status = ActionStatus(before.id, action.id, number, ActionPhase.REQUESTED, self._now(), via=via)
        if (reason := get_block() or action.forbidden(before)) is not None:
            return await self._publish_phase(status, ActionPhase.REFUSED, reason)
        request = _Request(action, before, status, get_block)
        try:
            return await self._send_and_verify(request)
        except asyncio.CancelledError:
            if request.is_sent:
                phase, why = ActionPhase.UNKNOWN, "the program ended before the outcome was known"
            else:
                phase, why = ActionPhase.REFUSED, "not sent: the program ended first"
            self._record(replace(status, phase=phase, at=self._now(), message=why))
            raise

    async def _send_and_verify(self, request: _Request) -> ActionStatus:
        action, status, run_id = request.action, request.status, request.before.id
        key = (action.id, run_id, status.number)
        for tries_left in reversed(range(MAX_READS_BEFORE)):
            await self._refresh(request)
            before = request.before
            if before.is_final and action.forbidden(before) is not None:
                return await self._publish_phase(status, ActionPhase.FINISHED_FIRST, before.status_title)
            if (forbidden := action.forbidden(before)) is not None:
                return await self._publish_phase(status, ActionPhase.REFUSED, forbidden)
            if not tries_left:
                request.read_s = math.inf
            try:
                target = await self._fetcher.budget.request(key, Priority.ACTION, lambda: self._send(request))
                break
            except _Stale:
                continue
            except _Blocked as error:
                return await self._publish_phase(status, ActionPhase.REFUSED, str(error))
            except ApiError as error:
                if isinstance(error, Refused):
                    self._on_refused(action, error)
                if not _may_have_arrived(error):
                    message = f"not sent: {error}" if isinstance(error, Unreachable) else str(error)
                    return await self._publish_phase(status, ActionPhase.REFUSED, message)
                return await self._after_lost_response(request, error)
        new_run_id = target if target != run_id else None
        request.status = await self._publish_phase(replace(status, new_run_id=new_run_id), ActionPhase.ACCEPTED)
        return await self._verify(request, target, "accepted")

    async def _send(self, request: _Request) -> RunId:
        """Check the guards once more, and send the request. Raises `_Blocked`, `_Stale` and `ApiError`."""
        if (reason := request.get_block()) is not None:
            raise _Blocked(reason)
        if self._api is None:
            raise _Blocked("a relay takes no actions")
        if self._clock.monotonic_s() - request.read_s > MAX_READ_AGE.total_seconds():
            raise _Stale

        async def on_written() -> None:
            if not request.is_sent:  # a retry after a 429 calls this again
                request.is_sent = True
                await self._publish(replace(request.status, at=self._now()))

        return await request.action.perform(self._api, request.before.id, on_written)

    async def _refresh(self, request: _Request) -> None:
        """Read the run, unless it was read recently. If the read fails, use the run in the store."""
        before = request.before
        is_fresh = before.read_at is not None and self._now() - before.read_at <= MAX_READ_AGE
        if is_fresh and not request.action.reads_first:
            return
        try:
            response = await self._fetcher.fetch_run(before.id, Priority.ACTION)
        except ApiError:
            request.before = self._get_run(before.id) or before
            request.read_s = math.inf
        else:
            request.before = merge(before, response.patch)
            request.read_s = self._clock.monotonic_s()

    async def _after_lost_response(self, request: _Request, error: ApiError) -> ActionStatus:
        """Return the outcome of a request that may have taken effect.

        A cancel can be verified by reading the run; a replay cannot, since the id of its new run is lost.
        """
        context = f"the server is in trouble ({error})"
        if isinstance(error, Unreachable):
            context = f"the answer was lost ({error})"
        elif isinstance(error, ServerFault) and error.status // 100 == REDIRECTED:
            context = f"the server redirects actions, nothing was confirmed ({error})"
        if not request.action.is_idempotent:
            message = f"{context}: look for a new run before trying again"
            return await self._publish_phase(request.status, ActionPhase.UNKNOWN, message)
        return await self._verify(request, request.before.id, context)

    async def _verify(self, request: _Request, target: RunId, context: str) -> ActionStatus:
        observed = "the run could not be read since"
        for wait_s in VERIFY_WAITS_S:
            await self._clock.sleep(wait_s)
            try:
                response = await self._fetcher.fetch_run(target, Priority.ACTION)
            except NotFound:
                observed = "the server does not know the run"
                continue
            except ApiError as error:
                observed = f"the run could not be read since: {error}"
                continue
            after = merge(None, response.patch)
            phase = request.action.verdict(request.before, after)
            if phase is not None:
                message = after.status_title if phase is ActionPhase.FINISHED_FIRST else ""
                return await self._publish_phase(request.status, phase, message)
            observed = f"the run is still {after.status_title}"
        return await self._publish_phase(request.status, ActionPhase.UNKNOWN, f"{context}, but {observed}")

    async def _publish_phase(self, status: ActionStatus, phase: ActionPhase, message: str = "") -> ActionStatus:
        status = replace(status, phase=phase, at=self._now(), message=message)
        await self._publish(status)
        return status


def _may_have_arrived(error: ApiError) -> bool:
    """Whether the server may have acted in spite of the error."""
    match error:
        case RateLimited():
            return False
        case Refused() | Unreachable():
            return error.may_have_arrived
        case _:
            return True
