"""The data of wall and overview: the board, the failing groups, the newest failure, other spans of time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.api.errors import ApiError
from tui.domain.facts import NO_FACTS, FactSource, MinutesRead, WallFacts
from tui.domain.run import Run, RunId
from tui.features.errors.data import GROUPS, GroupUpdates
from tui.features.errors.model import SPANS, own_line
from tui.kit.live_model import LiveModel
from tui.kit.rows import ListModel, RowQuery
from tui.kit.selection import RUN, SelectionLoader
from tui.store.changes import Changes, Topic
from tui.store.filter import EVERYTHING
from tui.store.findings.board import (
    Board,
    BoardSpan,
    FailingGroup,
    FailingNow,
    FourLines,
    failing_now,
    four_lines,
    make_board,
)
from tui.store.findings.counts import CellSums, OwnCounts
from tui.sync.session import Session

HOUR: Final = SPANS[0]

MAX_LINES: Final = 12
"""The groups whose line in the source is looked up: more are on no screen."""


class LiveFailing:
    """Groups the failed runs of the last hour in slices. It reads nothing: the errors come with the runs.

    `on_update` is called when the groups are others.
    """

    def __init__(self, live: LiveModel, on_update: Callable[[], None]) -> None:
        self._session = live.session
        self._on_update = on_update
        self._updates: GroupUpdates | None = None
        self.failing = FailingNow()

    def open(self) -> None:
        """Group the failed runs of the store."""
        rows, span = ListModel(GROUPS, RowQuery(GROUPS.orders[0])), HOUR.at(self._session.now())
        self._updates = GroupUpdates(self._session, rows, EVERYTHING, span, self._show)
        self._take_server_groups(self._updates)

    def close(self) -> None:
        """Stop, and forget the groups."""
        if self._updates is not None:
            self._updates.stop()
        self._updates, self.failing = None, FailingNow()

    def on_changes(self, changes: Changes) -> None:
        """Group the runs that changed, and use the newest groups of the server."""
        updates = self._updates
        if updates is None:
            return
        if Topic.WALL_FACTS in changes.topics:
            self._take_server_groups(updates)
            self._show()
        if Topic.RUNS in changes.topics:
            updates.follow(changes, is_shown=True)

    def tick(self) -> None:
        """Move the hour, once a minute."""
        if self._updates is not None:
            span = HOUR.at(self._session.now())
            if span != self._updates.span:
                self._updates.show_span(span)
            if not self.failing.groups:
                self._show()  # more of the hour may be known

    def _take_server_groups(self, updates: GroupUpdates) -> None:
        facts = self._session.store.wall_facts
        if facts is not None and facts.errors is not None:
            updates.groups.on_server_groups(facts.errors.groups)
        updates.request()

    def _show(self) -> None:
        updates, facts = self._updates, self._session.store.wall_facts or NO_FACTS
        if updates is None or updates.reading is None:
            return
        now, hour, server = self._session.now(), updates.span.since, facts.errors
        groups = failing_now(updates.groups.groups(updates.span, now), server.groups if server else (), hour, now)
        failed = self._failed_count(facts, hour, updates.reading.failed_count)
        own, unread = self._session.findings.own, facts.unread.get(FactSource.ERRORS)
        since = None if own is None else own.counted_since
        is_whole = failed is not None or (server is not None and not server.is_cut)
        failing = FailingNow(
            (*map(self._with_line, groups[:MAX_LINES]), *groups[MAX_LINES:]),
            unread_count=max(0, (failed or updates.reading.failed_count) - sum(group.count for group in groups)),
            is_known=bool(groups) or (updates.is_filled and (is_whole or since is not None)),
            known_since=since if not is_whole and since is not None and since > hour else None,
            problem="" if unread is None or not unread.is_refused else unread.reason,
        )
        if failing != self.failing:
            self.failing = failing
            self._on_update()

    def _failed_count(self, facts: WallFacts, hour: datetime, listed: int) -> int | None:
        """Return how many runs failed in the last hour, by the server where the list does not reach back so far."""
        own = self._session.findings.own
        if own is None or (own.counted_since is not None and own.counted_since <= hour):
            return None if own is None else listed
        sums = CellSums(facts.minutes, own, self._session.now())
        hour_sums = sums.total(*sums.last_hour)
        return None if hour_sums is None else max(hour_sums.failed, listed)

    def _with_line(self, group: FailingGroup) -> FailingGroup:
        return replace(group, line=own_line(None if group.newest is None else self._session.store.get(group.newest)))


# `SpanReading`: reads what runs did in another span of time than the last hour, while the wall shows it.


TIMEOUT_S: Final = 60.0
RETRY_S: Final = 60.0
"""A span that could not be read is read again after this."""


class SpanReading:
    """Reads one span, and again when `every` has passed. `on_read` is called with each answer.

    Until the first answer nothing is known of the span but the own counts.
    """

    def __init__(self, session: Session, every: timedelta, on_read: Callable[[], None]) -> None:
        self._session = session
        self._every = every
        self._on_read = on_read
        self._task: asyncio.Task[None] | None = None
        self._key: tuple[timedelta, datetime | None] | None = None
        self._due_s = 0.0
        self.read: MinutesRead | None = None

    def follow(self, span: BoardSpan, end: datetime | None) -> None:
        """Read a span if it is another one, or its time has come. `end` is None for a span that goes on."""
        key = (span.cell, end)
        if key != self._key:
            self.stop()
            self._key = key
        is_due = self._session.clock.monotonic_s() >= self._due_s and (self.read is None or end is None)
        if self._task is None and is_due and self._session.is_started:
            self._task = self._session.spawn(self._fetch(span), "read a span of the wall")

    def stop(self) -> None:
        """Stop, and forget the span."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._key = self.read = None
        self._due_s = 0.0

    async def _fetch(self, span: BoardSpan) -> None:
        clock = self._session.clock
        try:
            async with asyncio.timeout(TIMEOUT_S):
                until = span.start + span.count * span.cell
                self.read = await self._session.findings.read_span(span.start, until, span.cell)
        except (ApiError, TimeoutError):
            self._due_s = clock.monotonic_s() + RETRY_S
        else:
            self._due_s = clock.monotonic_s() + self._every.total_seconds()
            self._on_read()
        finally:
            self._task = None


