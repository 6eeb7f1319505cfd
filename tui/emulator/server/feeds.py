"""Holds the live polls of the realtime feed open.

A poll is held until it is due, its client disconnects, or a fault interrupts it. `feed.polls` decides when a poll is
due and what it returns. Time is the emulator's clock: a test that owns the clock calls `settle`; otherwise
`Emulator.tick` answers the polls that are due.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request

from tui.emulator.exchange import Refusal
from tui.emulator.feed import Poll, PollResult, WorkingSets
from tui.emulator.routes.feeds import must_refetch
from tui.emulator.server.faults import Fault, Faults
from tui.emulator.world import World

T = TypeVar("T")

NAMES_SINCE = "x-trigger-electric-version"
"""The header of clients that know the current header names."""

INTERRUPTING = frozenset({"hang", "close", "half-open", "error", "must-refetch"})
"""Faults that do not wait until a held poll is due."""

PACE_S = (0.005, 0.02)
"""While polls are held, they are checked this often: at most and at least."""

MAX_HELD = 10
"""Polls of the realtime feed that an environment may hold at once, as on the free plan."""

SETTLE_S = 30.0
"""A server that is busy for longer is stuck."""


class Interrupted(Exception):
    """A fault interrupted the held request."""


@dataclass(slots=True, eq=False)
class HeldPoll:
    """A held poll. `result` becomes its result, or None when a fault interrupts it."""

    poll: Poll
    subscription: "Subscription"
    result: "asyncio.Future[PollResult | None]"


class Feeds:
    """All held polls. `clock` returns epoch milliseconds, `advance` moves a world to now.

    `settle`, `next_due_ms` and `held` can be called from any thread except the server's own.
    """

    def __init__(
        self, clock: Callable[[], int], faults: Faults, random: Random, *, advance: Callable[[World], None]
    ) -> None:
        self.sets = WorkingSets()
        self.random = random
        self.clock = clock
        self.faults = faults
        self._advance = advance
        self._number = 0
        self._held: dict[HeldPoll, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._arrived = asyncio.Event()

    @property
    def held(self) -> int:
        """The number of held polls."""
        return len(self._held)

    def settle(self) -> int:
        """Advance the worlds and answer the polls that are due. Returns how many are still held."""
        return self._on_loop(self._settle, 0)

    def next_due_ms(self) -> int | None:
        """The next time at which a held poll can become due; None when none is held.

        It is the end of a window or of a hold, or the end of the window that would contain a world's next event.
        """
        return self._on_loop(self._next_due_ms, None)

    def next_number(self) -> int:
        """The next of the numbers in handles, offsets and cursors."""
        self._number += 1
        return self._number

    def answer_due(self) -> None:
        """Answer the polls that are due. Their worlds must be advanced to now."""
        now_ms = self.clock()
        for held in list(self._held):
            try:
                result = held.poll.result_at(now_ms)
            except Exception as error:  # noqa: BLE001  raised again in the request, which logs it
                self._release(held, error)
                continue
            if result is not None:
                self._release(held, result)

    async def pause(self, max_s: float) -> None:
        """Sleep until the next check of the held polls, or for `max_s` while none is held."""
        if self._held:
            due_ms = self._next_due_ms()
            min_s, often_s = PACE_S
            until_s = often_s if due_ms is None else (due_ms - self.clock()) / 1000
            await anyio.sleep(min(often_s, max(min_s, until_s)))
            return
        self._arrived.clear()
        with anyio.move_on_after(max_s):
            await self._arrived.wait()

    def follow_faults(self) -> None:
        """Apply changed faults to the polls that are held."""
        for held in list(self._held):
            held.subscription.select()
            if any(fault.kind in INTERRUPTING for fault in held.subscription.active):
                self._release(held, None)
            held.poll.is_buffered = held.subscription.has_fault("buffered")

    async def hold(self, subscription: "Subscription", poll: Poll) -> PollResult:
        """Hold a request until its poll is answered. Raises `Refusal`, `Interrupted` or `ClientDisconnect`."""
        slug = poll.world.environment.slug
        others = sum(held.poll.world.environment.slug == slug for held in self._held)
        fault = self.faults.server_fault("realtime-limit")
        if others >= (MAX_HELD if fault is None else fault.number("most")):
            raise Refusal(429, {"error": "Too many concurrent requests"})
        poll.is_buffered = subscription.has_fault("buffered")
        if (result := poll.result_at(self.clock())) is not None:
            return result
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        held = HeldPoll(poll, subscription, self._loop.create_future())
        self._held[held] = None
        self._arrived.set()
        try:
            result = await _result_unless_disconnected(subscription.request, held.result)
        finally:
            self._held.pop(held, None)
        if result is None:
            raise Interrupted
        return result

    def _release(self, held: HeldPoll, outcome: PollResult | Exception | None) -> None:
        self._held.pop(held, None)
        if held.result.done():
            return
        if isinstance(outcome, Exception):
            held.result.set_exception(outcome)
        else:
            held.result.set_result(outcome)

    def _settle(self) -> int:
        for world in {id(held.poll.world): held.poll.world for held in self._held}.values():
            self._advance(world)
        self.answer_due()
        return len(self._held)

    def _next_due_ms(self) -> int | None:
        due = []
        is_moving = not self.faults.is_halted
        for held in self._held:
            poll = held.poll
            due.append(poll.due_ms())
            if is_moving and (event_ms := poll.world.agenda.next_ms) is not None:
                due.append(poll.answer_ms(event_ms))
        return min(due, default=None)

    def _on_loop(self, function: Callable[[], T], otherwise: T) -> T:
        """Call the function in the event loop of the polls. Returns `otherwise` when there is no open loop."""
        loop = self._loop
        if loop is None:
            return otherwise
        if threading.get_ident() == self._loop_thread:
            return function()
        result: Future[T] = Future()

        def call() -> None:
            try:
                result.set_result(function())
            except Exception as error:  # noqa: BLE001  raised again in the calling thread
                result.set_exception(error)

        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # the event loop is closed
            return otherwise
        return result.result(SETTLE_S)


class Subscription:
    """A request for the realtime feed, with the faults that affect it."""

    def __init__(self, feeds: Feeds, request: Request, select: Callable[[], list[Fault]], active: list[Fault]) -> None:
        self.request = request
        self.active = active
        self.sets = feeds.sets
        self.random = feeds.random
        self.next_number = feeds.next_number
        self.are_faults_new = False
        self._feeds = feeds
        self._select = select

    @property
    def now_ms(self) -> int:
        """The server's time, also while the world stands still."""
        return self._feeds.clock()

    @property
    def is_old(self) -> bool:
        """Whether the response uses the older header names."""
        return NAMES_SINCE not in self.request.headers or self.has_fault("old-headers")

    def has_fault(self, kind: str) -> bool:
        """Whether a fault of that kind affects it."""
        return any(fault.kind == kind for fault in self.active)

    def select(self) -> None:
        """Select the faults again, after they changed."""
        self.active[:] = self._select()
        self.are_faults_new = True

    def replace_handle(self, handle: str, new_handle: str) -> str:
        """Mark both handles as done for the fault `must-refetch`, and return the new one."""
        for fault in self.active:
            if fault.kind == "must-refetch":
                fault.memory |= {handle: True, new_handle: True}
        return new_handle

    async def hold(self, poll: Poll, handle: str, at_once: PollResult | None = None) -> PollResult:
        """Wait for the result of the poll. Raises `Refusal`, `Interrupted`, `ClientDisconnect`."""
        if self.has_fault("must-refetch"):
            raise must_refetch(self, handle)
        if at_once is not None and not self.has_fault("buffered"):
            return at_once
        return await self._feeds.hold(self, poll)


async def _result_unless_disconnected(
    request: Request, result: "asyncio.Future[PollResult | None]"
) -> PollResult | None:
    """Await the result. Raises `ClientDisconnect` when the client disconnects first."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_cancel_on_disconnect, request, tasks.cancel_scope)
        await asyncio.wait([result])
        tasks.cancel_scope.cancel()
    if not result.done():
        raise ClientDisconnect
    return result.result()


async def _cancel_on_disconnect(request: Request, scope: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
