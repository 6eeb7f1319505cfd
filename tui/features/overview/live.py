"""`LiveOverview`: the board behind the overview, made while it is shown. It is imported after the first rows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tui.features.wall.blocks import WallView
from tui.features.wall.data import LiveBoard
from tui.kit.live_model import LiveModel
from tui.kit.look import Painter
from tui.store.changes import Changes, Topic
from tui.text.bars import BarLook

EVERY_S: Final = 2.0
"""How often the numbers change. Each second would cost a busy fleet more than one hundredth of a core."""


SENTENCES_EVERY_S: Final = 5.0
"""How often waits in sentences are brought up to date, and on a slow link everything is."""


FRESH_FOR_S: Final = 5.0
"""A view that was hidden for longer is grey until the next one is made."""


class LiveOverview:
    """Makes views of the board. `show` is called with each."""

    def __init__(self, live: LiveModel, show: Callable[[WallView], None]) -> None:
        self._live = live
        self._show = show
        self._board = LiveBoard(live, self._on_update)
        self._view: WallView | None = None
        self._shown_s = float("-inf")
        self._is_outdated = self._has_new_verdict = False
        self.is_open = False

    def open(self) -> None:
        """Judge findings and make views from now on."""
        if self.is_open:
            return
        self.is_open = self._is_outdated = True
        self._board.open()
        if self._view is not None and self._now_s - self._shown_s > FRESH_FOR_S:
            self._show(replace(self._view, heard_at=self._view.timers_at, is_known=False))

    def close(self) -> None:
        """Do nothing more."""
        if self.is_open:
            self.is_open = False
            self._board.close()

    def on_changes(self, changes: Changes) -> None:
        """Note changes of runs and facts."""
        self._board.on_changes(changes)
        self._has_new_verdict |= Topic.VERDICT in changes.topics

    def tick(self, painter: Painter, *, is_slow_link: bool) -> None:
        """Make the view again if it may look different. Called once a second."""
        now, before, age_s = self._live.now, self._view, self._now_s - self._shown_s
        is_stale, look = now.frozen_at is not None, BarLook(painter.is_ascii, painter.is_colorless)
        was_stale = before is not None and before.is_stale
        # Findings that came or went are shown at once.
        is_new = self._has_new_verdict or is_stale is not was_stale
        is_due = is_new or age_s >= (SENTENCES_EVERY_S if is_slow_link else EVERY_S)
        if not self.is_open or self._live.pause is not None or not is_due:
            return
        self._board.tick()
        board = self._board.board
        if board is None or not self._is_counted:
            return
        is_other = before is None or (look, is_slow_link, is_stale) != (before.look, before.is_slow_link, was_stale)
        if not (self._is_outdated or is_other or age_s >= SENTENCES_EVERY_S):
            return
        self._is_outdated = self._has_new_verdict = False
        heard_at, self._shown_s = now.frozen_at or now.at, self._now_s
        view = WallView(board, now.at, look, self._board.failing, heard_at, not is_stale, is_slow_link=is_slow_link)
        self._view = view
        self._show(view)

    @property
    def _is_counted(self) -> bool:
        """Whether the runs of the store are in the board. After a pause, the old view is grey until they are judged."""
        findings = self._live.session.findings
        if findings.own is None or findings.is_judged:
            return findings.is_judged
        return self._view is None and findings.own.listed_since is not None

    @property
    def _now_s(self) -> float:
        return self._live.session.clock.monotonic_s()

    def _on_update(self) -> None:
        self._is_outdated = True
