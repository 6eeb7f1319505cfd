"""`LiveBoard`: the board that wall and overview show, made again at most once a second while one of them is shown."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import NO_FACTS
from tui.store.changes import Changes, Topic
from tui.store.findings.board import Board, BoardSpan
from tui.store.findings.failing import FailingNow
from tui.store.findings.make_board import make_board
from tui.store.findings.own_counts import OwnCounts
from tui.ui.data.findings.live_failing import LiveFailing
from tui.ui.data.live_model import LiveModel

MINUTE: Final = timedelta(minutes=1)
CELLS: Final = 60
CELL_SIZES: Final = (MINUTE, 5 * MINUTE, 20 * MINUTE)
"""The time that a cell may stand for, the shortest first."""

KNOWN_FOR: Final = timedelta(seconds=45)
"""After so long without an answer to list or feed, nothing is known."""

SLICE_S: Final = 0.004
"""The longest time for which counting blocks the event loop."""

REST_S: Final = 0.02
"""The time between two slices, so that keys come first."""

_TOPICS: Final = frozenset({Topic.RUNS, Topic.WALL_FACTS, Topic.VERDICT, Topic.COUNTS})


class LiveBoard:
    """The board of one span of time.

    `open` begins to count, `close` forgets all. Pass it every change and tick in between. `on_update` is called when
    another board or other error groups are there.
    """

    def __init__(self, live: LiveModel, on_update: Callable[[], None]) -> None:
        self._live = live
        self._session = live.session
        self._on_update = on_update
        self._own: OwnCounts | None = None
        self._failing = LiveFailing(live, on_update)
        self._is_outdated = self._is_counting = False
        self._made_minute = -1
        self._cell = MINUTE
        self._end: datetime | None = None
        self.board: Board | None = None

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

    @property
    def is_earlier(self) -> bool:
        """Whether a time is shown that has ended."""
        return self._end is not None

    @property
    def cell(self) -> timedelta:
        """The time that a cell of the series stands for."""
        return self._cell

    def open(self) -> None:
        """Begin to count the runs of the store."""
        if self._own is None:
            self._own = OwnCounts(self._session.store)
            self._failing.open()
            self._is_outdated = True
            self.make()

    def close(self) -> None:
        """Stop counting, and forget everything."""
        self._own = self.board = self._end = None
        self._cell = MINUTE
        self._failing.close()

    def on_changes(self, changes: Changes) -> None:
        """Note that the next board is another one."""
        if self._own is None or changes.topics.isdisjoint(_TOPICS):
            return
        self._own.on_changes(changes)
        self._failing.on_changes(changes)
        self._is_outdated = True

    def tick(self) -> None:
        """Make the board again if anything has changed. Called once a second."""
        if self._own is not None:
            self._failing.tick()
            if self._is_outdated or self._made_minute != self._minute:
                self.make()

    def show_cells(self, step: int) -> bool:
        """Show longer (1) or shorter (-1) cells. Return whether there are any."""
        index = CELL_SIZES.index(self._cell) + step
        if not 0 <= index < len(CELL_SIZES):
            return False
        self._cell = CELL_SIZES[index]
        self.make()
        return True

    def move(self, step: int) -> bool:
        """Show an earlier (-1) or a later (1) time, by half of the cells. Return whether there is any."""
        if step > 0 and self._end is None:
            return False
        end = (self._end or self._session.now()) + step * (CELLS // 2) * self._cell
        self._end = None if end >= self._session.now() - self._cell else end
        self.make()
        return True

    def show(self, cell: timedelta) -> None:
        """Show cells of a size, until now."""
        self._cell, self._end = cell, None
        self.make()

    def make(self) -> None:
        """Count what has changed for a moment, then make the board of what is counted. The rest is counted soon."""
        own = self._own
        if own is None:
            return
        clock = self._session.clock
        until_s = clock.monotonic_s() + SLICE_S
        has_more = True
        while has_more and clock.monotonic_s() < until_s:
            has_more = own.step(self._session.now())
        if has_more:
            if not self._is_counting:
                self._is_counting = True
                clock.call_later(REST_S, self._count_on)
            if self.board is not None:
                return
        self._is_outdated = has_more
        self._made_minute = self._minute
        store, now = self._session.store, self._session.now()
        span = BoardSpan(self._cell, CELLS, self._end or now)
        self.board = make_board(store.wall_facts or NO_FACTS, own, store.verdict, store.status_counts(now), span, now)
        self._on_update()

    def _count_on(self) -> None:
        self._is_counting = False
        self.make()

    @property
    def _minute(self) -> int:
        return int(self._session.now().timestamp() // 60)
