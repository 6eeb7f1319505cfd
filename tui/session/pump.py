"""The bounded queue between the sources and the store.

The pump applies updates in short turns, and calls the listeners with merged changes at a limited rate. Listeners may
read the store, and must not block.
"""

import asyncio
from collections.abc import Callable

from tui.domain.update import Update
from tui.sources.clock import Clock, Timer
from tui.store.changes import Changes, Topic
from tui.store.store import Store

QUEUE_SIZE = 256
"""Updates that may wait; a page of runs is one update. Sources wait while the queue is full."""

TURN_S = 0.008
"""Apply updates for at most this long, then let other tasks run: a key is still painted within a frame."""

MIN_PUBLISH_INTERVAL_S = 0.1
"""Listeners are called at most ten times a second: a user cannot read faster, and a slow connection carries less."""

Listener = Callable[[Changes], None]


class Pump:
    """Moves updates from the queue into the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._queue: asyncio.Queue[Update] = asyncio.Queue(QUEUE_SIZE)
        self._listeners: list[Listener] = []
        self._pending = Changes()
        self._published_s = self._runs_published_s = clock.monotonic_s() - MIN_PUBLISH_INTERVAL_S
        self._timer: Timer | None = None
        self._wake = asyncio.Event()
        self._is_closed = False

    async def emit(self, update: Update) -> None:
        """Queue an update, and wait while the queue is full. After the end of `run` updates are dropped."""
        if self._is_closed:
            return
        await self._queue.put(update)
        self._wake.set()
        self._drop_queued()

    async def settle(self) -> None:
        """Wait until everything queued so far is in the store."""
        await self._queue.join()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with merged changes from now on. Return a function that unsubscribes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Apply updates until canceled. An exception in a listener ends this task, and with it the session."""
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
                self._publish_if_due()
                await asyncio.sleep(0)
        finally:
            self._close()

    def _close(self) -> None:
        """Drop what is queued, which releases the callers of `emit` and `settle`."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._drop_queued()

    def _drop_queued(self) -> None:
        """After the end of `run`, drop what is queued, or `settle` would wait forever."""
        while self._is_closed and not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()

    def _apply(self, update: Update) -> None:
        try:
            self._pending.merge(self._store.apply(update))
        finally:
            self._queue.task_done()

    def _publish_if_due(self) -> None:
        """Call the listeners if MIN_PUBLISH_INTERVAL_S has passed since the last call, else set a timer.

        Changes of runs count separately: a change of the environment just before them does not delay them.
        """
        if self._pending.is_empty:
            return
        now_s = self._clock.monotonic_s()
        has_runs = Topic.RUNS in self._pending.topics
        delay_s = (self._runs_published_s if has_runs else self._published_s) + MIN_PUBLISH_INTERVAL_S - now_s
        if delay_s > 0:
            if self._timer is None:
                self._timer = self._clock.call_later(delay_s, self._on_timer)
            return
        self._published_s = now_s
        if has_runs:
            self._runs_published_s = now_s
        changes, self._pending = self._pending, Changes()
        for listener in tuple(self._listeners):
            listener(changes)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake.set()
