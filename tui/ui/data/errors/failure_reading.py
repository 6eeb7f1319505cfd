"""Reads the failed runs and the server's groups of errors for a view, while the view is shown."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tui.domain.errors.progress import FailuresProgress, ServerGroupsRead
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.filters import RunFilters
from tui.domain.ids import ErrorGroupId, RunId
from tui.session import Session
from tui.store.changes import Changes, Topic

if TYPE_CHECKING:
    from tui.sources.failures.failure_reader import FailureReader
    from tui.sources.failures.group_reader import GroupReader


class FailureView(NamedTuple):
    """What a view shows, for the reader of failures.

    `visible` returns the runs on the screen. `unread(limit)` returns the newest failed runs of the view's span whose
    error is not known, as `ErrorGroups.unread` does. `on_update` is called after each change of the two results.
    """

    visible: Callable[[], Sequence[RunId]]
    unread: Callable[[int], Sequence[RunId]]
    on_update: Callable[[], None]


class FailureReading:
    """Starts and stops reading. Keep one for the life of the app: a refusal of the groups is remembered here.

    `progress` says how far the failed runs were read, `server_groups` has the server's groups.
    """

    def __init__(self, session: Session, view: FailureView) -> None:
        self._session = session
        self._view = view
        self._reader: FailureReader | None = None
        self._groups: GroupReader | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        self.progress = FailuresProgress()
        self.server_groups = ServerGroupsRead()

    @property
    def is_running(self) -> bool:
        """Whether the failed runs are followed."""
        return bool(self._tasks)

    def start(self, period: timedelta, followed: RunFilters) -> None:
        """Read the failed runs created within `period` that match the server filters, and the groups.

        A reading that runs is stopped first. Nothing happens before the session has started.
        """
        self.stop()
        if not self._session.is_started:
            return
        from tui.sources.failures.failure_reader import FailureReader, FailureScope  # noqa: PLC0415  loads httpcore
        from tui.sources.failures.group_reader import GroupReader  # noqa: PLC0415  loads httpcore

        session = self._session
        if self._groups is None:
            self._groups = GroupReader(session.fetcher, session.clock, self._on_groups)
        scope = FailureScope(period, followed, can_list=session.sources.relay is None)
        if self._reader is None or self._reader.scope != scope:
            self.progress = FailuresProgress()
            self._reader = FailureReader(
                session.fetcher,
                session.store,
                session.clock,
                scope,
                emit=session.emit,
                settle=session.settle,
                visible=self._view.visible,
                unread=self._view.unread,
                report=self._on_progress,
            )
        self._unsubscribe = session.subscribe(self._on_changes)
        self._tasks = [
            session.spawn(self._reader.run(), "read failed runs"),
            session.spawn(self._groups.run(period), "read error groups"),
        ]

    def stop(self) -> None:
        """Stop reading. The results stay as they are."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def read_group(self, group_id: ErrorGroupId) -> ServerErrorGroup:
        """Return a group of the server with its detail. Raises `ApiError`. Call it after `start`."""
        assert self._groups is not None
        return await self._groups.read_detail(group_id)

    def wake(self) -> None:
        """Read the errors of runs that are visible now. Call it after the cursor or the scroll position has moved."""
        if self._reader is not None and self._tasks:
            self._reader.wake()

    def _on_changes(self, changes: Changes) -> None:
        has_failed = any(step.after.status.is_failed for step in changes.transitions)
        if has_failed or Topic.HISTORY in changes.topics:
            self.wake()

    def _on_progress(self, progress: FailuresProgress) -> None:
        if self._tasks and progress != self.progress:
            self.progress = progress
            self._view.on_update()

    def _on_groups(self, groups: ServerGroupsRead) -> None:
        if groups != self.server_groups:
            self.server_groups = groups
            self._view.on_update()
