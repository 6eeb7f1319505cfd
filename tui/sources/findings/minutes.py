"""Keeps the minutes of all tasks: the last hour is read once, then only what can have changed.

Of the two hours before it, only the ends of runs are read, with the hour if the server does not cut the answer.
Failures are judged by them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import MinutesRead, TaskMinute, TaskSpeed
from tui.domain.ids import TaskId
from tui.lazy_dataclass import dataclass
from tui.sources.findings.queries import Rows, is_cut, read_minutes
from tui.store.findings.cell_sums import prepare
from tui.wire.queries import NamedQuery
from tui.wire.queries.tasks import TaskMinutes
from tui.wire.queries.text import HOUR, MINUTE, start_of

REREAD: Final = timedelta(minutes=3)
"""The minutes before the last read that are read again: the server's copy for queries lags by seconds."""

JUDGED: Final = 3 * HOUR
"""Failures are judged by the runs of two hours before the task's newest one, which may be an hour old."""

MAX_SPAN_REQUESTS: Final = 8
"""Queries for one span of time. With more rows than these return, the span is cut."""

MAX_INLINE_ROWS: Final = 1_000
"""More rows are read in a thread, so that the event loop keeps running."""

SendQuery = Callable[[NamedQuery], Awaitable[Rows]]
"""Sends a query, and returns its rows. Raises `ApiError`."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A span of time that is still to be read. `until` is None for the one that is not over."""

    since: datetime
    until: datetime | None


class MinuteReader:
    """Reads the last hour in minutes, then the ends of the two hours before. One instance serves a session."""

    def __init__(self) -> None:
        self._minutes: dict[datetime, dict[TaskId, TaskMinute]] = {}
        """By their begin and their task."""
        self._speeds: tuple[TaskSpeed, ...] = ()
        self._read_at: datetime | None = None
        self._older: list[_Span] = []
        self._is_cut = False

    @property
    def has_more(self) -> bool:
        """Whether a part is still to be read: the older hours, or a part that the server cut."""
        return bool(self._older)

    async def read(self, query: SendQuery, now: datetime) -> MinutesRead:
        """Read what can have changed, and return the whole hour. Raises `ApiError`."""
        begin = start_of(now - HOUR, MINUTE)
        oldest, newest, ends_since = begin + HOUR - JUDGED, begin, None
        if self._read_at is not None and timedelta() <= now - self._read_at < HOUR:
            newest = max(begin, start_of(self._read_at - REREAD, MINUTE))
        else:
            self._minutes, self._older, self._is_cut = {}, [], False
            ends_since = oldest
        span = _Span(newest, None)
        while True:
            rows = await query(TaskMinutes(span.since, None, MINUTE, now - HOUR, ends_since))
            if not is_cut(rows):
                break
            if ends_since is not None:
                self._older.append(_Span(ends_since, begin))
                ends_since = None
                continue
            middle = start_of(now - (now - span.since) / 4, MINUTE)
            if middle <= span.since:
                self._is_cut = True
                break
            self._older.append(_Span(span.since, middle))
            span = _Span(middle, None)
        minutes, self._speeds = await _read(rows)
        self._replace(span, minutes)
        self._read_at = now
        self._minutes = {start: each for start, each in self._minutes.items() if start >= oldest}
        self._older = [each for each in self._older if each.until is None or each.until > oldest]
        return await self._all(now, begin)

    async def read_more(self, query: SendQuery, now: datetime) -> MinutesRead:
        """Read one older part, the newest first. Raises `ApiError`."""
        begin = start_of(now - HOUR, MINUTE)
        span = max(self._older, key=lambda each: each.since)
        assert span.until is not None
        since = span.until - MINUTE if span.until <= begin else span.since
        rows = await query(TaskMinutes(since, span.until, MINUTE, None, span.since))
        self._older.remove(span)
        middle = start_of(span.since + (span.until - span.since) / 2, MINUTE)
        if is_cut(rows) and middle > span.since:
            self._older += [_Span(span.since, middle), _Span(middle, span.until)]
        else:
            self._is_cut |= is_cut(rows)
            self._replace(span, (await _read(rows))[0])
        return await self._all(now, begin)

    def _replace(self, span: _Span, minutes: tuple[TaskMinute, ...]) -> None:
        def is_in_span(start: datetime) -> bool:
            return start >= span.since and (span.until is None or start < span.until)

        self._minutes = {start: each for start, each in self._minutes.items() if not is_in_span(start)}
        for each in minutes:
            self._minutes.setdefault(each.start, {})[each.task] = each

    async def _all(self, now: datetime, begin: datetime) -> MinutesRead:
        minutes = tuple(each for by_task in self._minutes.values() for each in by_task.values())
        unread = max((each.until for each in self._older if each.until is not None), default=begin + HOUR - JUDGED)
        is_cut = self._is_cut or unread > begin
        read = MinutesRead(now, begin, MINUTE, minutes, self._speeds, is_cut=is_cut, ends_since=min(unread, begin))
        return await _prepared(read)


async def _read(rows: Rows) -> tuple[tuple[TaskMinute, ...], tuple[TaskSpeed, ...]]:
    """Read rows, many of them in a thread: ten thousand take 40 ms."""
    return read_minutes(rows) if len(rows) <= MAX_INLINE_ROWS else await asyncio.to_thread(read_minutes, rows)


async def read_span(query: SendQuery, since: datetime, until: datetime, cell: timedelta, now: datetime) -> MinutesRead:
    """Read the cells of a span of time. A span that the server cuts is read in halves. Raises `ApiError`."""
    pending, found, was_cut, requests = [_Span(since, until)], list[TaskMinute](), False, 0
    while pending:
        span = pending.pop()
        if requests >= MAX_SPAN_REQUESTS:
            was_cut = True
            break
        requests += 1
        end = span.until or until
        rows = await query(TaskMinutes(span.since, end, cell))
        middle = start_of(span.since + (end - span.since) / 2, cell)
        if is_cut(rows) and middle > span.since:
            pending += [_Span(span.since, middle), _Span(middle, end)]
            continue
        was_cut |= is_cut(rows)
        found.extend((await _read(rows))[0])
    return await _prepared(MinutesRead(now, since, cell, tuple(found), is_cut=was_cut))


async def _prepared(read: MinutesRead) -> MinutesRead:
    """Return an answer that is added up already: a board that did this would hold a key."""
    if len(read.minutes) > MAX_INLINE_ROWS:
        await asyncio.to_thread(prepare, read)
    return read
