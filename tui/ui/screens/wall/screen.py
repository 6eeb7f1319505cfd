"""The wall: findings and the last hour, to be read in passing."""

from collections.abc import Callable, Hashable
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.domain.findings.finding import NOT_KNOWN
from tui.present.frame.footer import unbound_words
from tui.present.key_words import key_of
from tui.present.styled import Line
from tui.present.wall.blocks import BlockCache, Opened, WallView
from tui.present.wall.look import WallLook
from tui.present.wall.page import TWO_COLUMNS, wall_page
from tui.store.changes import Changes, Topic
from tui.ui.base import is_covered
from tui.ui.data.findings.live_board import LiveBoard
from tui.ui.data.findings.newest_failure import NewestFailure
from tui.ui.data.live_model import LiveModel
from tui.ui.data.subscription import RunSubscription
from tui.ui.input.keys import pressed_key_label
from tui.ui.look.palettes import ColorMode
from tui.ui.look.ticking import Ticker
from tui.ui.screens.base import ViewScreen
from tui.ui.screens.view_entrance import MainView
from tui.ui.screens.wall.header import WallHeader
from tui.ui.screens.wall.keys import KEYS
from tui.ui.widgets.wall_body import WallBody

FRESH_S: Final = 10.0
"""How long a finding that just appeared is reversed."""

CURSOR_S: Final = 30.0
"""The cursor goes after this time without a key."""

NOTICE_S: Final = 4.0

JUDGED_AFTER_S: Final = 0.2
"""The session judges at each second. Rows that are made before that show newer numbers than the findings above them."""


PREPARED_S: Final = 0.1
"""The first frame waits at most this long until an old verdict is replaced or forgotten."""


