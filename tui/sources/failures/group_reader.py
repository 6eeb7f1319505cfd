"""Reads the server's groups of errors, again every minute. A key that may not read them is asked once.

Source: tests/wire/recordings/README.md §7 (recordings 1030, 2703).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tui.domain.errors.progress import ServerGroupsRead
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.filters import period_text
from tui.domain.ids import Cursor, ErrorGroupId, TaskId
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.failures.failure_reader import sentence_of
from tui.sources.paging import Paging
from tui.sources.run_fetcher import RunFetcher
from tui.sources.searching.pace import Pace
from tui.wire.error_groups import ErrorGroupPage
from tui.wire.errors import ApiError, RateLimited, Refused

REFRESH_EVERY_S: Final = 60.0
"""Between two reads of the groups. Somebody acknowledges one of them a few times a day."""

MIN_INTERVAL_S: Final = 5.0
"""Between two reads of the same period, for a user who leaves and opens the view again and again."""

MAX_PAGES: Final = 20
"""Pages of one read: 1,000 groups."""

_UNAUTHORISED: Final = frozenset({401, 403})
_UNKNOWN_ROUTE: Final = 404


class GroupReader:
    """Reads the groups that failed within a period. One instance serves a session, since it remembers a refusal."""

    def __init__(self, fetcher: RunFetcher, clock: Clock, report: Callable[[ServerGroupsRead], None]) -> None:
        """`report` receives each result."""
        self._fetcher = fetcher
        self._clock = clock
        self._report = report
        self._pace = Pace(fetcher.budget, clock)
        self.result = ServerGroupsRead()
        self._last: tuple[timedelta, float] | None = None
        """The period of the last read, and its time."""

    async def run(self, period: timedelta) -> None:
        """Read the groups every minute, until canceled or refused."""
        if self._last is not None and self._last[0] == period:
            await self._clock.sleep(MIN_INTERVAL_S - (self._clock.monotonic_s() - self._last[1]))
        while not self.result.refusal:
            self._last = period, self._clock.monotonic_s()
            resets_s = await self.read(period, Priority.VISIBLE)
            await self._clock.sleep(max(REFRESH_EVERY_S, resets_s))

    async def read(self, period: timedelta, priority: Priority) -> float:
        """Read the groups once, and report them or why they could not be read.

        Return the seconds until the rate limit's reset, 0 if it was not reached.
        """
        if self.result.refusal:
            return 0.0
        resets_s = 0.0
        try:
            self._publish(await self._read_pages(period_text(period), priority))
        except Refused as error:
            refusal = _refusal_of(error)
            self._publish(replace(self.result, refusal=refusal, failure="" if refusal else str(error)))
        except ApiError as error:
            resets_s = error.resets_in.total_seconds() if isinstance(error, RateLimited) else 0.0
            self._publish(replace(self.result, failure=sentence_of(error)))
        return resets_s

    async def read_detail(self, group_id: ErrorGroupId) -> ServerErrorGroup:
        """Return one group with its affected versions and who acknowledged it. Raises `ApiError`."""
        return await self._fetcher.budget.request(
            ("error group", group_id), Priority.SELECTED, lambda: self._fetcher.api.read_error_group(group_id)
        )

    async def _read_pages(self, period: str, priority: Priority) -> ServerGroupsRead:
        groups: dict[tuple[ErrorGroupId, TaskId], ServerErrorGroup] = {}
        paging = Paging(max_pages=MAX_PAGES)
        while True:
            page = await self._read_page(period, paging.cursor, priority)
            # A group whose count grew between two requests may be on both pages. Groups of two tasks may share an id.
            groups |= {(group.id, group.task): group for group in page.groups}
            paging.add([(group.id, group.task) for group in page.groups], page.next)
            if paging.is_done:
                return ServerGroupsRead(tuple(groups.values()))
            if priority is Priority.VISIBLE:
                await self._pace.wait()

    async def _read_page(self, period: str, after: Cursor | None, priority: Priority) -> ErrorGroupPage:
        key = ("error groups", period, after)
        return await self._fetcher.budget.request(
            key, priority, lambda: self._fetcher.api.list_error_groups(period, after)
        )

    def _publish(self, result: ServerGroupsRead) -> None:
        self.result = result
        self._report(result)


def _refusal_of(error: Refused) -> str:
    """Return why the groups will not be requested again, "" if the next try may succeed."""
    if error.status in _UNAUTHORISED:
        return f"the key may not read the server's error groups ({error.status})"
    if error.status == _UNKNOWN_ROUTE:
        return "the server has no error groups (404)"
    return ""
