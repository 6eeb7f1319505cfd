"""Reads what only the detail of a group contains: who acknowledged it, and why."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tui.domain.errors.server_group import ServerErrorGroup, ServerGroupStatus
from tui.domain.ids import ErrorGroupId, TaskId
from tui.session import Session
from tui.sources.clock import Timer
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.states import ErrorState
from tui.wire.errors import ApiError

REST_S: Final = 0.5
"""How long the cursor rests on an acknowledged group before its detail is read."""

MAX_KEPT: Final = 100
"""Details that are kept. All are forgotten when there are more."""

DetailKey = tuple[ErrorGroupId, TaskId, ServerGroupStatus | None]


class GroupDetails:
    """Follows the group under the cursor. `on_result` is called when its detail was read.

    A group with several groups on the server has no detail: they may differ.
    """

    def __init__(
        self,
        session: Session,
        read: Callable[[ErrorGroupId], Awaitable[ServerErrorGroup]],
        on_result: Callable[[], None],
    ) -> None:
        self._session = session
        self._read = read
        self._on_result = on_result
        self._kept: dict[DetailKey, ServerErrorGroup | None] = {}
        self._wanted: DetailKey | None = None
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def of(self, group: ErrorGroup) -> ServerErrorGroup | None:
        """Return the detail of a group, if it was read."""
        key = _key(group)
        return None if key is None else self._kept.get(key)

    def follow(self, group: ErrorGroup) -> None:
        """Read the detail of a group soon, once for each status."""
        key = _key(group)
        if key == self._wanted:
            return
        self.stop()
        self._wanted = key
        if key is not None and key not in self._kept:
            self._timer = self._session.clock.call_later(REST_S, self._begin)

    def stop(self) -> None:
        """Read nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._wanted = self._timer = self._task = None

    def _begin(self) -> None:
        self._timer = None
        if self._wanted is not None:
            self._task = self._session.spawn(self._fetch(self._wanted), "read an error group")

    async def _fetch(self, key: DetailKey) -> None:
        try:
            detail: ServerErrorGroup | None = await self._read(key[0])
        except ApiError:
            detail = None  # the list has the state; who and why stay unknown
        if detail is not None and detail.task != key[1]:
            detail = None  # tasks share the id, and the server returns one of them
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = detail
        self._task = None
        if detail is not None:
            self._on_result()


def _key(group: ErrorGroup) -> DetailKey | None:
    if group.state is not ErrorState.ACKNOWLEDGED or len(group.server_groups) != 1:
        return None
    theirs = group.server_groups[0]
    return theirs.id, theirs.task, theirs.status
