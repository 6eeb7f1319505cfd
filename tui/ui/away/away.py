"""`WhileAway`: records what happens between two keys, and shows it at the first key after a rest.

Nothing is computed until that key comes, and no timer runs.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tui.store.away.log import AwayLog
from tui.store.away.report import RESTED_FOR, is_due, report_of
from tui.store.changes import Changes
from tui.store.missed_runs import Gap
from tui.ui.base import AppBase
from tui.ui.input.type_ahead import FrameVisibility
from tui.ui.screens.base import BaseScreen

if TYPE_CHECKING:
    from tui.domain.findings.finding import Verdict
    from tui.store.away.report import AwayReport
    from tui.ui.away.block import AwayBlock

_QUITS: Final = frozenset({"ctrl+q", "ctrl+c"})
_REFRESHES: Final = ("r", "f5", "ctrl+r")
_REFRESH_ID: Final = "refresh"


class WhileAway:
    """The log of an app since the last key, and the block that shows it."""

    def __init__(self, app: AppBase, *, rest: timedelta = RESTED_FOR) -> None:
        """`rest`: the keys have rested if none came for so long."""
        self._app = app
        self._rest = rest
        self._session = app.session
        self._log = AwayLog(self._session.now())
        self._rested_since_s = self._session.clock.elapsed_s()
        self._verdict: Verdict | None = None
        self._block: AwayBlock | None = None
        self._screen: BaseScreen | None = None
        self._is_seen = True
        """Whether the terminal has shown the block."""
        self._session.subscribe(self._on_changes)

    def takes(self, key: str) -> bool:
        """Record a key. Return whether it does nothing else than to show the block, or comes before it was seen."""
        acts = key in self._acting_keys
        self._forget_closed_screen()
        report = self._report_at_key()
        if self._screen is not None and not self._is_seen:
            if self._app.screen is self._screen:
                return not acts
            self._is_seen = True  # a dialog has come before it
        screen = self._app.screen
        if report is None or not isinstance(screen, BaseScreen) or screen.prompt.is_open:
            return False
        self._show(screen, report)
        return not acts

    def close(self) -> bool:
        """Close the block of the screen in front. Return whether there was one."""
        if self._block is None or self._screen is not self._app.screen:
            return False
        block, screen = self._block, self._screen
        self._block = self._screen = None
        screen.workspace.uncover()
        block.remove()
        return True

    @property
    def _acting_keys(self) -> frozenset[str]:
        return _QUITS | frozenset(self._app.keys.get(_REFRESH_ID, _REFRESHES))

    def _on_changes(self, changes: Changes) -> None:
        # The session calls this, also during a pause.
        self._log.on_changes(changes)
        verdict = self._session.store.verdict
        if verdict is not None and verdict is not self._verdict and self._session.findings.is_judged:
            self._verdict = verdict
            self._log.on_verdict(verdict)

    def _report_at_key(self) -> "AwayReport | None":
        """Begin another log. Return what the last one says if it is to be shown."""
        session, log = self._session, self._log
        now, elapsed_s = session.now(), session.clock.elapsed_s()
        rested, self._rested_since_s = timedelta(seconds=elapsed_s - self._rested_since_s), elapsed_s
        self._log = AwayLog(now, log.present if session.findings.is_judged else None)
        if not log.has_news:
            return None
        outage = self._outage()
        if not is_due(log, now, rested, outage, rest=self._rest):
            return None
        return report_of(log, session.store.get, now, outage)

    def _outage(self) -> Gap | None:
        """Return the last outage, or the present one."""
        live = self._app.live
        freshness = live.freshness
        if freshness.is_stale and freshness.confirmed_at is not None:
            return Gap(freshness.confirmed_at, self._session.now())
        return live.freshness_tracker.gap

    def _show(self, screen: BaseScreen, report: "AwayReport") -> None:
        from tui.ui.away.block import AwayBlock  # noqa: PLC0415  loaded when it is shown

        self.close()
        self._block, self._screen, self._is_seen = AwayBlock(report, self._session.local_now()), screen, False
        screen.workspace.cover(self._block, self._block.needed_rows(screen.size.width))
        screen.call_after_refresh(self._ask_terminal, self._block)

    def _ask_terminal(self, block: "AwayBlock") -> None:
        if block is not self._block:
            return
        if self._app.screen is self._screen:
            self._app.type_ahead.begin(self._on_visibility)
        else:
            self._is_seen = True  # a dialog came at once, and asks for itself

    def _on_visibility(self, visibility: FrameVisibility) -> None:
        # From a terminal that never answers, it is not known either after some seconds.
        self._is_seen = self._is_seen or visibility is not FrameVisibility.WAITING

    def _forget_closed_screen(self) -> None:
        if self._screen is not None and self._screen not in self._app.screen_stack:
            self._block = self._screen = None
