"""`LiveOverview`: the board behind the overview, made while it is shown. It is imported after the first rows."""

from collections.abc import Callable
from typing import Final

from tui.present.overview.view import OverviewView
from tui.present.wall.look import WallLook
from tui.store.changes import Changes
from tui.ui.data.findings.live_board import LiveBoard
from tui.ui.data.live_model import LiveModel
from tui.ui.look.painting import Painter

SENTENCES_EVERY_S: Final = 5.0
"""How often waits in sentences are brought up to date, and on a slow link everything is."""

FRESH_FOR_S: Final = 5.0
"""A view that was hidden for longer is grey until the next one is made."""


class LiveOverview:
    """Makes views of the board, at most one a second. `show` is called with each."""

    def __init__(self, live: LiveModel, show: Callable[[OverviewView], None]) -> None:
        self._live = live
        self._show = show
        self._board = LiveBoard(live, self._on_update)
        self._view: OverviewView | None = None
        self._shown_s = float("-inf")
        self._was_stale = False
        self._is_outdated = False
        self.is_open = False

    def open(self) -> None:
        """Judge findings and make views from now on."""
        if self.is_open:
            return
        self.is_open = self._is_outdated = True
        self._board.open()
        if self._view is not None and self._now_s - self._shown_s > FRESH_FOR_S:
            self._show(self._view._replace(frozen_at=self._view.at))

    def close(self) -> None:
        """Do nothing more."""
        if self.is_open:
            self.is_open = False
            self._board.close()

    def on_changes(self, changes: Changes) -> None:
        """Note changes of runs and facts."""
        self._board.on_changes(changes)

    def tick(self, painter: Painter, *, is_slow_link: bool) -> None:
        """Make the view again if it may look different. Called once a second."""
        if not self.is_open or self._live.pause is not None:
            return
        self._board.tick()
        board, now = self._board.board, self._live.now
        if board is None or not self._is_counted:
            return
        is_stale = now.frozen_at is not None
        is_waiting = board.verdict is not None and bool(board.verdict.findings)
        least_s = SENTENCES_EVERY_S if is_slow_link or not self._is_outdated else 0.0
        is_due = (self._is_outdated or is_waiting) and self._now_s - self._shown_s >= least_s
        if not is_due and is_stale is self._was_stale:
            return
        self._is_outdated, self._was_stale, self._shown_s = False, is_stale, self._now_s
        look = WallLook(painter.is_ascii, painter.is_colorless)
        self._view = OverviewView(board, self._board.failing, now.at, now.frozen_at, look)
        self._show(self._view)

    @property
    def _is_counted(self) -> bool:
        """Whether the runs of the store are in the board."""
        findings = self._live.session.findings
        return findings.own is not None and (findings.is_judged or findings.own.counted_since is not None)

    @property
    def _now_s(self) -> float:
        return self._live.session.clock.monotonic_s()

    def _on_update(self) -> None:
        self._is_outdated = True
