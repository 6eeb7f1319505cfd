"""The wall: findings and the last hour, to be read in passing, and the way from it to runs and back."""

from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip

from tui.domain.finding import NOT_KNOWN
from tui.features.runs.data import RunSubscription
from tui.features.runs.screen import MainScreen
from tui.features.wall.blocks import Band, Opened, WallPage, WallTarget, WallView
from tui.features.wall.data import CELL_SIZES, LiveBoard, NewestFailure
from tui.features.wall.page import TWO_COLUMNS, wall_header, wall_page
from tui.kit.app import is_covered
from tui.kit.bars import Header, ViewScreen, unbound_words
from tui.kit.colors import Background, ColorMode
from tui.kit.header_words import HeaderFacts
from tui.kit.keys import MENU_BINDINGS, bind, pressed_key_label
from tui.kit.lines import LineWidget
from tui.kit.list_panes import VIEW_BINDINGS, MainView, ViewEntrance, WayBack
from tui.kit.live_model import LiveModel
from tui.kit.page_screen import open_help
from tui.store.addresses import WALL, ViewAddress
from tui.store.changes import Changes, Topic
from tui.store.findings.board import Board
from tui.text.bars import BarLook
from tui.text.blocks import GoToRun, ListRuns, key_of
from tui.text.styled import Line, Piece, Token

# `WallBody`: the rows of the wall below its header, with a cursor that goes from block to block.


class WallBody(LineWidget, can_focus=True):
    """Shows a page. Only rows that differ are repainted. There is no cursor until it is moved."""

    def __init__(self) -> None:
        super().__init__(id="wall")
        self.page = WallPage(())
        """The page that is shown now."""
        self._key: Hashable = None
        self._index = 0

    @property
    def target(self) -> WallTarget | None:
        """The row under the cursor, None without a cursor."""
        targets = self.page.targets
        return None if self._key is None or not targets else targets[min(self._index, len(targets) - 1)]

    def show(self, page: WallPage) -> None:
        """Show another page. The cursor stays on its row, or on the row in its place."""
        before, under = self.page, self.target
        self.page = page
        self._index = self._index_of(self._key, self._index)
        self._key = None if self.target is None else self.target.key
        height = max(len(before.rows), len(page.rows))
        self._repaint(under, {y for y in range(height) if before.rows[y : y + 1] != page.rows[y : y + 1]})

    def move(self, step: int) -> None:
        """Move the cursor, or show it on the first row."""
        if targets := self.page.targets:
            self.go_to(targets[0 if self._key is None else max(0, min(len(targets) - 1, self._index + step))].key)

    def go_to(self, key: Hashable) -> None:
        """Put the cursor on the row with a key, if it is shown. None hides it."""
        index, under = self._index_of(key, -1), self.target
        if key is None or index >= 0:
            self._key, self._index = key, max(0, index)
            self._repaint(under, set())

    def _index_of(self, key: Hashable, default: int) -> int:
        return next((index for index, each in enumerate(self.page.targets) if each.key == key), default)

    def _repaint(self, under: WallTarget | None, rows: set[int]) -> None:
        """Repaint rows, and those that the cursor has left or entered since it was under a target."""
        moved = {each.y for each in (under, self.target) if each is not None and under != self.target}
        self.refresh_lines(rows | moved)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not 0 <= y < len(self.page.rows):
            return self.painter.blank(width)
        row, target = self.page.rows[y], self.target
        band = Background.PAGE if row.band is Band.NONE else Background[row.band.name]
        strip = self.painter.strip(row.line, width, band)
        if target is None or target.y != y:
            return strip
        left, right = target.left, min(target.right, width)
        edge: Strip = self.painter.strip((Piece("▌", Token.ACCENT),), 1, Background.CURSOR)
        background = Background.PAGE if self.painter.has_gutter_cursor else Background.CURSOR
        cursor = self.painter.strip((Piece(" "), *row.line), width + 1, background).crop(left + 2, right + 1)
        return Strip.join([strip.crop(0, left), edge, cursor, strip.crop(right, width)])


# Opens the wall over the view in front, lists the runs of one of its rows, and leads back to the row.
#
# The wall itself is imported when it is first opened.


_SPANS: Final = dict(zip(CELL_SIZES, ("", "5h", "20h"), strict=True))
"""The name that each size of a cell has in an address."""


class WallEntrance(ViewEntrance):
    """The way to the wall, from it to runs, and back."""

    name = WALL
    screen: "WallScreen | None"
    main: MainScreen

    def open(self, cursor: Hashable = None, cell: timedelta | None = None) -> None:
        """Show the wall, with the cursor on a row and cells of a size if these are given."""
        main = self.main
        if self.screen is not None:
            return
        self.screen = WallScreen(main.live, main, self._open_row, cursor)
        if cell is not None:
            self.screen.live_board.show(cell)
        main.note_view()
        main.app.push_screen(self.screen, self._on_left)

    def show(self, address: ViewAddress) -> None:
        cell = next((cell for cell, name in _SPANS.items() if name == address.since), CELL_SIZES[0])
        if self.screen is None:
            self.open(cell=cell)
        else:
            self.screen.live_board.show(cell)

    def address(self) -> ViewAddress:
        assert self.screen is not None
        return ViewAddress(WALL, since=_SPANS[self.screen.live_board.cell])

    def _open_row(self, opened: Opened, key: Hashable) -> None:
        """List the runs of a row. Esc leads back to it."""
        assert self.screen is not None
        main, cell = self.main, self.screen.live_board.cell
        run_id = opened.run_id if isinstance(opened, GoToRun) else None
        runs = ListRuns(f"id:{opened.run_id}") if isinstance(opened, GoToRun) else opened
        if main.query_of(runs) is None:
            return  # a relay cannot list them: the list keeps its cursor
        if run_id is None:
            main.run_list.table.action_top()
        main.list_runs(runs, WayBack(lambda: self.open(key, cell)), run_id)