# `LiveBoard`: the board that wall and overview show, made again at most once a second while one of them is shown.


MINUTE: Final = timedelta(minutes=1)
CELLS: Final = 60
CELL_SIZES: Final = (MINUTE, 5 * MINUTE, 20 * MINUTE)
"""The time that a cell may stand for, the shortest first."""

DAY_CELLS: Final = 72
"""Cells of 20 minutes."""

KNOWN_FOR: Final = timedelta(seconds=45)
"""After so long without an answer to list or feed, nothing is known."""

RATES_EVERY_S: Final = 5.0
"""While no run ends, the rates of the last 60 s fall this often."""

MIN_INTERVAL_S: Final = 0.9
"""Verdict and seconds cause no two boards within this time, which is less than from one second to the next."""

_TOPICS: Final = frozenset({Topic.RUNS, Topic.WALL_FACTS, Topic.VERDICT})


class LiveBoard:
    """The board of one span of time.

    `open` begins to watch the findings, `close` ends it and forgets all. Pass it every change and tick in between.
    `on_update` is called when another board or other error groups are there. `has_day`: the last 24 hours are shown.
    """

    def __init__(self, live: LiveModel, on_update: Callable[[], None] = lambda: None) -> None:
        self._live = live
        self._session = live.session
        self._on_update = on_update
        self._no_counts = OwnCounts(live.session.store)
        self._failing = LiveFailing(live, on_update)
        self._span_reading = SpanReading(live.session, 5 * MINUTE, self._set_outdated)
        self._day_reading = SpanReading(live.session, 20 * MINUTE, self._set_outdated)
        self._release: Callable[[], None] | None = None
        self._is_outdated = True
        self._ticked_s = float("-inf")
        self._made_of: tuple[object, ...] = ()
        self.cell = MINUTE
        """The time that a cell of the series stands for."""
        self.end: datetime | None = None
        """The end of the time that is shown; None: it goes on."""
        self.has_day = False
        self.is_judged = False
        """Whether the verdict on the board was made for the current watchers. If not, it is an older one."""
        self.board: Board | None = None
        self.day: FourLines | None = None
        """The last 24 hours, None before they were read."""

    @property
    def failing(self) -> FailingNow:
        """The error groups of the last hour."""
        return self._failing.failing

    @property
    def heard_at(self) -> datetime | None:
        """When list or feed answered last, by the server's time; None before the first answer."""
        verdict = self._session.store.verdict
        heard = [self._live.freshness.confirmed_at, None if verdict is None else verdict.heard_at]
        return max((at for at in heard if at is not None), default=None)

    @property
    def is_known(self) -> bool:
        """Whether that is not too long ago, here and at a relay."""
        heard_at, verdict = self.heard_at, self._session.store.verdict
        if heard_at is None or (verdict is not None and not verdict.is_known and verdict.heard_at is not None):
            return False
        return self._session.now() - heard_at <= KNOWN_FOR

    def open(self) -> None:
        """Begin to watch the findings."""
        if self._release is None:
            self._release = self._session.findings.watch()
            self._failing.open()
            self.make()

    def close(self) -> None:
        """Stop watching, and forget everything."""
        if self._release is not None:
            self._release()
            self._release = None
        self.board = self.day = self.end = None
        self.cell = MINUTE
        self._failing.close()
        self._span_reading.stop()
        self._day_reading.stop()

    def on_changes(self, changes: Changes) -> None:
        """Note that the next board is another one."""
        if self._release is not None and changes.topics & _TOPICS:
            self._failing.on_changes(changes)
            self._is_outdated = True

    def tick(self) -> None:
        """Make the board again if anything has changed. Called once a second, and for a new verdict."""
        if self._release is None:
            return
        self._failing.tick()
        now_s = self._session.clock.monotonic_s()
        is_due = now_s - self._ticked_s >= MIN_INTERVAL_S or not self.is_judged
        if is_due and self._differs:
            self._ticked_s = now_s
            self.make()

    @property
    def _sources(self) -> tuple[object, ...]:
        """The minute, the server's last count (mostly the same) and the facts: another board is made when they change.

        Facts that are read again and are the same publish nothing: the wall shows how old they are.
        """
        now, store = self._session.now(), self._session.store
        return int(now.timestamp() // 60), store.status_counts(now), store.wall_facts

    @property
    def _differs(self) -> bool:
        """Whether the board of now may be another one."""
        board = self.board
        if self._is_outdated or board is None or self._made_of != self._sources:
            return True
        # While no run ends, the rates of the last 60 s fall.
        has_rates = bool(board.lines.done.now or board.lines.failed.now)
        return has_rates and (self._session.now() - board.at).total_seconds() >= RATES_EVERY_S

    def show_cells(self, step: int) -> bool:
        """Show longer (1) or shorter (-1) cells. Return whether there are any."""
        index = CELL_SIZES.index(self.cell) + step
        if not 0 <= index < len(CELL_SIZES):
            return False
        self.cell = CELL_SIZES[index]
        self.make()
        return True

    def move(self, step: int) -> bool:
        """Show an earlier (-1) or a later (1) time, by half of the cells. Return whether there is any."""
        if step > 0 and self.end is None:
            return False
        end = (self.end or self._session.now()) + step * (CELLS // 2) * self.cell
        self.end = None if end >= self._session.now() - self.cell else end
        self.make()
        return True

    def show(self, cell: timedelta) -> None:
        """Show cells of a size, until now."""
        self.cell, self.end = cell, None
        self.make()

    def make(self) -> None:
        """Make the board of everything that is counted now."""
        if self._release is None:
            return
        store, now = self._session.store, self._session.now()
        self._is_outdated, self._made_of = False, self._sources
        self.is_judged = self._session.findings.is_judged
        own = self._session.findings.own or self._no_counts
        span = BoardSpan(self.cell, CELLS, self.end or now)
        facts = store.wall_facts or NO_FACTS
        read: MinutesRead | None = None
        if self.cell != MINUTE or self.end is not None:
            self._span_reading.follow(span, self.end)
            read = self._span_reading.read
        board = make_board(facts, own, self._session.findings.verdict, store.status_counts(now), span, now, read)
        self.board = board if self.is_known or self.board is None else _kept(self.board, board)
        if self.has_day:
            self.day = self._day(facts, own)
        self._on_update()

    def _day(self, facts: WallFacts, own: OwnCounts) -> FourLines | None:
        now = self._session.now()
        span = BoardSpan(CELL_SIZES[-1], DAY_CELLS, now)
        self._day_reading.follow(span, None)
        read = self._day_reading.read
        if read is None:
            return None
        return four_lines(facts, CellSums(read, own, now), None, self._session.findings.verdict, span, now)

    def _set_outdated(self) -> None:
        self._is_outdated = True


def _kept(known: Board, now: Board) -> Board:
    """Return the board of now with the rows of the last one: while the server is silent, they stay as they were."""
    shown = replace(now, tasks=known.tasks, queues=known.queues, due=known.due)
    return replace(shown, longest=known.longest, waiting=known.waiting, just_now=known.just_now)


# `NewestFailure`: the newest failed run with its error, for a wide wall.


EVERY_S: Final = 10.0
"""A storm of failures is followed at most this often: each new one is read."""


class NewestFailure(SelectionLoader):
    """Follows the newest failed run, and reads it."""

    def __init__(self, live: LiveModel) -> None:
        super().__init__(live.session, lambda _: None)
        self._run_id: RunId | None = None
        self._followed_s = float("-inf")
        self.require((RUN,))

    @property
    def run(self) -> Run | None:
        """The run, None if none is known to have failed."""
        return None if self._run_id is None else self._session.store.get(self._run_id)

    def follow(self, board: Board, failing: FailingNow) -> None:
        """Follow the newest failed run of a board."""
        newest = self._newest(board, failing)
        now_s = self._session.clock.monotonic_s()
        if newest == self._run_id or (self._run_id is not None and now_s - self._followed_s < EVERY_S):
            return
        self._run_id, self._followed_s = newest, now_s
        self.select(newest, at_once=True)

    def _newest(self, board: Board, failing: FailingNow) -> RunId | None:
        ended = next((each.id for each in board.just_now if each.status.is_failed), None)
        if ended is not None:
            return ended
        runs = [self._session.store.get(each.newest) for each in failing.groups if each.newest is not None]
        known = [(run.state.updated_at, run.id) for run in runs if run is not None and run.state is not None]
        return max(known)[1] if known else None
