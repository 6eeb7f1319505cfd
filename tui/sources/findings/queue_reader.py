"""Reads the queues: one page at a time, so that an environment with a thousand of them costs no more than one."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from tui.domain.findings.facts import (
    MAX_QUEUES,
    QUEUES_PER_PAGE,
    ConcurrencyLimit,
    Queue,
    QueuesRead,
    WallFacts,
    with_limit,
)
from tui.sources.findings.allowance import Rank
from tui.sources.findings.requests import FactRequests
from tui.wire.findings.reader import FactReader

MAX_PAGES: Final = MAX_QUEUES // QUEUES_PER_PAGE


class QueueReader:
    """Reads the pages in turn. Once all are known, every other read is of the page with the most waiting runs."""

    def __init__(self, requests: FactRequests, reader: FactReader, known: Callable[[], WallFacts]) -> None:
        self._requests = requests
        self._reader = reader
        self._known = known
        self._pages: dict[int, tuple[Queue, ...]] = {}
        self._count = 1
        self._last = 0
        self._was_busiest = False
        self._limits: tuple[ConcurrencyLimit, ...] = ()
        self._newest: QueuesRead | None = None

    async def read(self) -> QueuesRead:
        """Read one page, and return all queues that are known. Raises `ApiError`."""
        now, number = self._requests.now(), self._next_page()
        page = await self._requests.send(("queues", number), Rank.QUEUES, lambda: self._reader.read_queues(number))
        self._count = min(page.page_count, MAX_PAGES)
        pages = self._pages | {number: page.queues}
        self._pages = {key: queues for key, queues in pages.items() if key <= self._count}
        # While the pages are read, a queue may move to another one. The newest answer counts.
        queues = {queue.id: queue for key in sorted(self._pages) for queue in self._pages[key]}
        queues |= {queue.id: queue for queue in page.queues}
        is_whole = page.page_count <= MAX_PAGES and len(self._pages) == self._count and not page.unreadable
        return self._with_limits(now, queues.values(), is_cut=not is_whole)

    async def read_limits(self) -> QueuesRead | None:
        """Read the limits of V2 queues, if there are some, and return the queues with them. Raises `ApiError`."""
        if self._newest is None or not any(queue.is_v2 for queue in self._newest.queues):
            return None
        self._limits = await self._requests.send("limits", Rank.LIMITS, self._reader.read_limits)
        newest = self._newest
        return self._with_limits(newest.at, newest.queues, is_cut=newest.is_cut)

    def _with_limits(self, at: datetime, queues: Iterable[Queue], *, is_cut: bool) -> QueuesRead:
        read = tuple(with_limit(queue, self._limits) for queue in queues)
        self._newest = QueuesRead(at, read, is_cut=is_cut, limits=self._limits)
        return self._newest

    def _next_page(self) -> int:
        is_whole = len(self._pages) >= self._count
        self._was_busiest = is_whole and not self._was_busiest
        busiest = self._busiest_page() if self._was_busiest else None
        if busiest is not None:
            return busiest
        self._last = self._last % self._count + 1
        return self._last

    def _busiest_page(self) -> int | None:
        waits = self._known().waits
        queued = {} if waits is None else {wait.queue: wait.queued for wait in waits.waits}
        totals = {
            number: sum(queued.get(queue.stored_name, 0) for queue in queues) for number, queues in self._pages.items()
        }
        busiest = max(totals, key=lambda number: totals[number])
        return busiest if totals[busiest] else None