class WallScreen(ViewScreen):
    """Shows a `LiveBoard` over the whole screen. `open_row` leaves the wall, and shows the runs of a row.

    `main` is the screen below. `cursor` is the row under the cursor at first.
    """

    CSS_PATH = "../../styles/wall.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        live: LiveModel,
        main: MainView,
        open_row: Callable[[Opened, Hashable], None],
        cursor: Hashable = None,
    ) -> None:
        super().__init__()
        self.live = live
        self._main = main
        self._open_row = open_row
        self._cursor_wanted = cursor
        self.live_board = LiveBoard(live)
        self.header = WallHeader(live, lambda: self.live_board.board)
        self.body = WallBody()
        self._newest = NewestFailure(live)
        self._ticker = Ticker(self, live.session.clock, self.tick, JUDGED_AFTER_S)
        self._fresh_until: dict[Hashable, float] | None = None
        self._opened_s = self._pressed_s = 0.0
        self._notice: Line = ()
        self._cache = BlockCache()
        self._notice_ends_s = 0.0

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.body

    @property
    def is_preparing(self) -> bool:
        session = self.live.session
        is_early = self._now_s - self._opened_s < PREPARED_S
        return is_early and session.findings.verdict is not session.store.verdict

    def on_mount(self) -> None:
        self._opened_s = self._now_s
        self.app_base.changed.subscribe(self, self.on_changes)
        self.live_board.open()
        self._ticker.begin()
        self.set_focus(self.body)

    def on_unmount(self) -> None:
        self.app_base.changed.unsubscribe(self)
        self._ticker.stop()
        self._newest.close()
        self.live_board.close()

    def on_resize(self) -> None:
        self.call_after_refresh(self.rebuild)

    def on_screen_resume(self) -> None:
        self.tick()

    def rest(self) -> None:
        self._newest.rest()
        self.live_board.rest()

    def resume(self) -> None:
        self._newest.resume()
        self.live_board.resume()

    def on_changes(self, changes: Changes) -> None:
        """Record changes. All is shown with the next tick, and a verdict at once, unless the board was just made."""
        self.header.on_changes(changes)
        self.live_board.on_changes(changes)
        self._newest.on_changes(changes)
        if Topic.VERDICT in changes.topics and self._is_other_verdict:
            self.live_board.tick()
            self.rebuild()

    @property
    def _is_other_verdict(self) -> bool:
        board, verdict = self.live_board.board, self.live.session.findings.verdict
        shown = None if board is None else board.verdict
        if shown is None or verdict is None:
            return shown is not verdict
        if not self.live_board.is_judged:
            return True
        return (shown.word, [each.identity for each in shown.findings]) != (
            verdict.word,
            [each.identity for each in verdict.findings],
        )

    def tick(self) -> None:
        """Update everything that depends on the time. Called once a second."""
        self.follow_cover()
        if self.is_resting:
            return
        now_s = self._now_s
        if self.body.target is not None and now_s - self._pressed_s >= CURSOR_S:
            self.body.go_to(None)
        if self._notice and now_s >= self._notice_ends_s:
            self._notice = ()
        self.live_board.tick()
        self._newest.tick()
        self.header.tick()
        self.rebuild()

    def rebuild(self) -> None:
        """Make the page again. Rows that are the same are not painted again."""
        board, (width, height) = self.live_board.board, self.body.size
        if board is None or not width or not self.is_attached or is_covered(self):
            return
        self._note_fresh()
        self.live_board.has_day = width >= TWO_COLUMNS
        if width >= TWO_COLUMNS:
            self._newest.follow(board, self.live_board.failing)
        painter = self.app_base.painter
        board_view = WallView(
            board,
            self.live.session.local_now(),
            WallLook(painter.is_ascii, painter.is_colorless),
            self.live_board.failing,
            self.live_board.heard_at,
            self.live_board.is_known,
            newest=self._newest.run,
            day=self.live_board.day,
            spent=self._spent(),
            fresh=self._fresh(),
            is_earlier=self.live_board.is_earlier,
            is_slow_link=self.app_base.is_slow_link,
            cache=self._cache,
        )
        self.body.show(wall_page(board_view, width, height, self._notice))
        if self._cursor_wanted is not None:
            self.body.go_to(self._cursor_wanted)
            if self.body.target is not None:
                self._cursor_wanted, self._pressed_s = None, self._now_s

    def _note_fresh(self) -> None:
        """Note since when each finding is shown. Those of the first verdict are not new."""
        verdict = self.live.session.findings.verdict
        if verdict is None or verdict.word == NOT_KNOWN:
            return
        identities = {each.identity for each in verdict.findings}
        if self._fresh_until is None:
            self._fresh_until = dict.fromkeys(identities, 0.0)
            return
        known = self._fresh_until
        until_s = self._now_s + FRESH_S
        self._fresh_until = {each: known.get(each, until_s) for each in identities}

    def _fresh(self) -> frozenset[Hashable]:
        now_s = self._now_s
        return frozenset(each for each, until_s in (self._fresh_until or {}).items() if now_s < until_s)

    def _spent(self) -> float | None:
        budget = self.live.session.store.budget
        if budget is None or not budget.limit or self.live.freshness.is_stale:
            return None
        return max(0.0, 1 - budget.remaining / budget.limit)

    @property
    def _now_s(self) -> float:
        return self.live.session.clock.monotonic_s()

    def notice(self, line: Line) -> None:
        self._notice, self._notice_ends_s = line, self._now_s + NOTICE_S
        self.rebuild()

    def on_key(self, event: events.Key) -> None:
        name = pressed_key_label(event.key, event.character)
        if name is not None and event.key != self.app_base.previous_key:
            self.notice(unbound_words(name, key_of("help", "?")))

    def action_move(self, step: int) -> None:
        self._pressed_s = self._now_s
        self.body.move(step)

    def action_enter(self) -> None:
        target = self.body.target
        if target is None:
            self.action_move(1)
        else:
            self._open_row(target.opens, target.key)

    def action_span(self, step: int) -> None:
        if self.live_board.show_cells(step):
            self.rebuild()
        else:
            self.say(f"this is the {'longest' if step > 0 else 'shortest'} span")

    def action_earlier(self, step: int) -> None:
        if self.live_board.move(step):
            self.rebuild()
        else:
            self.say("this is the latest time")

    def action_refresh_now(self) -> None:
        self.app_base.part(RunSubscription).refresh()
        self.live_board.make()
        self.rebuild()

    def action_palette(self) -> None:
        self._main.open_command_line(self, [])

    def action_view_before(self) -> None:
        self._main.action_view_before()

    def use_color_mode(self, color_mode: ColorMode) -> None:
        super().use_color_mode(color_mode)
        self.rebuild()

    def action_help(self) -> None:
        from tui.ui.screens.help import open_help  # noqa: PLC0415  loaded when first used

        open_help(self, self.live, "wall")

    def action_back(self) -> None:
        if self.body.target is not None:
            self.body.go_to(None)
        else:
            self.action_leave_view()
