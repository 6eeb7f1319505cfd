"""The one bounded queue between sources and the store, and the signal that something changed.

What lives here: applying updates in short turns and telling listeners at a calm pace. Listeners are plain calls:
they may look at the store, and must not wait. Source: DESIGN §3.
"""

import asyncio
from collections.abc import Callable

from tui.domain.update import Update
from tui.sources.clock import Clock, Timer
from tui.store.changes import Changes, Topic
from tui.store.store import Store

QUEUE_SIZE = 256
"""Updates (a page of runs is one) that may wait before sources are held back."""

TURN_S = 0.008
"""Applying stops after this long, so that a key pressed meanwhile is still painted within a frame."""

SIGNAL_EVERY_S = 0.1
"""Listeners hear at most ten times a second: more cannot be read, and costs a slow link bytes."""

Listener = Callable[[Changes], None]


class Pump:
    """Moves updates from the queue into the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._queue: asyncio.Queue[Update] = asyncio.Queue(QUEUE_SIZE)
        self._listeners: list[Listener] = []
        self._pending = Changes()
        self._signalled_s = self._runs_signalled_s = clock.monotonic_s() - SIGNAL_EVERY_S
        self._timer: Timer | None = None
        self._wake = asyncio.Event()
        self._is_over = False

    async def emit(self, update: Update) -> None:
        """Queue an update; waits while the queue is full. After the end of `run` nobody wants it any more."""
        if self._is_over:
            return
        await self._queue.put(update)
        self._wake.set()
        self._free()

    async def settle(self) -> None:
        """Wait until everything queued so far is in the store."""
        await self._queue.join()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with merged changes from now on; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Apply until cancelled. Listeners are called from here, so that a bug in one ends this, and is seen."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                turn_ends_s = self._clock.monotonic_s() + TURN_S
                while not self._queue.empty():
                    self._apply(self._queue.get_nowait())
                    if self._clock.monotonic_s() >= turn_ends_s:
                        self._wake.set()
                        break
                self._signal_if_due()
                await asyncio.sleep(0)
        finally:
            self._end()

    def _end(self) -> None:
        """Free everybody who waits for the queue: nothing will be applied any more."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._free()

    def _free(self) -> None:
        """After the end, let go of what is queued, or `settle` would wait for it."""
        while self._is_over and not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()

    def _apply(self, update: Update) -> None:
        try:
            self._pending.merge(self._store.apply(update))
        finally:
            self._queue.task_done()

    def _signal_if_due(self) -> None:
        """The first change after quiet is told at once, those behind it together.

        Facts, such as where we are, do not keep runs waiting that come just behind them.
        """
        if self._pending.is_empty:
            return
        now_s = self._clock.monotonic_s()
        has_runs = Topic.RUNS in self._pending.topics
        delay_s = (self._runs_signalled_s if has_runs else self._signalled_s) + SIGNAL_EVERY_S - now_s
        if delay_s > 0:
            if self._timer is None:
                self._timer = self._clock.call_later(delay_s, self._ring)
            return
        self._signalled_s = now_s
        if has_runs:
            self._runs_signalled_s = now_s
        changes, self._pending = self._pending, Changes()
        for listener in tuple(self._listeners):
            listener(changes)

    def _ring(self) -> None:
        self._timer = None
        self._wake.set()