# The header of the wall: no counts, the deployed version, and a bright clock.


class WallHeader(Header):
    """The header over a wall. `board` returns that of the wall."""

    def __init__(self, live: LiveModel, board: Callable[[], Board | None]) -> None:
        super().__init__(live)
        self._board = board

    def line(self, facts: HeaderFacts, *, offline: str) -> Line:
        is_colorless = self.painter.is_colorless
        return wall_header(facts, self._board(), self.size.width, is_colorless=is_colorless, offline=offline)


# The keys of the wall.


KEYS: Final[tuple[Binding, ...]] = (
    bind("j,down", "move(1)", "down", "Show the cursor, or move it down.", id="down"),
    bind("k,up", "move(-1)", "up", "Show the cursor, or move it up.", id="up"),
    bind("enter", "enter", "open", "Open the row under the cursor: its runs, or the run.", id="open", rank=10),
    bind("left_parenthesis", "span(1)", "longer period", "Show a longer period: each bar stands for more of it.",
         id="longer-span"),
    bind("right_parenthesis", "span(-1)", "period", "Show a shorter period: each bar stands for less of it.",
         id="shorter-span", rank=20, pair=("longer-span", "shorter-span")),
    bind("left_curly_bracket", "earlier(-1)", "earlier", "Show an earlier time.", id="earlier"),
    bind("right_curly_bracket", "earlier(1)", "later", "Show a later time, up to now.", id="later"),
    bind("r,f5,ctrl+r", "refresh_now", "refresh", "Read from the server now, or try again now.", id="refresh", rank=30),
    *VIEW_BINDINGS[:2],
    bind("W", "leave_view", "close", "Close the wall.", id="wall", rank=40),
    bind("escape", "back", "back", "Hide the cursor, or close the wall."),
    bind("q", "leave_view", "back", "Close the wall.", id="close"),
    *MENU_BINDINGS,
)  # fmt: skip


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

    CSS_PATH = "wall.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]
    tick_after_s: ClassVar[float] = JUDGED_AFTER_S

    def __init__(
        self, live: LiveModel, main: MainView, open_row: Callable[[Opened, Hashable], None], cursor: Hashable = None
    ) -> None:
        super().__init__(live, WallHeader(live, lambda: self.live_board.board))
        self._main = main
        self._open_row = open_row
        self._cursor_wanted = cursor
        self.live_board = LiveBoard(live)
        self.body = WallBody()
        self._newest = NewestFailure(live)
        self._fresh_until: dict[Hashable, float] | None = None
        self._opened_s = self._pressed_s = 0.0
        self._notice: Line = ()
        self._notice_ends_s = 0.0

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.body

    @property
    def is_preparing(self) -> bool:
        session = self.live.session
        return self._now_s - self._opened_s < PREPARED_S and session.findings.verdict is not session.store.verdict

    def on_mount(self) -> None:
        self._opened_s = self._now_s
        self.live_board.open()
        self.set_focus(self.body)

    def on_unmount(self) -> None:
        self._newest.close()
        self.live_board.close()

    def on_resize(self) -> None:
        self.call_after_refresh(self.rebuild)

    def on_screen_resume(self) -> None:
        self.tick()

    def resume(self) -> None:
        self.live_board.make()

    def on_changes(self, changes: Changes) -> None:
        """Record changes. All is shown with the next tick, and a verdict at once, unless the board was just made."""
        super().on_changes(changes)
        self.live_board.on_changes(changes)
        if self.is_resting:
            return
        self._newest.on_changes(changes)
        if Topic.VERDICT in changes.topics:
            self.live_board.tick()
            self.rebuild()

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
            BarLook(painter.is_ascii, painter.is_colorless),
            self.live_board.failing,
            self.live_board.heard_at,
            self.live_board.is_known,
            newest=self._newest.run,
            day=self.live_board.day,
            spent=self._spent(),
            fresh=frozenset(each for each, until_s in (self._fresh_until or {}).items() if self._now_s < until_s),
            is_earlier=self.live_board.end is not None,
            is_slow_link=self.app_base.is_slow_link,
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
        until_s = self._now_s + FRESH_S
        self._fresh_until = {each: self._fresh_until.get(each, until_s) for each in identities}

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

    def show_unbound_key(self, event: events.Key) -> None:
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
            self.say(f"this is the {'longest' if step > 0 else 'shortest'} period")

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

    def action_view(self, name: str) -> None:
        self._main.action_view(name)

    def action_view_before(self) -> None:
        self._main.action_view_before()

    def use_color_mode(self, color_mode: ColorMode) -> None:
        super().use_color_mode(color_mode)
        self.rebuild()

    def action_help(self) -> None:
        open_help(self, self.live, "wall")

    def action_back(self) -> None:
        if self.body.target is not None:
            self.body.go_to(None)
        else:
            self.action_leave_view()
