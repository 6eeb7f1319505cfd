"""`Selected`: reads more about the thing under a cursor, once the cursor rests."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, NamedTuple, TypeVar

from tui.api.errors import ApiError, Refused
from tui.sync.clock import Timer
from tui.sync.session import Session
from tui.text.blocks import SHOW_READING_AFTER, ReadStage

T = TypeVar("T")
V = TypeVar("V")

REST_S: Final = 0.5
"""How long a cursor rests before a request is sent for the thing under it."""

TIMEOUT_S: Final = 30.0
MAX_KEPT: Final = 100
"""Things of which the read value is kept. All are forgotten when there are more."""


class Kept(NamedTuple, Generic[V]):
    """The value of a thing, and why the last read failed. `version` is that of the thing when it was read."""

    value: V | None
    failure: str
    is_refused: bool
    version: Hashable
    read_s: float


class Selected(Generic[T, V]):
    """Follows one thing at a time. `on_result` is called when something was read.

    * `read`: returns the value of a thing, given the one that was read before; it may raise `ApiError`
    * `key`: returns the identity of a thing
    * `version`: returns the state of a thing that makes its value old when it changes; then the thing is read again, at
      the earliest `again_s` after the last read
    * `rest_s`: how long the cursor rests before a read
    * `every_s`: an unchanged thing is read again after this; None: never
    """

    def __init__(
        self,
        session: Session,
        read: Callable[[T, V | None], Awaitable[V]],
        on_result: Callable[[], None],
        *,
        key: Callable[[T], Hashable],
        name: str,
        version: Callable[[T], Hashable] = lambda _: None,
        rest_s: float = REST_S,
        every_s: float | None = None,
        again_s: float = 0.0,
    ) -> None:
        self._session = session
        self._read = read
        self._on_result = on_result
        self._key = key
        self._name = name
        self._version = version
        self._rest_s, self._every_s, self._again_s = rest_s, every_s, again_s
        self._kept: dict[Hashable, Kept[V]] = {}
        self._wanted: T | None = None
        self._since_s = self._due_s = self._began_s = 0.0
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def of(self, key: Hashable) -> V | None:
        """Return the value of a thing by its key, as far as it was read."""
        kept = self._kept.get(key)
        return None if kept is None else kept.value

    def failure_of(self, key: Hashable) -> str:
        """Return why the last read of a thing failed; empty if it did not."""
        kept = self._kept.get(key)
        return "" if kept is None else kept.failure

    @property
    def stage(self) -> ReadStage:
        """How far the read of the thing under the cursor has got."""
        if self._task is None:
            return ReadStage.DONE if self._timer is None else ReadStage.DUE
        is_late = self._session.clock.monotonic_s() - self._began_s >= SHOW_READING_AFTER.total_seconds()
        return ReadStage.LATE if is_late else ReadStage.DUE

    def follow(self, thing: T | None) -> None:
        """Read a thing soon, if it was not read as it is now. Call it whenever the thing may be another one."""
        before = self._wanted
        if thing is None or before is None or self._key(before) != self._key(thing):
            self.stop()
            self._since_s = self._session.clock.monotonic_s()
        self._wanted = thing
        self._schedule()

    def refresh(self) -> None:
        """Read the thing under the cursor again now, whatever its last read said."""
        wanted = self._wanted
        self.stop()
        if wanted is not None:
            self._wanted = wanted
            self._begin()

    def stop(self) -> None:
        """Read nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._wanted = self._timer = self._task = None

    def _schedule(self) -> None:
        due_s = None if self._wanted is None or self._task is not None else self._due_of(self._wanted)
        if due_s is None or (self._timer is not None and self._due_s <= due_s):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_s = due_s
        delay_s = max(0.0, due_s - self._session.clock.monotonic_s())
        self._timer = self._session.clock.call_later(delay_s, self._begin)

    def _due_of(self, thing: T) -> float | None:
        """Return the moment of the clock at which a thing has to be read; None: not again."""
        kept, rested_s = self._kept.get(self._key(thing)), self._since_s + self._rest_s
        if kept is None:
            return rested_s
        if kept.version != self._version(thing):
            return max(rested_s, kept.read_s + self._again_s)
        is_over = self._every_s is None or kept.is_refused
        return None if is_over else max(rested_s, kept.read_s + (self._every_s or 0.0))

    def _begin(self) -> None:
        self._timer = None
        if self._wanted is not None and self._session.is_started:
            self._began_s = self._session.clock.monotonic_s()
            self._task = self._session.spawn(self._run(self._wanted), self._name)

    async def _run(self, thing: T) -> None:
        key, version = self._key(thing), self._version(thing)
        before, failure, is_refused = self.of(key), "", False
        value = before
        try:
            async with asyncio.timeout(TIMEOUT_S):
                value = await self._read(thing, before)
        except TimeoutError:
            failure = f"no answer for {TIMEOUT_S:.0f} s"
        except ApiError as error:
            failure, is_refused = str(error), isinstance(error, Refused) and error.is_about_the_key
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = Kept(value, failure, is_refused, version, self._session.clock.monotonic_s())
        self._task = None
        self._on_result()
        self._schedule()
